//! Cursors: where a page ended, checked so that only our own are accepted and only for their own query.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use stanchion_kernel::Uuid;

use crate::CatalogError;

/// The longest text of a cursor, in bytes; ours are shorter.
const MAX_TEXT: usize = 2_048;
const CHECK: usize = 16;

/// The place of a row in an order: its sort key, and the row itself to tell equal keys apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// What the order sorts by.
    pub key: SortKey,
    /// The row.
    pub row: Row,
}

/// What an order sorts by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SortKey {
    /// The name's sort key.
    Name(String),
    /// Currency and amount.
    Price(String, i64),
    /// Nothing but the row.
    Newest,
    /// 0 for a match in name or SKU, 1 for a match anywhere.
    Relevance(u8),
}

/// A row, in the terms of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Row {
    /// By a number that grows with every commit.
    Number(i64),
    /// By its id.
    Id(Uuid),
}

/// Makes and reads cursors under a key that all servers of a database share.
#[derive(Clone)]
pub struct Cursors {
    key: [u8; 32],
}

impl Cursors {
    /// Cursors under `key`, a secret.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// The text of a cursor: 128 bits of a keyed hash over query and place, then the place.
    #[must_use]
    pub fn write(&self, fingerprint: &[u8; 16], place: &Place) -> String {
        let place = serde_json::to_vec(place).unwrap_or_default();
        let mut bytes = self.check(fingerprint, &place).to_vec();
        bytes.extend_from_slice(&place);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The place that a cursor stands for.
    ///
    /// # Errors
    /// [`CatalogError::InvalidCursor`] when it was not written under this key for this query.
    pub fn read(&self, fingerprint: &[u8; 16], text: &str) -> Result<Place, CatalogError> {
        if text.len() > MAX_TEXT {
            return Err(CatalogError::InvalidCursor);
        }
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| CatalogError::InvalidCursor)?;
        let (check, place) = bytes
            .split_at_checked(CHECK)
            .ok_or(CatalogError::InvalidCursor)?;
        // BLAKE3's own comparison takes the same time wherever the texts differ.
        let given: [u8; CHECK] = check.try_into().map_err(|_| CatalogError::InvalidCursor)?;
        let mut padded = [0; 32];
        padded[..CHECK].copy_from_slice(&given);
        let mut expected = [0; 32];
        expected[..CHECK].copy_from_slice(&self.check(fingerprint, place));
        if blake3::Hash::from_bytes(padded) != blake3::Hash::from_bytes(expected) {
            return Err(CatalogError::InvalidCursor);
        }
        serde_json::from_slice(place).map_err(|_| CatalogError::InvalidCursor)
    }

    fn check(&self, fingerprint: &[u8; 16], place: &[u8]) -> [u8; CHECK] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(fingerprint);
        hasher.update(place);
        let mut check = [0; CHECK];
        hasher.finalize_xof().fill(&mut check);
        check
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cursors() -> Cursors {
        Cursors::new([7; 32])
    }

    #[test]
    fn a_cursor_leads_back_to_its_place() {
        for place in [
            Place {
                key: SortKey::Name("lamp ☀".into()),
                row: Row::Number(-4),
            },
            Place {
                key: SortKey::Price("EUR".into(), 12),
                row: Row::Id(Uuid::from_u128(9)),
            },
            Place {
                key: SortKey::Newest,
                row: Row::Number(i64::MAX),
            },
            Place {
                key: SortKey::Relevance(1),
                row: Row::Number(0),
            },
        ] {
            let text = cursors().write(&[1; 16], &place);
            assert_eq!(cursors().read(&[1; 16], &text).unwrap(), place);
        }
    }

    #[test]
    fn a_cursor_of_another_query_or_another_key_is_refused() {
        let place = Place {
            key: SortKey::Newest,
            row: Row::Number(1),
        };
        let text = cursors().write(&[1; 16], &place);
        assert!(cursors().read(&[2; 16], &text).is_err());
        assert!(Cursors::new([8; 32]).read(&[1; 16], &text).is_err());
    }

    proptest! {
        #[test]
        fn no_made_up_text_is_a_cursor(text in ".{0,300}") {
            prop_assert!(cursors().read(&[1; 16], &text).is_err());
        }

        #[test]
        fn a_cursor_with_one_byte_changed_is_refused(at in 0_usize..60, to in 0_u8..64) {
            let place = Place { key: SortKey::Name("lamp".into()), row: Row::Number(5) };
            let mut text = cursors().write(&[1; 16], &place).into_bytes();
            let at = at % text.len();
            let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            prop_assume!(text[at] != alphabet[usize::from(to)]);
            text[at] = alphabet[usize::from(to)];
            prop_assert!(cursors().read(&[1; 16], &String::from_utf8(text).unwrap()).is_err());
        }
    }
}
