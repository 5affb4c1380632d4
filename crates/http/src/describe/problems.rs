//! Sets of problems that several operations share.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

use crate::problem::ProblemKind::{self, *};

type Set = BTreeMap<String, RefOr<Response>>;

macro_rules! sets {
    ($($(#[doc = $doc:literal])+ $name:ident = [$($kind:ident),+];)+) => {$(
        $(#[doc = $doc])+
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> Set {
                set(&[$($kind),+])
            }
        }
    )+};
}

sets! {
    /// What may be wrong with a JSON body.
    ContentProblems = [InvalidJson, PayloadTooLarge, UnsupportedMediaType, Validation];
    /// What may be wrong when something is made.
    CreateProblems = [InvalidJson, SkuTaken, PayloadTooLarge, UnsupportedMediaType, Validation];
    /// What may be wrong when something is changed.
    ChangeProblems = [InvalidJson, NotFound, SkuTaken, PreconditionFailed, PayloadTooLarge, UnsupportedMediaType, Validation, PreconditionRequired];
    /// What may be wrong when something is deleted.
    DeleteProblems = [NotFound, PreconditionFailed, PreconditionRequired];
    /// What may be wrong with a reservation to be made.
    ReserveProblems = [InvalidJson, InsufficientStock, PayloadTooLarge, UnsupportedMediaType, Validation];
    /// What may be wrong with the end of a reservation.
    SettleProblems = [InvalidJson, NotFound, ReservationSettled, PayloadTooLarge, UnsupportedMediaType, Validation];
    /// What may be wrong with a change of stock.
    StockProblems = [InvalidJson, StockOutOfBounds, PreconditionFailed, PayloadTooLarge, UnsupportedMediaType, Validation];
    /// What may be wrong with a limit to be set.
    LimitProblems = [InvalidJson, NotFound, LimitIsFixed, PreconditionFailed, PayloadTooLarge, UnsupportedMediaType, Validation];
    /// What may be wrong with a question to limits.
    CheckProblems = [InvalidJson, NotFound, PayloadTooLarge, UnsupportedMediaType, Validation];
    /// What may be wrong with a job to be enqueued.
    EnqueueProblems = [InvalidJson, IdempotencyInProgress, PayloadTooLarge, UnsupportedMediaType, Validation];
    /// What may be wrong with a wish for jobs.
    ClaimProblems = [InvalidJson, NotFound, PayloadTooLarge, UnsupportedMediaType, Validation];
    /// What may be wrong when a worker tells of a job.
    HeldProblems = [InvalidJson, NotFound, LeaseLost, PayloadTooLarge, UnsupportedMediaType, Validation];
    /// What may be wrong with the name of a job.
    JobProblems = [NotFound];
    /// What may be wrong when a job is cancelled.
    CancelProblems = [NotFound, JobEnded];
    /// What may be wrong when a job is tried again.
    RetryProblems = [InvalidJson, NotFound, NotADeadLetter, PayloadTooLarge, UnsupportedMediaType, Validation];
    /// What may be wrong with a picture.
    PictureProblems = [NotFound, TooManyPictures, PayloadTooLarge, UnsupportedMediaType, BadPicture, Unavailable];
    /// What may be wrong with the name of a picture.
    PictureNameProblems = [NotFound];
    /// What may be wrong with the name of a rendition, or with the bytes of it that are wanted.
    MediaProblems = [NotFound, RangeNotSatisfiable, Unavailable];
    /// What may be wrong with an import as a whole.
    ImportProblems = [UnsupportedMediaType];
}

fn set(kinds: &[ProblemKind]) -> Set {
    let described =
        |kind: &ProblemKind| (kind.status().as_u16().to_string(), super::problem(*kind));
    kinds.iter().map(described).collect()
}
