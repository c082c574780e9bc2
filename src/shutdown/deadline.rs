//! The deadline: the thread that sees to it that the process ends.
//!
//! Waits for the first stop, cuts the work when its time is over and ends the
//! process when even that did not help. Together with `main` the only place
//! that ends it. It never logs, takes no lock of the runtime before the exit
//! and lets the printing of its line be late rather than wait for it.

use std::sync::{PoisonError, mpsc};
use std::time::Duration;
use std::{io, thread};

use serde::Serialize;

use super::ladder::Limits;
use super::report;
use super::signals::Stop;
use super::{ExitCode, Shutdown};

/// How long the last line may take to be written. A pipe nobody reads would
/// otherwise keep the process alive.
const PRINTING: Duration = Duration::from_millis(250);

/// How long after a second stop the process may still be there: the abort and
/// the close have a second each, less what the printing may take (promise P5:
/// gone within 2 s).
const AFTER_SECOND: Duration = Duration::from_millis(1_700);

/// Why the process was ended by force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The grace and its tail were over.
    Deadline,
    /// The third stop.
    ThirdStop,
}

/// What the thread looks at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watched {
    /// Set by the first stop.
    pub(super) limits: Option<Limits>,
    /// Since the first stop.
    pub(super) elapsed: Duration,
    pub(super) stop: Option<Stop>,
    pub(super) aborted: bool,
    /// Since the second stop, when there was one.
    pub(super) since_second: Option<Duration>,
}

/// What the thread does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Nothing has begun: sleep until woken.
    Sleep,
    /// Sleep at most this long.
    Wait(Duration),
    /// Cut the work.
    Abort,
    /// End the process.
    Exit(Why),
}

impl Watched {
    fn step(self) -> Step {
        let Some(limits) = self.limits else {
            return Step::Sleep;
        };
        let left = limits.exit.saturating_sub(self.elapsed);
        let left = self
            .since_second
            .map_or(left, |since| left.min(AFTER_SECOND.saturating_sub(since)));
        if self.stop == Some(Stop::Third) {
            Step::Exit(Why::ThirdStop)
        } else if left.is_zero() {
            Step::Exit(Why::Deadline)
        } else if self.aborted {
            Step::Wait(left)
        } else if self.elapsed >= limits.abort {
            Step::Abort
        } else {
            Step::Wait(limits.abort - self.elapsed)
        }
    }
}

/// Starts the thread.
pub(super) fn install(shutdown: &Shutdown) -> io::Result<()> {
    let shutdown = shutdown.clone();
    thread::Builder::new()
        .name("deadline".into())
        .spawn(move || keep(&shutdown))?;
    Ok(())
}

fn keep(shutdown: &Shutdown) {
    loop {
        match wait(shutdown) {
            Step::Abort => shutdown.abort(),
            Step::Exit(why) => exit(shutdown, why),
            Step::Sleep | Step::Wait(_) => {}
        }
    }
}

/// Sleeps until there is something to do.
fn wait(shutdown: &Shutdown) -> Step {
    let changed = &shutdown.0.changed;
    let mut state = shutdown.state();
    loop {
        state = match Shutdown::watched(&state).step() {
            Step::Sleep => changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Step::Wait(span) => {
                changed
                    .wait_timeout(state, span)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
            step => return step,
        };
    }
}

/// Ends the process, whatever the rest of it is doing. Never returns.
fn exit(shutdown: &Shutdown, why: Why) {
    let line = shutdown.stop_line(Some(why));
    let code = match shutdown.0.report.claim(line.exit()) {
        Ok(()) => {
            let code = line.exit();
            print_within(line, PRINTING);
            code
        }
        // `main` has printed, or is about to, and did not get to its end.
        Err(first) => first,
    };
    leave(code)
}

fn print_within(line: report::StopLine, limit: Duration) {
    let (done, printed) = mpsc::channel();
    let printer = thread::Builder::new().name("report".into()).spawn(move || {
        report::print(&line);
        // The receiver may have given up; nothing is left to do then.
        let _ = done.send(());
    });
    if printer.is_ok() {
        let _ = printed.recv_timeout(limit);
    }
}

/// `_exit`, not `exit`: the handlers that the latter runs may wait for a thread
/// that hangs.
fn leave(code: ExitCode) {
    signal_hook::low_level::exit(i32::from(code.code()));
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        abort: Duration::from_secs(86),
        exit: Duration::from_secs(91),
    };

    fn step(elapsed_s: u64, stop: Stop, aborted: bool) -> Step {
        Watched {
            limits: Some(LIMITS),
            elapsed: Duration::from_secs(elapsed_s),
            stop: Some(stop),
            aborted,
            since_second: None,
        }
        .step()
    }

    #[test]
    fn work_is_cut_before_the_grace_is_over_and_the_exit_comes_after_it() {
        let s = Duration::from_secs;
        let table = [
            (0, Stop::First, false, Step::Wait(s(86))),
            (85, Stop::First, false, Step::Wait(s(1))),
            (86, Stop::First, false, Step::Abort),
            (86, Stop::First, true, Step::Wait(s(5))),
            (91, Stop::First, true, Step::Exit(Why::Deadline)),
            (200, Stop::First, false, Step::Exit(Why::Deadline)),
            (0, Stop::Third, true, Step::Exit(Why::ThirdStop)),
        ];
        for (elapsed, stop, aborted, expected) in table {
            assert_eq!(
                step(elapsed, stop, aborted),
                expected,
                "{elapsed} s, {stop:?}"
            );
        }
    }

    #[test]
    fn nothing_is_cut_before_a_stop_was_asked_for() {
        let watched = Watched {
            limits: None,
            elapsed: Duration::ZERO,
            stop: None,
            aborted: false,
            since_second: None,
        };
        assert_eq!(watched.step(), Step::Sleep);
    }

    #[test]
    fn after_a_second_stop_the_process_is_gone_within_two_seconds() {
        let at = |since_ms| {
            Watched {
                limits: Some(LIMITS),
                elapsed: Duration::from_secs(10),
                stop: Some(Stop::Second),
                aborted: true,
                since_second: Some(Duration::from_millis(since_ms)),
            }
            .step()
        };
        assert_eq!(at(0), Step::Wait(AFTER_SECOND));
        assert_eq!(at(1_700), Step::Exit(Why::Deadline));
        assert!(AFTER_SECOND + PRINTING < Duration::from_secs(2));
    }
}
