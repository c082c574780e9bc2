//! A daemon that ends with its parent: the playground keeps the write end of
//! its child's stdin, which the kernel closes whatever way the parent dies.

use std::io::{self, Read as _};

use super::Shutdown;

/// The variable that asks for it.
pub const VARIABLE: &str = "LASTWORD_EXIT_WITH_STDIN";

/// Asks for a stop when stdin ends, and at once for its second step: the parent
/// was all of the world, so what is open cannot be answered any more. It is
/// parked, and the locks are free for whoever comes next.
///
/// # Errors
/// When the thread cannot be started.
pub fn watch(shutdown: &Shutdown) -> io::Result<()> {
    let shutdown = shutdown.clone();
    std::thread::Builder::new()
        .name("parent".to_owned())
        .spawn(move || {
            let mut stdin = io::stdin().lock();
            let mut buffer = [0; 64];
            // What is written there means nothing; its end does.
            while matches!(stdin.read(&mut buffer), Ok(read) if read > 0) {}
            // Whoever we drained for is gone: park what runs. A parent that has
            // asked already and ends before us must not cut what we still do.
            if !shutdown.is_stopping() {
                shutdown.abandon();
            }
        })?;
    Ok(())
}
