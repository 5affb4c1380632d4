//! Products, categories and pictures, as values that cannot be wrong.

mod attributes;
mod category;
mod currency;
mod input;
mod picture;
mod product;

pub use attributes::{AttributeValue, Attributes, Scalar};
pub use category::Category;
pub(crate) use input::is_attribute_name;
pub use input::{FieldError, NewProduct, PriceInput, ProductInput};
pub use picture::{AddedPicture, NewPicture, Picture, PictureState, Rendition};
pub use product::{Price, Product, Revision, Status};
