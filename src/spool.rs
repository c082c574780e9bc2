//! The spool: where any process of this machine leaves a message for a chat,
//! whether a daemon runs or not.
//!
//! A folder beside the store, writable by its group. A message is one file that
//! is there whole and durable, or not at all; the daemon takes the files up in
//! their order and removes them once they are rows of the outbox. Whoever hands
//! in never opens the store; what lies here is material to be judged. Never
//! follows a link, never blocks on what somebody put here, never trusts a file
//! that somebody outside the group has made.

mod folder;
mod note;
mod pages;
mod watch;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

pub use folder::{Found, Handed, NotHanded, Room, Spool};
pub use note::{FILE_MAX, Flaw, KEY_MAX, LIFE_MAX, Note, PAGE_UNITS, PAGES_MAX, key_fits};
pub use pages::Pages;
pub use watch::Watch;

/// The spool of the store in this file: beside it.
#[must_use]
pub fn beside(store: &Path) -> PathBuf {
    store.with_file_name("spool")
}

/// A file of the spool, in the order in which they were handed in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The caller's time in milliseconds, or one more than the latest file that
    /// waited then: sequential callers have rising ones, also when the clock is
    /// set back.
    stamp: u64,
    /// Tells those of one moment apart.
    random: u64,
}

/// How the files of messages end.
const ENDING: &str = ".note";

impl Name {
    fn parse(name: &OsStr) -> Option<Self> {
        let (stamp, random) = name.to_str()?.strip_suffix(ENDING)?.split_once('-')?;
        let plain = stamp.len() == 20 && stamp.bytes().all(|b| b.is_ascii_digit());
        let hex = random.len() == 16 && random.bytes().all(|b| b.is_ascii_hexdigit());
        Some(Self {
            stamp: stamp.parse().ok().filter(|_| plain)?,
            random: u64::from_str_radix(random, 16).ok().filter(|_| hex)?,
        })
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:020}-{:016x}{ENDING}", self.stamp, self.random)
    }
}

#[cfg(test)]
mod tests;
