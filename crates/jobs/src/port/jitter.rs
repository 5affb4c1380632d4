//! How a jitter is stored.

use crate::model::Jitter;

pub(crate) fn name(jitter: Jitter) -> &'static str {
    match jitter {
        Jitter::Full => "full",
        Jitter::Equal => "equal",
        Jitter::None => "none",
    }
}

pub(crate) fn parse(text: &str) -> Option<Jitter> {
    [Jitter::Full, Jitter::Equal, Jitter::None]
        .into_iter()
        .find(|jitter| name(*jitter) == text)
}
