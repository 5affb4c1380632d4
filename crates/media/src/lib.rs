#![doc = include_str!("../README.md")]

mod caps;
mod colour;
mod decode;
pub mod demo;
mod encode;
mod error;
mod key;
mod light;
mod model;
mod pipeline;
mod probe;
mod raster;
mod recipe;
mod resize;
mod scale;

pub use caps::{Caps, MemoryCaps};
pub use error::{MediaError, Refusal};
pub use key::{ContentHash, Hasher, InvalidKey, Key};
pub use model::{Channels, Extent, Format, Orientation, Probed, RenderTask, Rendered, Size};
pub use pipeline::Pipeline;
pub use probe::PREFIX_BYTES;
pub use recipe::{Encoding, JpegCodec, Light, Recipe, Rendition};
