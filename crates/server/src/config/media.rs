use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use stanchion_media::Light;

use super::database::ServerUrl;
use super::key::{Key, Kind};

/// `[media]`: pictures.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MediaSection {
    /// Where originals and renditions are.
    pub store: ServerUrl,
    /// Where uploads and renditions lie while they are worked on.
    pub folder: Option<PathBuf>,
    /// Bytes of an original.
    pub max_bytes: u64,
    /// Pixels of an original.
    pub max_pixels: u64,
    /// Pictures of a product.
    pub max_per_product: usize,
    /// The longest that an upload may take.
    pub upload_timeout_ms: u64,
    /// The longest that the process may take that renders a picture.
    pub render_timeout_ms: u64,
    /// Whether renditions are made as WebP, too.
    pub webp: bool,
    /// Quality of JPEG.
    pub jpeg_quality: u8,
    /// Quality of WebP.
    pub webp_quality: u8,
    /// In which light pixels are averaged.
    pub light: Light,
    /// How long an object is kept that nobody refers to any more.
    pub collect_grace_seconds: u64,
    /// How often pictures are looked for that are to be given up or collected.
    pub sweep_ms: u64,
}

impl Default for MediaSection {
    fn default() -> Self {
        Self {
            store: ServerUrl::new("file:stanchion-data/media"),
            folder: None,
            max_bytes: 25_000_000,
            max_pixels: 50_000_000,
            max_per_product: 50,
            upload_timeout_ms: 60_000,
            render_timeout_ms: 30_000,
            webp: true,
            jpeg_quality: 80,
            webp_quality: 75,
            light: Light::Gamma,
            collect_grace_seconds: 3_600,
            sweep_ms: 2_000,
        }
    }
}

const fn between(min: u64, max: u64) -> Kind {
    Kind::Integer { min, max }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "media.store",
        kind: Kind::Url(&["file:", "s3://", "az://"]),
        about: "Where pictures are: a folder, a bucket of S3 or a container of Azure. The clouds' credentials come from their own variables, `AWS_…` and `AZURE_…`.",
    },
    Key {
        name: "media.folder",
        kind: Kind::Path,
        about: "Where uploads and renditions lie while they are worked on; the system's folder for such files when it is not set.",
    },
    Key {
        name: "media.max_bytes",
        kind: between(1_000, 1_000_000_000),
        about: "Bytes of an original; more get 413.",
    },
    Key {
        name: "media.max_pixels",
        kind: between(1, 200_000_000),
        about: "Pixels of an original; more get 422.",
    },
    Key {
        name: "media.max_per_product",
        kind: between(1, 1_000),
        about: "Pictures of a product; one more gets 409.",
    },
    Key {
        name: "media.upload_timeout_ms",
        kind: between(100, 3_600_000),
        about: "The longest that an upload may take; then 408.",
    },
    Key {
        name: "media.render_timeout_ms",
        kind: between(100, 3_600_000),
        about: "The longest that the process may take that renders a picture, in processor time as well; then it is ended.",
    },
    Key {
        name: "media.webp",
        kind: Kind::Boolean,
        about: "Whether renditions are made as WebP, too, after those as JPEG.",
    },
    Key {
        name: "media.jpeg_quality",
        kind: between(1, 100),
        about: "Quality of JPEG.",
    },
    Key {
        name: "media.webp_quality",
        kind: between(1, 100),
        about: "Quality of WebP.",
    },
    Key {
        name: "media.light",
        kind: Kind::Choice(&["gamma", "linear"]),
        about: "In which light pixels are averaged: as they are encoded, or as they shine, which costs more.",
    },
    Key {
        name: "media.collect_grace_seconds",
        kind: between(1, 31_536_000),
        about: "How long an object is kept that nobody refers to any more; until then who has its address can read it.",
    },
    Key {
        name: "media.sweep_ms",
        kind: between(100, 3_600_000),
        about: "How often every server looks for pictures whose job was given up, and for objects to be collected.",
    },
];
