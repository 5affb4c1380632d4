use axum::Json;
use axum::extract::State;
use serde::Serialize;
use stanchion_catalog::{ListQuery, Product, Sort, Status};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Parameters, number, once, unknown};
use crate::problem::{Problem, ProblemKind};

/// A page of products.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProductPage {
    /// The products, in order.
    items: Vec<Product>,
    /// The `cursor` of the next page; `null` on the last one.
    next_cursor: Option<String>,
}

/// The name of an order, as the catalogue defines it.
struct SortName;

impl PartialSchema for SortName {
    fn schema() -> RefOr<Schema> {
        let names = Sort::ALL.map(|(name, _)| name);
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(names))
            .into()
    }
}

impl ToSchema for SortName {}

/// Products
///
/// Following `next_cursor` gives each product that stays as it is exactly once, whatever is written meanwhile.
/// Callers without `catalog:write` see active products only.
#[utoipa::path(get, path = "/v1/products", tag = "catalogue",
    params(
        ("limit" = Option<u32>, Query, description = "The most products of the page; 50 when absent", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, of the same query"),
        ("q" = Option<String>, Query, description = "Words that must occur, the last one as a beginning; at most 16", max_length = 500),
        ("category" = Option<String>, Query, description = "The name of a category"),
        ("status" = Option<Vec<Status>>, Query, description = "One or more statuses"),
        ("attr.NAME" = Option<String>, Query, description = "The value that the attribute NAME must have, or one of its values; at most 8 attributes"),
        ("sort" = inline(Option<SortName>), Query, description = "The order; `relevance` with `q`, otherwise `newest`"),
    ),
    responses(
        (status = 200, description = "A page", body = ProductPage),
    ))]
pub(crate) async fn list_products(
    State(app): State<App>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Json<ProductPage>, Problem> {
    let mut query = read(parameters)?;
    if !caller.sees_everything() {
        let asked = std::mem::replace(&mut query.statuses, vec![Status::Active]);
        if !asked.is_empty() && !asked.contains(&Status::Active) {
            return Ok(Json(ProductPage {
                items: Vec::new(),
                next_cursor: None,
            }));
        }
    }
    let page = app.catalog.list(&query).await?;
    Ok(Json(ProductPage {
        items: page.items,
        next_cursor: page.next_cursor,
    }))
}

fn read(parameters: Parameters) -> Result<ListQuery, Problem> {
    let mut query = ListQuery::default();
    for (name, value) in parameters {
        match name.as_str() {
            "limit" => once(&mut query.limit, &name, number(&name, &value)?)?,
            "cursor" => once(&mut query.cursor, &name, value)?,
            "q" => once(&mut query.search, &name, value)?,
            "category" => once(&mut query.category, &name, value)?,
            "sort" => {
                let sort = Sort::named(&value).ok_or_else(|| one_of(&name, &sorts()))?;
                once(&mut query.sort, &name, sort)?;
            }
            "status" => {
                let statuses = Status::ALL.map(Status::as_str).join(", ");
                let status = value.parse().map_err(|()| one_of(&name, &statuses))?;
                query.statuses.push(status);
            }
            _ => match name.strip_prefix("attr.") {
                Some(attribute) => {
                    let mut place = query.attributes.remove(attribute);
                    once(&mut place, &name, value)?;
                    query
                        .attributes
                        .extend(place.map(|value| (attribute.to_owned(), value)));
                }
                None => return Err(unknown(&name)),
            },
        }
    }
    Ok(query)
}

fn sorts() -> String {
    Sort::ALL.map(|(name, _)| name).join(", ")
}

fn one_of(name: &str, values: &str) -> Problem {
    Problem::new(ProblemKind::BadRequest).detail(format!("`{name}` must be one of: {values}"))
}
