use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

/// What a request's `Authorization` says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Bearer<'a> {
    /// There is none.
    Absent,
    /// There is one, and it is not one bearer credential.
    Malformed,
    /// A bearer credential (RFC 6750).
    Token(&'a str),
}

/// Reads the credential. Two `Authorization` fields are malformed: whoever checks the other one would see another caller.
pub(crate) fn read(headers: &HeaderMap) -> Bearer<'_> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let Some(field) = fields.next() else {
        return Bearer::Absent;
    };
    if fields.next().is_some() {
        return Bearer::Malformed;
    }
    let token = field
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .and_then(|(scheme, rest)| {
            let token = rest.trim_matches(' ');
            let valid = !token.is_empty() && token.bytes().all(is_token68);
            (scheme.eq_ignore_ascii_case("bearer") && valid).then_some(token)
        });
    token.map_or(Bearer::Malformed, Bearer::Token)
}

fn is_token68(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn with(fields: &[&'static str]) -> HeaderMap {
        let pairs = fields
            .iter()
            .map(|field| (AUTHORIZATION, HeaderValue::from_static(field)));
        pairs.collect()
    }

    #[test]
    fn one_bearer_credential_is_read_whatever_the_case_of_its_scheme() {
        assert_eq!(read(&with(&["Bearer abc.def"])), Bearer::Token("abc.def"));
        assert_eq!(read(&with(&["bEARER  abc "])), Bearer::Token("abc"));
        assert_eq!(read(&with(&[])), Bearer::Absent);
    }

    #[test]
    fn anything_else_is_malformed_rather_than_absent() {
        for field in [
            "",
            "Bearer",
            "Bearer ",
            "Basic abc",
            "Bearer a b",
            "Bearer \"a\"",
            "Bearer a,b",
        ] {
            assert_eq!(read(&with(&[field])), Bearer::Malformed, "{field:?}");
        }
        assert_eq!(read(&with(&["Bearer a", "Bearer b"])), Bearer::Malformed);
    }
}
