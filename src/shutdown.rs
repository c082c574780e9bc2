//! How the process stops: the one handle that everybody is given.
//!
//! Two tokens carry the two steps of a stop: `intake` (accept nothing new) and
//! `work` (cut what still runs). Signals and the deadline live on OS threads of
//! their own, so that a blocked runtime can neither miss a signal nor prevent
//! the exit. Nothing here is global: tests make as many of these as they need.
//! The two threads never log, for a full pipe on stderr would stop them.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::phase::Phase;

pub mod deadline;
pub mod gate;
pub mod ladder;
pub mod panics;
pub mod parent;
pub mod report;
pub mod signals;
pub mod tasks;

pub use gate::{Gate, Pass};
pub use ladder::{Grace, Ladder, Limits, Rung};
pub use report::{ExitCode, Report, StopLine};
pub use signals::{Cause, Stop};
pub use tasks::{Ended, Kind, Tasks};

use deadline::Watched;
use tasks::Census;

/// The stop of one daemon, as seen by everybody in it. Clones are the same
/// stop.
#[derive(Debug, Clone)]
pub struct Shutdown(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    intake: CancellationToken,
    work: CancellationToken,
    phase: watch::Sender<Phase>,
    reload: watch::Sender<u64>,
    report: Report,
    census: Arc<Census>,
    state: Mutex<State>,
    /// Wakes the deadline thread: something in `state` changed.
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    grace: Option<Grace>,
    /// Set by the first stop, never changed afterwards.
    begun: Option<Begun>,
    stop: Option<Stop>,
    /// Whether one of the stops was a signal.
    is_signalled: bool,
    /// When the deadline or a second stop cut the work.
    aborted: Option<Aborted>,
}

#[derive(Debug, Clone, Copy)]
enum Aborted {
    ByDeadline,
    BySecondStop(Instant),
}

#[derive(Debug, Clone, Copy)]
struct Begun {
    at: Instant,
    cause: Cause,
    limits: Limits,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

impl Shutdown {
    /// A stop without threads, for tests and simulations: [`Shutdown::stop`]
    /// takes the place of the signals and [`Shutdown::keep_deadline`] that of
    /// the deadline thread.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            intake: CancellationToken::new(),
            work: CancellationToken::new(),
            phase: watch::Sender::new(Phase::Starting),
            reload: watch::Sender::new(0),
            report: Report::default(),
            census: Arc::default(),
            state: Mutex::new(State {
                phase: Phase::Starting,
                grace: None,
                begun: None,
                stop: None,
                is_signalled: false,
                aborted: None,
            }),
            changed: Condvar::new(),
        }))
    }

    /// Installs the handlers of SIGTERM, SIGINT and SIGHUP and the two threads.
    /// The first thing that `main` does: a signal counts from here on, also
    /// before there is a runtime.
    ///
    /// # Errors
    /// When a handler cannot be installed or a thread not be started.
    pub fn install() -> io::Result<Self> {
        let shutdown = Self::new();
        signals::install(&shutdown)?;
        deadline::install(&shutdown)?;
        Ok(shutdown)
    }

    /// Hands in the grace once the configuration is known. A stop that came
    /// earlier, or comes while the phase is still [`Phase::Starting`], keeps the
    /// short limits of a start ([`Limits::START`]): nothing is in work then.
    pub fn arm(&self, grace: Grace) {
        self.state().grace = Some(grace);
    }

    /// Cancelled by the first stop: accept nothing new.
    #[must_use]
    pub fn intake(&self) -> &CancellationToken {
        &self.0.intake
    }

    /// Cancelled by the second stop or at the deadline: cut completions, park
    /// turns, begin no send.
    #[must_use]
    pub fn work(&self) -> &CancellationToken {
        &self.0.work
    }

    /// Whether a first stop was asked for.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.0.intake.is_cancelled()
    }

    /// Where this instance is in its life; follow it with `changed()`.
    #[must_use]
    pub fn phase(&self) -> watch::Receiver<Phase> {
        self.0.phase.subscribe()
    }

    /// Moves to a later phase; an earlier one is ignored, so that a stop in the
    /// middle of a start is not overwritten by the end of that start.
    pub fn enter(&self, phase: Phase) {
        {
            let mut state = self.state();
            state.phase = state.phase.max(phase);
        }
        self.0.phase.send_if_modified(|current| {
            let later = phase > *current;
            *current = phase.max(*current);
            later
        });
    }

    /// How often a reload was asked for; await `changed()`. For a new receiver
    /// what was asked before is a change too, so that none is missed.
    #[must_use]
    pub fn reload(&self) -> watch::Receiver<u64> {
        let mut reload = self.0.reload.subscribe();
        if *reload.borrow() > 0 {
            reload.mark_changed();
        }
        reload
    }

    /// When the first stop was asked for.
    #[must_use]
    pub fn signalled_at(&self) -> Option<Instant> {
        self.state().begun.map(|begun| begun.at)
    }

    /// Who asked for the first stop.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.state().begun.map(|begun| begun.cause)
    }

    /// How far the stop has gone.
    #[must_use]
    pub fn stopped(&self) -> Option<Stop> {
        self.state().stop
    }

    /// Time since the first stop; zero before it.
    #[must_use]
    pub fn since_signal(&self) -> Duration {
        self.signalled_at()
            .map_or(Duration::ZERO, |at| at.elapsed())
    }

    /// The limits that hold, or would hold if the stop came now.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let state = self.state();
        state
            .begun
            .map_or_else(|| state.limits(), |begun| begun.limits)
    }

    /// Time until `work` is cut: all of it before the first stop, zero after
    /// the cut.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.limits().abort.saturating_sub(self.since_signal())
    }

    /// What this stop has done so far; written by whoever does it.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.0.report
    }

    /// Asks for a stop, or for the next step of one. What a signal does; also
    /// for the operator's `drain` and for tests.
    ///
    /// Who orders a drain twice has added nothing, and the first signal after an
    /// ordered drain is the service manager's word about what is stopping
    /// already: neither cuts anything.
    pub fn stop(&self, cause: Cause) -> Stop {
        self.go(cause, |state| match state.stop {
            Some(stop) if cause == Cause::Asked => stop,
            Some(Stop::First) if !state.is_signalled => Stop::First,
            before => Stop::after(before),
        })
    }

    /// Asks for the second step at once: nobody is left to drain for.
    pub fn abandon(&self) {
        self.go(Cause::Asked, |state| {
            Stop::Second.max(state.stop.unwrap_or(Stop::First))
        });
    }

    fn go(&self, cause: Cause, next: impl FnOnce(&State) -> Stop) -> Stop {
        // The deadline is armed before anything that could wait for a lock of
        // the runtime.
        let stop = {
            let mut state = self.state();
            let before = state.stop;
            let stop = next(&state);
            state.stop = Some(stop);
            state.is_signalled |= cause != Cause::Asked;
            if state.begun.is_none() {
                state.begun = Some(Begun {
                    at: Instant::now(),
                    cause,
                    limits: state.limits(),
                });
            }
            if stop == Stop::Second && before != Some(stop) {
                state.aborted = Some(Aborted::BySecondStop(Instant::now()));
            }
            state.phase = state.phase.max(Phase::Draining);
            stop
        };
        self.0.changed.notify_all();
        self.0.intake.cancel();
        if stop >= Stop::Second {
            self.0.work.cancel();
        }
        self.enter(Phase::Draining);
        stop
    }

    /// Asks for a reload of the configuration; ignored once stopping.
    pub fn ask_reload(&self) {
        if !self.is_stopping() {
            self.0.reload.send_modify(|asked| *asked += 1);
        }
    }

    /// Cuts the work when its time is over: the part of the deadline thread
    /// that a simulation on a paused clock needs. Harmless beside the thread.
    ///
    /// # Cancel safety
    /// Cancel safe; dropping it leaves the deadline to the thread.
    pub async fn keep_deadline(&self) {
        self.0.intake.cancelled().await;
        tokio::select! {
            biased;
            () = tokio::time::sleep(self.left()) => self.abort(),
            () = self.0.work.cancelled() => {}
        }
    }

    /// Prints the one line of this stop, unless the deadline thread was faster,
    /// and returns the code with which `main` must end.
    pub fn finish(&self) -> ExitCode {
        self.enter(Phase::Stopped);
        let line = self.stop_line(None);
        let code = line.exit();
        match self.0.report.claim(code) {
            Ok(()) => report::print(&line),
            Err(first) => return first,
        }
        code
    }

    /// The line of this stop as it stands now, for whoever waits for it
    /// elsewhere than on stdout.
    #[must_use]
    pub fn last_words(&self) -> StopLine {
        self.stop_line(None)
    }

    fn abort(&self) {
        self.state().aborted.get_or_insert(Aborted::ByDeadline);
        self.0.work.cancel();
    }

    fn watched(state: &State) -> Watched {
        Watched {
            limits: state.begun.map(|begun| begun.limits),
            elapsed: state
                .begun
                .map_or(Duration::ZERO, |begun| begun.at.elapsed()),
            stop: state.stop,
            aborted: state.aborted.is_some(),
            since_second: match state.aborted {
                Some(Aborted::BySecondStop(at)) => Some(at.elapsed()),
                _ => None,
            },
        }
    }

    fn stop_line(&self, forced: Option<deadline::Why>) -> report::StopLine {
        report::StopLine::new(
            &self.0.report,
            self.cause(),
            self.stopped(),
            self.since_signal(),
            forced,
            self.0.census.running(),
        )
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic under this lock leaves plain, usable data; to stop is more
        // important than to pass the panic on.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn limits(&self) -> Limits {
        match (self.phase, self.grace) {
            (Phase::Starting, _) | (_, None) => Limits::START,
            (_, Some(grace)) => grace.limits(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(grace: Grace) -> Shutdown {
        let shutdown = Shutdown::new();
        shutdown.arm(grace);
        shutdown.enter(Phase::Running);
        shutdown
    }

    #[test]
    fn the_first_stop_spares_the_work_and_the_second_cuts_it() {
        let shutdown = running(Grace::default());
        assert_eq!(shutdown.stop(Cause::Terminate), Stop::First);
        assert!(shutdown.intake().is_cancelled());
        assert!(!shutdown.work().is_cancelled());
        assert_eq!(*shutdown.phase().borrow(), Phase::Draining);
        assert_eq!(shutdown.stop(Cause::Interrupt), Stop::Second);
        assert!(shutdown.work().is_cancelled());
        assert_eq!(shutdown.cause(), Some(Cause::Terminate));
    }

    #[test]
    fn only_a_second_signal_cuts_what_an_ordered_drain_spares() {
        let shutdown = running(Grace::default());
        assert_eq!(shutdown.stop(Cause::Asked), Stop::First);
        assert_eq!(shutdown.stop(Cause::Asked), Stop::First);
        assert_eq!(shutdown.stop(Cause::Terminate), Stop::First);
        assert_eq!(shutdown.stop(Cause::Asked), Stop::First);
        assert!(!shutdown.work().is_cancelled());
        assert_eq!(shutdown.cause(), Some(Cause::Asked));
        assert_eq!(shutdown.stop(Cause::Terminate), Stop::Second);
        assert!(shutdown.work().is_cancelled());
        let orphan = running(Grace::default());
        orphan.abandon();
        assert_eq!(orphan.stopped(), Some(Stop::Second));
        assert!(orphan.work().is_cancelled());
    }

    #[test]
    fn a_stop_before_ready_has_the_short_limits_of_a_start() {
        let shutdown = Shutdown::new();
        shutdown.arm(Grace::default());
        shutdown.stop(Cause::Terminate);
        shutdown.enter(Phase::Running);
        assert_eq!(shutdown.limits(), Limits::START);
        assert_eq!(*shutdown.phase().borrow(), Phase::Draining);
    }

    #[test]
    fn a_reload_asked_before_anyone_listens_is_not_missed_and_none_comes_while_stopping() {
        let shutdown = running(Grace::default());
        shutdown.ask_reload();
        assert!(shutdown.reload().has_changed().expect("the sender lives"));
        shutdown.stop(Cause::Asked);
        shutdown.ask_reload();
        assert_eq!(*shutdown.reload().borrow(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_cuts_the_work_on_a_paused_clock_too() {
        let shutdown = running(Grace::default());
        shutdown.stop(Cause::Terminate);
        shutdown.keep_deadline().await;
        assert!(shutdown.work().is_cancelled());
        assert_eq!(shutdown.since_signal(), Grace::default().limits().abort);
        assert_eq!(shutdown.left(), Duration::ZERO);
    }
}
