//! How a hold ends: once, in one way.

use stanchion_kernel::Uuid;

use super::Desk;
use crate::command::End;
use crate::model::{HeldLine, Lines, MovementKind, Refusal, Reservation, Short, State};

impl Desk {
    pub(super) fn settle(&mut self, id: Uuid, end: &End) -> Result<Reservation, Refusal> {
        let Some(reservation) = self.reservations.get(&id) else {
            return Err(Refusal::NoReservation { id });
        };
        let mut reservation = reservation.clone();
        let is_over = reservation.expires_at <= self.now;
        match (reservation.state, end) {
            (State::Held, End::Expire) if !is_over => return Ok(reservation),
            (State::Held, End::Expire) => {}
            // Its time is over, and whoever comes first says so: the sweeper or this.
            (State::Held, _) if is_over => {
                let expired = self.give_back(reservation, MovementKind::Expired, State::Expired);
                return Err(Refusal::Settled {
                    reservation: expired,
                });
            }
            (State::Held, _) => {}
            (_, End::Expire) => return Err(Refusal::Settled { reservation }),
            _ => return as_before(reservation, end),
        }
        match end {
            End::Commit(None) => {
                take_all(&mut reservation.lines);
                Ok(self.sell(reservation))
            }
            End::Commit(Some(wanted)) => {
                take(&mut reservation.lines, wanted)?;
                Ok(self.sell(reservation))
            }
            End::Release => {
                Ok(self.give_back(reservation, MovementKind::Released, State::Released))
            }
            End::Expire => Ok(self.give_back(reservation, MovementKind::Expired, State::Expired)),
        }
    }

    fn sell(&mut self, reservation: Reservation) -> Reservation {
        for line in &reservation.lines {
            let sold = line.committed.unwrap_or_default();
            let deltas = (-sold, -line.quantity);
            let id = Some(reservation.id);
            self.change(&line.sku, MovementKind::Committed, deltas, id, None);
        }
        self.end(reservation, State::Committed)
    }

    fn give_back(
        &mut self,
        reservation: Reservation,
        kind: MovementKind,
        state: State,
    ) -> Reservation {
        for line in &reservation.lines {
            let id = Some(reservation.id);
            self.change(&line.sku, kind, (0, -line.quantity), id, None);
        }
        self.end(reservation, state)
    }

    fn end(&mut self, mut reservation: Reservation, state: State) -> Reservation {
        reservation.state = state;
        reservation.settled_at = Some(self.now);
        self.reservations
            .insert(reservation.id, reservation.clone());
        // One that was made in this very batch is written once, as it is at the end.
        match self
            .plan
            .made
            .iter_mut()
            .find(|made| made.id == reservation.id)
        {
            Some(made) => made.clone_from(&reservation),
            None => self.plan.settled.push(reservation.clone()),
        }
        reservation
    }
}

/// A reservation that is settled already answers the same wish again, and no other.
fn as_before(reservation: Reservation, end: &End) -> Result<Reservation, Refusal> {
    let mut wished = reservation.lines.clone();
    let same = match end {
        End::Commit(None) => {
            take_all(&mut wished);
            wished == reservation.lines
        }
        End::Commit(Some(lines)) => take(&mut wished, lines).is_ok() && wished == reservation.lines,
        End::Release | End::Expire => true,
    };
    if reservation.state == end.state() && same {
        Ok(reservation)
    } else {
        Err(Refusal::Settled { reservation })
    }
}

fn take_all(lines: &mut [HeldLine]) {
    for line in lines {
        line.committed = Some(line.quantity);
    }
}

/// Takes what is wanted of each line, and nothing of one that is not named.
fn take(lines: &mut [HeldLine], wanted: &Lines) -> Result<(), Refusal> {
    let held = |sku: &str| {
        let line = lines.iter().find(|line| line.sku == sku);
        line.map_or(0, |line| line.quantity)
    };
    let too_many = wanted.iter().filter(|line| line.quantity > held(&line.sku));
    let too_many: Vec<Short> = too_many
        .map(|line| Short {
            sku: line.sku.clone(),
            requested: line.quantity,
            available: held(&line.sku),
        })
        .collect();
    if !too_many.is_empty() {
        return Err(Refusal::MoreThanReserved { lines: too_many });
    }
    for line in lines {
        line.committed = Some(wanted.quantity_of(&line.sku));
    }
    Ok(())
}
