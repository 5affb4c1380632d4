//! THE table of states and transitions. The statements of the backends take their target states from here, and a test
//! holds the diagram in the crate's README to it.

use serde::{Deserialize, Serialize};

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It waits for a worker, or for its moment.
    Waiting,
    /// A worker holds it.
    Running,
    /// It waits for a worker that knows its kind.
    Parked,
    /// It is done.
    Completed,
    /// It was given up: a dead letter, which can be replayed.
    Dead,
    /// It was ended on request.
    Cancelled,
}

/// What happens to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A worker takes it.
    Claim,
    /// Its holder has done it.
    Complete,
    /// Its holder failed; it is tried again.
    Retry,
    /// Its holder wants it later.
    Snooze,
    /// Its holder has no time for it.
    GiveBack,
    /// Its holder's lease ran out.
    LoseLease,
    /// It failed for good, or its lease was lost, or processes died on it, too often.
    GiveUp,
    /// Its holder does not know its kind.
    Park,
    /// A worker that knows its kind came.
    Unpark,
    /// Somebody asks for its end while nobody holds it.
    Cancel,
    /// It is ended, since somebody asked for it while it was held.
    Stop,
    /// A dead letter is given another life.
    Replay,
}

/// Every transition there is.
pub const TRANSITIONS: &[(State, Event, State)] = &[
    (State::Waiting, Event::Claim, State::Running),
    (State::Waiting, Event::Cancel, State::Cancelled),
    (State::Running, Event::Complete, State::Completed),
    (State::Running, Event::Retry, State::Waiting),
    (State::Running, Event::Snooze, State::Waiting),
    (State::Running, Event::GiveBack, State::Waiting),
    (State::Running, Event::LoseLease, State::Waiting),
    (State::Running, Event::GiveUp, State::Dead),
    (State::Running, Event::Park, State::Parked),
    (State::Running, Event::Stop, State::Cancelled),
    (State::Parked, Event::Unpark, State::Waiting),
    (State::Parked, Event::Cancel, State::Cancelled),
    (State::Dead, Event::Replay, State::Waiting),
];

impl State {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Waiting,
        Self::Running,
        Self::Parked,
        Self::Completed,
        Self::Dead,
        Self::Cancelled,
    ];

    /// The state after an event; none when it cannot happen in this one.
    #[must_use]
    pub fn after(self, event: Event) -> Option<Self> {
        let mut found = TRANSITIONS.iter();
        let (_, _, to) = found.find(|(from, what, _)| *from == self && *what == event)?;
        Some(*to)
    }

    /// Whether the job has ended: its row is in the history.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Dead | Self::Cancelled)
    }

    /// As it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Parked => "parked",
            Self::Completed => "completed",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl Event {
    /// Its name in the diagram.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Complete => "complete",
            Self::Retry => "retry",
            Self::Snooze => "snooze",
            Self::GiveBack => "give back",
            Self::LoseLease => "lose lease",
            Self::GiveUp => "give up",
            Self::Park => "park",
            Self::Unpark => "unpark",
            Self::Cancel => "cancel",
            Self::Stop => "stop",
            Self::Replay => "replay",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = include_str!("../README.md");
    const HANDBOOK: &str = include_str!("../../../docs/jobs.md");

    /// The transitions of a mermaid diagram.
    fn drawn(text: &str) -> Vec<(&str, &str, &str)> {
        let diagram = text.split("```mermaid").nth(1).unwrap();
        let diagram = diagram.split("```").next().unwrap();
        let arrows = diagram.lines().filter_map(|line| line.split_once(" --> "));
        let labelled = arrows.filter_map(|(from, rest)| {
            let (to, event) = rest.split_once(": ")?;
            Some((from.trim(), event.trim(), to.trim()))
        });
        labelled.collect()
    }

    fn sorted<T: Ord>(mut all: Vec<T>) -> Vec<T> {
        all.sort();
        all
    }

    #[test]
    fn the_diagram_shows_the_table() {
        let table = TRANSITIONS
            .iter()
            .map(|(from, event, to)| (from.as_str(), event.as_str(), to.as_str()));
        let table = sorted(table.collect());
        assert_eq!(sorted(drawn(README)), table);
        assert_eq!(sorted(drawn(HANDBOOK)), table);
    }

    #[test]
    fn the_diagram_ends_where_nothing_follows() {
        for state in State::ALL {
            let ends = TRANSITIONS.iter().all(|(from, _, _)| *from != state);
            let drawn = README.contains(&format!("    {} --> [*]", state.as_str()));
            assert_eq!(ends, drawn, "{state:?}");
        }
    }

    #[test]
    fn an_event_leads_to_one_state_and_a_completed_job_nowhere() {
        for (from, event, to) in TRANSITIONS {
            assert_eq!(
                from.after(*event),
                Some(*to),
                "listed twice: {from:?} {event:?}"
            );
            assert!(*from != State::Completed && *from != State::Cancelled);
        }
    }

    #[test]
    fn only_a_holder_completes() {
        for state in State::ALL {
            let completes = state.after(Event::Complete).is_some();
            assert_eq!(completes, state == State::Running);
        }
    }
}
