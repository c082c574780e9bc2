//! When receipts are looked after: while the daemon runs, while it drains, and
//! once more before it ends.
//!
//! Only whoever holds the lease looks: two would not harm, but ask twice.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::Daemon;
use crate::config::Receipts;
use crate::store::{Flush, Owed};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// Who waits longer than this for an answer to begin gets a receipt.
const AFTER: Duration = Duration::from_secs(3);

/// How long the last look of a drain may take.
const LAST: Duration = Duration::from_millis(500);

/// Whether what waits is left to a successor that is not there yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// It is: its people hear nothing for a while.
    ToNobodyYet,
    /// It is run here, or by somebody who lives.
    Looked,
}

/// Looks until the stop.
pub(super) async fn watch(daemon: Arc<Daemon>) {
    let intake = daemon.shutdown.intake().clone();
    loop {
        tokio::select! {
            biased;
            () = intake.cancelled() => return,
            () = sleep(LOOK) => {}
        }
        if daemon.standing.is_active() {
            daemon.receipts.look(daemon.owed(AFTER, Flush::Due)).await;
        }
    }
}

/// The same during a drain.
pub(super) async fn while_draining(daemon: &Daemon, left: Left) -> Infallible {
    loop {
        daemon.receipts.look(daemon.owed_in_drain(left)).await;
        sleep(LOOK).await;
    }
}

/// Before the end: what was answered carries none any more, and what nobody
/// looks after does.
pub(super) async fn last_look(daemon: &Daemon) {
    if !daemon.standing.is_active() {
        return;
    }
    let look = async {
        let left = match daemon.store.successor(daemon.instance).await {
            Ok(false) => Left::ToNobodyYet,
            _ => Left::Looked,
        };
        daemon.receipts.look(daemon.owed_in_drain(left)).await;
    };
    let _ = timeout(LAST, look).await;
}

impl Daemon {
    fn owed(&self, waited: Duration, flush: Flush) -> Option<Owed> {
        (self.live.receipts() == Receipts::On).then_some(Owed { waited, flush })
    }

    fn owed_in_drain(&self, left: Left) -> Option<Owed> {
        match left {
            Left::ToNobodyYet => self.owed(Duration::ZERO, Flush::All),
            Left::Looked => self.owed(AFTER, Flush::Due),
        }
    }
}
