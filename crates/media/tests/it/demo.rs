//! Pictures to show.

use stanchion_media::{Encoding, Extent, Pipeline, demo};

#[test]
fn every_demo_picture_is_accepted_small_and_rendered() {
    let pipeline = Pipeline::default();
    for seed in 0..20 {
        let picture = demo::picture(seed, "tents").unwrap();
        assert!(picture.len() < 60_000, "{}", picture.len());
        let probed = pipeline.probe(&picture, Extent::Whole).unwrap();
        assert_eq!(probed.stored(), demo::SIZE);
        assert_eq!(pipeline.render(&picture, Encoding::Jpeg).unwrap().len(), 3);
    }
}

#[test]
fn the_same_seed_gives_the_same_picture_and_another_one_another() {
    let picture = |seed, category| demo::picture(seed, category).unwrap();
    assert_eq!(picture(1, "tents"), picture(1, "tents"));
    assert_ne!(picture(1, "tents"), picture(2, "tents"));
    assert_ne!(picture(1, "tents"), picture(1, "stoves"));
}
