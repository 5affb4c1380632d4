//! One pass over a document that keeps nothing of it and refuses members that come twice.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::{pointer, syntax};
use crate::problem::{Problem, ProblemKind};

/// Objects with fewer members than this are searched, larger ones hashed.
const SEARCHED: usize = 16;

pub(super) fn check(body: &[u8]) -> Result<(), Problem> {
    let duplicate = RefCell::new(None);
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let walked = Walk {
        duplicate: &duplicate,
    }
    .deserialize(&mut deserializer)
    .and_then(|()| deserializer.end());
    match (duplicate.into_inner(), walked) {
        (Some(place), _) => {
            let place: Vec<String> = place;
            let pointer = place.iter().rev().fold(String::new(), |mut pointer, name| {
                pointer::push_name(&mut pointer, name);
                pointer
            });
            Err(Problem::new(ProblemKind::InvalidJson)
                .detail(format!("the member `{pointer}` comes twice"))
                .with("pointer", pointer))
        }
        (None, Err(error)) => Err(syntax(&error)),
        (None, Ok(())) => Ok(()),
    }
}

/// Visits a value and all below it. A duplicate's place is gathered on the way out, from the inside to the outside.
#[derive(Clone, Copy)]
struct Walk<'a> {
    duplicate: &'a RefCell<Option<Vec<String>>>,
}

impl Walk<'_> {
    fn passed(self, name: impl FnOnce() -> String) {
        if let Some(place) = self.duplicate.borrow_mut().as_mut() {
            place.push(name());
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut index = 0_usize;
        loop {
            match seq.next_element_seed(self) {
                Ok(Some(())) => index += 1,
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.passed(|| index.to_string());
                    return Err(error);
                }
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut names = Names::default();
        while let Some(name) = map.next_key::<String>()? {
            if names.contains(&name) {
                *self.duplicate.borrow_mut() = Some(vec![name]);
                let _ = map.next_value::<IgnoredAny>();
                return Err(A::Error::custom("a member comes twice"));
            }
            if let Err(error) = map.next_value_seed(self) {
                self.passed(|| name);
                return Err(error);
            }
            names.insert(name);
        }
        Ok(())
    }
}

/// The names of an object so far.
#[derive(Default)]
struct Names {
    few: Vec<String>,
    many: HashSet<String>,
}

impl Names {
    fn contains(&self, name: &str) -> bool {
        self.few.iter().any(|known| known == name) || self.many.contains(name)
    }

    fn insert(&mut self, name: String) {
        if self.few.len() < SEARCHED {
            self.few.push(name);
        } else {
            self.many.insert(name);
        }
    }
}
