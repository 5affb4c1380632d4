use axum::http::{HeaderMap, HeaderName, HeaderValue};
use stanchion_kernel::{Ids, Uuid};

/// The field that carries it in requests and responses.
pub(super) const FIELD: HeaderName = HeaderName::from_static("x-request-id");
const LONGEST: usize = 64;

/// The id of a request: the client's own when it sent a plain one, otherwise a UUIDv7.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    pub(super) fn of(headers: &HeaderMap, ids: &Ids) -> Self {
        let sent = headers
            .get(FIELD)
            .filter(|value| is_plain(value.as_bytes()));
        Self(sent.cloned().unwrap_or_else(|| {
            let mut text = [0; Uuid::encode_buffer().len()];
            let text = ids.next().hyphenated().encode_lower(&mut text);
            HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
        }))
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }

    pub(super) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

/// Plain enough for logs, shells and headers.
fn is_plain(text: &[u8]) -> bool {
    (1..=LONGEST).contains(&text.len())
        && text
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanchion_kernel::{Clock, Entropy};

    fn id(sent: Option<&str>) -> String {
        let ids = Ids::new(Clock::system(), Entropy::seeded(1));
        let mut headers = HeaderMap::new();
        if let Some(sent) = sent {
            headers.insert(FIELD, HeaderValue::from_str(sent).unwrap());
        }
        RequestId::of(&headers, &ids).as_str().to_owned()
    }

    #[test]
    fn a_plain_id_of_the_client_is_kept() {
        assert_eq!(id(Some("till-7.a_B")), "till-7.a_B");
    }

    #[test]
    fn any_other_gets_a_new_one() {
        for sent in [
            None,
            Some(""),
            Some("a b"),
            Some("<b>"),
            Some(&*"a".repeat(65)),
        ] {
            let new: Uuid = id(sent).parse().unwrap();
            assert_eq!(new.get_version_num(), 7, "{sent:?}");
        }
    }
}
