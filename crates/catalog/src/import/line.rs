use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::{FieldError, NewProduct, ProductInput};

/// A line that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BadLine {
    /// Its number, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It has more than 1 MiB.
    TooLong,
    /// It is not UTF-8.
    NotUtf8,
    /// It is not a JSON object of the form of a product: where, and why.
    NotAProduct(String),
    /// Its fields break rules.
    Invalid(Vec<FieldError>),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("is longer than 1 MiB"),
            Self::NotUtf8 => f.write_str("is not UTF-8"),
            Self::NotAProduct(why) => write!(f, "is not a product: {why}"),
            Self::Invalid(errors) => {
                for (n, error) in errors.iter().enumerate() {
                    let separator = if n == 0 { "" } else { "; " };
                    write!(f, "{separator}{} {}", error.pointer, error.message)?;
                }
                Ok(())
            }
        }
    }
}

/// Reads one line of an import.
///
/// # Errors
/// What is wrong with it.
#[expect(clippy::needless_pass_by_value, reason = "the line has no other use")]
pub fn parse_line(line: Vec<u8>) -> Result<NewProduct, Reason> {
    let text = std::str::from_utf8(&line).map_err(|_| Reason::NotUtf8)?;
    let input: ProductInput =
        serde_json::from_str(text).map_err(|error| Reason::NotAProduct(error.to_string()))?;
    input.check().map_err(Reason::Invalid)
}
