//! What a trigger's metadata asks for. Pure.

use std::collections::HashMap;
use std::time::Duration;

use stanchion_jobs::Queue;
use tonic::Status;

/// What a scaler wants to know.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Wish {
    /// Of which queue; of all when none is named.
    pub(super) queue: Option<Queue>,
    /// Within what time a backlog is to be worked off.
    pub(super) drain: Duration,
    /// How many jobs a replica runs at once.
    pub(super) slots: u32,
}

const QUEUE: &str = "queue";
const DRAIN: &str = "drainSeconds";
const SLOTS: &str = "slots";

const LONGEST_DRAIN_S: u32 = 86_400;
const MOST_SLOTS: u32 = 10_000;

impl Wish {
    /// Reads it from metadata. Other keys are KEDA's own.
    pub(super) fn read(metadata: &HashMap<String, String>) -> Result<Self, Status> {
        for key in metadata.keys() {
            let ours = [QUEUE, DRAIN, SLOTS];
            let meant = ours.into_iter().find(|our| key.eq_ignore_ascii_case(our));
            if let Some(meant) = meant.filter(|meant| key != meant) {
                return refuse(&format!("`{key}` is written `{meant}`"));
            }
        }
        let queue = metadata.get(QUEUE).map(|name| Queue::new(name));
        let drain_s = number(metadata, DRAIN, 60, LONGEST_DRAIN_S)?;
        Ok(Self {
            queue: queue
                .transpose()
                .map_err(|error| invalid(&format!("`{QUEUE}`: {error}")))?,
            drain: Duration::from_secs(drain_s.into()),
            slots: number(metadata, SLOTS, 1, MOST_SLOTS)?,
        })
    }
}

fn number(
    metadata: &HashMap<String, String>,
    key: &str,
    default: u32,
    most: u32,
) -> Result<u32, Status> {
    let Some(text) = metadata.get(key) else {
        return Ok(default);
    };
    match text.parse() {
        Ok(number) if (1..=most).contains(&number) => Ok(number),
        _ => refuse(&format!("`{key}` is a whole number from 1 to {most}")),
    }
}

fn invalid(what: &str) -> Status {
    Status::invalid_argument(what)
}

fn refuse<T>(what: &str) -> Result<T, Status> {
    Err(invalid(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Wish, Status> {
        let pairs = pairs.iter();
        let owned = pairs.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Wish::read(&owned.collect())
    }

    #[test]
    fn nothing_asks_for_all_queues_and_the_defaults() {
        let wish = read(&[("scalerAddress", "stanchion:8082")]).unwrap();
        assert_eq!(wish.queue, None);
        assert_eq!((wish.drain, wish.slots), (Duration::from_mins(1), 1));
    }

    #[test]
    fn each_key_is_read() {
        let wish = read(&[("queue", "mail"), ("drainSeconds", "5"), ("slots", "4")]).unwrap();
        assert_eq!(wish.queue, Some(Queue::new("mail").unwrap()));
        assert_eq!((wish.drain, wish.slots), (Duration::from_secs(5), 4));
    }

    #[test]
    fn what_means_nothing_is_refused_by_name() {
        for (key, value, said) in [
            ("queue", "Two Words", "`queue`"),
            ("drainSeconds", "0", "`drainSeconds`"),
            ("drainSeconds", "86401", "`drainSeconds`"),
            ("drainSeconds", "1.5", "`drainSeconds`"),
            ("slots", "many", "`slots`"),
            (
                "drainseconds",
                "5",
                "`drainseconds` is written `drainSeconds`",
            ),
        ] {
            let refused = read(&[(key, value)]).unwrap_err();
            assert_eq!(refused.code(), tonic::Code::InvalidArgument);
            assert!(refused.message().contains(said), "{refused}");
        }
    }
}
