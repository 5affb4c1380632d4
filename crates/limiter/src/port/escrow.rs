//! Buckets in escrow between the nodes of a fixed roster. [`crate::escrow`] says how a bucket is divided and why nothing
//! is admitted beyond the limit, also while the network is divided; this is what carries it.
//!
//! A check that this node's share can serve needs no network. One that is short asks the other nodes, the one that is
//! believed to hold most first, for as long as its patience lasts. A node of which nothing was heard lately is not
//! asked: what it holds is not admitted by anybody else then.
//!
//! Nodes send each other UDP datagrams of at most 256 bytes, closed by a keyed BLAKE3 hash of the roster's secret: what
//! is forged, garbled or meant for another roster is dropped and counted. They are not secret, but name no key. A request
//! has to repeat what the other node said of its clock within a transfer's lifetime, so that one that was recorded
//! cannot be sent again later; within it, its id is known. A node has a new identity whenever it starts.
//!
//! Its clock goes on while a machine is suspended, so that what was held for a call is not spent after it wakes.

mod config;
mod gather;
mod state;
mod wire;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use stanchion_kernel::{Clock, Entropy};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::config::lifetimes;
use self::gather::Gathered;
use self::state::{Request, State, Verdict};
use self::wire::{Body, BucketId, Letter, MAX_DATAGRAM, Seal};
use super::{Backend, all_differ};
use crate::{Ask, Decision, LimiterError, observe};

pub use self::config::{EscrowConfig, MAX_NODES};

/// Datagrams that wait to be sent; more are dropped, as a network drops them.
const OUTGOING: usize = 1024;

/// Buckets in escrow. It stops when it is dropped.
#[derive(Debug)]
pub struct Escrow {
    node: Arc<Node>,
    task: JoinHandle<()>,
}

struct Node {
    config: EscrowConfig,
    seal: Seal,
    /// This incarnation, never 0.
    boot: u64,
    clock: Clock,
    entropy: Entropy,
    state: Mutex<State>,
    outgoing: mpsc::Sender<(SocketAddr, Vec<u8>)>,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Escrow {
    /// Begins with empty shares, which are filled from the time on that the longest transfer of an earlier run is over.
    ///
    /// # Errors
    /// [`LimiterError::Config`] when the configuration is out of its bounds or the address cannot be bound.
    pub async fn start(
        config: EscrowConfig,
        clock: Clock,
        entropy: Entropy,
    ) -> Result<Self, LimiterError> {
        config.validate()?;
        let socket = UdpSocket::bind(config.listen).await.map_err(|error| {
            LimiterError::Config(format!("cannot listen on {}: {error}", config.listen))
        })?;
        let nodes = u16::try_from(config.roster.len()).unwrap_or(u16::MAX);
        let (outgoing, sent) = mpsc::channel(OUTGOING);
        let node = Arc::new(Node {
            seal: Seal::new(&config.secret, nodes, config.lifetime),
            boot: u64::from_le_bytes(entropy.bytes()) | 1,
            state: Mutex::new(State::new(config.clone(), micros(&clock))),
            config,
            clock,
            entropy,
            outgoing,
        });
        let task = tokio::spawn(run(Arc::clone(&node), socket, sent));
        Ok(Self { node, task })
    }

    /// How many other nodes were heard of lately.
    #[must_use]
    pub fn reachable(&self) -> usize {
        let node = &self.node;
        node.state().reachable(micros(&node.clock)).count()
    }

    /// How many of this node's shares have something on loan. They hold less for as long. Looks at all of them.
    #[must_use]
    pub fn on_loan(&self) -> usize {
        let node = &self.node;
        node.state().on_loan(micros(&node.clock))
    }
}

impl Drop for Escrow {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Receives, sends and beats until it is aborted.
async fn run(node: Arc<Node>, socket: UdpSocket, mut sent: mpsc::Receiver<(SocketAddr, Vec<u8>)>) {
    let mut beat = tokio::time::interval(node.config.beat);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // One byte more, so that a longer datagram is seen to be longer.
    let mut datagram = [0; MAX_DATAGRAM + 1];
    loop {
        tokio::select! {
            received = socket.recv_from(&mut datagram) => match received {
                Ok((length, _)) => node.receive(&datagram[..length]),
                // On some systems a datagram that nobody took comes back as an error of the next call.
                Err(_) => observe::escrow_dropped("socket"),
            },
            Some((to, letter)) = sent.recv() => {
                if socket.send_to(&letter, to).await.is_err() {
                    observe::escrow_dropped("socket");
                }
            }
            _ = beat.tick() => node.beat(),
        }
    }
}

impl Node {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, to: u16, (to_boot, echo_us): (u64, u64), body: Body) {
        let letter = Letter {
            from: self.config.node,
            to,
            boot: self.boot,
            clock_us: micros(&self.clock),
            to_boot,
            echo_us,
            body,
        };
        let datagram = (
            self.config.roster[usize::from(to)],
            self.seal.close(&letter),
        );
        if self.outgoing.try_send(datagram).is_err() {
            observe::escrow_dropped("full");
        }
    }

    /// Sends to a node what it is known by.
    fn send_to(&self, to: u16, body: Body) {
        let peer = self.state().peer(to);
        self.send(to, (peer.boot, peer.clock_us), body);
    }

    fn beat(&self) {
        observe::reachable(self.state().reachable(micros(&self.clock)).count());
        let nodes = (0..self.config.roster.len()).filter_map(|node| u16::try_from(node).ok());
        for node in nodes.filter(|node| *node != self.config.node) {
            self.send_to(node, Body::Beat);
        }
    }

    fn receive(&self, datagram: &[u8]) {
        let Some(letter) = self.seal.open(datagram) else {
            return observe::escrow_dropped("forged");
        };
        let is_known = usize::from(letter.from) < self.config.roster.len();
        if letter.to != self.config.node || letter.from == letter.to || !is_known {
            return observe::escrow_dropped("misrouted");
        }
        let now_us = micros(&self.clock);
        let (lifetime_us, _) = lifetimes(&self.config);
        let is_fresh =
            letter.to_boot == self.boot && now_us.saturating_sub(letter.echo_us) <= lifetime_us;
        if is_fresh {
            self.state()
                .heard(letter.from, letter.boot, letter.clock_us, now_us);
        }
        self.answer(&letter, is_fresh, now_us);
    }

    fn answer(&self, letter: &Letter, is_fresh: bool, now_us: u64) {
        // Whoever does not know this incarnation or its clock learns it from the answer.
        let known = (letter.boot, letter.clock_us);
        match letter.body {
            Body::Beat if is_fresh => {}
            Body::Beat => self.send(letter.from, known, Body::Beat),
            Body::Ask { id, .. } if !is_fresh => self.send(letter.from, known, Body::Again { id }),
            Body::Ask {
                id,
                bucket,
                terms,
                need,
                want,
            } => {
                let request = Request {
                    from: letter.from,
                    id,
                    bucket,
                    terms,
                    need,
                    want,
                };
                let (units, left) = self.state().lend(&request, now_us);
                let give = Body::Give {
                    id,
                    bucket,
                    units,
                    left,
                };
                self.send(letter.from, known, give);
            }
            Body::Give {
                id, units, left, ..
            } => {
                let back = self.state().given(letter.from, (id, units, left), now_us);
                if let Some((bucket, release)) = back {
                    observe::transfer("late");
                    self.send_to(
                        letter.from,
                        Body::Release {
                            id,
                            bucket,
                            unspent: release.unspent,
                        },
                    );
                }
            }
            Body::Again { id } => self.state().again(letter.from, id),
            Body::Release {
                id,
                bucket,
                unspent,
            } => self.state().released(&bucket, id, unspent, now_us),
        }
    }

    fn named<'a>(&self, asks: &[Ask<'a>]) -> Vec<(BucketId, Ask<'a>)> {
        let name = |ask: &Ask<'a>| {
            let id = self.seal.bucket(ask.limit().name().as_str(), ask.key());
            (id, *ask)
        };
        asks.iter().map(name).collect()
    }

    fn take(&self, asks: &[(BucketId, Ask<'_>)]) -> Result<Verdict, LimiterError> {
        let mut state = self.state();
        state.take(asks, micros(&self.clock))
    }

    /// Takes the costs, and gathers what is missing for as long as patience lasts.
    async fn check(&self, asks: &[(BucketId, Ask<'_>)]) -> Result<Vec<Decision>, LimiterError> {
        let mut gathered: Vec<_> = asks
            .iter()
            .map(|(id, _)| Gathered::new(self, *id))
            .collect();
        let patient = tokio::time::timeout(self.config.patience, async {
            let mut asked = vec![false; asks.len()];
            loop {
                let verdict = self.take(asks)?;
                let mut short = verdict.gather.iter().copied();
                let Some(next) = short.find(|next| !asked[*next]) else {
                    return Ok(verdict);
                };
                asked[next] = gathered[next].gather(&asks[next].1).await?;
            }
        });
        let verdict = match patient.await {
            Ok(verdict) => verdict?,
            Err(_elapsed) => self.take(asks)?,
        };
        for gathered in &mut gathered {
            gathered.were_used = verdict.allowed;
        }
        Ok(verdict.decisions)
    }
}

#[async_trait]
impl Backend for Escrow {
    async fn check(&self, asks: &[Ask<'_>]) -> Result<Vec<Decision>, LimiterError> {
        all_differ(asks)?;
        self.node.check(&self.node.named(asks)).await
    }

    fn check_now(&self, ask: &Ask<'_>) -> Option<Result<Decision, LimiterError>> {
        let asks = self.node.named(std::slice::from_ref(ask));
        match self.node.take(&asks) {
            Err(error) => Some(Err(error)),
            Ok(verdict) if verdict.gather.is_empty() => verdict.decisions.first().copied().map(Ok),
            Ok(_) => None,
        }
    }

    async fn refund(&self, ask: Ask<'_>) -> Result<(), LimiterError> {
        let node = &self.node;
        let id = node.seal.bucket(ask.limit().name().as_str(), ask.key());
        node.state().refund(&id, &ask, micros(&node.clock));
        Ok(())
    }
}

fn micros(clock: &Clock) -> u64 {
    u64::try_from(clock.boot().as_micros()).unwrap_or(u64::MAX)
}
