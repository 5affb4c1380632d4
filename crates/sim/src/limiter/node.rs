//! A node: the rules of the script that keeps buckets in a Redis. Pure: `now` is an argument.

use std::collections::BTreeMap;
use std::time::Duration;

use stanchion_limiter::bucket::{Bucket, Level, Shape};
use stanchion_limiter::lease::{Ledger, Loan, keepers_end};
use stanchion_limiter::port::{DRIFT, Epoch, LeaseId, Settled};

use super::wrong::Wrong;

/// What is asked of a node.
#[derive(Clone, Debug)]
pub(super) enum Request {
    /// Takes all costs or none.
    Check(Vec<(Place, u64)>),
    /// Takes leases back, and grants one.
    Lend {
        of: Place,
        id: LeaseId,
        tokens: u64,
        lifetime: Duration,
        settled: Vec<Settled>,
    },
    /// Takes leases back.
    Settle { of: Place, settled: Vec<Settled> },
}

/// A bucket, by its number, and the shape that the caller knows of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) bucket: usize,
    pub(super) shape: Shape,
}

/// A node's answer.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) epoch: Epoch,
    pub(super) granted: bool,
    pub(super) levels: Vec<Level>,
}

/// The reign of a node: the identity of its replication, and when it began on its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reign {
    identity: u64,
    start_us: u64,
}

/// A bucket as it is stored.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    reign: Reign,
    ledger: Ledger,
    /// What is lent, for a node that credits what it must not.
    loans: Vec<Loan>,
}

/// What a node stores, which is also what it replicates.
#[derive(Clone, Debug, Default)]
pub(super) struct Data {
    pub(super) reign: Option<Reign>,
    pub(super) buckets: BTreeMap<usize, Kept>,
}

/// A node that is a primary, or was, or may be.
#[derive(Debug)]
pub(super) struct Node {
    /// Another one after each promotion.
    pub(super) identity: u64,
    pub(super) data: Data,
    quarantine_us: u64,
    wrong: Option<Wrong>,
}

/// A moment on a node's clock, and when the buckets of its reign open.
#[derive(Clone, Copy)]
struct Moment {
    now_us: u64,
    open_us: u64,
    reign: Reign,
}

impl Moment {
    /// Nothing comes into a bucket before its reign is open.
    fn at_us(self) -> u64 {
        self.now_us.max(self.open_us)
    }
}

impl Node {
    pub(super) fn new(quarantine: Duration, wrong: Option<Wrong>) -> Self {
        Self {
            identity: 0,
            data: Data::default(),
            quarantine_us: u64::try_from(quarantine.as_micros()).unwrap_or(u64::MAX),
            wrong,
        }
    }

    /// Answers a request, and says which buckets it wrote.
    pub(super) fn answer(&mut self, now_us: u64, request: &Request) -> (Said, Vec<usize>) {
        let moment = self.moment(now_us);
        let mut changed = Vec::new();
        let (granted, levels) = match request {
            Request::Check(asks) => self.check(moment, asks, &mut changed),
            Request::Lend {
                of,
                id,
                tokens,
                lifetime,
                settled,
            } => {
                self.settle(moment, *of, settled, &mut changed);
                let loan = Loan {
                    id: *id,
                    tokens: *tokens,
                    ends_us: keepers_end(moment.at_us(), *lifetime, DRIFT),
                };
                let level = self.lend(moment, *of, loan);
                changed.push(of.bucket);
                (level.holds, vec![level])
            }
            Request::Settle { of, settled } => {
                self.settle(moment, *of, settled, &mut changed);
                (true, Vec::new())
            }
        };
        let waits = Duration::from_micros(moment.at_us() - now_us);
        let later = |mut level: Level| {
            if !level.holds {
                level.until_held = level.until_held.saturating_add(waits);
            }
            level
        };
        let epoch = moment.reign.name();
        let levels = levels.into_iter().map(later).collect();
        let said = Said {
            epoch,
            granted,
            levels,
        };
        (said, changed)
    }

    fn moment(&mut self, now_us: u64) -> Moment {
        let is_fenced = self.wrong != Some(Wrong::KnowsNoEpoch);
        let identity = self.identity;
        let known = self.data.reign;
        let known = known.filter(|reign| reign.identity == identity || !is_fenced);
        let known = known.filter(|reign| reign.start_us <= now_us || !is_fenced);
        let begun = Reign {
            identity,
            start_us: now_us,
        };
        let reign = known.unwrap_or(begun);
        self.data.reign = Some(reign);
        Moment {
            now_us,
            open_us: reign.start_us + self.quarantine_us,
            reign,
        }
    }

    /// A bucket of this reign as it is now. What was stored in another one is nothing.
    fn bucket(&mut self, moment: Moment, of: Place) -> &mut Kept {
        let begins_full = self.wrong == Some(Wrong::BeginsFull);
        let credits = self.wrong == Some(Wrong::CreditsEndedLeases);
        let at_us = moment.at_us();
        let fresh = || {
            let bucket = if begins_full {
                Bucket::full(of.shape, moment.open_us)
            } else {
                Bucket::empty(moment.open_us)
            };
            Kept {
                reign: moment.reign,
                ledger: Ledger::new(bucket, of.shape),
                loans: Vec::new(),
            }
        };
        let kept = self.data.buckets.entry(of.bucket).or_insert_with(fresh);
        if kept.reign != moment.reign {
            *kept = fresh();
        }
        if credits {
            kept.credit_ended(of.shape, at_us);
        }
        kept
    }

    fn check(
        &mut self,
        moment: Moment,
        asks: &[(Place, u64)],
        changed: &mut Vec<usize>,
    ) -> (bool, Vec<Level>) {
        let at_us = moment.at_us();
        let peeks = asks.iter().map(|(of, cost)| {
            let kept = self.bucket(moment, *of);
            kept.ledger.peek(of.shape, at_us, *cost)
        });
        let peeks: Vec<Level> = peeks.collect();
        if !peeks.iter().all(|level| level.holds) {
            return (false, peeks);
        }
        let takes = asks.iter().map(|(of, cost)| {
            changed.push(of.bucket);
            let kept = self.bucket(moment, *of);
            kept.ledger.take(of.shape, at_us, *cost)
        });
        (true, takes.collect())
    }

    fn lend(&mut self, moment: Moment, of: Place, loan: Loan) -> Level {
        let fills = self.wrong == Some(Wrong::FillsBesideLeases);
        let at_us = moment.at_us();
        let kept = self.bucket(moment, of);
        if fills {
            return kept.ledger.take(of.shape, at_us, loan.tokens);
        }
        let level = kept.ledger.lend(of.shape, at_us, loan);
        if level.holds && kept.loans.iter().all(|known| known.id != loan.id) {
            kept.loans.push(loan);
        }
        // Those that have ended are at the beginning.
        kept.loans.retain(|known| known.ends_us > at_us);
        level
    }

    fn settle(&mut self, moment: Moment, of: Place, settled: &[Settled], changed: &mut Vec<usize>) {
        let believes = [Wrong::ReturnsTwice, Wrong::FillsBesideLeases].map(Some);
        let believes = believes.contains(&self.wrong);
        let epoch = moment.reign.name();
        let at_us = moment.at_us();
        let kept = self.bucket(moment, of);
        for one in settled.iter().filter(|one| one.epoch == epoch) {
            changed.push(of.bucket);
            let is_known = kept.loans.iter().any(|loan| loan.id == one.id);
            kept.ledger.settle(of.shape, at_us, one.id, one.unspent);
            kept.loans.retain(|loan| loan.id != one.id);
            if believes && !is_known {
                kept.ledger.refund(of.shape, at_us, one.unspent);
            }
        }
    }
}

impl Reign {
    fn name(self) -> Epoch {
        Epoch(format!("{:x}-{}", self.identity, self.start_us).into())
    }
}

impl Kept {
    /// What no keeper may do: gives back what its holder may have spent.
    fn credit_ended(&mut self, shape: Shape, at_us: u64) {
        for loan in &self.loans {
            if loan.ends_us <= at_us {
                let last_us = loan.ends_us.saturating_sub(1);
                self.ledger.settle(shape, last_us, loan.id, loan.tokens);
            }
        }
        self.loans.retain(|loan| loan.ends_us > at_us);
    }
}
