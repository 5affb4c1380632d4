#![doc = include_str!("../README.md")]

mod catalog;
#[cfg(feature = "conformance")]
pub mod conformance;
mod cursor;
mod error;
mod export;
mod gather;
mod import;
mod model;
mod patch;
pub mod port;
mod prepared;
mod query;
mod terms;

pub use catalog::{Catalog, MIGRATIONS};
pub use error::CatalogError;
pub use import::{
    BadLine, ImportError, ImportEvent, ImportFailure, ImportSummary, Reason, parse_line,
};
pub use model::{
    AddedPicture, AttributeValue, Attributes, Category, FieldError, NewPicture, NewProduct,
    Picture, PictureState, Price, PriceInput, Product, ProductInput, Rendition, Revision, Scalar,
    Status,
};
pub use port::{Edit, Precondition, RowState, TOPIC, Upserted};
pub use query::{DEFAULT_LIMIT, ListQuery, MAX_LIMIT, Page, Sort};
