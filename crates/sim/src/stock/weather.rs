use std::sync::atomic::{AtomicBool, Ordering};

use crate::dice::Dice;

/// How often what goes wrong, in a thousand times. Some seeds have no faults at all, and some have many.
#[derive(Debug)]
pub(crate) struct Weather {
    calm: AtomicBool,
    pub(crate) slow: u64,
    pub(crate) unreachable: u64,
    pub(crate) conflict: u64,
    pub(crate) busy: u64,
    pub(crate) lost_request: u64,
    pub(crate) lost_answer: u64,
    pub(crate) late_commit: u64,
    pub(crate) client_loses: u64,
    pub(crate) crashes: bool,
}

impl Weather {
    pub(crate) fn of(dice: &Dice) -> Self {
        let storm = *dice.pick(&[0, 1, 1, 2, 4]);
        let rate = || storm * *dice.pick(&[0, 5, 15, 40]);
        Self {
            calm: AtomicBool::new(false),
            slow: rate(),
            unreachable: rate(),
            conflict: rate(),
            busy: rate() / 4,
            lost_request: rate(),
            lost_answer: rate(),
            late_commit: rate(),
            client_loses: rate(),
            crashes: storm > 0 && dice.permille(600),
        }
    }

    /// Nothing goes wrong any more.
    pub(crate) fn calm_down(&self) {
        self.calm.store(true, Ordering::SeqCst);
    }

    /// Whether it goes wrong now.
    pub(crate) fn strikes(&self, dice: &Dice, permille: u64) -> bool {
        dice.permille(permille) && !self.calm.load(Ordering::SeqCst)
    }
}
