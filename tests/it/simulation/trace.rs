//! The trace: every event at every seam, with its virtual time.
//!
//! Two runs of one seed have the same trace, byte by byte. Kept as plain
//! numbers and written out only when somebody wants to read it, for a run has
//! thousands of events and a minute has thousands of runs.

use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What marks the place where something was found wrong.
pub(super) const WRONG: &str = "WRONG";

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    /// Virtual milliseconds since the run began.
    at: u64,
    /// Which life of the daemon; 0 is the world.
    life: u32,
    seam: &'static str,
    what: &'static str,
    /// The chat it concerns; 0 for none.
    chat: i64,
    /// A number that tells equal events apart: a hash, an id, a count.
    number: u64,
    /// How it ended, where that is known at once.
    end: &'static str,
}

/// What an event is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct About {
    pub(super) chat: i64,
    pub(super) number: u64,
    pub(super) end: &'static str,
}

impl About {
    pub(super) const NOTHING: Self = Self {
        chat: 0,
        number: 0,
        end: "",
    };

    pub(super) fn number(number: u64) -> Self {
        Self {
            number,
            ..Self::NOTHING
        }
    }

    pub(super) fn chat(chat: i64) -> Self {
        Self {
            chat,
            ..Self::NOTHING
        }
    }
}

/// The events of one run.
#[derive(Debug)]
pub(super) struct Trace {
    begun: tokio::time::Instant,
    events: Mutex<Vec<Event>>,
}

impl Trace {
    pub(super) fn new() -> Self {
        Self {
            begun: tokio::time::Instant::now(),
            events: Mutex::new(Vec::with_capacity(4_096)),
        }
    }

    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn add(&self, life: u32, seam: &'static str, what: &'static str, about: About) {
        let event = Event {
            at: self.now(),
            life,
            seam,
            what,
            chat: about.chat,
            number: about.number,
            end: about.end,
        };
        self.events().push(event);
    }

    /// The whole trace, a line for each event.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for event in self.events().iter() {
            event.write(&mut text);
        }
        text
    }

    /// The last events before something was found wrong that touch this chat,
    /// with what happened to the processes and to the world meanwhile.
    pub(super) fn shortened(&self, chat: Option<i64>, last: usize) -> String {
        let events = self.events();
        let found = events.iter().position(|event| event.what == WRONG);
        let end = found.map_or(events.len(), |at| at + 1);
        let mut chosen: Vec<&Event> = events[..end]
            .iter()
            .rev()
            .filter(|event| {
                let ours = chat.is_none_or(|chat| event.chat == chat);
                let seen = ["sendChatAction", "sendRichMessageDraft", "content"];
                let ours = ours && !seen.contains(&event.what);
                let routine = [
                    "others",
                    "open_turns",
                    "waiting",
                    "unsent",
                    "backlog",
                    "prune",
                    "successor",
                    "take_intake",
                    "reap",
                ];
                (ours && event.seam != "store") || event.seam == "world" || {
                    event.seam == "store" && !routine.contains(&event.what) && chat.is_none()
                }
            })
            .take(last)
            .collect();
        chosen.reverse();
        let mut text = String::new();
        for event in chosen {
            event.write(&mut text);
        }
        text
    }

    fn events(&self) -> MutexGuard<'_, Vec<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Event {
    fn write(&self, text: &mut String) {
        let _ = write!(
            text,
            "{:>8} #{} {}.{}",
            self.at, self.life, self.seam, self.what
        );
        if self.chat != 0 {
            let _ = write!(text, " chat={}", self.chat);
        }
        if self.number != 0 {
            let _ = write!(text, " {:x}", self.number);
        }
        if !self.end.is_empty() {
            let _ = write!(text, " -> {}", self.end);
        }
        text.push('\n');
    }
}

/// A small hash (FNV-1a): the same in every process.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
