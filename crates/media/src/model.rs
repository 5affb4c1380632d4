//! What a picture is, what is to be done with it, and what came of it.

mod format;
mod orientation;
mod probed;
mod task;

pub use format::{Channels, Extent, Format};
pub use orientation::Orientation;
pub use probed::{Probed, Size};
pub use task::{RenderTask, Rendered};
