//! Files of media that no turn needs any more are removed: soon after the turn
//! is settled or forgotten, and at the start what a crash left.
//!
//! Asks the store about each turn that has files; a file whose turn is open is
//! never touched.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::Daemon;
use crate::store::StoreError;

/// Between two looks by itself: other instances settle turns, too.
const PERIOD: Duration = Duration::from_secs(5);

/// After a wake, so that many turns that end together cost one look.
const GATHER: Duration = Duration::from_millis(100);

/// Turns asked about in one step.
const STEP: usize = 500;

/// Removes until the stop.
pub(super) async fn sweep(daemon: Arc<Daemon>) {
    let intake = daemon.shutdown.intake().clone();
    loop {
        if let Err(error) = look(&daemon).await {
            tracing::debug!(error, "failed to remove files of media");
        }
        let next = async {
            tokio::select! {
                biased;
                () = daemon.library.until_sweep() => sleep(GATHER).await,
                () = sleep(PERIOD) => {}
            }
        };
        tokio::select! {
            biased;
            () = intake.cancelled() => return,
            () = next => {}
        }
    }
}

async fn look(daemon: &Daemon) -> Result<(), String> {
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let turns = daemon.library.turns().await.map_err(|e| told(&e))?;
    for some in turns.chunks(STEP) {
        let settled = daemon.store.settled(some.to_vec()).await;
        let settled = settled.map_err(|error: StoreError| told(&error))?;
        if !settled.is_empty() {
            let removed = daemon.library.remove(settled).await;
            let files = removed.map_err(|e| told(&e))?;
            tracing::debug!(files, "removed files of media that no turn needs");
        }
    }
    Ok(())
}
