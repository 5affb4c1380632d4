use crate::error::Invalid;

/// The W3C `traceparent` of who enqueued, so that one trace spans request, queue and worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traceparent(String);

/// `00-` trace id `-` span id `-` flags.
const LENGTHS: [usize; 4] = [2, 32, 16, 2];

impl Traceparent {
    /// Version 00 of the field: four groups of lower-case hexadecimal digits, neither id all zeros.
    ///
    /// # Errors
    /// [`Invalid::Traceparent`].
    pub fn new(text: &str) -> Result<Self, Invalid> {
        let is_hex = |part: &str| part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let parts: Vec<&str> = text.split('-').collect();
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        let ids_mean_something = || parts[1..3].iter().all(|id| id.bytes().any(|b| b != b'0'));
        let sound = lengths == LENGTHS
            && parts[0] == "00"
            && parts.iter().all(|part| is_hex(part))
            && ids_mean_something();
        let sound = sound.then(|| Self(text.to_owned()));
        sound.ok_or(Invalid::Traceparent)
    }

    /// From where only sound ones were written.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    /// The field's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
