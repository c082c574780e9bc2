//! The control socket: how a running daemon is asked how it stands and what to
//! do, by whoever may write to its socket.
//!
//! Each instance has one, in a folder beside its store, named by its id, so that
//! two never share one and a new one replaces nobody's. One JSON line asks, one
//! answers (a drain: several). Its owner and root may talk; nobody's words go over
//! it. It can delay nothing: whoever asks has bounds, and the end of the process
//! ends it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::status::{Drain, Status};
use crate::domain::ids::TurnId;
use crate::store::desk::{Cancel, Paused, Replay};

mod address;
mod client;
mod server;

pub use client::{Line, Unheard, lines};
pub use server::{Farewell, serve};

/// The longest line either side reads, in bytes.
const LONGEST: u64 = 256 << 10;

/// The folder of the sockets: beside the store's file, named after it.
#[must_use]
pub fn folder(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".control");
    name.into()
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "lowercase")]
pub enum Ask {
    /// How it stands.
    Status,
    /// To stop a turn.
    Cancel {
        /// Which.
        turn: TurnId,
    },
    /// To run a failed turn again.
    Replay {
        /// Which.
        turn: TurnId,
    },
    /// To begin no turn.
    Pause {
        /// Why.
        reason: Option<String>,
    },
    /// To begin turns again.
    Resume,
    /// To answer what is open, then end.
    Drain,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// How it stands.
    Status(Box<Status>),
    /// What became of a deed.
    Told(Told),
    /// A drain under way; more follows.
    Left(Drain),
    /// The report of the drain, as the process prints it; then it ends.
    Report(Value),
    /// It could not be asked so, or the store did not answer.
    Error(String),
}

/// What became of a deed, in words for an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Whether what was wanted is so now.
    pub done: bool,
    /// The sentence.
    pub words: String,
}

impl Told {
    fn yes(words: String) -> Self {
        Self { done: true, words }
    }

    fn no(words: String) -> Self {
        Self { done: false, words }
    }

    /// What became of the wish to cancel a turn.
    #[must_use]
    pub fn of_cancel(turn: TurnId, became: Cancel) -> Self {
        match became {
            Cancel::Stopped(_) => Self::yes(format!("turn {turn} is cancelled")),
            Cancel::Stopping(_) => Self::yes(format!(
                "turn {turn} was running; it ends now, with what it has"
            )),
            Cancel::Ended("cancelled") => Self::yes(format!("turn {turn} was cancelled already")),
            Cancel::Answered => Self::no(format!("turn {turn}: its answer is on its way already")),
            Cancel::Ended(how) => Self::no(format!("turn {turn} has ended already ({how})")),
            Cancel::Unknown => Self::no(format!("turn {turn} does not exist; see: lastword turns")),
        }
    }

    /// What became of the wish for a replay.
    #[must_use]
    pub fn of_replay(turn: TurnId, became: Replay) -> Self {
        match became {
            Replay::Begun(new) => Self::yes(format!("turn {turn} runs again as turn {new}")),
            Replay::Before => Self::yes(format!("turn {turn} was replayed already; nothing to do")),
            Replay::Unknown => Self::no(format!(
                "turn {turn} does not exist; see: lastword turns --failed"
            )),
            Replay::Open(state) => {
                Self::no(format!("turn {turn} has no end yet ({state}): wait for it"))
            }
            Replay::Ended(how) => Self::no(format!(
                "turn {turn} has not failed ({how}); only failed turns are replayed"
            )),
            Replay::Erased => Self::no(format!(
                "turn {turn} cannot be replayed: what it was asked is no longer kept \
                 (store.keep_failed) or was forgotten"
            )),
        }
    }

    /// A pause that is in force.
    #[must_use]
    pub fn of_pause(paused: &Paused) -> Self {
        let why = paused.reason.as_ref();
        let why = why.map_or_else(String::new, |reason| format!(" ({reason})"));
        Self::yes(format!(
            "paused{why}: messages are accepted and kept, no turn begins until: lastword resume"
        ))
    }

    /// The end of a pause, if there was one.
    #[must_use]
    pub fn of_resume(ended: Option<&Paused>) -> Self {
        Self::yes(match ended {
            Some(paused) => format!("resumed after {} s", paused.for_ms / 1000),
            None => "it was not paused".to_owned(),
        })
    }
}
