use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stanchion_kernel::Clock;
use tokio::sync::oneshot;

use super::history::{Event, Recorder};
use super::node::{Request, Said};
use super::pair::{Pair, Refusal, Which};
use super::setup::Setup;
use super::weather::Weather;
use crate::dice::Dice;
use crate::time::{HandId, TRUE_SPEED, Time};

/// What all servers share: the nodes, the network, time and chance.
#[derive(Debug)]
pub(super) struct World {
    pub(super) time: Time,
    pub(super) dice: Dice,
    pub(super) recorder: Recorder,
    pub(super) weather: Weather,
    pub(super) setup: Setup,
    /// The speed of the faster node's clock, that of true time at least.
    pub(super) fastest: u64,
    pair: Mutex<Pair>,
    /// Which nodes each server reaches.
    reach: Mutex<Vec<[bool; 2]>>,
}

/// A node's answer, or what the network made of it.
pub(super) type Answer = Result<Said, Refusal>;

/// Where an answer goes. The first one counts.
type Mailbox = Arc<Mutex<Option<oneshot::Sender<Answer>>>>;

impl World {
    pub(super) fn new(dice: Dice, setup: Setup) -> Self {
        let time = Time::begin();
        let speeds = [speed(&dice), speed(&dice)];
        let clocks = speeds.map(|speed| any_clock(&time, &dice, speed));
        let pair = Pair::new(&setup, clocks);
        Self {
            weather: Weather::of(&dice),
            recorder: Recorder::default(),
            fastest: speeds.into_iter().fold(TRUE_SPEED, u64::max),
            pair: Mutex::new(pair),
            reach: Mutex::new(vec![[true; 2]; setup.servers]),
            time,
            dice,
            setup,
        }
    }

    pub(super) fn pair(&self) -> MutexGuard<'_, Pair> {
        self.pair.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The clock of a server that begins.
    pub(super) fn servers_clock(&self) -> Clock {
        any_clock(&self.time, &self.dice, speed(&self.dice)).0
    }

    pub(super) fn fault(&self, what: &'static str) {
        self.recorder.record(Event::Fault(what));
    }

    pub(super) fn strikes(&self, permille: u64, what: &'static str) -> bool {
        let strikes = self.weather.strikes(&self.dice, permille);
        if strikes {
            self.fault(what);
        }
        strikes
    }

    pub(super) fn reaches(&self, server: usize, node: Which) -> bool {
        self.reach()[server][node]
    }

    /// Says anew which nodes each server reaches.
    pub(super) fn set_reach(&self, reach: impl Fn() -> [bool; 2]) {
        self.reach().iter_mut().for_each(|one| *one = reach());
    }

    fn reach(&self) -> MutexGuard<'_, Vec<[bool; 2]>> {
        self.reach.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request, perhaps twice; what comes of it comes in its time or never.
    pub(super) fn send(
        self: &Arc<Self>,
        server: usize,
        node: Which,
        request: &Request,
    ) -> oneshot::Receiver<Answer> {
        let (answer, answered) = oneshot::channel();
        let mailbox: Mailbox = Arc::new(Mutex::new(Some(answer)));
        let copies = 1 + usize::from(self.strikes(self.weather.twice, "twice"));
        for _ in 0..copies {
            let (world, request) = (Arc::clone(self), request.clone());
            let mailbox = Arc::clone(&mailbox);
            let carried = async move { world.carry(server, node, &request, &mailbox).await };
            tokio::spawn(carried);
        }
        answered
    }

    async fn carry(&self, server: usize, node: Which, request: &Request, mailbox: &Mailbox) {
        if !self.reaches(server, node) {
            return;
        }
        self.travel().await;
        if !self.reaches(server, node) || self.strikes(self.weather.lost_request, "lost request") {
            return;
        }
        let most = u64::try_from(self.setup.longest_lag.as_millis()).unwrap_or(1);
        let lag = self.dice.millis(0, most);
        let answer = {
            let mut pair = self.pair();
            pair.answer(node, request, self.time.elapsed(), lag)
        };
        if self.strikes(self.weather.lost_answer, "lost answer") {
            return;
        }
        self.travel().await;
        if !self.reaches(server, node) {
            return;
        }
        let mut mailbox = mailbox.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = mailbox.take() {
            // Whoever asked may have given up.
            drop(sender.send(answer));
        }
    }

    /// A message on its way.
    async fn travel(&self) {
        let delay = if self.strikes(self.weather.slow, "slow") {
            self.dice.millis(10, 300)
        } else {
            self.dice.millis(0, 3)
        };
        self.time.pass(delay).await;
    }
}

/// A clock goes right, or up to 1 in 100 too fast or too slowly.
fn speed(dice: &Dice) -> u64 {
    let most = TRUE_SPEED / 100;
    let any = TRUE_SPEED - most + dice.between(0, 2 * most);
    *dice.pick(&[TRUE_SPEED, any, TRUE_SPEED - most, TRUE_SPEED + most])
}

/// Nobody's day begins at the same microsecond.
fn any_clock(time: &Time, dice: &Dice, speed: u64) -> (Clock, HandId) {
    let ahead_us = i64::try_from(dice.between(0, 10_000)).unwrap_or_default();
    time.clock_at(ahead_us, speed)
}
