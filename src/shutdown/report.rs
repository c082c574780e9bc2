//! The one machine-readable line of every start and every stop, and the exit
//! codes.
//!
//! The line goes to stdout as one JSON object; logs go to stderr. Exactly one
//! of `main` and the deadline thread prints the line of a stop. No text of
//! people and no name of a person ever stands in it.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::deadline::Why;
use super::ladder::Rung;
use super::signals::{Cause, Stop};
use super::tasks::Kind;

/// How the process ends; the unit file knows these numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExitCode {
    /// 0: everything accepted was answered or left to a successor on purpose.
    Drained,
    /// 3: stopped early, everything stored; the next start goes on with it.
    /// The unit lists it as a success.
    Early,
    /// 4: something that had been accepted could not be stored.
    NotStored,
    /// 78 (`EX_CONFIG`): the configuration is wrong; a restart would not help.
    Config,
}

impl ExitCode {
    /// The number the process ends with.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Drained => 0,
            Self::Early => 3,
            Self::NotStored => 4,
            Self::Config => 78,
        }
    }

    fn of(code: u8) -> Option<Self> {
        [Self::Drained, Self::Early, Self::NotStored, Self::Config]
            .into_iter()
            .find(|exit| exit.code() == code)
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(exit: ExitCode) -> Self {
        Self::from(exit.code())
    }
}

impl Serialize for ExitCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Drained => "drained",
            Self::Early => "early",
            Self::NotStored => "not_stored",
            Self::Config => "config",
        })
    }
}

/// What a stop has done so far. Clones are the same report; everything in it
/// counts from the first stop on.
#[derive(Debug, Clone, Default)]
pub struct Report(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    answered: AtomicU64,
    parked: AtomicU64,
    uncertain: AtomicU64,
    cut: AtomicU64,
    early: AtomicBool,
    not_stored: AtomicU64,
    /// When each rung was over, since the first stop.
    rungs: Mutex<BTreeMap<Rung, Duration>>,
    /// The code of whoever printed the line; [`UNCLAIMED`] before.
    claimed: AtomicU8,
}

/// No exit code of ours.
const UNCLAIMED: u8 = u8::MAX;

impl Default for Counts {
    fn default() -> Self {
        Self {
            answered: AtomicU64::default(),
            parked: AtomicU64::default(),
            uncertain: AtomicU64::default(),
            cut: AtomicU64::default(),
            early: AtomicBool::default(),
            not_stored: AtomicU64::default(),
            rungs: Mutex::default(),
            claimed: AtomicU8::new(UNCLAIMED),
        }
    }
}

impl Report {
    /// Turns whose answer was stored since the signal.
    pub fn answered(&self, turns: u64) {
        self.0.answered.fetch_add(turns, Ordering::Relaxed);
    }

    /// How many that are by now.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.0.answered.load(Ordering::Relaxed)
    }

    /// Turns left to the successor on purpose.
    pub fn parked(&self, turns: u64) {
        self.0.parked.fetch_add(turns, Ordering::Relaxed);
    }

    /// Parts of which nobody knows whether they arrived, as the store counts
    /// them at the end.
    pub fn uncertain(&self, parts: u64) {
        self.0.uncertain.fetch_max(parts, Ordering::Relaxed);
    }

    /// One such part more, whose receipt the store did not take.
    pub fn receipt_not_stored(&self) {
        self.0.uncertain.fetch_add(1, Ordering::Relaxed);
        self.early();
    }

    /// The stop ended before everything that was under way had.
    pub fn early(&self) {
        self.0.early.store(true, Ordering::Relaxed);
    }

    /// Turns that the abort cut; they are stored and parked, but the stop came
    /// too early for them.
    pub fn cut(&self, turns: u64) {
        self.0.cut.fetch_add(turns, Ordering::Relaxed);
    }

    /// Something that had been accepted could not be stored.
    pub fn not_stored(&self, things: u64) {
        self.0.not_stored.fetch_add(things, Ordering::Relaxed);
    }

    /// `rung` was over `since_signal` after the first stop; the first word
    /// counts.
    pub fn rung(&self, rung: Rung, since_signal: Duration) {
        let mut rungs = self.0.rungs.lock().unwrap_or_else(PoisonError::into_inner);
        rungs.entry(rung).or_insert(since_signal);
    }

    /// The code this report comes to, when the process ends by itself.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        if self.0.not_stored.load(Ordering::Relaxed) > 0 {
            ExitCode::NotStored
        } else if self.0.cut.load(Ordering::Relaxed) > 0 || self.0.early.load(Ordering::Relaxed) {
            ExitCode::Early
        } else {
            ExitCode::Drained
        }
    }

    /// Takes the right to print; the loser learns the code of the winner.
    pub(super) fn claim(&self, exit: ExitCode) -> Result<(), ExitCode> {
        let claim = self.0.claimed.compare_exchange(
            UNCLAIMED,
            exit.code(),
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        match claim {
            Ok(_) => Ok(()),
            Err(first) => Err(ExitCode::of(first).unwrap_or(ExitCode::Early)),
        }
    }
}

/// The line of a start, printed once the daemon is ready.
#[derive(Debug, Clone, Serialize)]
pub struct StartLine {
    /// Always `"start"`.
    pub lastword: Word,
    /// The version of this binary.
    pub version: &'static str,
    /// The process.
    pub pid: u32,
    /// This boot's random id, as in the store.
    pub instance: String,
    /// `active` or `standby`.
    pub role: String,
    /// From the beginning of `main` to READY.
    pub ready_ms: u64,
    /// What the start consisted of, each with its milliseconds.
    pub phases: BTreeMap<&'static str, u64>,
    /// Unsettled turns found in the store.
    pub resumed_turns: u64,
    /// Unsent or uncertain parts found in the store.
    pub resumed_parts: u64,
}

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    /// The daemon became ready.
    Start,
    /// The daemon ended.
    Stop,
}

/// The line of a stop.
#[derive(Debug, Clone, Serialize)]
pub struct StopLine {
    lastword: Word,
    version: &'static str,
    pid: u32,
    cause: Option<Cause>,
    stops: u8,
    exit: ExitCode,
    code: u8,
    total_ms: u64,
    phases: BTreeMap<&'static str, u64>,
    turns: TurnCounts,
    lost: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    forced: Option<Forced>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct TurnCounts {
    answered: u64,
    parked: u64,
    cut: u64,
    uncertain: u64,
}

/// What a forced exit adds.
#[derive(Debug, Clone, Serialize)]
struct Forced {
    why: Why,
    /// Tasks that still ran.
    stuck: BTreeMap<&'static str, usize>,
}

impl StopLine {
    pub(super) fn new(
        report: &Report,
        cause: Option<Cause>,
        stop: Option<Stop>,
        total: Duration,
        forced: Option<Why>,
        running: BTreeMap<Kind, usize>,
    ) -> Self {
        let counts = &report.0;
        let exit = match (report.exit_code(), forced) {
            (ExitCode::Drained, Some(_)) => ExitCode::Early,
            (exit, _) => exit,
        };
        // Never waits: whoever holds this lock may be the one that hangs.
        let phases = counts.rungs.try_lock().map_or_else(
            |_| BTreeMap::new(),
            |rungs| {
                rungs
                    .iter()
                    .map(|(rung, at)| (rung.as_str(), ms(*at)))
                    .collect()
            },
        );
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Self {
            lastword: Word::Stop,
            version: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            cause,
            stops: stop.map_or(0, Stop::count),
            exit,
            code: exit.code(),
            total_ms: ms(total),
            phases,
            turns: TurnCounts {
                answered: count(&counts.answered),
                parked: count(&counts.parked),
                cut: count(&counts.cut),
                uncertain: count(&counts.uncertain),
            },
            lost: count(&counts.not_stored),
            forced: forced.map(|why| Forced {
                why,
                stuck: running
                    .into_iter()
                    .filter(|(_, tasks)| *tasks > 0)
                    .map(|(kind, tasks)| (kind.as_str(), tasks))
                    .collect(),
            }),
        }
    }

    pub(super) fn exit(&self) -> ExitCode {
        self.exit
    }
}

/// Prints one line to stdout. A stdout that is closed or full must not change
/// how the process ends, so errors are dropped.
pub fn print(line: &impl Serialize) {
    let Ok(mut bytes) = serde_json::to_vec(line) else {
        return;
    };
    bytes.push(b'\n');
    let mut out = io::stdout().lock();
    let _ = out.write_all(&bytes).and_then(|()| out.flush());
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(report: &Report, forced: Option<Why>) -> serde_json::Value {
        let running = BTreeMap::from([(Kind::Turn, 2), (Kind::Sender, 0)]);
        let total = Duration::from_millis(1_234);
        let stop = Some(Stop::First);
        let line = StopLine::new(report, Some(Cause::Terminate), stop, total, forced, running);
        serde_json::to_value(line).expect("a line is plain data")
    }

    #[test]
    fn a_clean_stop_says_what_it_did_and_that_nothing_is_lost() {
        let report = Report::default();
        report.answered(3);
        report.parked(1);
        report.rung(Rung::Signal, Duration::from_millis(2));
        report.rung(Rung::Signal, Duration::from_millis(9));
        let line = line(&report, None);
        assert_eq!(line["lastword"], "stop");
        assert_eq!(line["cause"], "SIGTERM");
        assert_eq!(line["exit"], "drained");
        assert_eq!(line["code"], 0);
        assert_eq!(line["total_ms"], 1_234);
        assert_eq!(line["phases"]["signal"], 2);
        assert_eq!(line["turns"]["answered"], 3);
        assert_eq!(line["turns"]["parked"], 1);
        assert_eq!(line["lost"], 0);
        assert!(line.get("forced").is_none());
    }

    #[test]
    fn the_exit_code_is_the_worst_that_happened() {
        let report = Report::default();
        assert_eq!(report.exit_code(), ExitCode::Drained);
        assert_eq!(line(&report, Some(Why::Deadline))["code"], 3);
        report.cut(1);
        assert_eq!(report.exit_code(), ExitCode::Early);
        report.not_stored(1);
        assert_eq!(report.exit_code(), ExitCode::NotStored);
        assert_eq!(line(&report, Some(Why::Deadline))["code"], 4);
    }

    #[test]
    fn a_forced_exit_names_who_was_stuck() {
        let line = line(&Report::default(), Some(Why::Deadline));
        assert_eq!(line["forced"]["why"], "deadline");
        assert_eq!(line["forced"]["stuck"], serde_json::json!({"turn": 2}));
    }

    #[test]
    fn one_line_is_printed_and_both_ends_agree_on_the_code() {
        let report = Report::default();
        assert_eq!(report.claim(ExitCode::Early), Ok(()));
        assert_eq!(report.claim(ExitCode::Drained), Err(ExitCode::Early));
    }
}
