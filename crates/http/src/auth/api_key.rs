use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stanchion_kernel::Uuid;

const PREFIX: &str = "stn_";
const ID_CHARS: usize = 22;
const SECRET_CHARS: usize = 43;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// An API key as its owner holds it: `stn_`, 22 characters for the id, `_`, 43 characters for the secret.
///
/// The prefix lets scanners find leaked keys. Debug output does not show the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Which key it is.
    pub id: Uuid,
    /// What proves it.
    pub secret: [u8; 32],
}

/// The text is not an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an API key")]
pub struct NotAKey;

impl ApiKey {
    /// Whether a text claims to be an API key.
    pub(crate) fn looks_like_one(text: &str) -> bool {
        text.starts_with(PREFIX)
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut id = [b'0'; ID_CHARS];
        let mut rest = self.id.as_u128();
        for place in id.iter_mut().rev() {
            *place = DIGITS[usize::try_from(rest % 62).unwrap_or_default()];
            rest /= 62;
        }
        let id = std::str::from_utf8(&id).unwrap_or_default();
        write!(f, "{PREFIX}{id}_{}", URL_SAFE_NO_PAD.encode(self.secret))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl FromStr for ApiKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let body = text.strip_prefix(PREFIX).ok_or(NotAKey)?;
        let (id, secret) = body.split_at_checked(ID_CHARS).ok_or(NotAKey)?;
        let secret = secret.strip_prefix('_').ok_or(NotAKey)?;
        if secret.len() != SECRET_CHARS {
            return Err(NotAKey);
        }
        let mut value: u128 = 0;
        for byte in id.bytes() {
            let digit = DIGITS
                .iter()
                .position(|known| *known == byte)
                .ok_or(NotAKey)?;
            let digit = u128::try_from(digit).map_err(|_| NotAKey)?;
            value = value
                .checked_mul(62)
                .and_then(|v| v.checked_add(digit))
                .ok_or(NotAKey)?;
        }
        let secret = URL_SAFE_NO_PAD.decode(secret).map_err(|_| NotAKey)?;
        let secret = secret.try_into().map_err(|_| NotAKey)?;
        Ok(Self {
            id: Uuid::from_u128(value),
            secret,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_key_is_read_back_from_its_text(id: u128, secret: [u8; 32]) {
            let key = ApiKey { id: Uuid::from_u128(id), secret };
            let text = key.to_string();
            prop_assert_eq!(text.len(), 70);
            prop_assert_eq!(text.parse(), Ok(key));
        }

        #[test]
        fn any_other_text_is_refused_without_a_panic(text in "(stn_)?\\PC{0,80}") {
            if let Ok(key) = text.parse::<ApiKey>() {
                prop_assert_eq!(key.to_string(), text);
            }
        }
    }

    #[test]
    fn debug_output_keeps_the_secret() {
        let key = ApiKey {
            id: Uuid::from_u128(1),
            secret: [0xab; 32],
        };
        let secret = URL_SAFE_NO_PAD.encode(key.secret);
        let shown = format!("{key:?}");
        assert!(
            !shown.contains(&secret) && !shown.contains("171"),
            "{shown}"
        );
    }
}
