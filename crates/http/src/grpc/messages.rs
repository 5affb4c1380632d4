//! The messages of `envoy.service.ratelimit.v3` that are read and written here, as they are on the wire.
//!
//! Fields that Envoy's own definition has and these lack are skipped when they are read: a descriptor's `limit`, and what a
//! response could say beyond its code, statuses and header fields. `reflection.rs` describes exactly these messages.

use prost::{Enumeration, Message};

/// The service's full name.
pub const SERVICE: &str = "envoy.service.ratelimit.v3.RateLimitService";

/// The path of its one method.
pub const SHOULD_RATE_LIMIT: &str = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

/// A question about one or more descriptors: all are admitted, or none.
#[derive(Clone, PartialEq, Message)]
pub struct RateLimitRequest {
    /// Which application asks. Rules of other domains do not apply.
    #[prost(string, tag = "1")]
    pub domain: String,
    /// What the request is about, 1 or more.
    #[prost(message, repeated, tag = "2")]
    pub descriptors: Vec<RateLimitDescriptor>,
    /// How many tokens each descriptor costs that does not say so itself; 0 counts as 1, since it cannot be told from unset.
    #[prost(uint32, tag = "3")]
    pub hits_addend: u32,
}

/// One thing that the request is about.
#[derive(Clone, PartialEq, Message)]
pub struct RateLimitDescriptor {
    /// Its parts, in order, 1 or more.
    #[prost(message, repeated, tag = "1")]
    pub entries: Vec<Entry>,
    /// How many tokens it costs, in place of the request's number; 0 asks without taking.
    #[prost(message, optional, tag = "3")]
    pub hits_addend: Option<u64>,
    /// Whether tokens are to be put back. Such a request is refused.
    #[prost(bool, tag = "4")]
    pub is_negative_hits: bool,
}

/// One part of a descriptor.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Entry {
    /// What it is, as in `remote_address`; not empty.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Which one it is; may be empty.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// The answer.
#[derive(Clone, PartialEq, Message)]
pub struct RateLimitResponse {
    /// Whether the request is admitted.
    #[prost(enumeration = "Code", tag = "1")]
    pub overall_code: i32,
    /// What became of each descriptor, in their order.
    #[prost(message, repeated, tag = "2")]
    pub statuses: Vec<DescriptorStatus>,
    /// Header fields for the answer to the client.
    #[prost(message, repeated, tag = "3")]
    pub response_headers_to_add: Vec<HeaderValue>,
}

/// Admitted or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumeration)]
#[repr(i32)]
pub enum Code {
    /// Never answered.
    Unknown = 0,
    /// Admitted.
    Ok = 1,
    /// Not admitted.
    OverLimit = 2,
}

/// What became of one descriptor.
#[derive(Clone, PartialEq, Message)]
pub struct DescriptorStatus {
    /// Whether its limit left room for the request.
    #[prost(enumeration = "Code", tag = "1")]
    pub code: i32,
    /// Its limit; none when no rule matches it.
    #[prost(message, optional, tag = "2")]
    pub current_limit: Option<CurrentLimit>,
    /// Whole tokens that are left, at most 2³² − 1 of them.
    #[prost(uint32, tag = "3")]
    pub limit_remaining: u32,
    /// Until the bucket is full.
    #[prost(message, optional, tag = "4")]
    pub duration_until_reset: Option<prost_types::Duration>,
}

/// A limit, as far as this message can tell of one: it has no place for the burst.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct CurrentLimit {
    /// How many tokens come back in a unit of time.
    #[prost(uint32, tag = "1")]
    pub requests_per_unit: u32,
    /// The unit of time.
    #[prost(enumeration = "Unit", tag = "2")]
    pub unit: i32,
    /// The limit's name.
    #[prost(string, tag = "3")]
    pub name: String,
}

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumeration)]
#[repr(i32)]
pub enum Unit {
    /// Never answered.
    Unknown = 0,
    /// A second.
    Second = 1,
    /// 60 seconds.
    Minute = 2,
    /// 60 minutes.
    Hour = 3,
    /// 24 hours.
    Day = 4,
    /// 30 days.
    Month = 5,
    /// 365 days.
    Year = 6,
    /// 7 days.
    Week = 7,
}

/// A header field.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct HeaderValue {
    /// Its name, in lower case.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Its value.
    #[prost(string, tag = "2")]
    pub value: String,
}
