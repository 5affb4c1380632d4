use axum::http::StatusCode;

/// Declares every kind of problem in one table: variant, name in its `type`, status, title.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $status:ident, $title:literal;)+) => {
        /// The documented kinds of problems. The list is complete: every error answer is one of these.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ProblemKind {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl ProblemKind {
            /// All of them, in the order of their statuses.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in its `type`, `/problems/NAME`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The status that it is answered with.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)+ }
            }

            /// A short summary, the same for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }
        }
    };
}

kinds! {
    /// A query parameter or a header cannot be understood.
    BadRequest = "bad-request", BAD_REQUEST, "The request cannot be understood";
    /// The body is not one JSON document, or an object in it has a member twice.
    InvalidJson = "invalid-json", BAD_REQUEST, "The body is not valid JSON";
    /// The cursor was not given out for this query.
    InvalidCursor = "invalid-cursor", BAD_REQUEST, "The cursor does not belong to this query";
    /// There is no credential, or not a valid one.
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "A valid credential is needed";
    /// The credential is valid and does not allow this.
    Forbidden = "forbidden", FORBIDDEN, "The credential does not allow this";
    /// There is nothing here.
    NotFound = "not-found", NOT_FOUND, "There is nothing here";
    /// The resource exists and has no such method.
    MethodNotAllowed = "method-not-allowed", METHOD_NOT_ALLOWED, "The method is not allowed here";
    /// The client sent its body too slowly.
    RequestTimeout = "request-timeout", REQUEST_TIMEOUT, "The body did not arrive in time";
    /// Another product has the SKU.
    SkuTaken = "sku-taken", CONFLICT, "Another product has this SKU";
    /// Fewer pieces are available than were asked for; `lines` names them.
    InsufficientStock = "insufficient-stock", CONFLICT, "There are not enough pieces";
    /// A product is not active; `skus` names it.
    NotForSale = "not-for-sale", CONFLICT, "This is not for sale";
    /// The reservation was settled in another way before.
    ReservationSettled = "reservation-settled", CONFLICT, "The reservation is settled already";
    /// The change would leave fewer pieces than are reserved, or more than there can be.
    StockOutOfBounds = "stock-out-of-bounds", CONFLICT, "The stock cannot be changed by so much";
    /// Others changed the stock at every attempt.
    StockContended = "stock-contended", CONFLICT, "Others were faster at every attempt";
    /// The configuration sets the limit; the interface does not change it.
    LimitIsFixed = "limit-is-fixed", CONFLICT, "The configuration sets this limit";
    /// As many limits are stored as may be.
    TooManyLimits = "too-many-limits", CONFLICT, "No more limits can be stored";
    /// The product has as many pictures as it may.
    TooManyPictures = "too-many-pictures", CONFLICT, "The product has no room for more pictures";
    /// The job is another worker's, or has ended.
    LeaseLost = "lease-lost", CONFLICT, "The job is not held by this lease";
    /// The job has ended, and cannot be cancelled.
    JobEnded = "job-ended", CONFLICT, "The job has ended already";
    /// Only dead letters are tried again.
    NotADeadLetter = "not-a-dead-letter", CONFLICT, "The job is no dead letter";
    /// Another job has the unique key of this one; `job` names it.
    DuplicateJob = "duplicate-job", CONFLICT, "Another job is the only one of its kind";
    /// A request with the same idempotency key is being worked on.
    IdempotencyInProgress = "idempotency-in-progress", CONFLICT, "The first request with this idempotency key is still running";
    /// The resource is not in the state that `If-Match` names.
    PreconditionFailed = "precondition-failed", PRECONDITION_FAILED, "The resource has changed";
    /// The body is larger than allowed.
    PayloadTooLarge = "payload-too-large", PAYLOAD_TOO_LARGE, "The body is too large";
    /// The body is of a type that the route does not take.
    UnsupportedMediaType = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "The type of the body is not supported";
    /// No byte of the object is in the range that was asked for.
    RangeNotSatisfiable = "range-not-satisfiable", RANGE_NOT_SATISFIABLE, "There is no such range of bytes";
    /// The body is JSON and breaks rules; `errors` names the fields.
    Validation = "validation", UNPROCESSABLE_ENTITY, "The content is not valid";
    /// The picture is damaged, too large to be rendered, or of a kind that is not decoded.
    BadPicture = "bad-picture", UNPROCESSABLE_ENTITY, "The picture cannot be taken";
    /// A SKU belongs to no product; `skus` names it.
    UnknownSku = "unknown-sku", UNPROCESSABLE_ENTITY, "No product has this SKU";
    /// A commit names more pieces than are reserved; `lines` names them.
    MoreThanReserved = "more-than-reserved", UNPROCESSABLE_ENTITY, "No more than is reserved can be committed";
    /// The idempotency key was used with another request.
    IdempotencyKeyReused = "idempotency-key-reused", UNPROCESSABLE_ENTITY, "The idempotency key belongs to another request";
    /// More tokens are asked for than a bucket of the limit ever holds.
    CostAboveBurst = "cost-above-burst", UNPROCESSABLE_ENTITY, "No bucket of the limit holds so many tokens";
    /// A change needs an `If-Match`.
    PreconditionRequired = "precondition-required", PRECONDITION_REQUIRED, "An If-Match header is needed";
    /// A limit refused the request; `violated-policies` names it.
    QuotaExceeded = "quota-exceeded", TOO_MANY_REQUESTS, "Too many requests";
    /// Something failed that should not have.
    Internal = "internal", INTERNAL_SERVER_ERROR, "The server failed";
    /// More requests are in flight than the server takes.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "The server has too much to do";
    /// The answer was not ready within the time for a request.
    DeadlineExceeded = "deadline-exceeded", SERVICE_UNAVAILABLE, "The answer took too long";
    /// The database cannot be reached, or is busy.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "A part that this needs is not available";
    /// The disk of the database is full.
    StorageFull = "storage-full", INSUFFICIENT_STORAGE, "There is no space left";
}

impl ProblemKind {
    /// The kind with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Whether the same request may succeed later without a change.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(
            self,
            Self::Overloaded
                | Self::DeadlineExceeded
                | Self::Unavailable
                | Self::IdempotencyInProgress
                | Self::StockContended
        )
    }
}
