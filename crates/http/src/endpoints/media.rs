use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_RANGE,
    RANGE,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use stanchion_store::objects::{Found, Wanted};

use crate::app::App;
use crate::conditional::{ETag, Known};
use crate::describe::MediaProblems;
use crate::extract::RenditionName;
use crate::problem::Problem;

/// The name says what is in it, so that nobody need ever ask again.
const FOR_EVERYBODY: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Where reading needs a credential, a cache that others share must not answer in our place.
const FOR_THE_CALLER: HeaderValue =
    HeaderValue::from_static("private, max-age=31536000, immutable");

/// The bytes of a rendition. No schema of JSON can say more of them.
#[derive(utoipa::ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "it stands for bytes in the document")]
pub(crate) struct RenditionFile(Vec<u8>);

/// The bytes of a rendition
///
/// Its address is made of its content, and may be kept for ever. One range of bytes may be asked for (RFC 9110 §14); of more
/// than one the whole is sent.
#[utoipa::path(get, path = "/media/{key}", tag = "pictures",
    params(
        ("key" = String, Path, description = "The name from the `url` of a rendition", min_length = 1, max_length = 100,
            pattern = "^[a-z0-9.-]+$"),
        ("If-None-Match" = Option<String>, Header, description = "Entity tags that the client has",
            pattern = r#"^(\*|(W/)?"[!#-~]*")$"#),
        ("Range" = Option<String>, Header, description = "The bytes that are wanted",
            pattern = "^bytes=([0-9]{1,9}-[0-9]{0,9}|-[0-9]{1,9})$"),
        ("If-Range" = Option<String>, Header, description = "Of which entity the range is wanted", pattern = r#"^"[!#-~]*"$"#),
    ),
    responses(
        (status = 200, description = "All of it", content((RenditionFile = "image/jpeg"), (RenditionFile = "image/webp")), headers(
            ("ETag" = String, description = "The name, which never changes its content"),
            ("Cache-Control" = String, description = "For ever; `private` where reading needs a credential"),
            ("Accept-Ranges" = String, description = "`bytes`"),
        )),
        (status = 206, description = "A part of it", content((RenditionFile = "image/jpeg"), (RenditionFile = "image/webp")), headers(
            ("Content-Range" = String, description = "Which bytes, and of how many"),
        )),
        (status = 304, description = "The client has it already"),
        MediaProblems,
    ))]
pub(crate) async fn get_media(
    State(app): State<App>,
    RenditionName(name): RenditionName,
    method: Method,
    headers: HeaderMap,
    Known(known): Known,
) -> Result<Response, Problem> {
    let tag = ETag::new(format_args!("{name}"));
    let is_known = known.is_some_and(|known| known.has(&tag));
    // What the client has comes before what it wants of it (RFC 9110 §13.2.2), and a head has no range (§14.2).
    let wanted = if is_known || method == Method::HEAD {
        Wanted::All
    } else {
        wanted(&headers, &tag)
    };
    // It is asked for in any case: of what is gone nobody hears that it is unchanged.
    let found = app.pictures.rendition(&name, wanted).await?;
    let caching = if app.anonymous_read {
        FOR_EVERYBODY
    } else {
        FOR_THE_CALLER
    };
    let described = described(&tag, &name, caching);
    if is_known {
        return Ok((StatusCode::NOT_MODIFIED, described).into_response());
    }
    Ok(answer(found, wanted, described))
}

fn described(tag: &ETag, name: &str, caching: HeaderValue) -> HeaderMap {
    let kind = match name.rsplit_once('.') {
        Some((_, "webp")) => "image/webp",
        _ => "image/jpeg",
    };
    HeaderMap::from_iter([
        (ETAG, tag.clone().header()),
        (CACHE_CONTROL, caching),
        (ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
    ])
}

fn answer(found: Found, wanted: Wanted, mut headers: HeaderMap) -> Response {
    let length = found.range.end - found.range.start;
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    let status = if wanted == Wanted::All {
        StatusCode::OK
    } else {
        let last = found.range.end.saturating_sub(1);
        let range = format!("bytes {}-{last}/{}", found.range.start, found.bytes);
        if let Ok(range) = HeaderValue::from_str(&range) {
            headers.insert(CONTENT_RANGE, range);
        }
        StatusCode::PARTIAL_CONTENT
    };
    (status, headers, Body::from_stream(found.stream)).into_response()
}

/// What the client wants: a range counts when `If-Range` names this entity or is not there, and one that cannot be read is
/// ignored, as RFC 9110 §14.2 has it.
fn wanted(headers: &HeaderMap, tag: &ETag) -> Wanted {
    let is_current = match headers.get(IF_RANGE) {
        None => true,
        Some(named) => *named == tag.clone().header(),
    };
    let mut ranges = headers.get_all(RANGE).iter();
    match (ranges.next(), ranges.next()) {
        (Some(range), None) if is_current => {
            range.to_str().ok().and_then(parse).unwrap_or(Wanted::All)
        }
        _ => Wanted::All,
    }
}

/// `bytes=FIRST-LAST`, `bytes=FIRST-` or `bytes=-COUNT`.
fn parse(text: &str) -> Option<Wanted> {
    let (unit, range) = text.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") || range.contains(',') {
        return None;
    }
    let number = |text: &str| -> Option<u64> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    match (first, last) {
        ("", count) => Some(Wanted::Last(number(count)?)),
        (first, "") => Some(Wanted::From(number(first)?)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then(|| Wanted::Between(first, last.saturating_add(1)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_range_of_bytes_is_understood_and_all_else_is_the_whole() {
        for (text, expected) in [
            ("bytes=0-0", Wanted::Between(0, 1)),
            ("bytes=5-9", Wanted::Between(5, 10)),
            ("Bytes=7-", Wanted::From(7)),
            ("bytes=-3", Wanted::Last(3)),
            ("bytes=0-99999999999999999999", Wanted::Between(0, u64::MAX)),
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=9-5",
            "bytes=0-1,3-4",
            "rows=0-1",
            "bytes=+1-2",
            "bytes=a-b",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_range_of_another_entity_is_not_wanted() {
        let tag = ETag::new(format_args!("r-1.jpg"));
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_static("bytes=2-3"));
        assert_eq!(wanted(&headers, &tag), Wanted::Between(2, 4));
        headers.insert(IF_RANGE, tag.clone().header());
        assert_eq!(wanted(&headers, &tag), Wanted::Between(2, 4));
        for other in [
            "\"r-2.jpg\"",
            "W/\"r-1.jpg\"",
            "Thu, 26 Nov 2026 08:00:00 GMT",
        ] {
            headers.insert(IF_RANGE, HeaderValue::from_static(other));
            assert_eq!(wanted(&headers, &tag), Wanted::All, "{other}");
        }
        headers.remove(IF_RANGE);
        headers.append(RANGE, HeaderValue::from_static("bytes=2-3"));
        assert_eq!(wanted(&headers, &tag), Wanted::All);
    }

    proptest! {
        #[test]
        fn no_range_makes_it_panic(text in "[ -~]{0,40}") {
            let _ = parse(&text);
        }
    }
}
