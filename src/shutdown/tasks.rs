//! Every task of the daemon: the only place that spawns.
//!
//! Each kind declares in one table what happens to it on a stop and what a panic
//! of it means. A panic ends one task, never the daemon. Counting is left to one
//! `TaskTracker` per kind; who may still begin is the gate's business, for a
//! tracker accepts spawns after its close.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use serde::Serialize;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Shutdown;

/// How long a task that panicked rests before it is begun again.
pub const REST: Duration = Duration::from_secs(1);

/// What a task is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Brings updates in: the poller, the webhook server and its connections.
    Feeder,
    /// A timer of the grouper.
    Timer,
    /// One turn, from claim to answer.
    Turn,
    /// Sends parts.
    Sender,
    /// Shows an answer while it grows.
    Preview,
    /// The "typing" sign; its request has its own time limit.
    Typing,
    /// A command or a button at work.
    Control,
    /// Looks every few seconds for what is due.
    Sweep,
    /// Health, metrics, watchdog, status: works to the very end.
    Ops,
    /// Turns one webhook connection away while draining.
    Doorman,
    /// The offline parts of the playground.
    Playground,
}

/// What happens to a task of a kind on a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnStop {
    /// Dropped at its next await when `intake` is cancelled.
    CutByIntake,
    /// Dropped at its next await when `work` is cancelled; watches `intake`
    /// itself where that means something to it.
    CutByWork,
    /// Never dropped: watches the tokens itself and ends by itself, for what it
    /// holds must be stored. The deadline is its only limit.
    Finishes,
    /// Dropped by [`Tasks::close`], when everything else is over.
    CutByClose,
}

/// What a panic of a task means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnPanic {
    /// One failure of its turn: the owner sees [`Ended::Panicked`].
    FailsTurn,
    /// It is begun again after [`REST`]; start it with [`Tasks::keep`].
    BeginsAgain,
    /// It is logged; what it did is done again from the store.
    IsLogged,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Feeder,
        Self::Timer,
        Self::Turn,
        Self::Sender,
        Self::Preview,
        Self::Typing,
        Self::Control,
        Self::Sweep,
        Self::Ops,
        Self::Doorman,
        Self::Playground,
    ];

    /// The kinds that end before the store may be closed.
    pub const WORK: [Self; 8] = [
        Self::Feeder,
        Self::Timer,
        Self::Turn,
        Self::Sender,
        Self::Preview,
        Self::Typing,
        Self::Control,
        Self::Sweep,
    ];

    /// The table.
    #[must_use]
    pub fn rule(self) -> (OnStop, OnPanic) {
        use OnPanic::{BeginsAgain, FailsTurn, IsLogged};
        use OnStop::{CutByClose, CutByWork, Finishes};
        match self {
            // A request in flight finishes storing after intake has closed.
            Self::Feeder => (CutByWork, BeginsAgain),
            // What it would have done is due in the store.
            Self::Timer => (CutByWork, IsLogged),
            // Parks itself: the park is a write.
            Self::Turn => (Finishes, FailsTurn),
            // An acknowledgement that is dropped is an uncertain part.
            Self::Sender => (Finishes, BeginsAgain),
            Self::Preview | Self::Typing => (CutByWork, IsLogged),
            // Its effect and reply are one transaction.
            Self::Control => (Finishes, IsLogged),
            // Still needed while draining: parts become due again.
            Self::Sweep => (CutByWork, BeginsAgain),
            Self::Ops => (CutByClose, BeginsAgain),
            // Waited for a moment before the close: somebody asked.
            Self::Doorman | Self::Playground => (CutByClose, IsLogged),
        }
    }

    /// The word in the report and the metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Feeder => "feeder",
            Self::Timer => "timer",
            Self::Turn => "turn",
            Self::Sender => "sender",
            Self::Preview => "preview",
            Self::Typing => "typing",
            Self::Control => "control",
            Self::Sweep => "sweep",
            Self::Ops => "ops",
            Self::Doorman => "doorman",
            Self::Playground => "playground",
        }
    }
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended<T> {
    /// By itself.
    Done(T),
    /// Dropped by the stop, as its kind declares.
    Cut,
    /// By a panic; it is logged, without its message where that could hold
    /// somebody's text.
    Panicked,
}

/// Spawns; clones are the same set of tasks.
#[derive(Debug, Clone)]
pub struct Tasks {
    shutdown: Shutdown,
    census: Arc<Census>,
}

/// Who runs, by kind.
#[derive(Debug)]
pub(super) struct Census {
    trackers: [TaskTracker; Kind::ALL.len()],
    close: CancellationToken,
}

impl Default for Census {
    fn default() -> Self {
        let trackers = std::array::from_fn(|_| {
            let tracker = TaskTracker::new();
            // Only a closed tracker can be waited for; it spawns all the same.
            tracker.close();
            tracker
        });
        Self {
            trackers,
            close: CancellationToken::new(),
        }
    }
}

impl Census {
    fn of(&self, kind: Kind) -> &TaskTracker {
        &self.trackers[kind as usize]
    }

    pub(super) fn running(&self) -> BTreeMap<Kind, usize> {
        Kind::ALL
            .into_iter()
            .map(|kind| (kind, self.of(kind).len()))
            .collect()
    }
}

impl Tasks {
    /// The tasks of one daemon.
    #[must_use]
    pub fn new(shutdown: &Shutdown) -> Self {
        Self {
            shutdown: shutdown.clone(),
            census: Arc::clone(&shutdown.0.census),
        }
    }

    /// Begins a task. Dropping the handle detaches it; it is waited for all the
    /// same. `name` says in the log which one of its kind it is.
    pub fn spawn<F>(&self, kind: Kind, name: &'static str, task: F) -> JoinHandle<Ended<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let cut = self.cut(kind);
        let task = AssertUnwindSafe(task).catch_unwind();
        self.census.of(kind).spawn(async move {
            let ended = match cut {
                None => task.await,
                Some(token) => tokio::select! {
                    // What is finished counts as finished.
                    biased;
                    ended = task => ended,
                    () = token.cancelled() => return Ended::Cut,
                },
            };
            match ended {
                Ok(value) => Ended::Done(value),
                Err(payload) => {
                    log(kind, name, payload.as_ref());
                    Ended::Panicked
                }
            }
        })
    }

    /// Begins a task that is begun anew, by `make`, after each panic: the kinds
    /// whose rule is [`OnPanic::BeginsAgain`]. Ends as the task does, or with
    /// the stop if that comes while it rests.
    pub fn keep<M, F>(&self, kind: Kind, name: &'static str, mut make: M) -> JoinHandle<Ended<()>>
    where
        M: FnMut() -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = match kind.rule().0 {
            OnStop::CutByClose => self.census.close.clone(),
            OnStop::CutByIntake => self.shutdown.intake().clone(),
            OnStop::CutByWork | OnStop::Finishes => self.shutdown.work().clone(),
        };
        self.spawn(kind, name, async move {
            loop {
                match AssertUnwindSafe(make()).catch_unwind().await {
                    Ok(()) => return,
                    Err(payload) => log(kind, name, payload.as_ref()),
                }
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(REST) => {}
                }
            }
        })
    }

    /// Runs what blocks (files) beside the threads of the runtime, to its end even
    /// when nobody waits for it any more; `None` when it panicked.
    pub async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => Some(done),
            Err(error) => {
                tracing::error!(%error, "what ran beside the runtime did not end");
                None
            }
        }
    }

    /// How many run, by kind; every kind is there.
    #[must_use]
    pub fn running(&self) -> BTreeMap<Kind, usize> {
        self.census.running()
    }

    /// Waits until none of `kinds` runs. Says nothing about those that begin
    /// later: close what begins them first.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn wait(&self, kinds: &[Kind]) {
        // A kind may begin another (a sender a preview), so all must be empty
        // at once.
        while kinds.iter().any(|kind| !self.census.of(*kind).is_empty()) {
            for kind in kinds {
                self.census.of(*kind).wait().await;
            }
        }
    }

    /// Cuts the kinds that live to the very end ([`OnStop::CutByClose`]).
    pub fn close(&self) {
        self.census.close.cancel();
    }

    /// Waits until nothing runs; call [`Tasks::close`] before.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn wait_all(&self) {
        self.wait(&Kind::ALL).await;
    }

    fn cut(&self, kind: Kind) -> Option<CancellationToken> {
        match kind.rule().0 {
            OnStop::CutByIntake => Some(self.shutdown.intake().clone()),
            OnStop::CutByWork => Some(self.shutdown.work().clone()),
            OnStop::Finishes => None,
            OnStop::CutByClose => Some(self.census.close.clone()),
        }
    }
}

fn log(kind: Kind, name: &'static str, payload: &(dyn Any + Send)) {
    let message = super::panics::harmless(payload);
    tracing::error!(
        task.kind = kind.as_str(),
        task.name = name,
        message,
        "a task panicked"
    );
    metrics::counter!(crate::domain::metric::TASK_PANICS, "kind" => kind.as_str()).increment(1);
}

#[cfg(test)]
mod tests;
