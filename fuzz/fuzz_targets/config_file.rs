#![no_main]
//! A configuration file is taken or refused, and never more than that.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = stanchion::config::parse(text, std::iter::empty());
});
