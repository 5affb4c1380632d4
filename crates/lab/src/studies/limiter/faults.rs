//! Faults, with two servers that ask for twice the rate: Redis fenced, acknowledged and neither, and servers that need none,
//! side by side.

mod peers;

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use stanchion_kernel::Clock;
use stanchion_testkit::{
    Direction, Proxy, Redis as Server, RedisOptions, Sentinels, SentinelsOptions,
};

use super::Bench;
use super::fleet::{Done, Fleet};
use super::plan::{Demand, Fate, Keeper, Plan, Treatment};
use super::ways::Way;
use crate::load::number;

const SERVERS: u16 = 2;
pub(super) const RATE: u64 = 400;
/// 200 for each server, so that the limit is leased.
pub(super) const BURST: u64 = 400;
const LEASE: Duration = Duration::from_secs(2);
/// Longer than a primary with a greatest lag of 1 s writes after it was cut off, than a reply and the clocks' error.
const QUARANTINE: Duration = Duration::from_millis(3_700);
/// From the beginning to the fault; the burst is spent by then.
const BEFORE: Duration = Duration::from_secs(2);
pub(super) const PARTITION: Duration = Duration::from_secs(5);
const PREFIX: &str = "faults";

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fault {
    KillPrimary,
    Partition,
    RestartEmpty,
    Division,
    KillWorker,
}

/// How it ended.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct End {
    pub way: Way,
    pub treatment: Treatment,
    pub fault: Fault,
    /// Tokens beyond the limit in the worst window.
    pub over_admitted: u64,
    /// Which part of the questions was answered from the fault on, with yes or no.
    pub answered: f64,
    /// The longest time from the fault on in which nothing was admitted, in seconds.
    pub outage_s: f64,
    /// Whether something was admitted after it; otherwise it is longer than was looked.
    pub is_over: bool,
    /// What was admitted from the fault on, of what the rate gave.
    pub utilisation: f64,
}

/// How all ended.
#[derive(Default, Serialize)]
#[serde(transparent)]
pub(super) struct Ends(Vec<End>);

impl Fault {
    pub(super) const ALL: [Self; 5] = [
        Self::KillPrimary,
        Self::Partition,
        Self::RestartEmpty,
        Self::Division,
        Self::KillWorker,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::KillPrimary => "the primary is killed",
            Self::Partition => "the primary is cut off for 5 s",
            Self::RestartEmpty => "the primary starts again, empty",
            Self::Division => "the two servers do not hear each other for 5 s",
            Self::KillWorker => "one of the two servers is killed",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::KillPrimary => "kill",
            Self::Partition => "partition",
            Self::RestartEmpty => "restart",
            Self::Division => "division",
            Self::KillWorker => "worker",
        }
    }

    /// Who can suffer it, and how each is taken through it.
    fn sufferers(self) -> Vec<(Way, Treatment)> {
        let redis = Way::REPLICATED.into_iter();
        let redis = redis.flat_map(|way| Treatment::ALL.map(|treatment| (way, treatment)));
        let peers = Way::AMONG_SERVERS.map(|way| (way, Treatment::None));
        match self {
            Self::KillPrimary | Self::Partition | Self::RestartEmpty => redis.collect(),
            Self::Division => peers.into(),
            Self::KillWorker => redis.chain(peers).collect(),
        }
    }

    /// From the fault to the end.
    fn after(self) -> Duration {
        match self {
            Self::KillPrimary | Self::Partition => Duration::from_secs(26),
            Self::RestartEmpty | Self::Division => Duration::from_secs(10),
            Self::KillWorker => Duration::from_secs(6),
        }
    }
}

/// The name by which `--only` chooses.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faults/{}", self.name())
    }
}

impl End {
    /// For how long nothing was admitted.
    pub(super) fn outage(&self) -> String {
        let more = if self.is_over { "" } else { "more than " };
        format!("{more}{:.1} s", self.outage_s)
    }
}

impl Ends {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, end: End) {
        eprintln!("{end:?}");
        self.0.push(end);
    }

    /// Those of a fault.
    pub(super) fn of(&self, fault: Fault) -> impl Iterator<Item = &End> {
        self.0.iter().filter(move |end| end.fault == fault)
    }
}

pub(super) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    for fault in Fault::ALL {
        if !bench.wants(&fault.to_string()) {
            continue;
        }
        let all = fault.sufferers().into_iter();
        let all = all.map(|(way, treatment)| tokio::spawn(run(way, treatment, fault)));
        for end in all.collect::<Vec<_>>() {
            bench.ends.add(end.await??);
        }
    }
    promise(bench);
    Ok(())
}

/// What is called exact must be.
fn promise(bench: &mut Bench) {
    let Bench { ends, report, .. } = bench;
    for treatment in Treatment::ALL {
        let of = ends.0.iter().filter(|end| end.treatment == treatment);
        let Some(worst) = of.map(|end| end.over_admitted).max() else {
            continue;
        };
        let is_exact = treatment != Treatment::Unfenced;
        report.row(
            &format!("faults, {}, the most beyond the limit", treatment.title()),
            format!("{worst} tokens"),
            format!("rate {RATE}/s, burst {BURST}"),
            if is_exact { "0" } else { "" },
            is_exact.then_some(worst == 0),
        );
    }
    for way in Way::AMONG_SERVERS {
        let of = ends.0.iter().filter(|end| end.way == way);
        let Some(worst) = of.map(|end| end.over_admitted).max() else {
            continue;
        };
        let most = if way.is_exact() { 0 } else { peers::BOUND };
        report.row(
            &format!("faults, {way}, the most beyond the limit"),
            format!("{worst} tokens"),
            format!("rate {RATE}/s, burst {BURST}"),
            &if most == 0 {
                "0".to_owned()
            } else {
                format!("≤ {most}")
            },
            Some(worst <= most),
        );
    }
}

/// A primary behind a proxy, a replica, and Sentinels that know them through it.
struct Stack {
    primary: Server,
    proxy: Proxy,
    _replica: Server,
    sentinels: Sentinels,
}

impl Stack {
    async fn start(treatment: Treatment) -> Self {
        let settings = settings(treatment);
        let options = RedisOptions {
            settings: settings.clone(),
            ..RedisOptions::default()
        };
        let primary = Server::start(options).await;
        let proxy = Proxy::start(("127.0.0.1", primary.port()));
        let port = proxy.addr().port();
        let options = RedisOptions {
            replica_of: Some(port),
            settings,
            ..RedisOptions::default()
        };
        let replica = Server::start(options).await;
        primary.wait_for_replicas(1).await;
        let options = SentinelsOptions {
            primary_port: Some(port),
            ..SentinelsOptions::default()
        };
        let sentinels = Sentinels::start(&primary, options).await;
        fill(&primary, treatment).await;
        Self {
            primary,
            proxy,
            _replica: replica,
            sentinels,
        }
    }

    /// The Sentinels; in a partition the first server is on the side of the primary and knows it alone.
    fn keeper(&self, server: u16, fault: Fault) -> Keeper {
        if fault == Fault::Partition && server == 0 {
            return Keeper::Single(self.primary.url());
        }
        Keeper::Sentinel {
            urls: self.sentinels.urls(),
            name: self.sentinels.name().to_owned(),
        }
    }

    async fn suffer(&self, fault: Fault, fleet: &mut Fleet) {
        let port = self.proxy.addr().port();
        match fault {
            Fault::KillPrimary => {
                self.primary.kill9();
                self.sentinels.primary_after(port).await;
                self.primary.start_again().await;
            }
            Fault::Partition => {
                self.proxy.drop_bytes(Direction::Both);
                tokio::time::sleep(PARTITION).await;
                self.sentinels.primary_after(port).await;
                self.proxy.heal();
            }
            Fault::RestartEmpty => {
                self.primary.kill9();
                self.primary.start_again().await;
            }
            Fault::KillWorker => fleet.kill_first(),
            // No server hears of another one through Redis.
            Fault::Division => {}
        }
    }
}

/// What the documents ask of servers that are fenced.
fn settings(treatment: Treatment) -> Vec<(String, String)> {
    let fenced = [
        ("min-replicas-to-write", "1"),
        ("min-replicas-max-lag", "1"),
    ];
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    match treatment {
        Treatment::Fenced => fenced.map(owned).into(),
        Treatment::Acknowledged | Treatment::Unfenced | Treatment::None => Vec::new(),
    }
}

/// Makes the epoch so old that all buckets are full: nobody waits for the first quarantine.
async fn fill(primary: &Server, treatment: Treatment) {
    let info = primary.command(&["INFO", "replication"]).await;
    let known = info
        .lines()
        .find_map(|line| line.strip_prefix("master_replid:"))
        .filter(|_| treatment == Treatment::Fenced);
    let epoch = format!("{}-1", known.unwrap_or_default().trim());
    let key = format!("{PREFIX}:{{0}}:epoch");
    primary.command(&["SET", &key, &epoch]).await;
}

async fn run(way: Way, treatment: Treatment, fault: Fault) -> anyhow::Result<End> {
    if treatment == Treatment::None {
        return peers::run(way, fault).await;
    }
    let stack = Stack::start(treatment).await;
    let lease = if way == Way::Leases {
        LEASE
    } else {
        Duration::ZERO
    };
    let plan = |server| Plan {
        keeper: stack.keeper(server, fault),
        // Leases end a little late by the clock of their keeper.
        quarantine: QUARANTINE + lease.mul_f64(1.02),
        lease,
        prefix: PREFIX.to_owned(),
        servers: SERVERS,
        rate: RATE,
        burst: BURST,
        demand: Demand::Paced { per_second: RATE },
        lasts: BEFORE + fault.after(),
        everything: true,
        ..Plan::of(way, treatment)
    };
    let mut fleet = Fleet::start((0..SERVERS).map(plan).collect())?;
    let clock = Clock::system();
    let at = fleet.begins() + BEFORE;
    tokio::time::sleep(at.saturating_sub(clock.boot())).await;
    // Whatever happened before this moment was before the fault.
    let at = clock.boot();
    stack.suffer(fault, &mut fleet).await;
    let until = fleet.begins() + BEFORE + fault.after();
    let done = fleet.done().await?;
    Ok(end((way, treatment, fault), &done, (at, until)))
}

fn end(
    (way, treatment, fault): (Way, Treatment, Fault),
    done: &Done,
    (at, until): (Duration, Duration),
) -> End {
    let since = done.entries.iter().filter(|entry| entry.sent >= at);
    let (mut asked, mut answered, mut admitted) = (0, 0, Vec::new());
    for entry in since {
        asked += 1;
        answered += u64::from(entry.fate != Fate::Failed);
        if entry.fate == Fate::Admitted {
            admitted.push(entry.decided);
        }
    }
    let (outage, is_over) = longest_gap(at, &admitted, until);
    let given = number(RATE) * (until - at).as_secs_f64();
    End {
        way,
        treatment,
        fault,
        over_admitted: done.excess,
        answered: number(answered) / number(asked.max(1)),
        outage_s: outage.as_secs_f64(),
        is_over,
        utilisation: number(admitted.len() as u64) / given,
    }
}

/// The longest time without any of the moments, which are in their order, and whether one of them ended it.
fn longest_gap(from: Duration, moments: &[Duration], until: Duration) -> (Duration, bool) {
    let before = std::iter::once(from).chain(moments.iter().copied());
    let gaps = before
        .zip(moments)
        .map(|(one, next)| next.saturating_sub(one));
    let ended = gaps.max().unwrap_or_default();
    let last = until.saturating_sub(moments.last().copied().unwrap_or(from));
    (ended.max(last), ended >= last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_gap_may_be_at_either_end() {
        let at = |moments: &[u64]| {
            let moments: Vec<_> = moments.iter().copied().map(Duration::from_secs).collect();
            let (gap, is_over) =
                longest_gap(Duration::from_secs(10), &moments, Duration::from_secs(20));
            (gap.as_secs(), is_over)
        };
        assert_eq!(at(&[]), (10, false));
        assert_eq!(at(&[17, 18]), (7, true));
        assert_eq!(at(&[11, 16, 19]), (5, true));
        assert_eq!(at(&[11, 12]), (8, false));
    }
}
