//! Which crate may import which: `kernel ← store ← domain crates ← http ← server`.

use crate::breach::Breach;
use crate::metadata::Package;

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Layer {
    Kernel,
    Store,
    Domain,
    Http,
    Server,
    /// Imports anything; nothing imports it, except testkit for tests.
    Outside,
}

const LAYERS: &[(&str, Layer)] = &[
    ("stanchion-kernel", Layer::Kernel),
    ("stanchion-store", Layer::Store),
    ("stanchion-limiter", Layer::Domain),
    ("stanchion-jobs", Layer::Domain),
    ("stanchion-cache", Layer::Domain),
    ("stanchion-stock", Layer::Domain),
    ("stanchion-catalog", Layer::Domain),
    ("stanchion-media", Layer::Domain),
    ("stanchion-guard", Layer::Domain),
    ("stanchion-incident", Layer::Domain),
    ("stanchion-http", Layer::Http),
    ("stanchion", Layer::Server),
    ("stanchion-testkit", Layer::Outside),
    ("stanchion-sim", Layer::Outside),
    ("stanchion-lab", Layer::Outside),
    ("xtask", Layer::Outside),
];
const TESTKIT: &str = "stanchion-testkit";

fn layer(name: &str) -> Option<Layer> {
    let (_, layer) = LAYERS.iter().find(|(known, _)| *known == name)?;
    Some(*layer)
}

pub(super) fn check<'a>(members: impl Iterator<Item = &'a Package>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for package in members {
        let Some(from) = layer(&package.name) else {
            let what = "has no layer; give it one in xtask/src/tidy/layers.rs";
            breaches.push(Breach::new(&package.name, what));
            continue;
        };
        for dependency in &package.dependencies {
            let Some(to) = layer(&dependency.name) else {
                continue;
            };
            let for_tests = dependency.kind.as_deref() == Some("dev");
            if let Some(why) = objection(from, to, &dependency.name, for_tests) {
                let what = format!("imports {}, but {why}", dependency.name);
                breaches.push(Breach::new(&package.name, what));
            }
        }
    }
    breaches
}

fn objection(from: Layer, to: Layer, name: &str, for_tests: bool) -> Option<&'static str> {
    match (from, to) {
        (_, Layer::Outside) if name == TESTKIT && (for_tests || from == Layer::Outside) => None,
        (_, Layer::Outside) if name == TESTKIT => Some("testkit is a dev-dependency only"),
        (_, Layer::Outside) => Some("nothing may import it"),
        (Layer::Outside, _) => None,
        // A test may reach sideways and down, and never up.
        _ if for_tests && to <= from => None,
        (Layer::Domain, Layer::Domain) => Some("domain crates meet in server/src/wiring only"),
        _ if to < from => None,
        _ => Some("dependencies go kernel ← store ← domain crates ← http ← server"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;
    use crate::tidy::shown;

    fn breaches(name: &str, imports: &str, kind: Option<&str>) -> Vec<String> {
        let package = Package {
            id: name.to_owned(),
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            license: None,
            manifest_path: "Cargo.toml".into(),
            dependencies: vec![Dependency {
                name: imports.to_owned(),
                kind: kind.map(str::to_owned),
            }],
            source: None,
        };
        shown(&check([&package].into_iter()))
    }

    #[test]
    fn dependencies_go_down_the_layers() {
        for (name, imports) in [
            ("stanchion-store", "stanchion-kernel"),
            ("stanchion-catalog", "stanchion-store"),
            ("stanchion-http", "stanchion-catalog"),
            ("stanchion", "stanchion-http"),
            ("stanchion-lab", "stanchion"),
            ("stanchion-lab", "stanchion-testkit"),
            ("stanchion-store", "serde"),
        ] {
            assert_eq!(breaches(name, imports, None), [""; 0], "{name} {imports}");
        }
    }

    #[test]
    fn a_dependency_up_the_layers_is_a_breach() {
        let found = breaches("stanchion-store", "stanchion-catalog", None);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("imports stanchion-catalog"), "{found:?}");
        assert_eq!(
            breaches("stanchion-kernel", "stanchion-store", Some("dev")).len(),
            1
        );
        assert_eq!(
            breaches("stanchion-http", "stanchion", Some("build")).len(),
            1
        );
    }

    #[test]
    fn domain_crates_do_not_import_each_other() {
        let found = breaches("stanchion-stock", "stanchion-cache", None);
        assert!(found[0].contains("wiring"), "{found:?}");
    }

    #[test]
    fn testkit_is_for_tests() {
        assert_eq!(breaches("stanchion-store", TESTKIT, Some("dev")), [""; 0]);
        assert_eq!(breaches("stanchion-store", TESTKIT, None).len(), 1);
    }

    #[test]
    fn nothing_imports_the_lab() {
        assert_eq!(
            breaches("stanchion-testkit", "stanchion-lab", None).len(),
            1
        );
        assert_eq!(breaches("stanchion", "stanchion-lab", Some("dev")).len(), 1);
    }

    #[test]
    fn a_new_crate_must_be_given_a_layer() {
        assert_eq!(breaches("stanchion-news", "serde", None).len(), 1);
    }
}
