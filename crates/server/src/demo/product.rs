use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// A generated product, in the form of an import line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Product {
    /// Unique: the category's three letters and a number, as in `KIT-000123`.
    pub sku: String,
    /// What it is called.
    pub name: String,
    /// One to three sentences.
    pub description: String,
    /// Its category's name.
    pub category: &'static str,
    /// What it costs.
    pub price: Price,
    /// What else is known about it.
    pub attributes: Attributes,
    /// Whether it is on sale.
    pub status: Status,
}

/// An amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Price {
    /// Minor units: cents.
    pub amount: i64,
    /// ISO 4217 code.
    pub currency: &'static str,
}

/// Whether a product is on sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Not yet.
    Draft,
    /// Now.
    Active,
    /// No more.
    Archived,
}

/// Names and values; a name occurs once.
#[derive(Clone, Debug, PartialEq)]
pub struct Attributes(pub(super) Vec<(&'static str, Attribute)>);

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Attribute {
    /// A word or two.
    Text(&'static str),
    /// A whole number.
    Integer(u64),
    /// A number with one decimal place.
    Decimal(f64),
    /// True or false.
    Flag(bool),
    /// Some words.
    List(Vec<&'static str>),
}

impl Attributes {
    /// All names with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Attribute)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }

    /// The value of one attribute.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Attribute> {
        self.iter()
            .find(|(own, _)| *own == name)
            .map(|(_, value)| value)
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
