#![expect(
    dead_code,
    reason = "the fields are read by the derive that describes them"
)]

use utoipa::ToSchema;

/// An error, in the form of RFC 9457.
#[derive(ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemSchema {
    /// What kind of problem it is, as the address of the page that explains it.
    #[schema(example = "/problems/validation")]
    r#type: String,
    /// A summary of the kind.
    #[schema(example = "The content is not valid")]
    title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599, example = 422)]
    status: u16,
    /// What is special about this occurrence.
    detail: Option<String>,
    /// The id of the request, as in `X-Request-Id`.
    #[schema(example = "0193a1f0-6a5c-7c3e-8f00-5b1d6b0f9a11")]
    instance: String,
    /// The fields that are not valid.
    errors: Option<Vec<FieldProblem>>,
}

/// What is wrong with one field.
#[derive(ToSchema)]
pub(crate) struct FieldProblem {
    /// Which field, as a JSON Pointer (RFC 6901).
    #[schema(example = "/price/currency")]
    pointer: String,
    /// What is wrong with it.
    #[schema(example = "is not an active ISO 4217 code")]
    message: String,
}
