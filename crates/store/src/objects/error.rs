use crate::StoreError;

/// What can go wrong with objects.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectsError {
    /// The URL of the object store cannot be used.
    #[error("object store configuration: {0}")]
    Config(String),
    /// There is no such object.
    #[error("there is no such object")]
    NotFound,
    /// No byte of the object is in the range that was asked for.
    #[error("no byte of the object is in this range")]
    Range {
        /// How many it has.
        bytes: u64,
    },
    /// The object store cannot be reached, refuses, or has no room. Trying again later may work.
    #[error("the object store does not serve: {0}")]
    Unavailable(String),
    /// A file to be stored cannot be read.
    #[error("a file cannot be read: {0}")]
    File(#[from] std::io::Error),
    /// The database's own.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<object_store::Error> for ObjectsError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::NotFound,
            error => Self::Unavailable(error.to_string()),
        }
    }
}
