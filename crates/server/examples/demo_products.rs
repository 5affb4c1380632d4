//! How do I get a large import file? `cargo run --release -p stanchion --example demo_products -- 1000000 > big.ndjson`

use std::io::{BufWriter, Write, stdout};

use stanchion::demo;

fn main() -> std::io::Result<()> {
    let count = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let mut out = BufWriter::new(stdout().lock());
    for product in demo::products(demo::SEED, count.unwrap_or(demo::PRODUCTS)) {
        serde_json::to_writer(&mut out, &product)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}
