//! What is wrong with `[[limiter.limits]]`, each with the number and the name of its limit.

use std::num::NonZeroU16;

use stanchion_http::grpc::Rules;
use stanchion_limiter::port::MAX_ASKS;

use super::{Callers, FallbackWord, LimitEntry, Per};
use crate::config::file::nearest;

const NAMES: &[&str] = &[
    "name", "rate", "burst", "per", "callers", "routes", "fallback", "servers", "parts", "shadow",
    "enabled",
];
/// What the interface calls the question to limits.
const RESERVED: &str = "check";

/// Everything that is wrong, one line each.
pub(in crate::config) fn objections(tables: &[toml::Table]) -> Vec<String> {
    let mut objections = Vec::new();
    let mut entries: Vec<LimitEntry> = Vec::new();
    for (n, table) in tables.iter().enumerate() {
        let name = table.get("name").and_then(toml::Value::as_str);
        let shown: String = name.unwrap_or_default().chars().take(64).collect();
        let place = format!("`limiter.limits` {} ({shown:?})", n + 1);
        match read(table) {
            Ok(entry) => {
                if entries.iter().any(|other| other.name == entry.name) {
                    objections.push(format!("{place}: another limit has this name"));
                }
                let found = judge(&entry);
                objections.extend(found.into_iter().map(|what| format!("{place}: {what}")));
                entries.push(entry);
            }
            Err(what) => objections.push(format!("{place}: {what}")),
        }
    }
    if entries.iter().filter(|entry| entry.is_in_front()).count() > MAX_ASKS {
        let most =
            format!("`limiter.limits`: no more than {MAX_ASKS} stand in front of the routes");
        objections.push(most);
    }
    objections
}

/// What is wrong with the rules for Envoy, if anything is.
pub(in crate::config) fn wrong_rules(tables: &[toml::Table]) -> Option<String> {
    let tables = tables.iter().cloned().map(toml::Value::Table);
    let rules = serde_path_to_error::deserialize(toml::Value::Array(tables.collect()));
    let wrong = match rules {
        Ok(rules) => Rules::new(rules).err()?.to_string(),
        Err(error) => {
            let what = error.inner().message().replace('\n', ", ");
            format!("{}: {what}", error.path())
        }
    };
    Some(format!("`limiter.envoy_rules`: {wrong}"))
}

fn read(table: &toml::Table) -> Result<LimitEntry, String> {
    if let Some(unknown) = table.keys().find(|key| !NAMES.contains(&key.as_str())) {
        let nearest = nearest(unknown, NAMES.iter().copied());
        let shown: String = unknown
            .chars()
            .filter(|c| !c.is_control())
            .take(64)
            .collect();
        return Err(format!("unknown key `{shown}`; the nearest is `{nearest}`"));
    }
    serde_path_to_error::deserialize(table.clone()).map_err(|error| {
        let what = error.inner().message().replace('\n', ", ");
        match error.path().iter().next() {
            Some(_) => format!("`{}`: {what}", error.path()),
            None => what,
        }
    })
}

fn judge(entry: &LimitEntry) -> Vec<String> {
    let mut found = Vec::new();
    if let Err(error) = entry.limit(NonZeroU16::MIN) {
        found.push(error.to_string());
    }
    if entry.name == RESERVED {
        found.push(format!(
            "`{RESERVED}` is the name of a route; choose another"
        ));
    }
    let falls_back_whole = matches!(
        entry.fallback,
        Some(FallbackWord::Deny | FallbackWord::Allow)
    );
    if falls_back_whole && entry.servers.is_some() {
        found.push("`servers` goes with the fallback `share` only".to_owned());
    }
    match (entry.per, entry.callers) {
        (Per::Key, Callers::Anonymous) => {
            found.push("anonymous callers have no key; take `per = \"client\"`".to_owned());
        }
        (Per::Check, Callers::Anonymous | Callers::Authenticated) => {
            found
                .push("whoever asks is bound; `per = \"check\"` goes without `callers`".to_owned());
        }
        (Per::Check, _) if !entry.routes.is_empty() => {
            found.push("`per = \"check\"` stands in front of no route".to_owned());
        }
        _ => {}
    }
    found.extend(entry.routes.iter().filter_map(|route| unknown_route(route)));
    found
}

fn unknown_route(route: &str) -> Option<String> {
    let routes = stanchion_http::routes().into_iter();
    let routes = routes.filter(|known| !known.is_probe);
    let routes: Vec<String> = routes
        .map(|known| format!("{} {}", known.method, known.path))
        .collect();
    if routes.iter().any(|known| known == route) {
        return None;
    }
    let nearest = nearest(route, routes.iter().map(String::as_str));
    let shown: String = route.chars().filter(|c| !c.is_control()).take(80).collect();
    Some(format!(
        "no route `{shown}` can be limited; the nearest is `{nearest}`"
    ))
}
