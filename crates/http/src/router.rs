//! The whole surface: every route with who may call it.

use axum::routing::get;
use utoipa_axum::routes;

use crate::api::Api;
use crate::auth::Access::{AnonymousRead, Key, Open};
use crate::auth::Scope::{
    CatalogRead, CatalogWrite, JobsAdmin, JobsWork, LimitsAdmin, LimitsCheck, Ops, StockRead,
    StockWrite,
};
use crate::endpoints::{
    categories, dead_letters, docs, healthz, images, jobs, keys, limits, media, metrics, openapi,
    problems, products, queues, readyz, reservations, stock,
};

pub(crate) fn public(api: Api) -> Api {
    pictures(queue(api))
        .large(
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
        .route(Key(StockRead), routes!(stock::get::get_stock))
        .route(Key(StockWrite), routes!(stock::adjust::adjust_stock))
        .route(Key(StockWrite), routes!(stock::low_stock::set_low_stock))
        .route(
            Key(StockWrite),
            routes!(reservations::create::create_reservation),
        )
        .route(Key(StockRead), routes!(reservations::get::get_reservation))
        .route(
            Key(StockWrite),
            routes!(reservations::commit::commit_reservation),
        )
        .route(
            Key(StockWrite),
            routes!(reservations::release::release_reservation),
        )
        .large(Key(LimitsAdmin), routes!(limits::list::list_limits))
        .route(Key(LimitsAdmin), routes!(limits::get::get_limit))
        .route(Key(LimitsAdmin), routes!(limits::put::put_limit))
        .route(Key(LimitsAdmin), routes!(limits::delete::delete_limit))
        .route(Key(LimitsCheck), routes!(limits::check::check_limits))
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

fn pictures(api: Api) -> Api {
    api.stream(Key(CatalogWrite), routes!(images::add::add_image))
        .route(AnonymousRead(CatalogRead), routes!(images::get::get_image))
        .route(Key(CatalogWrite), routes!(images::delete::delete_image))
        .download(AnonymousRead(CatalogRead), routes!(media::get_media))
}

fn queue(api: Api) -> Api {
    api.route(Key(JobsWork), routes!(jobs::enqueue::enqueue_job))
        .waiting(Key(JobsWork), routes!(queues::claim::claim_jobs))
        .route(Key(JobsWork), routes!(jobs::heartbeat::beat_job))
        .route(Key(JobsWork), routes!(jobs::complete::complete_job))
        .route(Key(JobsWork), routes!(jobs::fail::fail_job))
        .large(Key(JobsAdmin), routes!(jobs::list::list_jobs))
        .large(Key(JobsAdmin), routes!(jobs::get::get_job))
        .route(Key(JobsAdmin), routes!(jobs::cancel::cancel_job))
        .route(Key(JobsAdmin), routes!(jobs::retry::retry_job))
        .large(Key(JobsAdmin), routes!(queues::list::list_queues))
        .route(
            Key(JobsAdmin),
            routes!(dead_letters::replay::replay_dead_letters),
        )
}

/// Apart, since it may have a listener of its own.
pub(crate) fn metrics(api: Api) -> Api {
    api.probe(routes!(metrics::metrics))
}
