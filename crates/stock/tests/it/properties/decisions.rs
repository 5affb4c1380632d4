use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use proptest::prelude::*;
use stanchion_kernel::{Timestamp, Uuid};
use stanchion_stock::command::{Action, Batch, Command, End};
use stanchion_stock::decide::{Known, Plan, View, decide};
use stanchion_stock::{Line, Lines, Movement, Outcome, Reservation, State, StockRow};
use stanchion_store::idempotency::IdempotencyKey;

const SKUS: [&str; 3] = ["A", "B", "C"];

/// A database that keeps what plans say, and demands what they demand.
#[derive(Debug, Default)]
struct World {
    now: i64,
    rows: BTreeMap<String, StockRow>,
    reservations: HashMap<Uuid, Reservation>,
    outcomes: HashMap<String, Known>,
    movements: Vec<Movement>,
}

#[derive(Clone, Debug)]
enum Step {
    Reserve(Vec<(usize, i64)>, u64, Option<u8>),
    Settle(usize, Option<i64>, u8),
    Adjust(usize, i64, Option<u8>),
    LowStock(usize, i64),
    /// Time passes, and what came before is decided as one batch.
    Cut(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let line = (0..SKUS.len(), 1..8_i64);
    let key = proptest::option::weighted(0.3, 0..6_u8);
    prop_oneof![
        4 => (proptest::collection::vec(line, 1..4), 1..50_u64, key.clone())
            .prop_map(|(lines, ttl, key)| Step::Reserve(lines, ttl, key)),
        4 => (0..40_usize, proptest::option::of(1..9_i64), 0..4_u8)
            .prop_map(|(which, part, how)| Step::Settle(which, part, how)),
        2 => (0..SKUS.len(), -12..20_i64, key).prop_map(|(sku, delta, key)| Step::Adjust(sku, delta, key)),
        1 => (0..SKUS.len(), 0..6_i64).prop_map(|(sku, low)| Step::LowStock(sku, low)),
        3 => (0..40_i64).prop_map(Step::Cut),
    ]
}

fn lines(parts: &[(usize, i64)]) -> Lines {
    let mut all: Vec<Line> = Vec::new();
    for (sku, quantity) in parts {
        if !all.iter().any(|line| line.sku == SKUS[*sku]) {
            all.push(Line {
                sku: SKUS[*sku].to_owned(),
                quantity: *quantity,
            });
        }
    }
    Lines::new(all).unwrap()
}

/// The key by its number; what it is used for is its fingerprint.
fn key(number: u8, body: &impl std::fmt::Debug) -> IdempotencyKey {
    let text = format!("{body:?}");
    let mut fingerprint = [0; 32];
    for (at, byte) in text.bytes().enumerate() {
        fingerprint[at % 32] = byte.wrapping_add(fingerprint[at % 32]).rotate_left(1);
    }
    IdempotencyKey {
        caller: "c".to_owned(),
        route: "r".to_owned(),
        key: number.to_string(),
        fingerprint,
    }
}

/// The command of a step, on the reservations that were asked for so far.
fn command(step: &Step, asked: &mut Vec<(Uuid, Lines)>) -> Option<Command> {
    let (action, key) = match step {
        Step::Reserve(parts, ttl, number) => {
            let id = Uuid::from_u128(1 + asked.len() as u128);
            let lines = lines(parts);
            asked.push((id, lines.clone()));
            let key = number.map(|number| key(number, &(parts, ttl)));
            let ttl = Duration::from_micros(*ttl);
            (Action::Reserve { id, lines, ttl }, key)
        }
        Step::Settle(which, part, how) => {
            let (id, reserved) = asked.get(which % asked.len().max(1))?.clone();
            let end = match (how, part) {
                (0, _) => End::Release,
                (1, _) => End::Expire,
                (_, None) => End::Commit(None),
                (_, Some(part)) => {
                    End::Commit(Some(Lines::one(reserved.skus().next()?, *part).unwrap()))
                }
            };
            (Action::Settle { id, reserved, end }, None)
        }
        Step::Adjust(sku, delta, number) => {
            let key = number.map(|number| key(number, &(sku, delta)));
            let sku = SKUS[*sku].to_owned();
            let action = Action::Adjust {
                sku,
                delta: *delta,
                reason: None,
                if_version: None,
            };
            (action, key)
        }
        Step::LowStock(sku, threshold) => {
            let (sku, threshold) = (SKUS[*sku].to_owned(), *threshold);
            (Action::SetLowStock { sku, threshold }, None)
        }
        Step::Cut(_) => return None,
    };
    Some(Command { action, key })
}

impl World {
    fn view(&self, batch: &Batch) -> View {
        let rows = batch
            .skus()
            .into_iter()
            .filter_map(|sku| self.rows.get(&sku));
        let held = batch.reservations().into_iter();
        let known = batch.keys().filter_map(|key| self.outcomes.get(&key.key));
        View {
            now: Timestamp::from_micros(self.now),
            rows: rows.cloned().collect(),
            reservations: held
                .filter_map(|id| self.reservations.get(&id))
                .cloned()
                .collect(),
            known: known.cloned().collect(),
        }
    }

    fn write(&mut self, plan: Plan) {
        for (expected, row) in plan.rows {
            let version = self.rows.get(&row.sku).map_or(0, |row| row.version);
            assert_eq!(version, expected);
            assert!(0 <= row.reserved && row.reserved <= row.on_hand, "{row:?}");
            self.rows.insert(row.sku.clone(), row);
        }
        for made in plan.made {
            assert!(self.reservations.insert(made.id, made).is_none());
        }
        for settled in plan.settled {
            let before = self.reservations.insert(settled.id, settled);
            assert_eq!(before.map(|before| before.state), Some(State::Held));
        }
        for known in plan.outcomes {
            assert!(self.outcomes.insert(known.key.key.clone(), known).is_none());
        }
        self.movements.extend(plan.movements);
    }

    /// Everything adds up.
    fn audit(&self) {
        for row in self.rows.values() {
            let moves = self.movements.iter().filter(|one| one.sku == row.sku);
            let versions: Vec<i64> = moves.clone().map(|one| one.version).collect();
            assert_eq!(versions, (1..=row.version).collect::<Vec<_>>());
            assert_eq!(
                moves.clone().map(|one| one.on_hand_delta).sum::<i64>(),
                row.on_hand
            );
            assert_eq!(
                moves.map(|one| one.reserved_delta).sum::<i64>(),
                row.reserved
            );
            let held = self
                .reservations
                .values()
                .filter(|one| one.state == State::Held);
            let lines = held
                .flat_map(|one| &one.lines)
                .filter(|line| line.sku == row.sku);
            assert_eq!(lines.map(|line| line.quantity).sum::<i64>(), row.reserved);
            let received = self
                .movements
                .iter()
                .filter(|one| one.sku == row.sku && one.reservation.is_none());
            let sold = self.reservations.values().flat_map(|one| &one.lines);
            let sold = sold
                .filter(|line| line.sku == row.sku)
                .filter_map(|line| line.committed);
            let received: i64 = received.map(|one| one.on_hand_delta).sum();
            assert_eq!(received, row.on_hand + sold.sum::<i64>());
        }
    }

    fn decide(&mut self, commands: &[Command], again: bool) -> Vec<Outcome> {
        let batch = Batch {
            commands: commands.into(),
            again,
            keep: Duration::from_secs(1),
        };
        let (outcomes, plan) = decide(self.view(&batch), &batch);
        let changes: Vec<&str> = plan
            .changes
            .iter()
            .map(|change| change.key.as_str())
            .collect();
        assert!(
            changes
                .iter()
                .all(|sku| plan.rows.iter().any(|(_, row)| row.sku == **sku))
        );
        self.write(plan);
        outcomes
    }
}

proptest! {
    #[test]
    fn whatever_is_asked_everything_adds_up(steps in proptest::collection::vec(step(), 1..80)) {
        let (mut world, mut asked, mut batch) = (World::default(), Vec::new(), Vec::new());
        for step in steps.iter().chain([&Step::Cut(0)]) {
            if let Step::Cut(passes) = step {
                // Keys are looked for: the outcomes of earlier batches are known.
                world.decide(&std::mem::take(&mut batch), true);
                world.audit();
                world.now += passes;
            } else {
                batch.extend(command(step, &mut asked));
            }
        }
    }

    #[test]
    fn another_attempt_at_holds_and_keyed_changes_changes_nothing(steps in proptest::collection::vec(step(), 1..40)) {
        let (mut world, mut asked) = (World::default(), Vec::new());
        let commands = steps.iter().filter_map(|step| command(step, &mut asked));
        let mut commands: Vec<Command> = commands.collect();
        for (number, command) in (0_u8..).zip(commands.iter_mut()) {
            command.key = Some(key(number, &number));
        }
        let first = world.decide(&commands, false);
        let (rows, moves) = (world.rows.clone(), world.movements.len());
        let second = world.decide(&commands, true);
        prop_assert_eq!(first, second);
        prop_assert_eq!((rows, moves), (world.rows, world.movements.len()));
    }

    #[test]
    fn a_batch_is_decided_as_its_commands_would_be_alone(steps in proptest::collection::vec(step(), 1..40)) {
        let mut asked = Vec::new();
        let commands: Vec<Command> = steps.iter().filter_map(|step| command(step, &mut asked)).collect();
        let (mut together, mut apart) = (World::default(), World::default());
        let at_once = together.decide(&commands, true);
        let one_by_one: Vec<Outcome> = commands
            .iter()
            .flat_map(|command| apart.decide(std::slice::from_ref(command), true))
            .collect();
        prop_assert_eq!(at_once, one_by_one);
        prop_assert_eq!(together.rows, apart.rows);
        prop_assert_eq!(together.reservations, apart.reservations);
    }
}
