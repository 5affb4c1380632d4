use serde::Serialize;
use stanchion_kernel::{Timestamp, Uuid};
use stanchion_store::keys::KeyRecord;
use utoipa::ToSchema;

/// An API key as it is shown: everything but its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
pub(crate) struct KeyView {
    /// Its id.
    id: Uuid,
    /// What its owner calls it.
    name: String,
    /// What it allows.
    #[schema(example = json!(["catalog:read"]))]
    scopes: Vec<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it ends; `null` for never.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
}

impl From<KeyRecord> for KeyView {
    fn from(record: KeyRecord) -> Self {
        let KeyRecord {
            id,
            name,
            scopes,
            created_at,
            expires_at,
            revoked_at,
            ..
        } = record;
        Self {
            id,
            name,
            scopes,
            created_at,
            expires_at,
            revoked_at,
        }
    }
}
