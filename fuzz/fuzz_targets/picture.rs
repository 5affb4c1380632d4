#![no_main]
//! A picture is taken or refused by its header, and what is taken is within the caps, whether it is probed by its beginning or whole.

use libfuzzer_sys::fuzz_target;
use stanchion_media::{Extent, Pipeline};

fuzz_target!(|bytes: &[u8]| {
    let pipeline = Pipeline::default();
    for extent in [Extent::Prefix, Extent::Whole] {
        if let Ok(probed) = pipeline.probe(bytes, extent) {
            assert!(probed.stored().pixels() <= pipeline.caps.pixels);
            assert!(probed.width.max(probed.height) <= pipeline.caps.side);
            assert!(probed.memory_bytes <= pipeline.caps.memory.largest());
        }
    }
});
