//! The parts of the API document that are the same for every operation.

mod problems;

use utoipa::OpenApi as _;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, Content, InfoBuilder, License, OpenApi, Ref, RefOr, Response, ResponseBuilder,
};

use crate::auth::Access;
use crate::envelope::Manner;
use crate::problem::{FieldProblem, MEDIA_TYPE, ProblemKind, ProblemSchema};

pub(crate) use problems::{
    CancelProblems, ChangeProblems, CheckProblems, ClaimProblems, ContentProblems, CreateProblems,
    DeleteProblems, EnqueueProblems, HeldProblems, ImportProblems, JobProblems, LimitProblems,
    MediaProblems, PictureNameProblems, PictureProblems, ReserveProblems, RetryProblems,
    SettleProblems, StockProblems,
};

const SCHEME: &str = "bearer";
const DESCRIPTION: &str = "A product catalogue. Errors are `application/problem+json` (RFC 9457); the `type` of each leads to the page that \
     explains it. Every answer carries `X-Request-Id`.";

#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(ProblemSchema, FieldProblem)))]
struct Base;

/// The document before any route is in it.
pub(crate) fn document() -> OpenApi {
    let mut document = Base::openapi();
    document.info = InfoBuilder::new()
        .title("Stanchion")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(License::new("Apache-2.0")))
        .build();
    let scheme = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API key (`stn_…`) or a JSON Web Token"))
        .build();
    document
        .components
        .get_or_insert_with(Components::new)
        .add_security_scheme(SCHEME, SecurityScheme::Http(scheme));
    document
}

/// Adds who may call an operation, and the problems that any operation of its kind may answer with.
pub(crate) fn operation(operation: &mut Operation, access: Access, manner: Manner) {
    let extension = ExtensionsBuilder::new()
        .add("x-access", access.to_string())
        .build();
    operation
        .extensions
        .get_or_insert_default()
        .merge(extension);
    operation.security = Some(security(access));
    let mut problems = vec![ProblemKind::BadRequest, ProblemKind::Internal];
    if manner != Manner::Probe {
        problems.extend([
            ProblemKind::QuotaExceeded,
            ProblemKind::Overloaded,
            ProblemKind::RequestTimeout,
        ]);
    }
    if access != Access::Open {
        problems.extend([
            ProblemKind::Unauthenticated,
            ProblemKind::Forbidden,
            ProblemKind::StorageFull,
        ]);
    }
    for kind in problems {
        let status = kind.status().as_u16().to_string();
        operation
            .responses
            .responses
            .entry(status)
            .or_insert_with(|| problem(kind));
    }
}

fn security(access: Access) -> Vec<SecurityRequirement> {
    let needed = |scope: crate::auth::Scope| SecurityRequirement::new(SCHEME, [scope.as_str()]);
    match access {
        Access::Open => Vec::new(),
        Access::AnonymousRead(scope) => vec![SecurityRequirement::default(), needed(scope)],
        Access::Key(scope) => vec![needed(scope)],
    }
}

fn problem(kind: ProblemKind) -> RefOr<Response> {
    let same_status = ProblemKind::ALL
        .iter()
        .filter(|other| other.status() == kind.status());
    let names: Vec<String> = same_status
        .map(|kind| format!("`{}`", kind.name()))
        .collect();
    let content = Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
    let response = ResponseBuilder::new()
        .description(format!("{} ({})", kind.title(), names.join(", ")))
        .content(MEDIA_TYPE, content);
    RefOr::T(response.build())
}
