//! How much room the disk of the store has left.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Less than this is short, or less than a twentieth of a smaller disk.
const SHORT: u64 = 1 << 30;

/// Tells how much room there is; a value handed in, for tests have none.
#[derive(Clone)]
pub struct Disk(Arc<dyn Fn() -> Option<Room> + Send + Sync>);

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").finish_non_exhaustive()
    }
}

impl Disk {
    /// The disk on which this folder lies.
    #[must_use]
    pub fn of(folder: PathBuf) -> Self {
        Self::new(move || {
            let found = rustix::fs::statvfs(&folder).ok()?;
            Some(Room {
                free: found.f_bavail.saturating_mul(found.f_frsize),
                total: found.f_blocks.saturating_mul(found.f_frsize),
            })
        })
    }

    /// One of which this tells.
    pub fn new(room: impl Fn() -> Option<Room> + Send + Sync + 'static) -> Self {
        Self(Arc::new(room))
    }

    /// One that nobody looks at.
    #[must_use]
    pub fn unwatched() -> Self {
        Self::new(|| None)
    }

    pub(super) fn room(&self) -> Option<Room> {
        (self.0)()
    }
}

/// Room on a disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// What may still be written.
    pub free: u64,
    /// All of it.
    pub total: u64,
}

impl Room {
    /// Whether somebody has to make room.
    #[must_use]
    pub fn is_short(self) -> bool {
        self.free < self.needed()
    }

    /// Whether that is over: with a margin, for it goes up and down.
    #[must_use]
    pub fn is_ample(self) -> bool {
        self.free > self.needed() / 2 * 3
    }

    fn needed(self) -> u64 {
        SHORT.min(self.total / 20)
    }
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes >> 20;
        write!(f, "{} of {} MiB left", mib(self.free), mib(self.total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_disk_is_short_of_room_later_than_a_large_one() {
        let room = |free: u64, total: u64| Room {
            free: free << 20,
            total: total << 20,
        };
        assert!(room(1_000, 500_000).is_short());
        assert!(!room(1_030, 500_000).is_short());
        assert!(!room(1_030, 500_000).is_ample());
        assert!(room(1_600, 500_000).is_ample());
        assert!(!room(60, 1_000).is_short());
        assert!(room(49, 1_000).is_short());
        let here = Disk::of("/".into()).room();
        assert!(here.is_some_and(|room| room.total > room.free));
    }
}
