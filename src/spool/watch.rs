//! The kernel's word that something came into the spool: a wake and no more.
//! Losing one costs the time until the next look.

use std::io;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::net::unix::pipe;

/// Watches a folder.
#[derive(Debug)]
pub struct Watch(pipe::Receiver);

impl Watch {
    /// Begins to watch. Must be called inside a runtime.
    ///
    /// # Errors
    /// When the system refuses (it has a limit of watches for each user).
    pub fn of(folder: &Path) -> io::Result<Self> {
        let flags = CreateFlags::NONBLOCK | CreateFlags::CLOEXEC;
        let watch = inotify::init(flags)?;
        // A message appears by a rename.
        inotify::add_watch(&watch, folder, WatchFlags::MOVED_TO | WatchFlags::ONLYDIR)?;
        // Unchecked, for it is no pipe: it is waited for and read like one.
        Ok(Self(pipe::Receiver::from_owned_fd_unchecked(watch)?))
    }

    /// Waits until something was handed in since the last time.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn changed(&self) {
        if self.0.readable().await.is_err() {
            // Nobody is left to wake us: the looks go on.
            return std::future::pending().await;
        }
        let mut heard = [0_u8; 4_096];
        // What happened is not of interest, only that it did.
        while self.0.try_read(&mut heard).is_ok_and(|read| read > 0) {}
    }
}
