//! Operations that come in crowds and share one savepoint.
//!
//! A savepoint of its own costs an operation more than its writes: SQLite keeps
//! a copy of every page it touches. So these run together first; only when one
//! of them fails are all undone and run again one by one.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::savepoint::within;
use super::{Verdict, rolled_back};
use crate::store::{Result, StoreError};

/// How an operation runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Care {
    /// With others: whatever fails is simply reported, for it runs again.
    Together,
    /// By itself: this run counts.
    Alone,
}

/// An operation that can be run again.
pub(in super::super) trait Shared: Send {
    /// The operation's name.
    fn name(&self) -> &'static str;

    /// Runs it; an earlier run is forgotten.
    fn run(&mut self, conn: Result<&Connection>, care: Care) -> Verdict;

    /// Tells its caller what became of the last run.
    fn tell(self: Box<Self>, committed: Result<()>);
}

struct Again<T, F, K> {
    name: &'static str,
    operation: F,
    kept: K,
    result: Option<Result<T>>,
    answer: oneshot::Sender<Result<T>>,
}

/// An operation, ready for the queue, and where its result will come.
pub(super) fn shared<T, F, K>(
    name: &'static str,
    operation: F,
    kept: K,
) -> (Box<dyn Shared>, oneshot::Receiver<Result<T>>)
where
    T: Send + 'static,
    F: FnMut(&Connection, Care) -> Result<T> + Send + 'static,
    K: FnOnce(&mut T) + Send + 'static,
{
    let (answer, receiver) = oneshot::channel();
    let again = Again {
        name,
        operation,
        kept,
        result: None,
        answer,
    };
    (Box::new(again), receiver)
}

impl<T, F, K> Shared for Again<T, F, K>
where
    T: Send,
    F: FnMut(&Connection, Care) -> Result<T> + Send,
    K: FnOnce(&mut T) + Send,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&mut self, conn: Result<&Connection>, care: Care) -> Verdict {
        let result = conn.and_then(|conn| {
            let operation = &mut self.operation;
            catch_unwind(AssertUnwindSafe(|| operation(conn, care))).unwrap_or_else(|_| {
                Err(StoreError::Defect {
                    reason: format!("{} panicked", self.name),
                })
            })
        });
        let verdict = match &result {
            Ok(_) => Verdict::Keep,
            Err(_) => Verdict::Undo,
        };
        self.result = Some(result);
        verdict
    }

    fn tell(self: Box<Self>, committed: Result<()>) {
        let Self {
            kept,
            result,
            answer,
            ..
        } = *self;
        // A caller that went away wants no answer.
        let _ = answer.send(match result {
            Some(Ok(mut value)) => committed.map(|()| {
                kept(&mut value);
                value
            }),
            Some(Err(own)) => Err(own),
            None => Err(rolled_back()),
        });
    }
}

/// Runs them in one savepoint, or else each in its own.
pub(super) fn run(conn: &Connection, jobs: &mut [Box<dyn Shared>]) {
    if jobs.is_empty() {
        return;
    }
    let together = within(conn, "shared", |usable| match usable {
        Ok(conn) => {
            let keep =
                |job: &mut Box<dyn Shared>| job.run(Ok(conn), Care::Together) == Verdict::Keep;
            let verdict = match jobs.iter_mut().all(keep) {
                true => Verdict::Keep,
                false => Verdict::Undo,
            };
            (verdict, verdict)
        }
        Err(_) => (Verdict::Undo, Verdict::Undo),
    });
    if together == Verdict::Undo {
        for job in jobs {
            within(conn, "shared", |usable| (job.run(usable, Care::Alone), ()));
        }
    }
}
