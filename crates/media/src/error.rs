use serde::{Deserialize, Serialize};

use crate::Format;

/// Why a picture is refused, for the person who sent it.
///
/// It has a written form, since the process that renders tells another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum MediaError {
    /// More bytes than are accepted.
    #[error("the picture has more than the {cap_bytes} bytes that are accepted")]
    TooManyBytes {
        /// What is accepted at most.
        cap_bytes: u64,
    },
    /// The bytes begin like nothing that is accepted.
    #[error("the bytes are neither JPEG, PNG, WebP nor GIF")]
    Unknown,
    /// The bytes begin like something else that is known, and refused.
    #[error("{name} is not accepted; JPEG, PNG, WebP and GIF are")]
    Foreign {
        /// What it is.
        name: String,
    },
    /// AVIF is a picture that is not decoded yet.
    #[error("AVIF is not decoded yet; send JPEG, PNG, WebP or GIF")]
    Avif,
    /// A longer prefix is needed to find the header. Never said of the whole picture.
    #[error("the picture's header is longer than what was looked at")]
    MoreNeeded,
    /// The picture ends before its end.
    #[error("the {format} picture is cut off")]
    Truncated {
        /// What it begins as.
        format: Format,
    },
    /// The picture contradicts its own format.
    #[error("the {format} picture is damaged: {reason}")]
    Malformed {
        /// What it begins as.
        format: Format,
        /// What is wrong.
        reason: String,
    },
    /// The picture is of a kind of its format that is not decoded.
    #[error("this kind of {format} is not decoded: {reason}")]
    Unsupported {
        /// What it is.
        format: Format,
        /// Which kind.
        reason: String,
    },
    /// A side is zero or too long.
    #[error("the picture is {width} × {height}; a side has 1 to {cap} pixels")]
    Side {
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
        /// The longest side that is accepted.
        cap: u32,
    },
    /// Too many pixels.
    #[error("the picture is {width} × {height}; {cap} pixels are accepted at most")]
    Pixels {
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
        /// What is accepted at most.
        cap: u64,
    },
    /// Too many frames of an animation.
    #[error("the animation has more than the {cap} frames that are accepted")]
    Frames {
        /// What is accepted at most.
        cap: u32,
    },
    /// Too many parts: scans of a JPEG, chunks of a PNG or WebP, extensions of a GIF.
    #[error("the {format} picture has more than the {cap} {parts} that are accepted")]
    Parts {
        /// What it is.
        format: Format,
        /// Which parts.
        parts: String,
        /// What is accepted at most.
        cap: u32,
    },
    /// More pixels than so few bytes can encode.
    #[error("the {format} picture is {width} × {height}, which so few bytes cannot hold")]
    Hollow {
        /// What it is.
        format: Format,
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// Rendering would take more memory than its format may.
    #[error(
        "rendering the picture takes {need_bytes} bytes of memory; {cap_bytes} are given to {format} of this kind"
    )]
    Memory {
        /// What it is.
        format: Format,
        /// What would be needed.
        need_bytes: u64,
        /// What is given.
        cap_bytes: u64,
    },
    /// The recipe cannot be followed, by no fault of the picture.
    #[error("the recipe of the renditions is wrong: {reason}")]
    Recipe {
        /// What is wrong.
        reason: String,
    },
    /// The machine or an encoder failed, by no fault of the picture.
    #[error("the picture was not rendered, by no fault of its own: {reason}")]
    Failed {
        /// What went wrong.
        reason: String,
    },
}

/// How an HTTP answer refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 413.
    TooLarge,
    /// 415.
    UnsupportedType,
    /// 422.
    Unprocessable,
    /// 500: no fault of the picture.
    Internal,
}

impl Refusal {
    /// The status of the answer.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::TooLarge => 413,
            Self::UnsupportedType => 415,
            Self::Unprocessable => 422,
            Self::Internal => 500,
        }
    }
}

impl MediaError {
    /// How an HTTP answer refuses for this reason.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::TooManyBytes { .. } => Refusal::TooLarge,
            Self::Unknown | Self::Foreign { .. } | Self::Avif => Refusal::UnsupportedType,
            Self::Recipe { .. } | Self::Failed { .. } => Refusal::Internal,
            _ => Refusal::Unprocessable,
        }
    }

    pub(crate) fn malformed(format: Format, reason: impl std::fmt::Display) -> Self {
        Self::Malformed {
            format,
            reason: reason.to_string(),
        }
    }

    pub(crate) fn failed(reason: impl std::fmt::Display) -> Self {
        Self::Failed {
            reason: reason.to_string(),
        }
    }

    pub(crate) fn unsupported(format: Format, reason: impl std::fmt::Display) -> Self {
        Self::Unsupported {
            format,
            reason: reason.to_string(),
        }
    }
}
