//! Keepers with one wrong each. The suites are only worth something if the case named for that wrong rejects it.

mod backends;
mod lenders;
