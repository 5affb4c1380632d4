//! The whole surface: every route with who may call it.

use axum::routing::get;
use utoipa_axum::routes;

use crate::api::Api;
use crate::auth::Access::{AnonymousRead, Key, Open};
use crate::auth::Scope::{CatalogRead, CatalogWrite, Ops};
use crate::endpoints::{
    categories, docs, healthz, keys, metrics, openapi, problems, products, readyz,
};

pub(crate) fn public(api: Api) -> Api {
    api.large(
        AnonymousRead(CatalogRead),
        routes!(products::list::list_products),
    )
    .route(Key(CatalogWrite), routes!(products::create::create_product))
    .stream(
        Key(CatalogWrite),
        routes!(products::import::import_products),
    )
    .large_stream(Key(CatalogRead), routes!(products::export::export_products))
    .route(
        AnonymousRead(CatalogRead),
        routes!(products::get::get_product),
    )
    .route(
        Key(CatalogWrite),
        routes!(products::replace::replace_product),
    )
    .route(Key(CatalogWrite), routes!(products::patch::patch_product))
    .route(Key(CatalogWrite), routes!(products::delete::delete_product))
    .large(
        AnonymousRead(CatalogRead),
        routes!(categories::list_categories),
    )
    .large(Key(Ops), routes!(keys::list::list_keys))
    .route(Key(Ops), routes!(keys::create::create_key))
    .route(Key(Ops), routes!(keys::revoke::revoke_key))
    .probe(routes!(healthz::healthz))
    .probe(routes!(readyz::readyz))
    .large(Open, routes!(openapi::openapi))
    .page("/docs", get(docs::index))
    .page("/docs/{file}", get(docs::file))
    .page("/problems/{name}", get(problems::page))
}

/// Apart, since it may have a listener of its own.
pub(crate) fn metrics(api: Api) -> Api {
    api.probe(routes!(metrics::metrics))
}
