//! Names that content decides.

use stanchion_media::{
    ContentHash, Encoding, Hasher, JpegCodec, Key, Light, Pipeline, Recipe, RenderTask, Rendition,
    Size,
};

use crate::samples::jpeg;

fn recipe() -> Recipe {
    Recipe {
        jpeg_codec: JpegCodec::Rust,
        ..Recipe::default()
    }
}

fn rendition(encoding: Encoding) -> Rendition {
    Rendition {
        encoding,
        width: 600,
        height: 450,
    }
}

#[test]
fn keys_are_what_they_were() {
    let original = ContentHash::of(b"an original");
    let keys = [
        Key::Original(original),
        recipe().key(&original, &rendition(Encoding::Jpeg)),
        recipe().key(&original, &rendition(Encoding::Webp)),
    ];
    let keys: Vec<String> = keys.iter().map(Key::to_string).collect();
    insta::assert_snapshot!(keys.join("\n"), @"
    o-b68145d2e26602db389dbfc2bc679cd2f04cbd2f10c9a0ff41e983252f30785c
    r-b05f10ae6669684c4fe1262f699a0da9d6c1ef98c816c12c49c1154994f3622d.jpg
    r-4fecb8b64110588655beaa435931d841afedd1c9fb25dcc8a453c751ba25d4ed.webp
    ");
}

#[test]
fn whatever_changes_the_bytes_changes_the_key() {
    let original = ContentHash::of(b"an original");
    let jpeg = rendition(Encoding::Jpeg);
    let mut keys = vec![
        recipe().key(&original, &jpeg),
        recipe().key(&ContentHash::of(b"another"), &jpeg),
        recipe().key(&original, &rendition(Encoding::Webp)),
        recipe().key(&original, &Rendition { width: 601, ..jpeg }),
    ];
    let changed = [
        Recipe {
            jpeg_quality: 81,
            ..recipe()
        },
        Recipe {
            background: [255, 255, 254],
            ..recipe()
        },
        Recipe {
            light: Light::Linear,
            ..recipe()
        },
        Recipe {
            headroom_percent: 200,
            ..recipe()
        },
        Recipe {
            jpeg_codec: JpegCodec::Turbojpeg,
            ..recipe()
        },
        Recipe {
            widths: vec![1600, 600],
            ..recipe()
        },
    ];
    keys.extend(changed.iter().map(|recipe| recipe.key(&original, &jpeg)));
    let all = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), all);
}

#[test]
fn what_does_not_change_the_bytes_does_not_change_the_key() {
    let original = ContentHash::of(b"an original");
    let jpeg = rendition(Encoding::Jpeg);
    let same = [
        Recipe {
            widths: vec![1200, 600],
            ..recipe()
        },
        Recipe {
            webp_quality: 1,
            ..recipe()
        },
    ];
    for recipe in same {
        assert_eq!(
            recipe.key(&original, &jpeg),
            self::recipe().key(&original, &jpeg)
        );
    }
}

#[test]
fn a_rendition_is_the_same_beside_fewer_others() {
    let picture = jpeg(1500, 900);
    let render = |widths| {
        let pipeline = Pipeline {
            recipe: Recipe { widths, ..recipe() },
            ..Pipeline::default()
        };
        let rendered = pipeline.render(&picture, Encoding::Jpeg).unwrap();
        rendered
            .into_iter()
            .find(|it| it.rendition.width == 1200)
            .unwrap()
            .bytes
    };
    assert_eq!(render(vec![200, 600, 1200]), render(vec![1200]));
}

#[test]
fn a_key_is_read_as_it_was_written_and_nothing_else_is() {
    let original = ContentHash::of(b"an original");
    for key in [
        Key::Original(original),
        recipe().key(&original, &rendition(Encoding::Webp)),
    ] {
        assert_eq!(key.to_string().parse(), Ok(key));
        let written = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<Key>(&written).unwrap(), key);
    }
    let hash = original.to_string();
    let wrong = [
        String::new(),
        hash.clone(),
        format!("o-{hash}.jpg"),
        format!("o-{}", hash.to_uppercase()),
        format!("r-{hash}"),
        format!("r-{hash}.png"),
        format!("r-{hash}.jpg/../x"),
        format!("o-../{hash}"),
        format!("o-{}", &hash[..63]),
    ];
    for key in wrong {
        assert!(key.parse::<Key>().is_err(), "{key}");
    }
}

#[test]
fn only_renditions_are_for_everybody() {
    let original = ContentHash::of(b"an original");
    assert!(!Key::Original(original).is_public());
    assert!(
        recipe()
            .key(&original, &rendition(Encoding::Jpeg))
            .is_public()
    );
}

#[test]
fn a_stream_has_the_hash_of_its_bytes() {
    let mut hasher = Hasher::default();
    hasher.update(b"an ");
    hasher.update(b"original");
    assert_eq!(hasher.finish(), ContentHash::of(b"an original"));
}

#[test]
fn a_task_is_read_as_it_was_written() {
    let task = RenderTask {
        original: ContentHash::of(b"an original"),
        encoding: Encoding::Webp,
        recipe: recipe(),
    };
    let written = serde_json::to_string(&task).unwrap();
    assert_eq!(serde_json::from_str::<RenderTask>(&written).unwrap(), task);
}

#[test]
fn what_is_planned_is_what_is_rendered() {
    let pipeline = Pipeline::default();
    for (width, height) in [(1600, 1200), (900, 1300), (600, 20), (199, 401)] {
        let planned = pipeline
            .recipe
            .renditions(Size { width, height }, Encoding::Jpeg);
        let rendered = pipeline
            .render(&jpeg(width, height), Encoding::Jpeg)
            .unwrap();
        let rendered: Vec<Rendition> = rendered.iter().map(|it| it.rendition).collect();
        assert_eq!(rendered, planned);
    }
}
