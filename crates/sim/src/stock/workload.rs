//! What clients want, by the seed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use stanchion_kernel::Uuid;
use stanchion_stock::{Line, Lines, Reservation};
use stanchion_store::idempotency::IdempotencyKey;

use crate::dice::Dice;
use crate::stock::history::{Ask, Heard, Wish};

/// The SKUs that may get a row; one more never gets any.
const SKUS: [&str; 4] = ["A", "B", "C", "D"];
const NO_SKU: &str = "Z";

/// What the clients of a run share: what they have heard of.
#[derive(Debug)]
pub(crate) struct Workload {
    dice: Dice,
    skus: Vec<&'static str>,
    longest_ttl_ms: u64,
    operations: AtomicU64,
    heard: Mutex<HeardOf>,
}

#[derive(Debug, Default)]
struct HeardOf {
    holds: Vec<Reservation>,
    versions: BTreeMap<String, i64>,
}

impl Workload {
    pub(crate) fn new(dice: Dice) -> Self {
        let count = 1 + dice.index(SKUS.len());
        let longest_ttl_ms = *dice.pick(&[60, 200, 1000, 5000]);
        Self {
            dice,
            skus: SKUS[..count].to_vec(),
            longest_ttl_ms,
            operations: AtomicU64::new(1),
            heard: Mutex::default(),
        }
    }

    /// The first pieces of each SKU.
    pub(crate) fn stocking(&self) -> Vec<Ask> {
        let each = self.skus.iter().map(|sku| {
            let pieces = self.dice.between(1, 25);
            self.ask(adjust(sku, i64::try_from(pieces).unwrap_or(1), None), true)
        });
        each.collect()
    }

    /// A request that changes something for sure, when nothing else goes on.
    pub(crate) fn proof_of_life(&self) -> Vec<Ask> {
        let each = self.skus.iter();
        each.map(|sku| self.ask(adjust(sku, 1, None), true))
            .collect()
    }

    /// The next wish of a client.
    pub(crate) fn next(&self) -> Ask {
        let wish = match self.dice.between(0, 99) {
            0..45 => self.reserve(),
            45..63 => self.commit(),
            63..74 => self.release(),
            74..92 => self.adjust(),
            _ => Wish::SetLowStock {
                sku: self.sku(),
                threshold: self.small(0, 3),
            },
        };
        let keyed = self.dice.permille(750);
        self.ask(wish, keyed)
    }

    /// Another request under the same key.
    pub(crate) fn under_the_same_key(&self, ask: &Ask) -> Ask {
        let mut key = ask.key.clone();
        if let Some(key) = &mut key {
            key.fingerprint[31] ^= 1;
        }
        let wish = match &ask.wish {
            Wish::Reserve { ttl_us, .. } => Wish::Reserve {
                lines: self.lines(),
                ttl_us: *ttl_us,
            },
            Wish::Adjust { .. } => self.adjust(),
            other => other.clone(),
        };
        Ask {
            operation: ask.operation,
            wish,
            key,
        }
    }

    pub(crate) fn remember(&self, heard: &Heard) {
        let mut known = self.heard();
        match heard {
            Heard::Reservation(reservation) => known.holds.push(reservation.clone()),
            Heard::Row(row) => {
                known.versions.insert(row.sku.clone(), row.version);
            }
            Heard::Error(_) | Heard::Nothing => {}
        }
    }

    fn ask(&self, wish: Wish, keyed: bool) -> Ask {
        let operation = self.operations.fetch_add(1, Ordering::SeqCst);
        let wish = match wish {
            Wish::Reserve { lines, ttl_us } => Wish::Reserve {
                lines,
                ttl_us: ttl_us + operation,
            },
            other => other,
        };
        let key = keyed.then(|| key(operation, &wish));
        Ask {
            operation,
            wish,
            key,
        }
    }

    fn reserve(&self) -> Wish {
        let ttl_ms = self.dice.between(5, self.longest_ttl_ms);
        Wish::Reserve {
            lines: self.lines(),
            ttl_us: ttl_ms * 1000,
        }
    }

    fn commit(&self) -> Wish {
        let (id, held) = self.hold();
        let lines = held.filter(|_| self.dice.permille(350)).map(|held| {
            let more = i64::from(self.dice.permille(120));
            let some = |line: &Line| Line {
                sku: line.sku.clone(),
                quantity: self.small(1, line.quantity.max(1)) + more,
            };
            let some: Vec<Line> = held.iter().map(some).collect();
            lines(some[..1 + self.dice.index(some.len())].to_vec())
        });
        Wish::Commit { id, lines }
    }

    fn release(&self) -> Wish {
        Wish::Release { id: self.hold().0 }
    }

    fn adjust(&self) -> Wish {
        let pieces = self.small(1, 8);
        let delta = if self.dice.permille(350) {
            -pieces
        } else {
            pieces
        };
        let sku = self.sku();
        let demands = self.dice.permille(400);
        let known = self.heard().versions.get(&sku).copied();
        adjust(&sku, delta, known.filter(|_| demands))
    }

    /// One of the last reservations that anybody heard of, or one that there never was.
    fn hold(&self) -> (Uuid, Option<Lines>) {
        let heard = self.heard();
        if heard.holds.is_empty() || self.dice.permille(20) {
            return (Uuid::from_u128(7), None);
        }
        let latest = heard.holds.len().saturating_sub(5);
        let hold = self.dice.pick(&heard.holds[latest..]);
        let lines = hold.lines.iter().map(|line| Line {
            sku: line.sku.clone(),
            quantity: line.quantity,
        });
        (hold.id, Some(self::lines(lines.collect())))
    }

    /// One line, or several with SKUs whose rows are there for sure: what a batch adds between two that are missing would
    /// have no single moment to be judged by.
    fn lines(&self) -> Lines {
        let known: Vec<&str> = {
            let heard = self.heard();
            let known = self.skus.iter().copied();
            known
                .filter(|sku| heard.versions.contains_key(*sku))
                .collect()
        };
        let mut skus = vec![*self.dice.pick(&self.skus)];
        if known.contains(&skus[0]) {
            let more = known
                .iter()
                .filter(|sku| **sku != skus[0] && self.dice.permille(300));
            let more: Vec<&str> = more.copied().collect();
            skus.extend(more);
            skus.extend(self.dice.permille(25).then_some(NO_SKU));
        }
        let each = skus.into_iter().map(|sku| Line {
            sku: sku.to_owned(),
            quantity: self.small(1, 5),
        });
        lines(each.collect())
    }

    fn sku(&self) -> String {
        (*self.dice.pick(&self.skus)).to_owned()
    }

    fn small(&self, low: i64, high: i64) -> i64 {
        let (low, high) = (low.unsigned_abs(), high.unsigned_abs());
        i64::try_from(self.dice.between(low, high)).unwrap_or(1)
    }

    fn heard(&self) -> MutexGuard<'_, HeardOf> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn adjust(sku: &str, delta: i64, if_version: Option<i64>) -> Wish {
    Wish::Adjust {
        sku: sku.to_owned(),
        delta,
        if_version,
    }
}

fn lines(lines: Vec<Line>) -> Lines {
    Lines::new(lines).expect("1 to 5 lines with different SKUs")
}

fn key(operation: u64, wish: &Wish) -> IdempotencyKey {
    let route = match wish {
        Wish::Reserve { .. } => "reserve",
        Wish::Commit { .. } => "commit",
        Wish::Release { .. } => "release",
        Wish::Adjust { .. } => "adjust",
        Wish::SetLowStock { .. } => "low stock",
    };
    let mut fingerprint = [0; 32];
    fingerprint[..8].copy_from_slice(&operation.to_le_bytes());
    IdempotencyKey {
        caller: "shop".to_owned(),
        route: route.to_owned(),
        key: operation.to_string(),
        fingerprint,
    }
}
