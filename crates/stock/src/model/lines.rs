use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most lines of one reservation.
pub const MAX_LINES: usize = 100;
/// The largest quantity of one line.
pub const MAX_QUANTITY: i64 = 1_000_000_000;
/// The longest SKU, in characters.
pub const MAX_SKU: usize = 64;

/// So much of one SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The SKU.
    #[schema(min_length = 1, max_length = 64, example = "TENT-1")]
    pub sku: String,
    /// How many pieces.
    #[schema(minimum = 1, maximum = 1_000_000_000, example = 2)]
    pub quantity: i64,
}

/// The lines of a reservation: 1 to [`MAX_LINES`], each SKU once, in the order of the SKUs, which is the order in which
/// rows are locked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lines(Vec<Line>);

/// Why lines are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinesError {
    /// There are none, or more than [`MAX_LINES`].
    #[error("there must be 1 to {MAX_LINES} lines, not {0}")]
    Count(usize),
    /// A quantity is not in `1..=MAX_QUANTITY`.
    #[error("line {index}: the quantity must be 1 to {MAX_QUANTITY}")]
    Quantity {
        /// The line, from 0, as it was given.
        index: usize,
    },
    /// A SKU is empty, or longer than [`MAX_SKU`] characters, or holds a NUL.
    #[error("line {index}: a SKU has 1 to {MAX_SKU} characters")]
    Sku {
        /// The line, from 0, as it was given.
        index: usize,
    },
    /// A SKU occurs twice; it is not for us to guess whether the sum is meant.
    #[error("line {index}: the SKU is in an earlier line already")]
    Repeated {
        /// The second one, from 0, as it was given.
        index: usize,
    },
}

impl LinesError {
    /// The line that is wrong, when it is one.
    #[must_use]
    pub fn index(&self) -> Option<usize> {
        match self {
            Self::Count(_) => None,
            Self::Quantity { index } | Self::Sku { index } | Self::Repeated { index } => {
                Some(*index)
            }
        }
    }
}

impl Lines {
    /// Checks the lines and brings them into their order.
    ///
    /// # Errors
    /// [`LinesError`] for the first that is wrong.
    pub fn new(lines: Vec<Line>) -> Result<Self, LinesError> {
        if lines.is_empty() || lines.len() > MAX_LINES {
            return Err(LinesError::Count(lines.len()));
        }
        for (index, line) in lines.iter().enumerate() {
            if !is_sku(&line.sku) {
                return Err(LinesError::Sku { index });
            }
            if !(1..=MAX_QUANTITY).contains(&line.quantity) {
                return Err(LinesError::Quantity { index });
            }
            if lines[..index].iter().any(|earlier| earlier.sku == line.sku) {
                return Err(LinesError::Repeated { index });
            }
        }
        Ok(Self::sorted(lines))
    }

    /// One line.
    ///
    /// # Errors
    /// As for [`Lines::new`].
    pub fn one(sku: impl Into<String>, quantity: i64) -> Result<Self, LinesError> {
        let sku = sku.into();
        Self::new(vec![Line { sku, quantity }])
    }

    fn sorted(mut lines: Vec<Line>) -> Self {
        lines.sort_by(|a, b| a.sku.cmp(&b.sku));
        Self(lines)
    }

    /// The lines in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Line> {
        self.0.iter()
    }

    /// The SKUs in their order.
    pub fn skus(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|line| line.sku.as_str())
    }

    /// The SKU of the lowest line, which decides the lane.
    #[must_use]
    pub fn first_sku(&self) -> &str {
        // Never empty: both ways to make one refuse that.
        self.0.first().map_or("", |line| &line.sku)
    }

    /// The quantity of a SKU; 0 when it has no line.
    #[must_use]
    pub fn quantity_of(&self, sku: &str) -> i64 {
        let at = self.0.binary_search_by(|line| line.sku.as_str().cmp(sku));
        at.map_or(0, |at| self.0[at].quantity)
    }

    /// The only line, when there is one.
    #[must_use]
    pub fn single(&self) -> Option<&Line> {
        match self.0.as_slice() {
            [line] => Some(line),
            _ => None,
        }
    }
}

/// Whether a text can be a SKU.
pub(crate) fn is_sku(text: &str) -> bool {
    (1..=MAX_SKU).contains(&text.chars().count()) && !text.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(sku: &str, quantity: i64) -> Line {
        Line {
            sku: sku.to_owned(),
            quantity,
        }
    }

    #[test]
    fn lines_are_kept_in_the_order_of_their_skus() {
        let lines = Lines::new(vec![line("b", 2), line("a", 1)]).unwrap();
        assert_eq!(lines.skus().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((lines.quantity_of("b"), lines.quantity_of("c")), (2, 0));
    }

    #[test]
    fn lines_that_mean_nothing_are_refused_by_their_index() {
        let refused = |lines| Lines::new(lines).unwrap_err();
        assert_eq!(refused(vec![]), LinesError::Count(0));
        let many = (0..10_000).map(|n| line(&n.to_string(), 1)).collect();
        assert_eq!(refused(many), LinesError::Count(10_000));
        for quantity in [0, -1, i64::MIN, i64::MAX] {
            let wrong = refused(vec![line("a", 1), line("b", quantity)]);
            assert_eq!(wrong, LinesError::Quantity { index: 1 });
        }
        assert_eq!(refused(vec![line("", 1)]), LinesError::Sku { index: 0 });
        let twice = refused(vec![line("a", 1), line("a", 1)]);
        assert_eq!(twice, LinesError::Repeated { index: 1 });
    }
}
