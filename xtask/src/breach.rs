//! What a rule finds.

use std::fmt;

/// One breach of one rule, at one place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Breach {
    place: String,
    what: String,
}

impl Breach {
    pub(crate) fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.what)
    }
}
