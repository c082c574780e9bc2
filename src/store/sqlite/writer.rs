//! The one writer of this process: everything queued at one moment goes into
//! one transaction and one fsync, each operation in a savepoint of its own so
//! that one failure undoes no neighbour.
//!
//! A value handed in: a thread in production, inline in simulation, so that a
//! paused clock never runs ahead of it. Answers only after the commit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::engine::{Engine, TakeBack};
use crate::death::{self, Side};
use crate::domain::metric;
use crate::store::{Result, StoreError};

mod savepoint;
mod shared;

use savepoint::within;
pub(super) use shared::Care;
use shared::Shared;

/// Operations waiting for the writer. Full means that the disk is slower than
/// the intake: callers wait, which is the back-pressure we want.
const QUEUE: usize = 4096;

/// Operations that share one commit at most; bounds the latency of the first.
const BATCH: usize = 512;

/// How the writer runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// On a thread of its own, with group commit.
    Thread,
    /// In the caller, one commit per operation (simulation).
    Inline,
}

/// From this size on a batch speaks of a crowd: those who were just answered
/// are about to ask again. Without a rest the first of them would have a commit
/// to itself and everybody else wait for it.
const CROWD: usize = 8;

/// How long, and how often at most, a batch rests for others to join it, while
/// it is smaller than the one before.
const REST: Duration = Duration::from_micros(100);
const RESTS: u32 = 4;

/// What one operation tells its caller once the commit is known; what to take
/// back, should it be there although the commit was reported as failed.
type Answer = Box<dyn FnOnce(Result<()>) -> Option<TakeBack> + Send>;

/// What runs inside the transaction, or hears why there is none.
type Work = Box<dyn FnOnce(Result<&Connection>) -> (Verdict, Answer) + Send>;

/// One operation: runs inside the transaction and says whether its savepoint
/// is kept.
pub(super) struct Job {
    name: &'static str,
    work: Work,
}

/// What shares one commit.
#[derive(Default)]
struct Batch {
    jobs: Vec<Job>,
    shared: Vec<Box<dyn Shared>>,
}

impl Batch {
    fn of(job: Job) -> Self {
        Self {
            jobs: vec![job],
            ..Self::default()
        }
    }

    fn len(&self) -> usize {
        self.jobs.len() + self.shared.len()
    }

    /// Answers what cannot run at all.
    fn refuse(self, error: &StoreError) {
        for mut shared in self.shared {
            shared.run(Err(error.clone()), Care::Alone);
            shared.tell(Err(error.clone()));
        }
        for job in self.jobs {
            let (_, answer) = (job.work)(Err(error.clone()));
            // It did nothing: there is nothing to take back.
            let _ = answer(Err(error.clone()));
        }
    }
}

/// Whether an operation's writes stay.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Keep,
    Undo,
}

pub(super) enum Order {
    Run(Job),
    /// Run in one savepoint with others of its kind.
    Share(Box<dyn Shared>),
    /// Empty the log: something was erased.
    Empty(oneshot::Sender<()>),
    Close(oneshot::Sender<Result<()>>),
}

/// The handle.
#[derive(Debug)]
pub(super) enum Writer {
    /// Sends to the thread.
    Thread(mpsc::Sender<Order>),
    /// Runs in the caller.
    Inline(Mutex<Option<Engine>>),
}

impl std::fmt::Debug for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Run(job) => write!(f, "Run({})", job.name),
            Self::Share(_) => f.write_str("Share"),
            Self::Empty(_) => f.write_str("Empty"),
            Self::Close(_) => f.write_str("Close"),
        }
    }
}

impl Writer {
    pub(super) fn start(engine: Engine, mode: Mode) -> Result<Self> {
        match mode {
            Mode::Inline => Ok(Self::Inline(Mutex::new(Some(engine)))),
            Mode::Thread => {
                let (orders, queue) = mpsc::channel(QUEUE);
                std::thread::Builder::new()
                    .name("store".to_owned())
                    .spawn(move || serve(engine, queue))?;
                Ok(Self::Thread(orders))
            }
        }
    }

    /// Runs `operation` and answers after its commit.
    ///
    /// A commit that is reported as failed may have reached the disk all the
    /// same. What `take_back` makes of the result runs before anything else
    /// once the store works again, and must undo what the caller, who was told
    /// of a failure, will never look after. `kept` hears of the result once the
    /// commit stands, whether or not the caller still waits.
    pub(super) async fn submit<T, F, B, K>(
        &self,
        name: &'static str,
        operation: F,
        take_back: B,
        kept: K,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
        B: FnOnce(&T) -> Option<TakeBack> + Send + 'static,
        K: FnOnce(&mut T) + Send + 'static,
    {
        let (job, result) = job(name, operation, take_back, kept);
        match self {
            Self::Thread(orders) => orders.send(Order::Run(job)).await.map_err(|_| closed())?,
            Self::Inline(engine) => {
                let mut engine = engine.lock().map_err(|_| closed())?;
                run_batch(engine.as_mut().ok_or_else(closed)?, Batch::of(job));
            }
        }
        result.await.map_err(|_| closed())?
    }

    /// As [`Writer::submit`], for what comes in crowds: all that is queued at
    /// one moment runs in one savepoint. When one of them fails, all are undone
    /// and run again, each in a savepoint of its own, so that here, too, no
    /// failure undoes a neighbour.
    pub(super) async fn submit_shared<T, F, K>(
        &self,
        name: &'static str,
        operation: F,
        kept: K,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Connection, Care) -> Result<T> + Send + 'static,
        K: FnOnce(&mut T) + Send + 'static,
    {
        let (shared, result) = shared::shared(name, operation, kept);
        match self {
            Self::Thread(orders) => orders
                .send(Order::Share(shared))
                .await
                .map_err(|_| closed())?,
            Self::Inline(engine) => {
                let mut engine = engine.lock().map_err(|_| closed())?;
                let batch = Batch {
                    shared: vec![shared],
                    ..Batch::default()
                };
                run_batch(engine.as_mut().ok_or_else(closed)?, batch);
            }
        }
        result.await.map_err(|_| closed())?
    }

    /// Empties the log once everything queued is written, so that what was
    /// erased is not left there. Best effort: the next checkpoint does it too.
    pub(super) async fn empty_log(&self) -> Result<()> {
        match self {
            Self::Thread(orders) => {
                let (answer, done) = oneshot::channel();
                orders
                    .send(Order::Empty(answer))
                    .await
                    .map_err(|_| closed())?;
                done.await.map_err(|_| closed())
            }
            Self::Inline(engine) => {
                let mut engine = engine.lock().map_err(|_| closed())?;
                engine.as_mut().ok_or_else(closed)?.empty_log();
                Ok(())
            }
        }
    }

    pub(super) async fn close(&self) -> Result<()> {
        match self {
            Self::Thread(orders) => {
                let (answer, result) = oneshot::channel();
                orders
                    .send(Order::Close(answer))
                    .await
                    .map_err(|_| closed())?;
                result.await.map_err(|_| closed())?
            }
            Self::Inline(engine) => {
                let engine = engine.lock().map_err(|_| closed())?.take();
                engine.ok_or_else(closed)?.close()
            }
        }
    }
}

/// An operation, ready for the queue, and where its result will come.
fn job<T, F, B, K>(
    name: &'static str,
    operation: F,
    take_back: B,
    kept: K,
) -> (Job, oneshot::Receiver<Result<T>>)
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    B: FnOnce(&T) -> Option<TakeBack> + Send + 'static,
    K: FnOnce(&mut T) + Send + 'static,
{
    let (answer, receiver) = oneshot::channel();
    let job = Job {
        name,
        work: Box::new(move |conn| {
            let result = conn.and_then(|conn| {
                catch_unwind(AssertUnwindSafe(|| operation(conn))).unwrap_or_else(|_| {
                    Err(StoreError::Defect {
                        reason: format!("{name} panicked"),
                    })
                })
            });
            let verdict = match result {
                Ok(_) => Verdict::Keep,
                Err(_) => Verdict::Undo,
            };
            let mut result = result;
            let tell: Answer = Box::new(move |committed| {
                let back = match (&mut result, &committed) {
                    (Ok(value), Err(_)) => take_back(value),
                    (Ok(value), Ok(())) => {
                        kept(value);
                        None
                    }
                    (Err(_), _) => None,
                };
                // A caller that went away wants no answer.
                let _ = answer.send(match result {
                    Ok(value) => committed.map(|()| value),
                    Err(own) => Err(own),
                });
                back
            });
            (verdict, tell)
        }),
    };
    (job, receiver)
}

fn rolled_back() -> StoreError {
    StoreError::Unavailable {
        reason: "the transaction was rolled back".to_owned(),
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable {
        reason: "the store is closed".to_owned(),
    }
}

fn serve(mut engine: Engine, mut queue: mpsc::Receiver<Order>) {
    let mut before = 0;
    while let Some(first) = queue.blocking_recv() {
        let mut order = Some(first);
        let mut batch = Batch::default();
        let mut close = None;
        let mut empty = Vec::new();
        let mut rests = 0;
        while let Some(next) = order.take() {
            match next {
                Order::Run(job) => batch.jobs.push(job),
                Order::Share(job) => batch.shared.push(job),
                Order::Empty(answer) => empty.push(answer),
                Order::Close(answer) => close = Some(answer),
            }
            if close.is_none() && batch.len() < BATCH {
                order = queue.try_recv().ok();
                while order.is_none() && rests < RESTS && batch.len() < before {
                    rests += 1;
                    std::thread::sleep(REST);
                    order = queue.try_recv().ok();
                }
            }
        }
        let size = batch.len();
        before = if size >= CROWD { size } else { 0 };
        run_batch(&mut engine, batch);
        if !empty.is_empty() {
            engine.empty_log();
        }
        for answer in empty {
            let _ = answer.send(());
        }
        if let Some(answer) = close {
            queue.close();
            let _ = answer.send(engine.close());
            return;
        }
    }
}

/// Runs the jobs in one transaction and answers each of them.
fn run_batch(engine: &mut Engine, mut batch: Batch) {
    if batch.len() == 0 {
        return;
    }
    let begun = Instant::now();
    let operations = batch.len();
    let conn = match engine.ready() {
        Ok(conn) => conn,
        Err(error) => return batch.refuse(&error),
    };
    if let Err(error) = conn.execute_batch("BEGIN IMMEDIATE") {
        // Waiting for another process says nothing about this connection; all
        // else may: one opened on a read-only file stays read-only for ever.
        if !matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
        ) {
            engine.distrust();
        }
        return batch.refuse(&error.into());
    }
    shared::run(conn, &mut batch.shared);
    let mut names = Vec::new();
    if death::POSSIBLE {
        names.extend(batch.shared.iter().map(|shared| shared.name()));
        names.extend(batch.jobs.iter().map(|job| job.name));
    }
    let mut answers = Vec::with_capacity(batch.jobs.len());
    for job in batch.jobs {
        answers.push(within(conn, job.name, job.work));
    }
    death::at_commit(&names, Side::Before);
    let committed = if conn.is_autocommit() {
        Err(rolled_back())
    } else {
        conn.execute_batch("COMMIT").map_err(StoreError::from)
    };
    match &committed {
        Ok(()) => {
            death::at_commit(&names, Side::After);
            count(operations, begun);
        }
        Err(error) => {
            tracing::warn!(%error, operations, "failed to commit to the store");
            metrics::counter!(metric::STORE_ERRORS, "class" => "commit").increment(1);
            engine.distrust();
        }
    }
    let committed = committed.map_err(as_passing);
    for shared in batch.shared {
        shared.tell(committed.clone());
    }
    for answer in answers {
        if let Some(back) = answer(committed.clone()) {
            engine.doubt(back);
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a batch has a few hundred operations"
)]
fn count(operations: usize, begun: Instant) {
    metrics::histogram!(metric::STORE_COMMIT_OPERATIONS).record(operations as f64);
    metrics::histogram!(metric::STORE_COMMIT_SECONDS).record(begun.elapsed().as_secs_f64());
}

/// A failed commit wrote nothing: whatever the reason, it may pass.
fn as_passing(error: StoreError) -> StoreError {
    match error {
        StoreError::Defect { reason } => StoreError::Unavailable { reason },
        other => other,
    }
}

#[cfg(test)]
mod tests;
