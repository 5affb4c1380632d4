//! What a keeper promises that lends.

pub(super) mod ends;
pub(super) mod grants;
pub(super) mod returns;
pub(super) mod room;

use std::time::Duration;

use stanchion_kernel::Uuid;

use crate::port::{Epoch, LeaseId, LeaseRequest, Lender, Lent, Settled};
use crate::{Ask, Limit, LimiterError};

/// Longer than a case takes.
const LONG: Duration = Duration::from_secs(60);

async fn request(
    lender: &dyn Lender,
    limit: &Limit,
    id: u128,
    tokens: u64,
    lifetime: Duration,
    settled: &[Settled],
) -> Result<Lent, LimiterError> {
    let request = LeaseRequest {
        limit,
        key: "k",
        id: LeaseId(Uuid::from_u128(id)),
        tokens,
        lifetime,
        settled,
    };
    lender.lend(&request).await
}

/// The epoch in which a chunk was granted, if it was.
async fn lend(
    lender: &dyn Lender,
    limit: &Limit,
    id: u128,
    tokens: u64,
    lifetime: Duration,
) -> Option<Epoch> {
    match request(lender, limit, id, tokens, lifetime, &[]).await {
        Ok(Lent::Granted { epoch, decision }) => {
            assert!(decision.allowed && !decision.is_violated(), "{decision:?}");
            Some(epoch)
        }
        Ok(Lent::Refused { decision }) => {
            assert!(!decision.allowed && decision.is_violated(), "{decision:?}");
            None
        }
        Err(error) => panic!("no answer: {error}"),
    }
}

fn settled(id: u128, epoch: &Epoch, unspent: u64) -> Settled {
    Settled {
        id: LeaseId(Uuid::from_u128(id)),
        epoch: epoch.clone(),
        unspent,
    }
}

async fn settle(lender: &dyn Lender, limit: &Limit, settled: Settled) {
    let asked = lender.settle(limit, "k", &[settled]).await;
    asked.expect("taken back");
}

/// What is in the bucket.
async fn left(lender: &dyn Lender, limit: &Limit) -> u64 {
    super::ask(lender, limit, "k", 0).await.remaining
}

async fn put_back(lender: &dyn Lender, limit: &Limit, tokens: u64) {
    let ask = Ask::new(limit, "k", tokens).expect("a question");
    lender.refund(ask).await.expect("taken back");
}
