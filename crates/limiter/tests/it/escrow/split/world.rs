use stanchion_limiter::escrow::{Share, Split, TransferId};

pub(super) const NODES: u16 = 3;
/// How long a transfer lives, and by how much clocks differ, in microseconds.
pub(super) const LIFETIME_US: u64 = 2_000;
const DRIFT_US: u64 = 20;

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Pass(u64),
    Take(u16, u64),
    Ask { to: u16, from: u16, tokens: u64 },
    Deliver(usize),
    Repeat(usize),
    Lose(usize),
    Release { node: u16, used: bool },
    Restart(u16),
}

#[derive(Clone, Copy, Debug)]
enum Letter {
    Ask {
        id: TransferId,
        to: u16,
        from: u16,
        units: u64,
    },
    Give {
        id: TransferId,
        to: u16,
        from: u16,
        units: u64,
    },
    Release {
        id: TransferId,
        from: u16,
        unspent: u64,
    },
}

/// What a wrong node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Nothing,
    /// Credits a transfer as often as it arrives.
    CreditsTwice,
    /// Fills its share at once when it is started again.
    FillsAtOnce,
    /// Forgets when what it accepted has to be given back.
    HoldsForEver,
}

pub(super) struct World {
    split: Split,
    wrong: Wrong,
    pub(super) now_us: u64,
    pub(super) shares: Vec<Share>,
    /// What each node waits for: until when it may be accepted.
    waits: Vec<Vec<(TransferId, u64)>>,
    /// What each node accepted and did not release.
    holds: Vec<Vec<TransferId>>,
    letters: Vec<Letter>,
    ids: TransferId,
    pub(super) admitted: Vec<(u64, u64)>,
}

impl World {
    pub(super) fn new(split: Split, wrong: Wrong) -> Self {
        let begun_us = 1_000_000;
        let share = |node| Share::new(split, node, 0);
        Self {
            split,
            wrong,
            now_us: begun_us,
            shares: (0..NODES).map(share).collect(),
            waits: vec![Vec::new(); usize::from(NODES)],
            holds: vec![Vec::new(); usize::from(NODES)],
            letters: Vec::new(),
            ids: 0,
            admitted: Vec::new(),
        }
    }

    pub(super) fn step(&mut self, step: Step) {
        let place = |n: usize, letters: &[Letter]| n % letters.len().max(1);
        match step {
            Step::Pass(us) => self.now_us += us,
            Step::Take(node, tokens) => {
                let units = self.split.units(tokens);
                if self.shares[usize::from(node)].take(self.now_us, units) {
                    self.admitted.push((self.now_us, units));
                }
            }
            Step::Ask { to, from, tokens } if to != from => {
                self.ids += 1;
                let until_us = self.now_us + LIFETIME_US - DRIFT_US;
                self.waits[usize::from(to)].push((self.ids, until_us));
                let (id, units) = (self.ids, self.split.units(tokens));
                self.letters.push(Letter::Ask {
                    id,
                    to,
                    from,
                    units,
                });
            }
            Step::Ask { .. } => {}
            Step::Deliver(n) if !self.letters.is_empty() => {
                let letter = self.letters.remove(place(n, &self.letters));
                self.deliver(letter);
            }
            Step::Repeat(n) if !self.letters.is_empty() => {
                self.deliver(self.letters[place(n, &self.letters)]);
            }
            Step::Lose(n) if !self.letters.is_empty() => {
                self.letters.remove(place(n, &self.letters));
            }
            Step::Deliver(_) | Step::Repeat(_) | Step::Lose(_) => {}
            Step::Release { node, used } => self.release(node, used),
            Step::Restart(node) => {
                let wait_us = match self.wrong {
                    Wrong::FillsAtOnce => 0,
                    _ => LIFETIME_US + DRIFT_US,
                };
                let n = usize::from(node);
                self.shares[n] = Share::new(self.split, node, self.now_us + wait_us);
                self.waits[n].clear();
                self.holds[n].clear();
            }
        }
    }

    fn release(&mut self, node: u16, used: bool) {
        let n = usize::from(node);
        let ids = std::mem::take(&mut self.holds[n]);
        for release in self.shares[n].release(self.now_us, &ids, used) {
            let (id, from, unspent) = (release.id, release.from, release.unspent);
            self.letters.push(Letter::Release { id, from, unspent });
        }
    }

    fn deliver(&mut self, letter: Letter) {
        let now_us = self.now_us;
        match letter {
            Letter::Ask {
                id,
                to,
                from,
                units,
            } => {
                let until_us = now_us + LIFETIME_US + DRIFT_US;
                let share = &mut self.shares[usize::from(from)];
                let units = share.lend(now_us, id, (units, units), until_us);
                self.letters.push(Letter::Give {
                    id,
                    to,
                    from,
                    units,
                });
            }
            Letter::Give {
                id,
                to,
                from,
                units,
            } => {
                let n = usize::from(to);
                let Some(at) = self.waits[n].iter().position(|(wait, _)| *wait == id) else {
                    return;
                };
                let (mut id, mut until_us) = self.waits[n][at];
                match self.wrong {
                    Wrong::CreditsTwice => {
                        self.ids += 1;
                        id = self.ids;
                    }
                    _ => {
                        self.waits[n].remove(at);
                    }
                }
                if self.wrong == Wrong::HoldsForEver {
                    until_us = u64::MAX;
                }
                if self.shares[n].accept(now_us, id, (from, units), until_us) {
                    self.holds[n].push(id);
                }
            }
            Letter::Release { id, from, unspent } => {
                self.shares[usize::from(from)].released(now_us, id, unspent);
            }
        }
    }

    /// Whether some window has more than the burst and what the rate gave.
    pub(super) fn is_broken(&self, shape_micro: u64) -> bool {
        let burst = u128::from(self.split.units(u64::MAX));
        self.admitted.iter().enumerate().any(|(n, (since, _))| {
            let mut sum = 0;
            self.admitted[n..].iter().any(|(at, units)| {
                sum += u128::from(*units);
                sum > burst + u128::from(shape_micro) * u128::from(at - since)
            })
        })
    }
}
