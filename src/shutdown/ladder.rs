//! The ladder of a stop as data: its rungs, what each does and for how long.
//!
//! The daemon climbs it, the deadline thread enforces its end, the report names
//! its rungs. Nothing here waits, but for the reporter that says every few
//! seconds who is left.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};

/// What is kept of the grace for the abort, the close and the forced exit.
pub const TAIL: Duration = Duration::from_secs(4);

/// The grace itself is over this long before the process is ended by force.
pub const OVERTIME: Duration = Duration::from_secs(1);

/// The default grace.
pub const GRACE: Duration = Duration::from_secs(90);

/// One phase of the stop, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Rung {
    /// "draining" committed, STOPPING=1, readiness red, report opened.
    Signal,
    /// Long poll aborted, webhook closed or turned to 503, lease released.
    Intake,
    /// Requests in flight finish storing.
    Feeders,
    /// Open windows are sealed and run, or parked; the gate closes.
    Grouper,
    /// Completions run on, answers go out.
    Turns,
    /// Completions cut, turns parked, no new send begun.
    Abort,
    /// Store checkpointed, the report line printed.
    Close,
}

impl Rung {
    /// Every rung, in order.
    pub const ALL: [Self; 7] = [
        Self::Signal,
        Self::Intake,
        Self::Feeders,
        Self::Grouper,
        Self::Turns,
        Self::Abort,
        Self::Close,
    ];

    /// The word in the report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Signal => "signal",
            Self::Intake => "intake",
            Self::Feeders => "feeders",
            Self::Grouper => "grouper",
            Self::Turns => "turns",
            Self::Abort => "abort",
            Self::Close => "close",
        }
    }
}

/// How long a stop may take, and what is kept of it for its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grace {
    whole: Duration,
    tail: Duration,
}

impl Grace {
    /// A grace of which the last 4 s (half of a grace under 8 s) are kept for
    /// the abort and the close.
    #[must_use]
    pub fn new(whole: Duration) -> Self {
        Self::with_tail(whole, TAIL)
    }

    /// A grace with another tail; never more than half of it.
    #[must_use]
    pub fn with_tail(whole: Duration, tail: Duration) -> Self {
        Self {
            whole,
            tail: tail.min(whole / 2),
        }
    }

    /// The whole grace.
    #[must_use]
    pub fn whole(self) -> Duration {
        self.whole
    }

    /// The two moments that count, from the first stop on.
    #[must_use]
    pub fn limits(self) -> Limits {
        Limits {
            abort: self.whole - self.tail,
            exit: self.whole + OVERTIME,
        }
    }
}

impl Default for Grace {
    fn default() -> Self {
        Self::new(GRACE)
    }
}

/// When the work is cut and when the process is ended by force, both counted
/// from the first stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The work is cut.
    pub abort: Duration,
    /// The process is ended.
    pub exit: Duration,
}

impl Limits {
    /// The limits of a stop before READY: nothing is in work yet, a migration
    /// is one transaction, and whoever waits for the start has given it up
    /// (promise P6: gone within 2 s).
    pub const START: Self = Self {
        abort: Duration::from_secs(1),
        exit: Duration::from_millis(1_700),
    };
}

/// The rungs with their limits for one grace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ladder {
    limits: Limits,
}

impl Ladder {
    /// The ladder within `limits`.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits }
    }

    /// How long `rung` may take by itself. A rung that is late is left and
    /// named; what it was waiting for is stored.
    #[must_use]
    pub fn limit(self, rung: Rung) -> Duration {
        let short = match rung {
            Rung::Signal => Duration::from_millis(50),
            Rung::Intake => Duration::from_millis(100),
            Rung::Feeders | Rung::Grouper | Rung::Abort | Rung::Close => Duration::from_secs(1),
            Rung::Turns => return self.limits.abort,
        };
        short.min(self.limits.abort)
    }
}

/// Who is left, for the status line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Turns that run.
    pub turns: usize,
    /// How long the oldest of them has been running.
    pub oldest: Option<Duration>,
    /// Parts that wait to be sent.
    pub parts: usize,
    /// Time until the work is cut.
    pub left: Duration,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let turns = if self.turns == 1 { "turn" } else { "turns" };
        write!(f, "draining: {} {turns}", self.turns)?;
        if let Some(oldest) = self.oldest {
            write!(f, ", oldest {} s", oldest.as_secs())?;
        }
        if self.parts > 0 {
            let parts = if self.parts == 1 { "part" } else { "parts" };
            write!(f, ", {} {parts} to send", self.parts)?;
        }
        write!(f, ", {} s left", self.left.as_secs())
    }
}

/// Says every `period`, beginning at once, who is left. Runs until dropped;
/// select it against the end of the drain.
///
/// # Cancel safety
/// Cancel safe: `look` and `say` run to their end between two waits.
pub async fn report_every(
    period: Duration,
    mut look: impl FnMut() -> Progress + Send,
    mut say: impl FnMut(&Progress) + Send,
) -> std::convert::Infallible {
    let mut ticks = interval(period);
    // After a stall one line is enough.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        say(&look());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_of_the_default_grace_is_the_published_one() {
        let limits = Grace::default().limits();
        let ladder = Ladder::new(limits);
        let rungs = Rung::ALL.map(|rung| (rung.as_str(), ladder.limit(rung).as_millis()));
        assert_eq!(
            rungs,
            [
                ("signal", 50),
                ("intake", 100),
                ("feeders", 1_000),
                ("grouper", 1_000),
                ("turns", 86_000),
                ("abort", 1_000),
                ("close", 1_000),
            ]
        );
        assert!(Rung::ALL.is_sorted());
        assert_eq!(limits.exit, Duration::from_secs(91));
    }

    #[test]
    fn whatever_the_grace_the_work_is_cut_and_the_store_closed_before_the_exit() {
        for whole_ms in [0, 1, 100, 1_000, 5_000, 8_000, 90_000] {
            let limits = Grace::new(Duration::from_millis(whole_ms)).limits();
            let ladder = Ladder::new(limits);
            let end = limits.abort + ladder.limit(Rung::Abort) + ladder.limit(Rung::Close);
            assert!(end <= limits.exit, "grace {whole_ms} ms: {end:?}");
            for rung in Rung::ALL {
                assert!(
                    ladder.limit(rung) <= limits.abort,
                    "{whole_ms} ms: {rung:?}"
                );
            }
        }
    }

    #[test]
    fn of_a_short_grace_half_is_left_to_the_work() {
        for (whole_ms, abort_ms) in [(1_000, 500), (5_000, 2_500), (8_000, 4_000), (9_000, 5_000)] {
            let limits = Grace::new(Duration::from_millis(whole_ms)).limits();
            assert_eq!(
                limits.abort,
                Duration::from_millis(abort_ms),
                "{whole_ms} ms"
            );
        }
    }

    #[test]
    fn the_status_says_who_is_left_and_how_long() {
        let progress = Progress {
            turns: 3,
            oldest: Some(Duration::from_millis(12_900)),
            parts: 0,
            left: Duration::from_secs(41),
        };
        assert_eq!(
            progress.to_string(),
            "draining: 3 turns, oldest 12 s, 41 s left"
        );
        let last = Progress {
            turns: 1,
            oldest: None,
            parts: 2,
            ..progress
        };
        assert_eq!(
            last.to_string(),
            "draining: 1 turn, 2 parts to send, 41 s left"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_left_is_said_at_once_and_every_few_seconds() {
        let mut said = Vec::new();
        let left = |turns| Progress {
            turns,
            oldest: None,
            parts: 0,
            left: Duration::ZERO,
        };
        let mut turns = 4;
        let look = || {
            turns -= 1;
            left(turns)
        };
        let period = Duration::from_secs(3);
        let reporter = report_every(period, look, |progress| said.push(*progress));
        let ended = tokio::time::timeout(Duration::from_secs(7), reporter).await;
        assert!(ended.is_err());
        assert_eq!(said, [left(3), left(2), left(1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_stall_who_is_left_is_said_once() {
        let mut said = 0;
        let look = || Progress {
            turns: 1,
            oldest: None,
            parts: 0,
            left: Duration::ZERO,
        };
        {
            let reporter = report_every(Duration::from_secs(3), look, |_| said += 1);
            tokio::pin!(reporter);
            for stall in [0, 60] {
                tokio::time::advance(Duration::from_secs(stall)).await;
                let ended = tokio::time::timeout(Duration::ZERO, reporter.as_mut()).await;
                assert!(ended.is_err());
            }
        }
        assert_eq!(said, 2);
    }
}
