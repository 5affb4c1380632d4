//! Conditional requests: entity tags, `If-Match` and `If-None-Match` (RFC 9110 §8.8.3 and §13).

use std::fmt;

use axum::extract::FromRequestParts;
use axum::http::header::IF_NONE_MATCH;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::problem::{Problem, ProblemKind};

/// The most tags of one header that are looked at.
const MAX_TAGS: usize = 64;

/// A strong entity tag, in its quotes. Its characters are those of base64url, so that it never needs escaping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ETag(String);

/// What `If-Match` or `If-None-Match` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tags {
    /// `*`: whatever is there.
    Any,
    /// Some tags, each weak or strong.
    List(Vec<ListedTag>),
}

/// One tag of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedTag {
    /// Whether it is marked as weak.
    pub weak: bool,
    /// The text between the quotes.
    pub opaque: String,
}

impl ETag {
    /// A tag with this text, which must hold letters, digits, `-`, `_` and `.` only.
    #[must_use]
    pub fn new(opaque: fmt::Arguments<'_>) -> Self {
        let tag = Self(format!("\"{opaque}\""));
        debug_assert!(
            tag.opaque()
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        );
        tag
    }

    /// The text between the quotes.
    #[must_use]
    pub fn opaque(&self) -> &str {
        self.0.trim_matches('"')
    }

    /// As it is sent.
    #[must_use]
    pub fn header(self) -> HeaderValue {
        HeaderValue::try_from(self.0).unwrap_or(HeaderValue::from_static("\"\""))
    }
}

impl Tags {
    /// What the header names; `None` when it is absent.
    ///
    /// # Errors
    /// `bad-request` when it is neither `*` nor a list of tags.
    pub fn read(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Self>, Problem> {
        let mut tags = Vec::new();
        let mut any = false;
        let mut present = false;
        for field in headers.get_all(name) {
            present = true;
            let text = field.to_str().map_err(|_| malformed(name))?.trim();
            if text == "*" {
                any = true;
            } else {
                parse_list(text, &mut tags).ok_or_else(|| malformed(name))?;
            }
        }
        match (present, any) {
            (false, _) => Ok(None),
            (true, true) if tags.is_empty() => Ok(Some(Self::Any)),
            (true, true) => Err(malformed(name)),
            (true, false) if tags.is_empty() => Err(malformed(name)),
            (true, false) => Ok(Some(Self::List(tags))),
        }
    }

    /// Weak comparison, for `If-None-Match`: whether the client already has the representation with this tag.
    #[must_use]
    pub fn has(&self, current: &ETag) -> bool {
        match self {
            Self::Any => true,
            Self::List(tags) => tags.iter().any(|tag| tag.opaque == current.opaque()),
        }
    }

    /// The tags that strong comparison may accept, for `If-Match`; `None` for any. A weak one never matches.
    #[must_use]
    pub fn strong(&self) -> Option<impl Iterator<Item = &str>> {
        match self {
            Self::Any => None,
            Self::List(tags) => Some(
                tags.iter()
                    .filter(|tag| !tag.weak)
                    .map(|tag| tag.opaque.as_str()),
            ),
        }
    }
}

/// What a client has already, by its `If-None-Match`.
pub(crate) struct Known(pub(crate) Option<Tags>);

impl<S: Sync> FromRequestParts<S> for Known {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Tags::read(&parts.headers, &IF_NONE_MATCH).map(Self)
    }
}

/// The `If-Match` that a change must have.
///
/// # Errors
/// `precondition-required` when there is none, `bad-request` when it cannot be read.
pub fn required_if_match(headers: &HeaderMap) -> Result<Tags, Problem> {
    Tags::read(headers, &axum::http::header::IF_MATCH)?.ok_or_else(|| {
        Problem::new(ProblemKind::PreconditionRequired).detail(
            "send If-Match with the ETag of what you change, so that no change of another is lost",
        )
    })
}

fn malformed(name: &HeaderName) -> Problem {
    Problem::new(ProblemKind::BadRequest)
        .detail(format!("`{name}` is neither `*` nor a list of entity tags"))
}

fn parse_list(mut text: &str, tags: &mut Vec<ListedTag>) -> Option<()> {
    loop {
        text = text.trim_start_matches([' ', '\t', ',']);
        if text.is_empty() {
            return Some(());
        }
        let (weak, rest) = match text.strip_prefix("W/") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (opaque, rest) = rest.strip_prefix('"')?.split_once('"')?;
        let valid = opaque
            .bytes()
            .all(|b| b == 0x21 || (0x23..=0x7e).contains(&b));
        let rest = rest.trim_start_matches([' ', '\t']);
        if !valid || !(rest.is_empty() || rest.starts_with(',')) || tags.len() == MAX_TAGS {
            return None;
        }
        tags.push(ListedTag {
            weak,
            opaque: opaque.to_owned(),
        });
        text = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header::IF_MATCH;
    use proptest::prelude::*;

    fn read(fields: &[&str]) -> Result<Option<Tags>, ProblemKind> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(IF_MATCH, HeaderValue::from_str(field).unwrap());
        }
        Tags::read(&headers, &IF_MATCH).map_err(|problem| problem.kind())
    }

    fn tag() -> ETag {
        ETag::new(format_args!("a1"))
    }

    #[test]
    fn a_star_and_lists_over_several_fields_are_read() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["*"]), Ok(Some(Tags::Any)));
        let Ok(Some(Tags::List(tags))) = read(&["\"x\", W/\"y,z\" ", ",\"a1\""]) else {
            panic!()
        };
        assert_eq!(
            tags.iter().map(|tag| &*tag.opaque).collect::<Vec<_>>(),
            ["x", "y,z", "a1"]
        );
    }

    #[test]
    fn a_weak_tag_matches_weakly_and_never_strongly() {
        let tags = read(&["W/\"a1\""]).unwrap().unwrap();
        assert!(tags.has(&tag()));
        assert_eq!(tags.strong().unwrap().count(), 0);
    }

    #[test]
    fn what_is_no_list_of_tags_is_refused() {
        for field in [
            "",
            "a1",
            "\"a1",
            "\"a\" \"b\"",
            "*, \"a\"",
            "w/\"a\"",
            "\"a b\"",
        ] {
            assert_eq!(read(&[field]), Err(ProblemKind::BadRequest), "{field:?}");
        }
        assert_eq!(read(&["*", "\"a\""]), Err(ProblemKind::BadRequest));
        let many = vec!["\"a\""; MAX_TAGS + 1].join(",");
        assert_eq!(read(&[&many]), Err(ProblemKind::BadRequest));
    }

    proptest! {
        #[test]
        fn our_own_tag_is_found_among_any_others(others in prop::collection::vec("[!#-~]{0,8}", 0..5)) {
            let list: Vec<String> = others.iter().map(|other| format!("\"{other}\"")).collect();
            let field = format!("{},{}", list.join(" , "), tag().header().to_str().unwrap());
            prop_assert!(read(&[&field]).unwrap().unwrap().has(&tag()));
        }

        #[test]
        fn no_field_makes_it_panic(field in "[ -~]{0,60}") {
            let _ = read(&[&field]);
        }
    }
}
