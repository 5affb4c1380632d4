use serde_json::Value;

use crate::CatalogError;
use crate::model::{NewProduct, Product, ProductInput};

/// The product that a JSON Merge Patch (RFC 7396) over `current` leads to.
///
/// # Errors
/// [`CatalogError::InvalidPatch`] when the result is no product, [`CatalogError::Invalid`] when it breaks rules.
pub(crate) fn apply(current: &Product, patch: &Value) -> Result<NewProduct, CatalogError> {
    if !patch.is_object() {
        return Err(CatalogError::InvalidPatch(
            "a patch of a product is an object".to_owned(),
        ));
    }
    let not_a_product = |error: serde_json::Error| CatalogError::InvalidPatch(error.to_string());
    let mut document = serde_json::to_value(current.to_input()).map_err(not_a_product)?;
    json_patch::merge(&mut document, patch);
    let input: ProductInput = serde_json::from_value(document).map_err(not_a_product)?;
    input.check().map_err(CatalogError::Invalid)
}
