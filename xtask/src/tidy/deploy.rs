//! The container files. No engine runs them here, so what can be read off them is checked.

mod compose;
mod dockerfile;

use super::File;
use crate::breach::Breach;

pub(super) fn check(files: &[File]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in files {
        let objections = match file.path.as_str() {
            "deploy/Dockerfile" => dockerfile::objections(&file.text),
            "deploy/compose.yml" => compose::objections(&file.text),
            _ => continue,
        };
        breaches.extend(
            objections
                .into_iter()
                .map(|what| Breach::new(&file.path, what)),
        );
    }
    breaches
}

/// Why an image's name does not say which image it is, if it does not.
fn unpinned(image: &str) -> Option<String> {
    let tag = image
        .rsplit('/')
        .next()
        .and_then(|name| name.split_once(':'));
    match tag {
        None => Some(format!("{image} has no tag")),
        Some((_, "latest")) => Some(format!("{image} is whatever came last")),
        Some((_, tag))
            if !tag.contains(|symbol: char| symbol.is_ascii_digit() || symbol == '-') =>
        {
            Some(format!("{image} names no version"))
        }
        Some(_) => None,
    }
}
