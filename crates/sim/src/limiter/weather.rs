use std::sync::atomic::{AtomicBool, Ordering};

use crate::dice::Dice;

/// How often what goes wrong, in a thousand times. Some seeds have no faults at all, and some have many.
#[derive(Debug)]
pub(super) struct Weather {
    calm: AtomicBool,
    pub(super) slow: u64,
    pub(super) lost_request: u64,
    pub(super) lost_answer: u64,
    pub(super) twice: u64,
    pub(super) failovers: bool,
    pub(super) pauses: bool,
    pub(super) crashes: bool,
    pub(super) steps: bool,
}

impl Weather {
    pub(super) fn of(dice: &Dice) -> Self {
        let storm = *dice.pick(&[0, 1, 1, 2, 4]);
        let rate = || storm * *dice.pick(&[0, 5, 25, 60]);
        let comes = |chance| storm > 0 && dice.permille(chance);
        Self {
            calm: AtomicBool::new(storm == 0),
            slow: storm * *dice.pick(&[0, 5, 25, 60]),
            lost_request: rate(),
            lost_answer: rate(),
            twice: rate(),
            failovers: comes(700),
            pauses: comes(400),
            crashes: comes(400),
            steps: comes(300),
        }
    }

    /// Nothing goes wrong any more.
    pub(super) fn calm_down(&self) {
        self.calm.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::SeqCst)
    }

    /// Whether it goes wrong now.
    pub(super) fn strikes(&self, dice: &Dice, permille: u64) -> bool {
        dice.permille(permille) && !self.is_calm()
    }
}
