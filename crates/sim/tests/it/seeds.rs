use std::ops::Range;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is a number, not {text}")),
    )
}

/// So many seeds; `STANCHION_SIM_SEEDS` asks for more of them, `STANCHION_SIM_SEED` for a single one.
pub(crate) fn seeds(count: u64) -> Range<u64> {
    let single = number("STANCHION_SIM_SEED");
    let count = number("STANCHION_SIM_SEEDS").unwrap_or(count);
    single.map_or(0..count, |seed| seed..seed + 1)
}
