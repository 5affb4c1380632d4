//! One server of a fleet, as a process of its own. The study starts it by itself.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::ensure;
use hdrhistogram::Histogram;
use stanchion_kernel::Clock;
use stanchion_limiter::port::Backend;
use stanchion_limiter::{Ask, Decision, Limit, LimiterError};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::plan::{Counted, Demand, Entry, Fate, KEY, Plan};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The plan, as JSON.
    #[arg(long)]
    plan: String,
}

/// The longest answer that is told apart, in nanoseconds.
const LONGEST_NS: u64 = 60_000_000_000;
/// How often the log is written, so that a worker that is killed leaves what it did.
const FLUSH: Duration = Duration::from_millis(5);
/// Callers that are answered without waiting let others run after so many questions.
const TURN: u32 = 64;
/// How often questions of a paced demand are asked.
const PACE: Duration = Duration::from_micros(200);
/// How many questions of a paced demand are under way at most.
const UNDER_WAY: u32 = 4_096;
/// How long the last answers are waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Does as the plan says, and prints what was counted.
pub(crate) async fn serve(options: &Options) -> anyhow::Result<()> {
    let plan: Plan = serde_json::from_str(&options.plan)?;
    let clock = Clock::system();
    let server = Server {
        backend: plan.way.open(&plan, &clock).await?,
        limit: plan.limit()?,
        clock,
        everything: plan.everything,
    };
    let early = plan.begins.checked_sub(server.clock.boot());
    ensure!(
        early.is_some(),
        "the worker was not up when it was to begin"
    );
    tokio::time::sleep(early.unwrap_or_default()).await;
    let tallies = match plan.demand {
        Demand::Flood { callers } => flood(&server, &plan, callers).await?,
        Demand::Paced { per_second } => paced(&server, &plan, per_second).await?,
    };
    let mut counted = Counted::default();
    let mut took = histogram()?;
    for tally in &tallies {
        tally.add_to(&mut counted, &mut took)?;
    }
    let values = took.iter_recorded();
    let values = values.map(|value| (value.value_iterated_to(), value.count_at_value()));
    counted.took = values.collect();
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&counted)?)?;
    Ok(())
}

pub(super) fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, LONGEST_NS, 3)?)
}

#[derive(Clone)]
struct Server {
    backend: Arc<dyn Backend>,
    limit: Limit,
    clock: Clock,
    everything: bool,
}

/// What callers were told.
struct Tally(Mutex<Told>);

struct Told {
    counted: Counted,
    took: Histogram<u64>,
    log: String,
}

impl Tally {
    fn new() -> anyhow::Result<Arc<Self>> {
        Ok(Arc::new(Self(Mutex::new(Told {
            counted: Counted::default(),
            took: histogram()?,
            log: String::new(),
        }))))
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add_to(&self, counted: &mut Counted, took: &mut Histogram<u64>) -> anyhow::Result<()> {
        let mut told = self.told();
        counted.admitted += told.counted.admitted;
        counted.denied += told.counted.denied;
        counted.failed += told.counted.failed;
        counted.why = counted.why.take().or_else(|| told.counted.why.take());
        took.add(&told.took)?;
        Ok(())
    }
}

impl Server {
    /// One question, and whether it was answered without waiting.
    async fn ask(&self, tally: &Tally) -> bool {
        self.ask_now(tally) || {
            let sent = self.clock.boot();
            let answer = match Ask::new(&self.limit, KEY, 1) {
                Ok(ask) => self.backend.check(&[ask]).await,
                Err(error) => Err(error),
            };
            let decided = answer.map(|decisions| decisions.first().copied());
            self.record(tally, sent, decided);
            false
        }
    }

    /// One question, if it is answered without waiting.
    fn ask_now(&self, tally: &Tally) -> bool {
        let sent = self.clock.boot();
        let ask = Ask::new(&self.limit, KEY, 1);
        let Some(answer) = ask.ok().and_then(|ask| self.backend.check_now(&ask)) else {
            return false;
        };
        self.record(tally, sent, answer.map(Some));
        true
    }

    fn record(
        &self,
        tally: &Tally,
        sent: Duration,
        answer: Result<Option<Decision>, LimiterError>,
    ) {
        let decided = self.clock.boot();
        let mut told = tally.told();
        let fate = match answer {
            Ok(Some(decision)) if decision.allowed => Fate::Admitted,
            Ok(_) => Fate::Denied,
            Err(error) => {
                told.counted.why.get_or_insert_with(|| error.to_string());
                Fate::Failed
            }
        };
        match fate {
            Fate::Admitted => told.counted.admitted += 1,
            Fate::Denied => told.counted.denied += 1,
            Fate::Failed => told.counted.failed += 1,
        }
        if fate != Fate::Failed {
            let took = u64::try_from((decided - sent).as_nanos()).unwrap_or(u64::MAX);
            told.took.saturating_record(took);
        }
        if self.everything || fate == Fate::Admitted {
            let entry = Entry {
                fate,
                sent,
                decided,
            };
            told.log += &entry.line();
        }
    }
}

/// Callers that ask again as soon as they are answered.
async fn flood(server: &Server, plan: &Plan, callers: usize) -> anyhow::Result<Vec<Arc<Tally>>> {
    let tallies = (0..callers).map(|_| Tally::new());
    let tallies = tallies.collect::<anyhow::Result<Vec<_>>>()?;
    let mut running = JoinSet::new();
    for tally in &tallies {
        let (server, tally, ends) = (server.clone(), Arc::clone(tally), plan.ends());
        running.spawn(async move {
            let mut in_turn = 0;
            while server.clock.boot() < ends {
                in_turn = if server.ask(&tally).await {
                    in_turn + 1
                } else {
                    0
                };
                if in_turn == TURN {
                    in_turn = 0;
                    tokio::task::yield_now().await;
                }
            }
        });
    }
    let mut log = Log::create(&plan.log, &tallies)?;
    while !running.is_empty() {
        tokio::select! {
            ended = running.join_next() => ended.transpose().map(drop)?,
            () = tokio::time::sleep(FLUSH) => log.flush()?,
        }
    }
    log.flush()?;
    Ok(tallies)
}

/// Questions at a pace, whether the ones before were answered or not.
async fn paced(server: &Server, plan: &Plan, per_second: u64) -> anyhow::Result<Vec<Arc<Tally>>> {
    let tally = Tally::new()?;
    let permits = Arc::new(Semaphore::new(UNDER_WAY as usize));
    let (asker, told, gate) = (server.clone(), Arc::clone(&tally), Arc::clone(&permits));
    let plan = plan.clone();
    let runtime = Handle::current();
    // The runtime's own timers know whole milliseconds only, and questions would come in groups.
    let asking = tokio::task::spawn_blocking(move || -> anyhow::Result<Log> {
        let _entered = runtime.enter();
        let mut log = Log::create(&plan.log, std::slice::from_ref(&told))?;
        let (mut asked, mut flushed) = (0, Duration::ZERO);
        loop {
            std::thread::park_timeout(PACE);
            let now = asker.clock.boot();
            if now >= plan.ends() {
                return Ok(log);
            }
            let due = u128::from(per_second) * (now - plan.begins).as_micros() / 1_000_000;
            while asked < due {
                asked += 1;
                begin(&asker, &told, &gate);
            }
            if now - flushed > FLUSH {
                flushed = now;
                log.flush()?;
            }
        }
    });
    let mut log = asking.await??;
    // Whatever is not answered by now has failed.
    let all = tokio::time::timeout(PATIENCE, permits.acquire_many(UNDER_WAY)).await;
    if all.is_err() {
        let missing = UNDER_WAY as usize - permits.available_permits();
        tally.told().counted.failed += u64::try_from(missing)?;
    }
    log.flush()?;
    Ok(vec![tally])
}

fn begin(server: &Server, tally: &Arc<Tally>, permits: &Arc<Semaphore>) {
    if server.ask_now(tally) {
        return;
    }
    let Ok(permit) = Arc::clone(permits).try_acquire_owned() else {
        let crowded = LimiterError::Unavailable("too many questions are under way".to_owned());
        server.record(tally, server.clock.boot(), Err(crowded));
        return;
    };
    let (server, tally) = (server.clone(), Arc::clone(tally));
    tokio::spawn(async move {
        server.ask(&tally).await;
        drop(permit);
    });
}

/// The file in which admissions are.
struct Log {
    file: File,
    tallies: Vec<Arc<Tally>>,
}

impl Log {
    fn create(path: &Path, tallies: &[Arc<Tally>]) -> anyhow::Result<Self> {
        let (file, tallies) = (File::create(path)?, tallies.to_vec());
        Ok(Self { file, tallies })
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        for tally in &self.tallies {
            let lines = std::mem::take(&mut tally.told().log);
            self.file.write_all(lines.as_bytes())?;
        }
        Ok(())
    }
}
