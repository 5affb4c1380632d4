//! The promises of the ledger as plain arithmetic, one command after another.

use std::collections::BTreeMap;

use stanchion_kernel::{Timestamp, Uuid};
use stanchion_stock::command::{Action, Command, End};
use stanchion_stock::{
    HeldLine, Lines, MAX_ON_HAND, Movement, MovementKind, Outcome, Refusal, Reservation, Short,
    State, StockRow,
};
use stanchion_store::idempotency::IdempotencyKey;

use crate::stock::history::Decision;

/// What there should be.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) rows: BTreeMap<String, StockRow>,
    pub(super) reservations: BTreeMap<Uuid, Reservation>,
    pub(super) movements: Vec<Movement>,
    answers: BTreeMap<(String, String), First>,
}

/// The first answer to a key.
#[derive(Debug)]
struct First {
    fingerprint: [u8; 32],
    outcome: Outcome,
    until: Timestamp,
}

impl First {
    fn again(&self, key: &IdempotencyKey) -> Outcome {
        if self.fingerprint == key.fingerprint {
            self.outcome.clone()
        } else {
            Outcome::Refused(Refusal::KeyReused)
        }
    }
}

type Answer<T> = Result<T, Refusal>;

impl Model {
    /// What a command must be answered. A key whose time ends while the transaction runs may count or not; `told` says
    /// which it was.
    pub(super) fn answer(
        &mut self,
        decision: &Decision,
        command: &Command,
        told: &Outcome,
    ) -> Outcome {
        let at = decision.at;
        let Some(key) = &command.key else {
            return self.act(at, &command.action);
        };
        if let Some(first) = self
            .answers
            .get(&name(key))
            .filter(|first| first.until > at)
        {
            let again = first.again(key);
            if first.until > decision.ended || again == *told {
                return again;
            }
        }
        let outcome = self.act(at, &command.action);
        let first = First {
            fingerprint: key.fingerprint,
            outcome: outcome.clone(),
            until: at.saturating_add(decision.keep),
        };
        self.answers.insert(name(key), first);
        outcome
    }

    fn act(&mut self, at: Timestamp, action: &Action) -> Outcome {
        let outcome = match action {
            Action::Reserve { id, lines, ttl } => {
                let until = at.saturating_add(*ttl);
                self.reserve(at, *id, lines, until).map(Outcome::Reserved)
            }
            Action::Settle { id, end, .. } => self.settle(at, *id, end).map(Outcome::Settled),
            Action::Adjust {
                sku,
                delta,
                reason,
                if_version,
            } => {
                let adjusted = self.adjust(at, sku, *delta, reason.clone(), *if_version);
                adjusted.map(Outcome::Changed)
            }
            Action::SetLowStock { sku, threshold } => self
                .set_low_stock(at, sku, *threshold)
                .map(Outcome::Changed),
        };
        outcome.unwrap_or_else(Outcome::Refused)
    }

    fn reserve(
        &mut self,
        at: Timestamp,
        id: Uuid,
        lines: &Lines,
        until: Timestamp,
    ) -> Answer<Reservation> {
        if let Some(made) = self.reservations.get(&id) {
            return Ok(as_it_was_made(made));
        }
        let unknown = lines.skus().filter(|sku| !self.rows.contains_key(*sku));
        let skus: Vec<String> = unknown.map(str::to_owned).collect();
        if !skus.is_empty() {
            return Err(Refusal::UnknownSkus { skus });
        }
        let mut short = Vec::new();
        for line in lines.iter() {
            let row = &self.rows[&line.sku];
            let available = row.on_hand - row.reserved;
            if line.quantity > available {
                short.push(self::short(&line.sku, line.quantity, available));
            }
        }
        if !short.is_empty() {
            return Err(Refusal::Insufficient { lines: short });
        }
        let mut held = Vec::new();
        for line in lines.iter() {
            let kind = MovementKind::Reserved;
            self.move_pieces(at, &line.sku, kind, (0, line.quantity), Some(id), None);
            held.push(HeldLine {
                sku: line.sku.clone(),
                quantity: line.quantity,
                committed: None,
            });
        }
        let made = Reservation {
            id,
            state: State::Held,
            lines: held,
            created_at: at,
            expires_at: until,
            settled_at: None,
        };
        self.reservations.insert(id, made.clone());
        Ok(made)
    }

    fn settle(&mut self, at: Timestamp, id: Uuid, end: &End) -> Answer<Reservation> {
        let Some(now) = self.reservations.get(&id).cloned() else {
            return Err(Refusal::NoReservation { id });
        };
        if now.state != State::Held {
            let again = now.state == end.state() && *end != End::Expire;
            return match end {
                End::Commit(lines) if again && sold(&now) == wanted(&now, lines.as_ref()) => {
                    Ok(now)
                }
                End::Release if again => Ok(now),
                _ => Err(Refusal::Settled { reservation: now }),
            };
        }
        let is_over = at >= now.expires_at;
        match end {
            End::Expire if is_over => Ok(self.end(at, now, State::Expired, None)),
            End::Expire => Ok(now),
            _ if is_over => {
                let reservation = self.end(at, now, State::Expired, None);
                Err(Refusal::Settled { reservation })
            }
            End::Release => Ok(self.end(at, now, State::Released, None)),
            End::Commit(lines) => {
                let lines = lines.as_ref();
                demand_no_more(&now, lines)?;
                let sale = wanted(&now, lines);
                Ok(self.end(at, now, State::Committed, Some(&sale)))
            }
        }
    }

    /// Ends a hold: what is sold leaves, and the rest is to be had again.
    fn end(
        &mut self,
        at: Timestamp,
        mut hold: Reservation,
        state: State,
        sale: Option<&[i64]>,
    ) -> Reservation {
        let kind = match state {
            State::Committed => MovementKind::Committed,
            State::Released => MovementKind::Released,
            State::Expired | State::Held => MovementKind::Expired,
        };
        for (index, line) in hold.lines.iter_mut().enumerate() {
            line.committed = sale.map(|sale| sale[index]);
            let deltas = (-line.committed.unwrap_or(0), -line.quantity);
            self.move_pieces(at, &line.sku, kind, deltas, Some(hold.id), None);
        }
        hold.state = state;
        hold.settled_at = Some(at);
        self.reservations.insert(hold.id, hold.clone());
        hold
    }

    fn adjust(
        &mut self,
        at: Timestamp,
        sku: &str,
        delta: i64,
        reason: Option<String>,
        if_version: Option<i64>,
    ) -> Answer<StockRow> {
        let current = self
            .rows
            .get(sku)
            .cloned()
            .unwrap_or_else(|| no_row(at, sku));
        if if_version.is_some_and(|version| version != current.version) {
            return Err(Refusal::VersionConflict { current });
        }
        if !(current.reserved..=MAX_ON_HAND).contains(&(current.on_hand + delta)) {
            return Err(Refusal::OutOfBounds { current });
        }
        let kind = if delta > 0 {
            MovementKind::Received
        } else {
            MovementKind::Adjusted
        };
        Ok(self.move_pieces(at, sku, kind, (delta, 0), None, reason))
    }

    fn set_low_stock(&mut self, at: Timestamp, sku: &str, threshold: i64) -> Answer<StockRow> {
        match self.rows.get(sku) {
            None => Err(Refusal::UnknownSkus {
                skus: vec![sku.to_owned()],
            }),
            Some(row) if row.low_stock == threshold => Ok(row.clone()),
            Some(_) => {
                let mut row =
                    self.move_pieces(at, sku, MovementKind::LowStockSet, (0, 0), None, None);
                row.low_stock = threshold;
                self.rows.insert(sku.to_owned(), row.clone());
                Ok(row)
            }
        }
    }

    fn move_pieces(
        &mut self,
        at: Timestamp,
        sku: &str,
        kind: MovementKind,
        (on_hand_delta, reserved_delta): (i64, i64),
        reservation: Option<Uuid>,
        reason: Option<String>,
    ) -> StockRow {
        let row = self
            .rows
            .entry(sku.to_owned())
            .or_insert_with(|| no_row(at, sku));
        row.on_hand += on_hand_delta;
        row.reserved += reserved_delta;
        row.version += 1;
        row.updated_at = at;
        self.movements.push(Movement {
            sku: sku.to_owned(),
            version: row.version,
            kind,
            on_hand_delta,
            reserved_delta,
            reservation,
            reason,
        });
        row.clone()
    }
}

fn name(key: &IdempotencyKey) -> (String, String) {
    (format!("{} {}", key.caller, key.route), key.key.clone())
}

fn no_row(at: Timestamp, sku: &str) -> StockRow {
    StockRow {
        sku: sku.to_owned(),
        on_hand: 0,
        reserved: 0,
        version: 0,
        low_stock: 0,
        updated_at: at,
    }
}

fn as_it_was_made(reservation: &Reservation) -> Reservation {
    let mut made = reservation.clone();
    made.state = State::Held;
    made.settled_at = None;
    made.lines.iter_mut().for_each(|line| line.committed = None);
    made
}

fn short(sku: &str, requested: i64, available: i64) -> Short {
    Short {
        sku: sku.to_owned(),
        requested,
        available,
    }
}

/// How much of each line is wanted: all, or what is named.
fn wanted(hold: &Reservation, lines: Option<&Lines>) -> Vec<i64> {
    let each = hold.lines.iter();
    let each = each.map(|line| lines.map_or(line.quantity, |lines| lines.quantity_of(&line.sku)));
    each.collect()
}

fn sold(hold: &Reservation) -> Vec<i64> {
    let each = hold.lines.iter().map(|line| line.committed.unwrap_or(0));
    each.collect()
}

fn demand_no_more(hold: &Reservation, lines: Option<&Lines>) -> Answer<()> {
    let mut too_many = Vec::new();
    for line in lines.into_iter().flat_map(Lines::iter) {
        let held = hold.lines.iter().find(|held| held.sku == line.sku);
        let held = held.map_or(0, |held| held.quantity);
        if line.quantity > held {
            too_many.push(short(&line.sku, line.quantity, held));
        }
    }
    if too_many.is_empty() {
        Ok(())
    } else {
        Err(Refusal::MoreThanReserved { lines: too_many })
    }
}
