//! Which limit, and which of its buckets, a descriptor is about. Pure.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use stanchion_limiter::{LimitName, MAX_KEY};

use super::messages::Entry;

/// The most rules.
pub const MAX_RULES: usize = 1024;

/// The most entries of a rule.
pub const MAX_RULE_ENTRIES: usize = 16;

/// Puts descriptors of one form under a limit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The domain of the requests that it is for.
    pub domain: String,
    /// The entries of a descriptor that it is for: all of them, in order. 1 to [`MAX_RULE_ENTRIES`].
    pub entries: Vec<RuleEntry>,
    /// The name of the limit. The limit may come and go: while there is none, requests about it are refused with an error.
    pub limit: String,
    /// The keys of the entries whose values choose the bucket. Unset, all do; empty, there is one bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Vec<String>>,
}

/// An entry that a rule is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RuleEntry {
    /// The entry's key.
    pub key: String,
    /// The entry's value; unset, any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// The rules of a server.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Of each domain, the more specific ones first.
    domains: HashMap<String, Vec<Matcher>>,
}

#[derive(Clone, Debug)]
struct Matcher {
    entries: Vec<RuleEntry>,
    /// Whether the value of each entry chooses the bucket.
    chooses: Vec<bool>,
    limit: LimitName,
}

/// Why rules are none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRules {
    /// There are too many.
    #[error("there are at most {MAX_RULES} rules")]
    Many,
    /// A domain is empty.
    #[error("rule {0}: the domain is empty")]
    Domain(usize),
    /// The entries are none or too many, or a key is empty.
    #[error("rule {0}: a rule has 1 to {MAX_RULE_ENTRIES} entries, each with a key")]
    Entries(usize),
    /// The limit's name is none.
    #[error("rule {0}: {1:?} is no name of a limit")]
    Limit(usize, String),
    /// A key in `by` is no entry's.
    #[error("rule {0}: `by` names {1:?}, which is the key of none of its entries")]
    By(usize, String),
    /// Two rules are for the same descriptors.
    #[error("rule {0} is for the same descriptors as one before it")]
    Twice(usize),
}

impl Rules {
    /// Rules, numbered from 1 in errors.
    ///
    /// # Errors
    /// [`InvalidRules`], which names the first that cannot be.
    pub fn new(rules: Vec<Rule>) -> Result<Self, InvalidRules> {
        if rules.len() > MAX_RULES {
            return Err(InvalidRules::Many);
        }
        let mut domains: HashMap<String, Vec<Matcher>> = HashMap::new();
        for (rule, number) in rules.into_iter().zip(1..) {
            if rule.domain.is_empty() {
                return Err(InvalidRules::Domain(number));
            }
            let (domain, matcher) = (rule.domain.clone(), Matcher::new(rule, number)?);
            let before = domains.entry(domain).or_default();
            if before.iter().any(|other| other.entries == matcher.entries) {
                return Err(InvalidRules::Twice(number));
            }
            before.push(matcher);
        }
        for matchers in domains.values_mut() {
            matchers.sort_by_cached_key(Matcher::openness);
        }
        Ok(Self { domains })
    }

    /// The limit of a descriptor and the key of its bucket; `None` when no rule is for it.
    ///
    /// Of several rules the one that names a value is for it, and not the one that takes any; where they differ in several
    /// entries, the first of those decides.
    #[must_use]
    pub fn find(&self, domain: &str, entries: &[Entry]) -> Option<(&LimitName, String)> {
        let matchers = self.domains.get(domain)?;
        let matcher = matchers.iter().find(|matcher| matcher.is_for(entries))?;
        let chosen = entries.iter().zip(&matcher.chooses);
        let chosen = chosen.filter_map(|(entry, chooses)| chooses.then_some(entry));
        Some((&matcher.limit, bucket_key(domain, chosen)))
    }
}

impl Matcher {
    fn new(rule: Rule, number: usize) -> Result<Self, InvalidRules> {
        let entries = rule.entries;
        let has_keys = entries.iter().all(|entry| !entry.key.is_empty());
        if !(1..=MAX_RULE_ENTRIES).contains(&entries.len()) || !has_keys {
            return Err(InvalidRules::Entries(number));
        }
        let Ok(limit) = rule.limit.parse() else {
            return Err(InvalidRules::Limit(number, rule.limit));
        };
        let chooses = match rule.by {
            None => vec![true; entries.len()],
            Some(by) => {
                let is_key = |name: &String| entries.iter().any(|entry| entry.key == *name);
                if let Some(stray) = by.iter().find(|name| !is_key(name)) {
                    return Err(InvalidRules::By(number, stray.clone()));
                }
                entries
                    .iter()
                    .map(|entry| by.contains(&entry.key))
                    .collect()
            }
        };
        Ok(Self {
            entries,
            chooses,
            limit,
        })
    }

    /// Sorts the rule that names a value before the one that takes any.
    fn openness(&self) -> Vec<bool> {
        self.entries
            .iter()
            .map(|entry| entry.value.is_none())
            .collect()
    }

    fn is_for(&self, entries: &[Entry]) -> bool {
        let is_for = |(ours, theirs): (&RuleEntry, &Entry)| {
            ours.key == theirs.key
                && ours
                    .value
                    .as_ref()
                    .is_none_or(|value| *value == theirs.value)
        };
        self.entries.len() == entries.len() && self.entries.iter().zip(entries).all(is_for)
    }
}

/// Names a bucket by a domain and entries. Every text has its length before it, so that no two lists of them have the same
/// name, whatever a client puts into a value. A name that is too long for a bucket becomes its hash, which no other name
/// looks like, since those start with a digit.
fn bucket_key<'a>(domain: &str, entries: impl Iterator<Item = &'a Entry>) -> String {
    let mut key = String::new();
    let mut add = |text: &str| {
        let length = text.len();
        write!(key, "{length}:{text}").expect("a string takes what is written");
    };
    add(domain);
    for entry in entries {
        add(&entry.key);
        add(&entry.value);
    }
    if key.len() <= MAX_KEY {
        return key;
    }
    format!("blake3:{}", blake3::hash(key.as_bytes()).to_hex())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entries(pairs: &[(&str, &str)]) -> Vec<Entry> {
        let entry = |(key, value): &(&str, &str)| Entry {
            key: (*key).to_owned(),
            value: (*value).to_owned(),
        };
        pairs.iter().map(entry).collect()
    }

    /// `*` takes any value.
    fn rule(pairs: &[(&str, &str)], limit: &str) -> Rule {
        let entry = |(key, value): &(&str, &str)| RuleEntry {
            key: (*key).to_owned(),
            value: (*value != "*").then(|| (*value).to_owned()),
        };
        Rule {
            domain: "shop".to_owned(),
            entries: pairs.iter().map(entry).collect(),
            limit: limit.to_owned(),
            by: None,
        }
    }

    fn limit(rules: &Rules, pairs: &[(&str, &str)]) -> Option<String> {
        let found = rules.find("shop", &entries(pairs));
        found.map(|(limit, _)| limit.to_string())
    }

    #[test]
    fn a_rule_is_for_all_entries_of_a_descriptor_in_their_order() {
        let rules = Rules::new(vec![rule(&[("path", "/a"), ("address", "*")], "l")]).unwrap();
        assert!(limit(&rules, &[("path", "/a"), ("address", "")]).is_some());
        for other in [
            &[("address", "x"), ("path", "/a")][..],
            &[("path", "/a")],
            &[("path", "/b"), ("address", "x")],
            &[("path", "/a"), ("address", "x"), ("more", "y")],
        ] {
            assert_eq!(limit(&rules, other), None, "{other:?}");
        }
        let same = entries(&[("path", "/a"), ("address", "x")]);
        assert!(rules.find("other", &same).is_none());
    }

    #[test]
    fn the_rule_that_names_the_earlier_value_is_for_a_descriptor() {
        let rules = vec![
            rule(&[("a", "*"), ("b", "*")], "any"),
            rule(&[("a", "*"), ("b", "2")], "second"),
            rule(&[("a", "1"), ("b", "*")], "first"),
        ];
        for rules in [rules.clone(), rules.into_iter().rev().collect()] {
            let rules = Rules::new(rules).unwrap();
            let found = |a, b| limit(&rules, &[("a", a), ("b", b)]).unwrap();
            assert_eq!(found("1", "2"), "first");
            assert_eq!(found("0", "2"), "second");
            assert_eq!(found("0", "0"), "any");
        }
    }

    #[test]
    fn the_values_that_a_rule_names_choose_the_bucket() {
        let by = |by: &[&str]| Rule {
            by: Some(by.iter().map(|key| (*key).to_owned()).collect()),
            ..rule(&[("path", "*"), ("address", "*")], "l")
        };
        let key = |rule: Rule, path, address| {
            let rules = Rules::new(vec![rule]).unwrap();
            let entries = entries(&[("path", path), ("address", address)]);
            rules.find("shop", &entries).unwrap().1
        };
        let all = rule(&[("path", "*"), ("address", "*")], "l");
        assert_ne!(key(all.clone(), "/a", "x"), key(all, "/b", "x"));
        let address = || by(&["address"]);
        assert_eq!(key(address(), "/a", "x"), key(address(), "/b", "x"));
        assert_ne!(key(address(), "/a", "x"), key(address(), "/a", "y"));
        assert_eq!(key(by(&[]), "/a", "x"), key(by(&[]), "/b", "y"));
    }

    #[test]
    fn rules_that_cannot_be_are_refused_with_their_number() {
        let good = || rule(&[("a", "*")], "l");
        let second = |rule: Rule| Rules::new(vec![good(), rule]).unwrap_err();
        let other = || rule(&[("b", "*")], "l");
        let of = |domain: &str| Rule {
            domain: domain.to_owned(),
            ..other()
        };
        assert_eq!(second(of("")), InvalidRules::Domain(2));
        assert_eq!(second(rule(&[], "l")), InvalidRules::Entries(2));
        assert_eq!(second(rule(&[("", "*")], "l")), InvalidRules::Entries(2));
        let many = [("a", "*"); MAX_RULE_ENTRIES + 1];
        assert_eq!(second(rule(&many, "l")), InvalidRules::Entries(2));
        let limit = InvalidRules::Limit(2, "No".to_owned());
        assert_eq!(second(rule(&[("b", "*")], "No")), limit);
        let by = Rule {
            by: Some(vec!["c".to_owned()]),
            ..other()
        };
        assert_eq!(second(by), InvalidRules::By(2, "c".to_owned()));
        assert_eq!(second(good()), InvalidRules::Twice(2));
        let many = vec![good(); MAX_RULES + 1];
        assert_eq!(Rules::new(many).unwrap_err(), InvalidRules::Many);
    }

    proptest! {
        /// From an alphabet that the joined form is made of.
        #[test]
        fn different_descriptors_have_different_buckets(
            one in prop::collection::vec(("[a01:]{1,3}", "[a01:\0]{0,200}"), 0..4),
            other in prop::collection::vec(("[a01:]{1,3}", "[a01:\0]{0,200}"), 0..4),
        ) {
            let list = |pairs: &[(String, String)]| -> Vec<Entry> {
                let entry = |(key, value): &(String, String)| Entry { key: key.clone(), value: value.clone() };
                pairs.iter().map(entry).collect()
            };
            let (one, other) = (list(&one), list(&other));
            let (a, b) = (bucket_key("d", one.iter()), bucket_key("d", other.iter()));
            prop_assert_eq!(a == b, one == other);
            prop_assert!((1..=MAX_KEY).contains(&a.len()));
        }
    }

    #[test]
    fn values_that_look_like_a_joined_key_do_not_collide() {
        let key = |pairs: &[(&str, &str)]| bucket_key("d", entries(pairs).iter());
        // However texts are joined: a value that holds the joint and what follows it.
        let two = key(&[("a", "b"), ("c", "d")]);
        let forged = &two[two.find('b').unwrap()..];
        assert_ne!(key(&[("a", forged)]), two);
        assert_ne!(key(&[("a", "")]), key(&[("a", "\0")]));
        assert_ne!(
            bucket_key("d1:a", entries(&[("x", "")]).iter()),
            key(&[("a", "1:x0:")])
        );
        let long = "x".repeat(10_000);
        let hashed = key(&[("a", &long)]);
        assert_ne!(hashed, key(&[("a", &hashed)]));
        assert_ne!(hashed, key(&[("a", &format!("{long}x"))]));
    }
}
