//! Calls in the words of the script, and its answers. Pure.

use std::collections::HashMap;
use std::time::Duration;

use redis::{Cmd, Value};

use crate::LimiterError;
use crate::bucket::Shape;
use crate::port::{Epoch, Settled};

/// A call on buckets that are in one place.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// Where they are: the number of their hash tag.
    pub(super) place: u16,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Check(Vec<(Bucket, u64)>),
    Refund(Bucket, u64),
    Lend {
        bucket: Bucket,
        id: [u8; 16],
        tokens: u64,
        lifetime: Duration,
        settled: Vec<Settled>,
    },
    Settle(Bucket, Vec<Settled>),
}

/// A bucket: its key in Redis, and the shape that its limit has now.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    pub(super) key: String,
    pub(super) shape: Shape,
}

/// What the script says to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) granted: bool,
    pub(super) levels: Vec<Level>,
    pub(super) epoch: Epoch,
}

/// What it says of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) tokens: u64,
    pub(super) until_held: Duration,
    pub(super) until_full: Duration,
}

impl Call {
    /// Whether something may have been taken by it.
    pub(super) fn takes(&self) -> bool {
        match &self.what {
            What::Check(asks) => asks.iter().any(|(_, cost)| *cost > 0),
            What::Lend { .. } => true,
            What::Refund(..) | What::Settle(..) => false,
        }
    }

    /// Whether it may be sent again when nobody knows whether it was heard. A question asked twice takes twice at worst,
    /// and leases have an identity; what is put back twice is there for nothing.
    pub(super) fn is_repeatable(&self) -> bool {
        !matches!(self.what, What::Refund(..))
    }
}

/// The words of a batch.
#[derive(Default)]
struct Words {
    places: HashMap<String, usize>,
    keys: Vec<String>,
    words: Vec<Vec<u8>>,
}

/// Appends keys and words of calls to the command that runs the script.
pub(super) fn encode(
    mut command: Cmd,
    epoch_key: &str,
    quarantine: Option<Duration>,
    calls: &[&Call],
) -> Cmd {
    let mut words = Words::default();
    for call in calls {
        words.call(call);
    }
    command.arg(words.keys.len() + 1).arg(epoch_key);
    for key in &words.keys {
        command.arg(key);
    }
    command.arg(u8::from(quarantine.is_some()));
    command.arg(micros(quarantine.unwrap_or_default()));
    for word in &words.words {
        command.arg(word.as_slice());
    }
    command
}

impl Words {
    fn word(&mut self, word: impl AsRef<[u8]>) {
        self.words.push(word.as_ref().to_vec());
    }

    fn number(&mut self, number: u64) {
        self.words.push(number.to_string().into_bytes());
    }

    fn count(&mut self, count: usize) {
        self.words.push(count.to_string().into_bytes());
    }

    fn call(&mut self, call: &Call) {
        match &call.what {
            What::Check(asks) => {
                self.word("check");
                self.count(asks.len());
                for (bucket, cost) in asks {
                    self.bucket(bucket);
                    self.number(*cost);
                }
            }
            What::Refund(bucket, cost) => {
                self.word("refund");
                self.bucket(bucket);
                self.number(*cost);
            }
            What::Lend {
                bucket,
                id,
                tokens,
                lifetime,
                settled,
            } => {
                self.word("lend");
                self.bucket(bucket);
                self.word(id);
                self.number(*tokens);
                self.number(micros(*lifetime));
                self.settled(settled);
            }
            What::Settle(bucket, settled) => {
                self.word("settle");
                self.bucket(bucket);
                self.settled(settled);
            }
        }
    }

    /// Its place in KEYS after the first; each bucket has one.
    fn bucket(&mut self, bucket: &Bucket) {
        let next = self.keys.len() + 1;
        let place = *self.places.entry(bucket.key.clone()).or_insert(next);
        if place == next {
            self.keys.push(bucket.key.clone());
        }
        self.count(place);
        self.number(bucket.shape.units_per_token());
        self.number(bucket.shape.units_per_micro());
        self.number(bucket.shape.burst());
    }

    fn settled(&mut self, settled: &[Settled]) {
        self.count(settled.len());
        for one in settled {
            self.word(one.id.0.as_bytes());
            self.word(one.epoch.0.as_bytes());
            self.number(one.unspent);
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Reads what the script says to so many calls.
///
/// # Errors
/// [`LimiterError::Unavailable`] when it is no answer of the script.
pub(super) fn decode(value: &Value, calls: usize) -> Result<Vec<Said>, LimiterError> {
    let garbage = || LimiterError::Unavailable("Redis answered something else".to_owned());
    let said = || -> Option<Vec<Said>> {
        let (epoch, answers) = list(value)?.split_first()?;
        let Value::BulkString(epoch) = epoch else {
            return None;
        };
        let epoch = Epoch(std::str::from_utf8(epoch).ok()?.into());
        let answers = answers.iter().map(|answer| one(answer, &epoch));
        answers.collect()
    };
    said()
        .filter(|said| said.len() == calls)
        .ok_or_else(garbage)
}

fn list(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(values) => Some(values),
        _ => None,
    }
}

fn one(answer: &Value, epoch: &Epoch) -> Option<Said> {
    let whole = |value: &Value| match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    };
    let numbers: Option<Vec<u64>> = list(answer)?.iter().map(whole).collect();
    let numbers = numbers?;
    let (granted, levels) = match numbers.split_first() {
        None => (true, &[][..]),
        Some((granted, levels)) => (*granted == 1, levels),
    };
    let levels = levels.chunks(3).map(|level| match level {
        [tokens, held, full] => Some(Level {
            tokens: *tokens,
            until_held: Duration::from_micros(*held),
            until_full: Duration::from_micros(*full),
        }),
        _ => None,
    });
    Some(Said {
        granted,
        levels: levels.collect::<Option<_>>()?,
        epoch: epoch.clone(),
    })
}
