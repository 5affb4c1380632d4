#![no_main]
//! A line is a product or is refused; a product that is written again is the same product.

use libfuzzer_sys::fuzz_target;
use stanchion_catalog::parse_line;

fuzz_target!(|line: Vec<u8>| {
    if let Ok(product) = parse_line(line) {
        let written = serde_json::to_vec(&*product).expect("a product has a written form");
        assert_eq!(parse_line(written), Ok(product));
    }
});
