//! W3C trace context: read from the request, or begun here, and told to the client.

use axum::http::{HeaderMap, HeaderValue};
use stanchion_kernel::Entropy;

/// The longest `tracestate` that is passed on, in bytes.
const MAX_STATE: usize = 512;
const TEXT: usize = 55;

/// The trace that a request belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace_id: [u8; 16],
    /// The caller's span; `None` when the trace begins here.
    pub parent_id: Option<[u8; 8]>,
    /// This server's span.
    pub span_id: [u8; 8],
    /// Whether the caller records the trace; a trace that begins here leaves that to the exporter.
    pub sampled: bool,
    /// The caller's `tracestate`, as it came.
    pub state: Option<HeaderValue>,
}

/// The ids of a trace as text, on the stack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TraceText([u8; TEXT]);

impl TraceContext {
    /// The context of a request with these headers.
    ///
    /// A `traceparent` that is not valid, or that comes twice, begins a new trace (W3C Trace Context §4.3).
    #[must_use]
    pub fn of(headers: &HeaderMap, entropy: &Entropy) -> Self {
        let mut drawn: [u8; 24] = entropy.bytes();
        // All zeros would mean no id.
        drawn[0] |= 1;
        drawn[16] |= 1;
        let (trace_id, span_id) = drawn.split_at(16);
        let own = Self {
            trace_id: trace_id.try_into().unwrap_or_default(),
            parent_id: None,
            span_id: span_id.try_into().unwrap_or_default(),
            sampled: false,
            state: None,
        };
        match remote(headers) {
            Some((trace_id, parent_id, sampled)) => {
                let state = headers
                    .get("tracestate")
                    .filter(|state| state.len() <= MAX_STATE);
                Self {
                    trace_id,
                    parent_id: Some(parent_id),
                    sampled,
                    state: state.cloned(),
                    ..own
                }
            }
            None => own,
        }
    }

    /// As in `traceparent` and `traceresponse`, with this server's span.
    pub(crate) fn text(&self) -> TraceText {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        write_hex(&mut text[3..35], &self.trace_id);
        write_hex(&mut text[36..52], &self.span_id);
        text[54] = if self.sampled { b'1' } else { b'0' };
        TraceText(text)
    }
}

impl TraceText {
    /// The whole of it.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    pub(crate) fn trace_id(&self) -> &str {
        std::str::from_utf8(&self.0[3..35]).unwrap_or_default()
    }

    pub(crate) fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_bytes(&self.0).ok()
    }
}

fn remote(headers: &HeaderMap) -> Option<([u8; 16], [u8; 8], bool)> {
    let mut fields = headers.get_all("traceparent").iter();
    let field = fields.next()?.as_bytes();
    if fields.next().is_some() || field.len() < TEXT {
        return None;
    }
    let [version] = read_hex::<1>(&field[..2])?;
    let longer = field.len() > TEXT;
    // A later version may have more behind a dash; this one may not.
    if version == 0xff || (version == 0 && longer) || (longer && field[TEXT] != b'-') {
        return None;
    }
    if field[2] != b'-' || field[35] != b'-' || field[52] != b'-' {
        return None;
    }
    let trace_id = read_hex::<16>(&field[3..35])?;
    let parent_id = read_hex::<8>(&field[36..52])?;
    let [flags] = read_hex::<1>(&field[53..55])?;
    let valid = trace_id != [0; 16] && parent_id != [0; 8];
    valid.then_some((trace_id, parent_id, flags & 1 == 1))
}

fn read_hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = (nibble(pair[0])? << 4) | nibble(pair[1])?;
    }
    Some(bytes)
}

/// Lower case only, as the specification demands.
fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

fn write_hex(text: &mut [u8], bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn with(fields: &[&str]) -> TraceContext {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append("traceparent", HeaderValue::from_str(field).unwrap());
        }
        TraceContext::of(&headers, &Entropy::seeded(1))
    }

    #[test]
    fn a_callers_trace_is_continued() {
        let context = with(&[VALID]);
        assert!(context.parent_id.is_some() && context.sampled);
        assert_eq!(
            context.text().trace_id(),
            "0af7651916cd43dd8448eb211c80319c"
        );
        assert_ne!(Some(context.span_id), context.parent_id);
        assert!(
            with(&["cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-later"])
                .parent_id
                .is_some()
        );
    }

    #[test]
    fn a_traceparent_that_is_not_valid_begins_a_new_trace() {
        for field in [
            "",
            "00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
        ] {
            assert_eq!(with(&[field]).parent_id, None, "{field}");
        }
        assert_eq!(with(&[VALID, VALID]).parent_id, None);
    }

    proptest! {
        #[test]
        fn what_is_told_to_a_client_can_be_read_back(trace_id: [u8; 16], span_id: [u8; 8], sampled: bool) {
            prop_assume!(trace_id != [0; 16] && span_id != [0; 8]);
            let context = TraceContext { trace_id, parent_id: None, span_id, sampled, state: None };
            let text = context.text();
            let read = with(&[text.header().unwrap().to_str().unwrap()]);
            prop_assert_eq!((read.trace_id, read.parent_id, read.sampled), (trace_id, Some(span_id), sampled));
        }

        #[test]
        fn no_header_makes_it_panic(field in "[ -~]{0,120}") {
            let _ = with(&[&field]);
        }
    }
}
