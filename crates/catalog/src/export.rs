use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::Stream;
use futures_util::stream::try_unfold;

use crate::model::Status;
use crate::{Catalog, CatalogError};

/// Products read at once, so that memory stays the same whatever the size of the catalogue.
const PAGE: u32 = 500;

impl Catalog {
    /// All products of the given statuses in the form of the import, one JSON object a line, by SKU; in chunks of whole
    /// lines. Importing it elsewhere and exporting again gives the same bytes.
    ///
    /// Each chunk is one moment of the database; what changes meanwhile is in it or not.
    pub fn export(
        &self,
        statuses: &[Status],
    ) -> impl Stream<Item = Result<Bytes, CatalogError>> + Send + 'static {
        let (catalog, statuses) = (self.clone(), statuses.to_vec());
        try_unfold(Some(None), move |place: Option<Option<String>>| {
            let (catalog, statuses) = (catalog.clone(), statuses.clone());
            async move {
                let Some(after) = place else { return Ok(None) };
                let products = catalog.export_page(after, &statuses, PAGE).await?;
                let last = products.last().map(|product| product.sku.clone());
                let mut lines = BytesMut::new();
                for product in &products {
                    let line = serde_json::to_vec(&product.to_input()).unwrap_or_default();
                    lines.put_slice(&line);
                    lines.put_u8(b'\n');
                }
                let full = products.len() == PAGE as usize;
                let next = if full { Some(last) } else { None };
                Ok((!products.is_empty()).then(|| (lines.freeze(), next)))
            }
        })
    }
}
