//! The faults in force and the bytes counted, shared by all connections of a proxy.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// Which way bytes go through a [`Proxy`](crate::Proxy).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Direction {
    /// From the client to the target.
    ToServer,
    /// From the target to the client.
    ToClient,
    /// Both ways.
    Both,
}

impl Direction {
    fn includes(self, one_way: Self) -> bool {
        self == Self::Both || self == one_way
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    pub(super) delay: Duration,
    to_server: bool,
    to_client: bool,
    vanished: u64,
}

impl Faults {
    /// Takes the target away from every connection that is open.
    pub(super) fn vanish(&mut self) {
        self.vanished += 1;
    }

    /// How often the target has vanished; a connection that began before the last time reaches nobody.
    pub(super) fn vanished(&self) -> u64 {
        self.vanished
    }

    pub(super) fn lose(&mut self, direction: Direction) {
        self.to_server |= direction.includes(Direction::ToServer);
        self.to_client |= direction.includes(Direction::ToClient);
    }

    pub(super) fn loses(&self, direction: Direction) -> bool {
        (self.to_server && direction.includes(Direction::ToServer))
            || (self.to_client && direction.includes(Direction::ToClient))
    }

    pub(super) fn clear(&mut self) {
        *self = Self {
            vanished: self.vanished,
            ..Self::default()
        };
    }
}

#[derive(Debug, Default)]
pub(super) struct Counter {
    to_server: AtomicU64,
    to_client: AtomicU64,
}

impl Counter {
    pub(super) fn add(&self, one_way: Direction, bytes: usize) {
        let counter = match one_way {
            Direction::ToServer => &self.to_server,
            Direction::ToClient | Direction::Both => &self.to_client,
        };
        counter.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn sum(&self, direction: Direction) -> u64 {
        let to_server = self.to_server.load(Ordering::Relaxed);
        let to_client = self.to_client.load(Ordering::Relaxed);
        match direction {
            Direction::ToServer => to_server,
            Direction::ToClient => to_client,
            Direction::Both => to_server + to_client,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    faults: watch::Sender<Faults>,
    pub(super) delivered: Counter,
    pub(super) dropped: Counter,
}

impl Shared {
    pub(super) fn change(&self, change: impl FnOnce(&mut Faults)) {
        self.faults.send_modify(change);
    }

    pub(super) fn watch(&self) -> watch::Receiver<Faults> {
        self.faults.subscribe()
    }
}
