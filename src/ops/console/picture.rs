//! What the console shows, as data: states, ages and sums, never a text, a name
//! or a secret.
//!
//! Times are the daemon's wall time, so that nothing changes merely because
//! time passes: what is only older is the same picture.

use crate::clock::Millis;
use crate::domain::phase::Phase;
use crate::ops::health::Role;

use super::latency::Plots;

/// Where a turn is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Its messages are still being gathered.
    Gathering,
    /// It is sealed and not yet begun.
    Waiting,
    /// The model writes.
    Generating,
    /// Its answer is stored and goes out.
    Sending,
    /// It has its end.
    Delivered,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 5] = [
        Self::Gathering,
        Self::Waiting,
        Self::Generating,
        Self::Sending,
        Self::Delivered,
    ];

    /// The stage of a stored state or outcome.
    #[must_use]
    pub fn of(state: &str, outcome: Option<&str>) -> Self {
        match (state, outcome) {
            (_, Some(_)) => Self::Delivered,
            ("gathering", None) => Self::Gathering,
            ("claimed", None) => Self::Generating,
            ("answered", None) => Self::Sending,
            (_, None) => Self::Waiting,
        }
    }

    /// The word in the page.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gathering => "gathering",
            Self::Waiting => "waiting",
            Self::Generating => "generating",
            Self::Sending => "sending",
            Self::Delivered => "delivered",
        }
    }
}

/// A turn that is on its way, or has just arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Its number.
    pub turn: i64,
    /// Its chat.
    pub chat: i64,
    /// Where it is.
    pub stage: Stage,
    /// How it ended, once it has.
    pub outcome: Option<&'static str>,
    /// When its first message was accepted.
    pub since: Millis,
    /// When it may run, where it has to wait.
    pub not_before: Option<Millis>,
    /// Failures of its own.
    pub failures: i64,
}

/// A turn whose person saw an apology, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Its number.
    pub turn: i64,
    /// Its chat.
    pub chat: i64,
    /// `failed` or `undeliverable`.
    pub outcome: &'static str,
    /// When its first message was accepted.
    pub since: Millis,
    /// Whether it could be replayed.
    pub replayable: bool,
}

/// Work is held back by an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paused {
    /// In the operator's words, where there were any.
    pub reason: Option<String>,
    /// Since when.
    pub since: Millis,
}

/// The stop that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// Turns that still run.
    pub turns: u64,
    /// Chats with something still to send.
    pub chats: u64,
    /// When what still runs is cut and left to the next start.
    pub until: Millis,
    /// Since when the oldest that is left has been running.
    pub oldest: Option<Millis>,
}

/// How good something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Something does not work.
    Bad,
}

/// One organ in plain words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organ {
    /// What it is called.
    pub name: &'static str,
    /// How it is.
    pub grade: Grade,
    /// The same in words; nothing in them moves with the time.
    pub words: String,
    /// A moment that the words end with.
    pub at: Option<Moment>,
}

/// A moment that is shown as a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// So long ago.
    Ago(Millis),
    /// In so long.
    Until(Millis),
}

/// A kind of error that was seen lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erred {
    /// Which.
    pub kind: String,
    /// How often.
    pub count: u64,
    /// When for the last time.
    pub last: Millis,
}

/// What one day has cost.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Day {
    /// Its date, `YYYY-MM-DD` in UTC.
    pub date: String,
    /// In the provider's credits, where it told them.
    pub credits: f64,
    /// Tokens in both directions.
    pub tokens: u64,
    /// Answers.
    pub answers: u64,
}

/// Everything on the page.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Of the program.
    pub version: String,
    /// The bot's name, or its id.
    pub bot: String,
    /// The random id of this process.
    pub instance: String,
    /// Its number in the system.
    pub pid: u32,
    /// When it began.
    pub since: Millis,
    /// Where it is in its life.
    pub phase: Phase,
    /// Whether it has the lease.
    pub role: Role,
    /// Work is held back.
    pub paused: Option<Paused>,
    /// A stop is under way.
    pub drain: Option<Drain>,
    /// Turns that are on their way or have just arrived, oldest first.
    pub turns: Vec<Turn>,
    /// How many turns are in each stage; more than are shown, perhaps. For
    /// [`Stage::Delivered`]: in the last hour.
    pub counts: [u64; Stage::ALL.len()],
    /// Updates accepted in the last hour.
    pub received: u64,
    /// Turns that ended badly, newest first.
    pub failed: Vec<Failed>,
    /// Errors, the latest first.
    pub errors: Vec<Erred>,
    /// The organs.
    pub organs: Vec<Organ>,
    /// The last days, today last.
    pub spend: Vec<Day>,
    /// How long answers took.
    pub latency: Plots,
    /// Why the store's part of this is missing, or old.
    pub trouble: Option<String>,
}

/// By how much the same moment may differ between two looks, because each is
/// told as an age.
const JITTER: Millis = 1_500;

impl Picture {
    /// Keeps moments as they were in `earlier` where they only seem to have
    /// moved.
    pub fn steady(&mut self, earlier: &Self) {
        keep(&mut self.since, earlier.since);
        let turns: std::collections::BTreeMap<i64, &Turn> =
            earlier.turns.iter().map(|turn| (turn.turn, turn)).collect();
        for turn in &mut self.turns {
            if let Some(before) = turns.get(&turn.turn) {
                keep(&mut turn.since, before.since);
                keep_some(&mut turn.not_before, before.not_before);
            }
        }
        for failed in &mut self.failed {
            let before = earlier.failed.iter().find(|one| one.turn == failed.turn);
            if let Some(before) = before {
                keep(&mut failed.since, before.since);
            }
        }
        for erred in &mut self.errors {
            let before = earlier.errors.iter().find(|one| one.kind == erred.kind);
            if let Some(before) = before {
                keep(&mut erred.last, before.last);
            }
        }
        if let (Some(now), Some(before)) = (&mut self.paused, &earlier.paused) {
            keep(&mut now.since, before.since);
        }
        if let (Some(now), Some(before)) = (&mut self.drain, &earlier.drain) {
            keep(&mut now.until, before.until);
            keep_some(&mut now.oldest, before.oldest);
        }
        for (now, before) in self.organs.iter_mut().zip(&earlier.organs) {
            match (&mut now.at, before.at) {
                (Some(Moment::Ago(now)), Some(Moment::Ago(before)))
                | (Some(Moment::Until(now)), Some(Moment::Until(before))) => keep(now, before),
                _ => {}
            }
        }
    }
}

fn keep(now: &mut Millis, before: Millis) {
    if (*now - before).abs() < JITTER {
        *now = before;
    }
}

fn keep_some(now: &mut Option<Millis>, before: Option<Millis>) {
    if let (Some(now), Some(before)) = (now, before) {
        keep(now, before);
    }
}
