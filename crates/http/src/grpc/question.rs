//! From a request to what the limiter is asked. Pure.

use std::sync::Arc;

use stanchion_limiter::{Limit, LimitName};
use tonic::Status;

use super::RateLimitConfig;
use super::messages::{Entry, RateLimitDescriptor, RateLimitRequest};
use super::rules::Rules;

/// What a request asks of one bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) limit: Arc<Limit>,
    pub(super) key: String,
    /// The cost of all descriptors that are about it.
    pub(super) cost: u64,
}

/// What a request asks.
#[derive(Debug)]
pub(super) struct Question {
    /// Each bucket once.
    pub(super) buckets: Vec<Bucket>,
    /// For each descriptor its bucket; `None` when no rule is for it.
    pub(super) places: Vec<Option<usize>>,
}

impl Bucket {
    /// No bucket of the limit ever holds the cost.
    pub(super) fn is_hopeless(&self) -> bool {
        self.cost > self.limit.burst()
    }
}

/// Refuses what no well-behaved proxy sends.
pub(super) fn validate(request: &RateLimitRequest, config: &RateLimitConfig) -> Result<(), Status> {
    let refuse = |what: String| Err(Status::invalid_argument(what));
    let most = config.max_text_bytes;
    if request.domain.is_empty() || request.domain.len() > most {
        return refuse(format!("the domain has 1 to {most} bytes"));
    }
    let most = config.descriptors();
    if !(1..=most).contains(&request.descriptors.len()) {
        return refuse(format!("a request has 1 to {most} descriptors"));
    }
    for (descriptor, number) in request.descriptors.iter().zip(1..) {
        if let Err(what) = validate_descriptor(descriptor, config) {
            return refuse(format!("descriptor {number}: {what}"));
        }
    }
    Ok(())
}

fn validate_descriptor(
    descriptor: &RateLimitDescriptor,
    config: &RateLimitConfig,
) -> Result<(), String> {
    let most = config.max_entries;
    if !(1..=most).contains(&descriptor.entries.len()) {
        return Err(format!("a descriptor has 1 to {most} entries"));
    }
    let most = config.max_text_bytes;
    let is_good =
        |entry: &Entry| (1..=most).contains(&entry.key.len()) && entry.value.len() <= most;
    if !descriptor.entries.iter().all(is_good) {
        return Err(format!(
            "an entry has a key of 1 to {most} bytes and a value of at most {most}"
        ));
    }
    if descriptor.is_negative_hits {
        return Err("tokens are not put back: is_negative_hits must be false".to_owned());
    }
    Ok(())
}

/// What a valid request asks; an error when a rule names a limit that there is not.
pub(super) fn question(
    request: &RateLimitRequest,
    rules: &Rules,
    limit: impl Fn(&LimitName) -> Option<Arc<Limit>>,
) -> Result<Question, Status> {
    let cost_of_each = u64::from(request.hits_addend.max(1));
    let mut buckets: Vec<Bucket> = Vec::new();
    let mut places = Vec::with_capacity(request.descriptors.len());
    for descriptor in &request.descriptors {
        let Some((name, key)) = rules.find(&request.domain, &descriptor.entries) else {
            places.push(None);
            continue;
        };
        let Some(limit) = limit(name) else {
            let what = format!("a rule of this domain names the limit {name}, which there is not");
            return Err(Status::failed_precondition(what));
        };
        let cost = descriptor.hits_addend.unwrap_or(cost_of_each);
        let same = |bucket: &Bucket| bucket.limit.name() == name && bucket.key == key;
        let place = match buckets.iter().position(same) {
            Some(place) => {
                let bucket = &mut buckets[place];
                bucket.cost = bucket.cost.saturating_add(cost);
                place
            }
            None => {
                buckets.push(Bucket { limit, key, cost });
                buckets.len() - 1
            }
        };
        places.push(Some(place));
    }
    Ok(Question { buckets, places })
}
