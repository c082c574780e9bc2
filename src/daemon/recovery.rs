//! Outages of the store: the intake pauses at once, and whoever waited is
//! woken as soon as the store takes what is written again.
//!
//! Never gives up and never restarts anything. What waits in memory, finished
//! answers and receipts, goes first; the intake opens after it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Daemon;
use crate::domain::metric;
use crate::store::Availability;

/// Between two tries whether the store works again.
const TRY: Duration = Duration::from_millis(250);

/// How long answers and receipts have the store for themselves: longer than
/// any of them rests between two tries (500 ms).
const FIRST: Duration = Duration::from_millis(600);

/// Watches until it is dropped.
pub(super) async fn watch(daemon: Arc<Daemon>) {
    let mut available = daemon.store.availability();
    let away = |now: &Availability| *now == Availability::Unavailable;
    // After a panic in here the intake may still stand as it was told then.
    daemon.intake.store_is(*available.borrow());
    while available.wait_for(away).await.is_ok() {
        let begun = Instant::now();
        daemon.intake.store_is(Availability::Unavailable);
        metrics::gauge!(metric::INTAKE_PAUSED, "reason" => "store").set(1.0);
        tracing::error!("the store does not take what is written; nothing is confirmed meanwhile");
        loop {
            // Whatever is asked of it proves that it works, or fails.
            let asked = daemon.store.others(daemon.instance).await;
            if asked.is_ok() && *available.borrow_and_update() == Availability::Available {
                sleep(FIRST).await;
                if *available.borrow_and_update() == Availability::Available {
                    break;
                }
            }
            sleep(TRY).await;
        }
        daemon.intake.store_is(Availability::Available);
        metrics::gauge!(metric::INTAKE_PAUSED, "reason" => "store").set(0.0);
        tracing::info!(
            outage_ms = begun.elapsed().as_millis(),
            "the store takes what is written again"
        );
        // Wakes that were lost meanwhile.
        daemon.wake_all_waiting().await;
        daemon.wake_unsent().await;
    }
}
