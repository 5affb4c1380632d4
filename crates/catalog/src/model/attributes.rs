use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// Properties of a product by name, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[schema(value_type = BTreeMap<String, AttributeValue>, example = json!({"colour": "moss", "weight_g": 420}))]
pub struct Attributes(pub(crate) BTreeMap<String, AttributeValue>);

/// The value of an attribute: one value or a list of them.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum AttributeValue {
    /// One value.
    One(Scalar),
    /// Several values; a filter matches any of them.
    Many(Vec<Scalar>),
}

/// A text, a number or a truth value. A number without a fraction is an integer, so that it has one written form.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Scalar {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A finite number with a fraction, or too large for an integer.
    Decimal(f64),
    /// A text.
    Text(String),
}

impl Attributes {
    /// Name and value of each, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &AttributeValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, AttributeValue)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (String, AttributeValue)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl AttributeValue {
    /// The values, whether one or several.
    #[must_use]
    pub fn scalars(&self) -> &[Scalar] {
        match self {
            Self::One(scalar) => std::slice::from_ref(scalar),
            Self::Many(scalars) => scalars,
        }
    }
}

impl Scalar {
    /// What `text` in a filter may mean: the text itself, and the number or truth value that it writes.
    #[must_use]
    pub fn meanings(text: &str) -> Vec<Self> {
        let mut meanings = vec![Self::Text(text.to_owned())];
        if let Ok(other @ (Self::Bool(_) | Self::Integer(_) | Self::Decimal(_))) =
            serde_json::from_str::<Self>(text)
        {
            meanings.push(other);
        }
        meanings
    }

    fn from_f64(number: f64) -> Option<Self> {
        const LIMIT: f64 = 9_223_372_036_854_775_808.0;
        if !number.is_finite() {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "whole and within the bounds of i64"
        )]
        let whole =
            (number.fract() == 0.0 && (-LIMIT..LIMIT).contains(&number)).then_some(number as i64);
        Some(whole.map_or(Self::Decimal(number), Self::Integer))
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AttributesVisitor)
    }
}

struct AttributesVisitor;

impl<'de> Visitor<'de> for AttributesVisitor {
    type Value = Attributes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attributes, A::Error> {
        let mut attributes = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, AttributeValue>()? {
            if attributes.contains_key(&name) {
                return Err(de::Error::custom(format_args!(
                    "duplicate attribute `{name}`"
                )));
            }
            attributes.insert(name, value);
        }
        Ok(Attributes(attributes))
    }
}

impl<'de> Deserialize<'de> for AttributeValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(ValueVisitor)
            .map(|value| match value {
                Parsed::One(scalar) => Self::One(scalar),
                Parsed::Many(scalars) => Self::Many(scalars),
            })
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(ValueVisitor)? {
            Parsed::One(scalar) => Ok(scalar),
            Parsed::Many(_) => Err(de::Error::custom("a list within a list")),
        }
    }
}

enum Parsed {
    One(Scalar),
    Many(Vec<Scalar>),
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Parsed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, true, false or a list of these")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Parsed, E> {
        Ok(Parsed::One(Scalar::Bool(value)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Parsed, E> {
        Ok(Parsed::One(Scalar::Integer(value)))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Parsed, E> {
        if let Ok(value) = i64::try_from(value) {
            return self.visit_i64(value);
        }
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "only kept when exact"
        )]
        let exact = (value as f64 as u64 == value).then_some(value as f64);
        exact
            .map(|value| Parsed::One(Scalar::Decimal(value)))
            .ok_or_else(|| E::custom("an integer that needs more than 64 bits with its sign"))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Parsed, E> {
        Scalar::from_f64(value)
            .map(Parsed::One)
            .ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Parsed, E> {
        Ok(Parsed::One(Scalar::Text(value.to_owned())))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Parsed, E> {
        Ok(Parsed::One(Scalar::Text(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Parsed, A::Error> {
        let mut scalars = Vec::new();
        while let Some(scalar) = seq.next_element()? {
            if scalars.len() == super::input::MAX_LIST {
                return Err(de::Error::custom("a list of more than 64 values"));
            }
            scalars.push(scalar);
        }
        Ok(Parsed::Many(scalars))
    }
}
