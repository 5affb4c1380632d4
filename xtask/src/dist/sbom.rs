//! The bill of materials, in CycloneDX 1.5 JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::licences;
use crate::metadata::{Metadata, Package};

/// The document for `root` and all packages linked into it. The same input gives the same document.
pub(super) fn document(
    metadata: &Metadata,
    root: &str,
    packages: &[&Package],
    checksums: &BTreeMap<(String, String), String>,
) -> anyhow::Result<Value> {
    let mut application = Value::Null;
    let mut components = Vec::new();
    for package in packages {
        if package.name == root {
            application = component(package, "application", checksums)?;
        } else {
            components.push(component(package, "library", checksums)?);
        }
    }
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": application },
        "components": components,
        "dependencies": dependencies(metadata, packages),
    }))
}

fn component(
    package: &Package,
    kind: &str,
    checksums: &BTreeMap<(String, String), String>,
) -> anyhow::Result<Value> {
    let mut component = json!({
        "type": kind,
        "bom-ref": purl(package),
        "name": package.name,
        "version": package.version,
        "purl": purl(package),
        "licenses": [{ "expression": licences::expression(package)? }],
    });
    if let Some(sum) = checksums.get(&(package.name.clone(), package.version.clone())) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
    }
    Ok(component)
}

fn dependencies(metadata: &Metadata, packages: &[&Package]) -> Vec<Value> {
    let edges = metadata.normal_edges();
    packages
        .iter()
        .map(|package| {
            let targets = edges.get(package.id.as_str());
            let taken =
                |other: &&&Package| targets.is_some_and(|ids| ids.contains(other.id.as_str()));
            let depends_on: Vec<String> = packages
                .iter()
                .filter(taken)
                .map(|other| purl(other))
                .collect();
            json!({ "ref": purl(package), "dependsOn": depends_on })
        })
        .collect()
}

fn purl(package: &Package) -> String {
    // A plus sign of a build version must be escaped.
    format!(
        "pkg:cargo/{}@{}",
        package.name,
        package.version.replace('+', "%2B")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dist::{closure, host};
    use crate::shell;

    #[test]
    fn every_linked_package_is_listed_with_its_licence_checksum_and_dependencies() {
        let metadata = Metadata::load().unwrap();
        let packages = closure::of(&metadata, "stanchion-kernel", &host().unwrap()).unwrap();
        let checksums = closure::checksums(&shell::root().join("Cargo.lock")).unwrap();
        let document = document(&metadata, "stanchion-kernel", &packages, &checksums).unwrap();

        let application = &document["metadata"]["component"];
        assert_eq!(application["type"], "application");
        assert_eq!(application["licenses"][0]["expression"], "Apache-2.0");
        let components = document["components"].as_array().unwrap();
        assert_eq!(components.len(), packages.len() - 1);
        for component in components {
            assert_eq!(
                component["hashes"][0]["content"].as_str().unwrap().len(),
                64,
                "{component}"
            );
        }
        let edges = document["dependencies"].as_array().unwrap();
        let ours = edges
            .iter()
            .find(|edge| edge["ref"] == application["bom-ref"])
            .unwrap();
        let targets = ours["dependsOn"].as_array().unwrap();
        let takes = |name: &str| {
            let start = format!("pkg:cargo/{name}@");
            targets
                .iter()
                .any(|target| target.as_str().unwrap().starts_with(&start))
        };
        assert!(takes("uuid") && !takes("proptest"));
    }
}
