use serde::{Deserialize, Serialize};

use crate::{ContentHash, Key, MediaError, Size, encode, scale};

/// The domain of the hashes of renditions, so that none is the hash of an original.
const CONTEXT: &str = "stanchion-media 2026 rendition key v1";

/// What a rendition is encoded as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// JPEG, 4:2:0, on the background if the picture has transparent parts.
    Jpeg,
    /// Lossy WebP with transparency.
    Webp,
}

impl Encoding {
    /// All of them, in the order of their urgency.
    pub const ALL: [Self; 2] = [Self::Jpeg, Self::Webp];

    /// The extension of its keys.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
        }
    }

    /// The media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
        }
    }
}

/// In which light pixels are averaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Light {
    /// As the values are stored: fast, and what most programs do.
    #[default]
    Gamma,
    /// As light adds up: fine bright lines keep their brightness, for some more time. The shrinking decode averages as stored.
    Linear,
}

/// What decodes and encodes JPEG.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JpegCodec {
    /// Decoders and an encoder in Rust, memory-safe.
    Rust,
    /// libjpeg-turbo, faster, in C. Only there with the feature `turbojpeg`.
    Turbojpeg,
}

impl JpegCodec {
    /// Whether this program has it.
    #[must_use]
    pub fn is_built(self) -> bool {
        self == Self::Rust || cfg!(feature = "turbojpeg")
    }
}

impl Default for JpegCodec {
    /// The fastest that was built.
    fn default() -> Self {
        if Self::Turbojpeg.is_built() {
            Self::Turbojpeg
        } else {
            Self::Rust
        }
    }
}

/// A picture to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rendition {
    /// What it is encoded as.
    pub encoding: Encoding,
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Rendition {
    /// Its size.
    #[must_use]
    pub fn size(&self) -> Size {
        Size {
            width: self.width,
            height: self.height,
        }
    }
}

/// How renditions are made of every original.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// Widths in pixels, 1 to 8 of them, each 1 to 4,096. The height follows; nothing is cut off, and nothing is enlarged.
    pub widths: Vec<u32>,
    /// What decodes and encodes JPEG. The fastest that was built.
    pub jpeg_codec: JpegCodec,
    /// Of JPEG, 1 to 100.
    pub jpeg_quality: u8,
    /// Of WebP, 1 to 100.
    pub webp_quality: u8,
    /// Red, green and blue behind transparent parts, where the encoding has no transparency.
    pub background: [u8; 3],
    /// In which light pixels are averaged.
    pub light: Light,
    /// How wide that is at least which a rendition is resized from, in percent of its width, 100 to 400.
    ///
    /// A decoder divides by 2, 4 or 8 at little cost, but with a coarse filter: what remains is left to a better one.
    pub headroom_percent: u32,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            widths: vec![1200, 600, 200],
            jpeg_codec: JpegCodec::default(),
            jpeg_quality: 80,
            webp_quality: 75,
            background: [255, 255, 255],
            light: Light::Gamma,
            headroom_percent: 175,
        }
    }
}

impl Recipe {
    /// Refuses what no rendition can be made by.
    ///
    /// # Errors
    /// [`MediaError::Recipe`], naming the field and its bounds.
    pub fn check(&self) -> Result<(), MediaError> {
        let widths = !self.widths.is_empty()
            && self.widths.len() <= 8
            && self.widths.iter().all(|width| (1..=4096).contains(width));
        let qualities = [self.jpeg_quality, self.webp_quality]
            .iter()
            .all(|quality| (1..=100).contains(quality));
        let reason = if !widths {
            "widths has 1 to 8 entries of 1 to 4096 pixels"
        } else if !qualities {
            "jpeg_quality and webp_quality are 1 to 100"
        } else if !(100..=400).contains(&self.headroom_percent) {
            "headroom_percent is 100 to 400"
        } else if !self.jpeg_codec.is_built() {
            "jpeg_codec is turbojpeg, and the feature turbojpeg was not built in"
        } else {
            return Ok(());
        };
        Err(MediaError::Recipe {
            reason: reason.to_owned(),
        })
    }

    /// The renditions of an upright picture in one encoding, the widest first. A narrow picture has fewer.
    #[must_use]
    pub fn renditions(&self, upright: Size, encoding: Encoding) -> Vec<Rendition> {
        let mut widths: Vec<u32> = self
            .widths
            .iter()
            .map(|&width| width.min(upright.width))
            .collect();
        widths.sort_unstable_by(|a, b| b.cmp(a));
        widths.dedup();
        let rendition = |width| Rendition {
            encoding,
            width,
            height: scale::proportional(upright, width),
        };
        widths.into_iter().map(rendition).collect()
    }

    /// Where a rendition is stored.
    ///
    /// The key is the same for the same original, parameters and encoder, and another one whenever the bytes could differ.
    /// It does not depend on narrower ones. The widest decides how large the picture is decoded, and wide ones are what narrow
    /// ones are made of.
    #[must_use]
    pub fn key(&self, original: &ContentHash, rendition: &Rendition) -> Key {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(original.as_bytes());
        hasher.update(self.parameters(rendition).as_bytes());
        Key::rendition(hasher.finalize(), rendition.encoding)
    }

    /// All that decides the bytes of a rendition of a given original, in a form that is never read.
    fn parameters(&self, rendition: &Rendition) -> String {
        let [red, green, blue] = self.background;
        let mut wider = self.widths.clone();
        wider.retain(|&width| width > rendition.width);
        wider.sort_unstable();
        wider.dedup();
        let encoder = encode::version(rendition.encoding, self.jpeg_codec);
        let settings = match rendition.encoding {
            Encoding::Jpeg => {
                format!("q={} on={red},{green},{blue}", self.jpeg_quality)
            }
            Encoding::Webp => format!("q={}", self.webp_quality),
        };
        format!(
            "{encoder} codec={:?} w={} {settings} light={:?} wider={wider:?} headroom={}",
            self.jpeg_codec, rendition.width, self.light, self.headroom_percent,
        )
    }

    /// How wide a picture should be at least for a rendition of a width.
    pub(crate) fn with_headroom(&self, width: u32) -> u32 {
        let wanted = u64::from(width) * u64::from(self.headroom_percent) / 100;
        u32::try_from(wanted).unwrap_or(u32::MAX)
    }

    /// The largest width.
    pub(crate) fn largest(&self) -> u32 {
        self.widths.iter().copied().max().unwrap_or(1)
    }
}
