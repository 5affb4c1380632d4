use std::ops::Deref;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Attributes, Scalar, Status, currency};

/// The longest SKU, in characters.
const MAX_SKU: usize = 64;
/// The longest name, in characters.
const MAX_NAME: usize = 200;
/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 10_000;
/// The longest category name, in characters.
const MAX_CATEGORY: usize = 64;
/// The largest price in minor units; sums of a few thousand of them still fit.
const MAX_AMOUNT: i64 = 1_000_000_000_000_000;
/// The most attributes of a product.
const MAX_ATTRIBUTES: usize = 64;
/// The longest name of an attribute, in characters.
const MAX_ATTRIBUTE_NAME: usize = 64;
/// The longest text value of an attribute, in characters.
const MAX_ATTRIBUTE_TEXT: usize = 1_000;
/// The most values in a list.
pub(super) const MAX_LIST: usize = 64;

/// What a writer sets of a product: the body of a request, a line of an import. Not checked yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductInput {
    /// Stock keeping unit: 1 to 64 characters without spaces at the ends or control characters.
    #[schema(min_length = 1, max_length = 64, example = "TENT-0042")]
    pub sku: String,
    /// 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200, example = "Two-person tent")]
    pub name: String,
    /// At most 10,000 characters.
    #[serde(default)]
    #[schema(max_length = 10_000)]
    pub description: String,
    /// 1 to 64 characters; a category that does not exist yet comes into being.
    #[schema(min_length = 1, max_length = 64, example = "camping")]
    pub category: String,
    /// The price.
    pub price: PriceInput,
    /// At most 64; names of letters, digits, `_`, `-` and `.`; values are texts, numbers, truth values or lists of these.
    #[serde(default)]
    pub attributes: Attributes,
    /// Whether it is shown; `draft` when absent.
    #[serde(default)]
    pub status: Status,
}

/// A price as a writer sets it. Not checked yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceInput {
    /// In minor units of the currency, 0 to 10^15.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000_i64, example = 4999)]
    pub amount: i64,
    /// An active ISO 4217 code.
    #[schema(pattern = "^[A-Z]{3}$", example = "EUR")]
    pub currency: String,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Which field, as a JSON Pointer (RFC 6901).
    #[schema(example = "/price/currency")]
    pub pointer: String,
    /// What is wrong.
    #[schema(example = "is not an active ISO 4217 code")]
    pub message: String,
}

/// A [`ProductInput`] that has been checked; there is no other way to get one.
#[derive(Clone, Debug, PartialEq)]
pub struct NewProduct(ProductInput);

impl Deref for NewProduct {
    type Target = ProductInput;

    fn deref(&self) -> &ProductInput {
        &self.0
    }
}

impl ProductInput {
    /// Checks every field.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(self) -> Result<NewProduct, Vec<FieldError>> {
        let mut errors = Vec::new();
        check_line(&mut errors, "/sku", &self.sku, MAX_SKU);
        check_line(&mut errors, "/name", &self.name, MAX_NAME);
        check_text(
            &mut errors,
            "/description",
            &self.description,
            MAX_DESCRIPTION,
        );
        check_line(&mut errors, "/category", &self.category, MAX_CATEGORY);
        if !(0..=MAX_AMOUNT).contains(&self.price.amount) {
            refuse(&mut errors, "/price/amount", "must be from 0 to 10^15");
        }
        if !currency::is_known(&self.price.currency) {
            refuse(
                &mut errors,
                "/price/currency",
                "is not an active ISO 4217 code",
            );
        }
        check_attributes(&mut errors, &self.attributes);
        if errors.is_empty() {
            Ok(NewProduct(self))
        } else {
            Err(errors)
        }
    }
}

fn refuse(errors: &mut Vec<FieldError>, pointer: &str, message: &str) {
    errors.push(FieldError {
        pointer: pointer.to_owned(),
        message: message.to_owned(),
    });
}

/// A text of one line: not empty, no spaces at its ends, no control characters.
fn check_line(errors: &mut Vec<FieldError>, pointer: &str, text: &str, most: usize) {
    if text.is_empty() {
        refuse(errors, pointer, "must not be empty");
    } else if longer_than(text, most) {
        refuse(
            errors,
            pointer,
            &format!("must have at most {most} characters"),
        );
    } else if text.trim() != text {
        refuse(errors, pointer, "must not begin or end with a space");
    } else if text.chars().any(char::is_control) {
        refuse(errors, pointer, "must not contain control characters");
    }
}

/// A text that may have several lines.
fn check_text(errors: &mut Vec<FieldError>, pointer: &str, text: &str, most: usize) {
    if longer_than(text, most) {
        refuse(
            errors,
            pointer,
            &format!("must have at most {most} characters"),
        );
    } else if text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    {
        refuse(errors, pointer, "must not contain control characters");
    }
}

fn longer_than(text: &str, most: usize) -> bool {
    text.len() > most && text.chars().nth(most).is_some()
}

fn check_attributes(errors: &mut Vec<FieldError>, attributes: &Attributes) {
    if attributes.len() > MAX_ATTRIBUTES {
        refuse(errors, "/attributes", "must have at most 64 members");
        return;
    }
    for (name, value) in attributes.iter() {
        let pointer = || format!("/attributes/{}", name.replace('~', "~0").replace('/', "~1"));
        if !is_attribute_name(name) {
            let message = "must be named with 1 to 64 letters, digits, `_`, `-` and `.` of ASCII";
            refuse(errors, &pointer(), message);
            continue;
        }
        for scalar in value.scalars() {
            if let Scalar::Text(text) = scalar {
                check_text(errors, &pointer(), text, MAX_ATTRIBUTE_TEXT);
            }
        }
    }
}

/// Whether an attribute may have this name.
pub(crate) fn is_attribute_name(name: &str) -> bool {
    (1..=MAX_ATTRIBUTE_NAME).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}
