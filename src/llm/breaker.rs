//! The circuit breaker of one endpoint.
//!
//! After [`Breaker::THRESHOLD`] failures in a row nobody asks the endpoint for
//! [`Breaker::PAUSE`]; then exactly one attempt, the probe, decides for all.
//! Pure: the time is an argument. Only what speaks of the endpoint counts: its
//! 5xx, silence, cut and unreadable streams. A 4xx, a 429 of one model
//! included, is an answer of a working server and counts as a sign of life.
//! An attempt that began before the state last changed counts for nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What an attempt learned about the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It answers.
    Alive,
    /// It does not, or not what it should.
    Failing,
}

/// Decides whether an endpoint is asked at all. Clones share the state.
#[derive(Debug, Clone, Default)]
pub struct Breaker(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    /// Raised with every change of phase.
    generation: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
    },
    /// A probe is under way; `until` is when its turn came.
    Probing {
        until: Instant,
    },
}

impl Default for Phase {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Breaker {
    /// Failures in a row that open it.
    pub const THRESHOLD: u32 = 5;
    /// How long it stays open.
    pub const PAUSE: Duration = Duration::from_secs(60);
    /// When to look again while a probe is under way.
    pub const RECHECK: Duration = Duration::from_secs(5);

    /// Asks to make one attempt.
    ///
    /// # Errors
    /// How long to wait before asking again: the endpoint is given a pause.
    pub fn admit(&self, now: Instant) -> Result<Permit, Duration> {
        let mut state = self.lock();
        match state.phase {
            Phase::Closed { .. } => {}
            Phase::Open { until } if now < until => return Err(until - now),
            Phase::Open { until } => state.enter(Phase::Probing { until }),
            Phase::Probing { .. } => return Err(Self::RECHECK),
        }
        Ok(Permit {
            breaker: self.clone(),
            generation: state.generation,
            is_reported: false,
        })
    }

    /// Whether attempts are refused at the moment; for metrics.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self.lock().phase, Phase::Closed { .. })
    }

    /// How long until the next attempt is admitted; `None`: it is now, or one
    /// is under way.
    #[must_use]
    pub fn retry_in(&self, now: Instant) -> Option<Duration> {
        match self.lock().phase {
            Phase::Open { until } => until.checked_duration_since(now),
            Phase::Closed { .. } | Phase::Probing { .. } => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is one assignment, so a panic elsewhere left it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.generation += 1;
    }
}

/// The right to make one attempt. Dropped without a report (a cancelled turn),
/// it counts for nothing, and a probe's turn goes to the next who asks.
#[derive(Debug)]
#[must_use]
pub struct Permit {
    breaker: Breaker,
    generation: u64,
    is_reported: bool,
}

impl Permit {
    /// Tells what the attempt learned.
    pub fn report(mut self, health: Health, now: Instant) {
        self.is_reported = true;
        let mut state = self.breaker.lock();
        if state.generation != self.generation {
            return;
        }
        let open = Phase::Open {
            until: now + Breaker::PAUSE,
        };
        match (state.phase, health) {
            (Phase::Closed { .. }, Health::Alive) => state.phase = Phase::Closed { failures: 0 },
            (Phase::Closed { failures }, Health::Failing) if failures + 1 < Breaker::THRESHOLD => {
                state.phase = Phase::Closed {
                    failures: failures + 1,
                };
            }
            (Phase::Closed { .. } | Phase::Probing { .. }, Health::Failing) => state.enter(open),
            (Phase::Probing { .. }, Health::Alive) => state.enter(Phase::default()),
            (Phase::Open { .. }, _) => {}
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.is_reported {
            return;
        }
        let mut state = self.breaker.lock();
        if let Phase::Probing { until } = state.phase
            && state.generation == self.generation
        {
            state.enter(Phase::Open { until });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breaker: &Breaker, times: u32, now: Instant) {
        for _ in 0..times {
            breaker.admit(now).unwrap().report(Health::Failing, now);
        }
    }

    #[test]
    fn it_opens_after_failures_in_a_row_only() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        fail(&breaker, Breaker::THRESHOLD - 1, now);
        breaker.admit(now).unwrap().report(Health::Alive, now);
        fail(&breaker, Breaker::THRESHOLD - 1, now);
        assert!(!breaker.is_open());
        fail(&breaker, 1, now);
        assert_eq!(breaker.admit(now).unwrap_err(), Breaker::PAUSE);
    }

    #[test]
    fn exactly_one_probe_decides() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        fail(&breaker, Breaker::THRESHOLD, now);
        let later = now + Breaker::PAUSE;
        let probe = breaker.admit(later).unwrap();
        assert_eq!(breaker.admit(later).unwrap_err(), Breaker::RECHECK);
        probe.report(Health::Failing, later);
        assert_eq!(breaker.admit(later).unwrap_err(), Breaker::PAUSE);

        let later = later + Breaker::PAUSE;
        breaker.admit(later).unwrap().report(Health::Alive, later);
        assert!(!breaker.is_open());
        fail(&breaker, Breaker::THRESHOLD - 1, later);
        assert!(!breaker.is_open(), "the count began anew");
    }

    #[test]
    fn a_cancelled_probe_hands_its_turn_on() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        fail(&breaker, Breaker::THRESHOLD, now);
        let later = now + Breaker::PAUSE;
        drop(breaker.admit(later).unwrap());
        breaker.admit(later).unwrap().report(Health::Alive, later);
        assert!(!breaker.is_open());
    }

    #[test]
    fn attempts_from_before_a_change_decide_nothing() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        let old = breaker.admit(now).unwrap();
        let cancelled = breaker.admit(now).unwrap();
        fail(&breaker, Breaker::THRESHOLD, now);
        old.report(Health::Alive, now);
        assert!(breaker.is_open());
        let later = now + Breaker::PAUSE;
        let probe = breaker.admit(later).unwrap();
        drop(cancelled);
        assert!(
            breaker.admit(later).is_err(),
            "the probe is still under way"
        );
        probe.report(Health::Alive, later);
    }
}
