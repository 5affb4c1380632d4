use serde::{Deserialize, Serialize};

/// How the stored rows and columns are to be turned to stand upright: EXIF's tag 274.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum Orientation {
    /// 1: as stored.
    #[default]
    Upright,
    /// 2: left and right exchanged.
    Mirrored,
    /// 3: half a turn.
    Inverted,
    /// 4: top and bottom exchanged.
    Flipped,
    /// 5: rows and columns exchanged.
    Transposed,
    /// 6: a quarter turn clockwise.
    Clockwise,
    /// 7: rows and columns exchanged, and half a turn.
    Transverse,
    /// 8: a quarter turn counter-clockwise.
    Counterclockwise,
}

impl Orientation {
    const ALL: [Self; 8] = [
        Self::Upright,
        Self::Mirrored,
        Self::Inverted,
        Self::Flipped,
        Self::Transposed,
        Self::Clockwise,
        Self::Transverse,
        Self::Counterclockwise,
    ];

    /// By the value of the tag, 1 to 8.
    #[must_use]
    pub fn from_tag(tag: u16) -> Option<Self> {
        Self::ALL.get(usize::from(tag).checked_sub(1)?).copied()
    }

    /// Whether rows become columns.
    #[must_use]
    pub fn transposes(self) -> bool {
        u8::from(self) >= 5
    }

    /// Whether the stored columns are read from the right.
    pub(crate) fn reads_leftwards(self) -> bool {
        matches!(
            self,
            Self::Mirrored | Self::Inverted | Self::Transverse | Self::Counterclockwise
        )
    }

    /// Whether the stored rows are read from the bottom.
    pub(crate) fn reads_upwards(self) -> bool {
        matches!(
            self,
            Self::Inverted | Self::Flipped | Self::Clockwise | Self::Transverse
        )
    }
}

impl From<Orientation> for u8 {
    fn from(orientation: Orientation) -> Self {
        match orientation {
            Orientation::Upright => 1,
            Orientation::Mirrored => 2,
            Orientation::Inverted => 3,
            Orientation::Flipped => 4,
            Orientation::Transposed => 5,
            Orientation::Clockwise => 6,
            Orientation::Transverse => 7,
            Orientation::Counterclockwise => 8,
        }
    }
}

impl TryFrom<u8> for Orientation {
    type Error = String;

    fn try_from(tag: u8) -> Result<Self, String> {
        Self::from_tag(tag.into()).ok_or_else(|| "an orientation is 1 to 8".to_owned())
    }
}
