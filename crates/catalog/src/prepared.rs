use stanchion_kernel::Uuid;

use crate::model::NewProduct;
use crate::terms::{self, Terms};

/// A product ready to be written: everything that can be worked out before the transaction begins.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The id that it gets when it is new.
    pub id: Uuid,
    /// What the writer set.
    pub product: NewProduct,
    /// The canonical JSON of the attributes.
    pub attributes: String,
    /// A hash of everything a writer sets; equal content has an equal one.
    pub content_hash: [u8; 16],
    /// The key by which its name is sorted.
    pub name_key: String,
    /// What the full-text index holds of it.
    pub terms: Terms,
}

impl Prepared {
    pub(crate) fn new(id: Uuid, product: NewProduct) -> Self {
        let attributes = serde_json::to_string(&product.attributes).unwrap_or_default();
        let mut hasher = blake3::Hasher::new();
        let amount = product.price.amount.to_le_bytes();
        for field in [
            product.sku.as_bytes(),
            product.name.as_bytes(),
            product.description.as_bytes(),
            product.category.as_bytes(),
            &amount,
            product.price.currency.as_bytes(),
            product.status.as_str().as_bytes(),
            attributes.as_bytes(),
        ] {
            // Each field behind its length, so that no two products read the same.
            hasher.update(&field.len().to_le_bytes());
            hasher.update(field);
        }
        let mut content_hash = [0; 16];
        hasher.finalize_xof().fill(&mut content_hash);
        let name_key = terms::sort_key(&product.name);
        let terms = Terms::of(&product);
        Self {
            id,
            product,
            attributes,
            content_hash,
            name_key,
            terms,
        }
    }
}
