use crate::{Extent, Format, MediaError};

/// A place in the bytes. Reading beyond them is an error that says whether more could help.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    extent: Extent,
    format: Format,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], extent: Extent, format: Format) -> Self {
        Self {
            bytes,
            at: 0,
            extent,
            format,
        }
    }

    /// How many bytes there are in all.
    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Where the next byte is.
    pub(super) fn at(&self) -> u64 {
        self.at as u64
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// A cursor in a part of the bytes.
    pub(super) fn within<'b>(&self, part: &'b [u8]) -> Cursor<'b> {
        Cursor::new(part, self.extent, self.format)
    }

    /// Whether more bytes may follow.
    pub(super) fn is_prefix(&self) -> bool {
        self.extent == Extent::Prefix
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], MediaError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..count).ok_or_else(|| self.short())?;
        self.at += count;
        Ok(taken)
    }

    pub(super) fn skip(&mut self, count: usize) -> Result<(), MediaError> {
        self.take(count).map(|_skipped| ())
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], MediaError> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_never| self.short())
    }

    pub(super) fn byte(&mut self) -> Result<u8, MediaError> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn be16(&mut self) -> Result<u16, MediaError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(super) fn be32(&mut self) -> Result<u32, MediaError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(super) fn le16(&mut self) -> Result<u16, MediaError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(super) fn le24(&mut self) -> Result<u32, MediaError> {
        let [low, middle, high] = self.array()?;
        Ok(u32::from_le_bytes([low, middle, high, 0]))
    }

    pub(super) fn le32(&mut self) -> Result<u32, MediaError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Goes to the next byte of a value and past it.
    pub(super) fn past(&mut self, value: u8) -> Result<(), MediaError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let found = rest.iter().position(|&byte| byte == value);
        self.at += found.ok_or_else(|| self.short())? + 1;
        Ok(())
    }

    pub(super) fn malformed(&self, reason: impl std::fmt::Display) -> MediaError {
        MediaError::malformed(self.format, reason)
    }

    pub(super) fn unsupported(&self, reason: impl std::fmt::Display) -> MediaError {
        MediaError::unsupported(self.format, reason)
    }

    /// There is less than is needed.
    pub(super) fn short(&self) -> MediaError {
        match self.extent {
            Extent::Prefix => MediaError::MoreNeeded,
            Extent::Whole => MediaError::Truncated {
                format: self.format,
            },
        }
    }
}

/// Counts what may come only so often.
pub(super) struct Counter {
    left: u32,
    error: MediaError,
}

impl Counter {
    pub(super) fn parts(format: Format, parts: &str, cap: u32) -> Self {
        Self {
            left: cap,
            error: MediaError::Parts {
                format,
                parts: parts.to_owned(),
                cap,
            },
        }
    }

    pub(super) fn frames(cap: u32) -> Self {
        Self {
            left: cap,
            error: MediaError::Frames { cap },
        }
    }

    pub(super) fn count(&mut self) -> Result<(), MediaError> {
        self.left = self.left.checked_sub(1).ok_or_else(|| self.error.clone())?;
        Ok(())
    }
}
