//! The pulse: whether each organ of the daemon still moves.
//!
//! Every layer beats, the watchdog and `/livez` listen; therefore it lies at the
//! bottom. An organ is alive when it has nothing to do or has finished something
//! since it was last looked at. Waiting for the network is *not* being busy: an
//! organ says so with [`Pulse::busy`] only round work of its own (a commit, the
//! handling of what arrived), so that an outage elsewhere never looks like a
//! hang here.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// A part of the daemon that must keep moving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Organ {
    /// Handling what Telegram delivered.
    Intake,
    /// Carrying turns from state to state.
    Turns,
    /// Handling what is to be sent.
    Outbox,
    /// Committing.
    Store,
}

impl Organ {
    /// Every organ.
    pub const ALL: [Self; 4] = [Self::Intake, Self::Turns, Self::Outbox, Self::Store];

    /// The word in `/livez`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Turns => "turns",
            Self::Outbox => "outbox",
            Self::Store => "store",
        }
    }
}

impl fmt::Display for Organ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The pulses of one daemon; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Pulse(Arc<[Counts; Organ::ALL.len()]>);

#[derive(Debug, Default)]
struct Counts {
    begun: AtomicU64,
    ended: AtomicU64,
}

/// An organ is busy as long as this lives.
#[derive(Debug)]
#[must_use = "the organ is idle again as soon as this is dropped"]
pub struct Busy {
    pulse: Pulse,
    organ: Organ,
}

impl Pulse {
    /// Marks `organ` as busy with one more thing; the end of it is a beat.
    pub fn busy(&self, organ: Organ) -> Busy {
        self.of(organ).begun.fetch_add(1, Ordering::AcqRel);
        Busy {
            pulse: self.clone(),
            organ,
        }
    }

    fn of(&self, organ: Organ) -> &Counts {
        &self.0[organ as usize]
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let counts = self.pulse.of(self.organ);
        counts.ended.fetch_add(1, Ordering::AcqRel);
    }
}

/// Listens to a [`Pulse`]: each listener compares with its own last look.
#[derive(Debug)]
pub struct Listener {
    pulse: Pulse,
    /// What had ended at the last look; `None` for an organ that was idle then.
    last: [Option<u64>; Organ::ALL.len()],
}

impl Listener {
    /// A listener that has not looked yet.
    #[must_use]
    pub fn new(pulse: &Pulse) -> Self {
        Self {
            pulse: pulse.clone(),
            last: [None; Organ::ALL.len()],
        }
    }

    /// The organs that were busy at the last look and have finished nothing
    /// since. Look no more often than an organ may need for one thing.
    pub fn stuck(&mut self) -> Vec<Organ> {
        let mut stuck = Vec::new();
        for organ in Organ::ALL {
            let counts = self.pulse.of(organ);
            // `ended` first: read the other way round, an organ that ends
            // between the two reads could look idle while busy.
            let ended = counts.ended.load(Ordering::Acquire);
            let busy = counts.begun.load(Ordering::Acquire) > ended;
            let last = &mut self.last[organ as usize];
            if busy && *last == Some(ended) {
                stuck.push(organ);
            }
            *last = busy.then_some(ended);
        }
        stuck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_organ_is_alive_and_a_busy_one_must_finish_something() {
        let pulse = Pulse::default();
        let mut listener = Listener::new(&pulse);
        assert_eq!(listener.stuck(), []);
        assert_eq!(listener.stuck(), []);

        let slow = pulse.busy(Organ::Store);
        assert_eq!(listener.stuck(), [], "it has only just begun");
        assert_eq!(listener.stuck(), [Organ::Store]);

        drop(pulse.busy(Organ::Store));
        assert_eq!(listener.stuck(), [], "another commit went through");
        assert_eq!(listener.stuck(), [Organ::Store]);

        drop(slow);
        assert_eq!(listener.stuck(), []);
    }

    #[test]
    fn a_hang_that_begins_anew_after_idleness_gets_its_time_again() {
        let pulse = Pulse::default();
        let mut listener = Listener::new(&pulse);
        let _first = {
            let busy = pulse.busy(Organ::Turns);
            assert_eq!(listener.stuck(), []);
            busy
        };
        drop(_first);
        assert_eq!(listener.stuck(), []);
        let _second = pulse.busy(Organ::Turns);
        assert_eq!(listener.stuck(), []);
        assert_eq!(listener.stuck(), [Organ::Turns]);
    }
}
