#![no_main]
//! No text that was not made under the key is taken for a cursor.

use libfuzzer_sys::fuzz_target;
use stanchion_catalog::port::Cursors;

fuzz_target!(|text: &str| {
    assert!(Cursors::new([7; 32]).read(&[1; 16], text).is_err());
});
