//! The signals: what each means, and the thread that receives them.
//!
//! The thread only forwards; it never logs and never waits for the runtime.
//! The kernel and the handler fold equal signals that arrive within the same
//! instant into one, so nobody may rely on counting them faster than that.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::{io, thread};

use serde::Serialize;
use signal_hook::consts::{SIGABRT, SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::Shutdown;

/// How far a stop has gone, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stop {
    /// Accept nothing new, finish what runs.
    First,
    /// Cut what runs, store everything, leave.
    Second,
    /// Leave at once; what is stored is stored.
    Third,
}

impl Stop {
    /// The step after `stop`; the third is the last.
    #[must_use]
    pub fn after(stop: Option<Self>) -> Self {
        match stop {
            None => Self::First,
            Some(Self::First) => Self::Second,
            Some(Self::Second | Self::Third) => Self::Third,
        }
    }

    /// How many stops were asked for, as shown in the report.
    #[must_use]
    pub fn count(self) -> u8 {
        match self {
            Self::First => 1,
            Self::Second => 2,
            Self::Third => 3,
        }
    }
}

/// Who asked for the stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum Cause {
    /// SIGTERM: the service manager.
    #[serde(rename = "SIGTERM")]
    Terminate,
    /// SIGINT: Ctrl-C.
    #[serde(rename = "SIGINT")]
    Interrupt,
    /// The operator, through a control.
    #[serde(rename = "asked")]
    Asked,
}

/// What a received signal does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Stop(Stop, Cause),
    Reload,
    Nothing,
}

/// The whole rule: what `signal` does when the stop has come to `stop`.
fn effect(stop: Option<Stop>, signal: i32) -> Effect {
    match (signal, stop) {
        (SIGTERM, _) => Effect::Stop(Stop::after(stop), Cause::Terminate),
        (SIGINT, _) => Effect::Stop(Stop::after(stop), Cause::Interrupt),
        (SIGHUP, None) => Effect::Reload,
        // A reload in the middle of a stop would change the rules under the
        // turns that are to be finished.
        _ => Effect::Nothing,
    }
}

/// Has one byte written into `file` when this process aborts, by itself or at
/// the watchdog's wish, before it dies of it as ever. Whoever finds the byte
/// knows that no kill from outside was the cause.
///
/// An overflown stack ends here too: Rust's own handler aborts.
///
/// # Errors
/// When the handler cannot be installed.
pub fn note_abort(file: File) -> io::Result<()> {
    // In this order: first the note, then the death.
    signal_hook::low_level::pipe::register(SIGABRT, file)?;
    signal_hook::flag::register_conditional_default(SIGABRT, Arc::new(AtomicBool::new(true)))?;
    Ok(())
}

/// Installs the handlers and starts the thread that forwards the signals.
pub(super) fn install(shutdown: &Shutdown) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let shutdown = shutdown.clone();
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for signal in signals.forever() {
                match effect(shutdown.stopped(), signal) {
                    Effect::Stop(_, cause) => {
                        shutdown.stop(cause);
                    }
                    Effect::Reload => shutdown.ask_reload(),
                    Effect::Nothing => {}
                }
            }
        })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_after_every_stop_does_what_is_promised() {
        use Effect::{Nothing, Reload};
        let stop = Effect::Stop;
        let (term, int) = (Cause::Terminate, Cause::Interrupt);
        let (first, second, third) = (Stop::First, Stop::Second, Stop::Third);
        let table = [
            (None, SIGTERM, stop(first, term)),
            (None, SIGINT, stop(first, int)),
            (None, SIGHUP, Reload),
            (Some(first), SIGTERM, stop(second, term)),
            (Some(first), SIGINT, stop(second, int)),
            (Some(first), SIGHUP, Nothing),
            (Some(second), SIGTERM, stop(third, term)),
            (Some(second), SIGINT, stop(third, int)),
            (Some(second), SIGHUP, Nothing),
            (Some(third), SIGTERM, stop(third, term)),
            (Some(third), SIGINT, stop(third, int)),
            (Some(third), SIGHUP, Nothing),
        ];
        for (before, signal, expected) in table {
            assert_eq!(effect(before, signal), expected, "{before:?} × {signal}");
        }
    }

    #[test]
    fn every_pair_of_signals_ends_where_the_two_stops_among_them_lead() {
        for first in [SIGTERM, SIGINT, SIGHUP] {
            for second in [SIGTERM, SIGINT, SIGHUP] {
                let mut stop = None;
                for signal in [first, second] {
                    if let Effect::Stop(next, _) = effect(stop, signal) {
                        stop = Some(next);
                    }
                }
                let stops = [first, second].iter().filter(|s| **s != SIGHUP).count();
                assert_eq!(
                    stop.map_or(0, |s| usize::from(s.count())),
                    stops,
                    "{first} {second}"
                );
            }
        }
    }
}
