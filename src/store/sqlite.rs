//! The embedded store: one SQLite file in WAL mode, `synchronous=FULL`.
//!
//! Several processes of one host may share it on a *local* file system. All
//! operations run on the writer (`sqlite/writer.rs`), so that whatever is queued
//! at one moment shares one commit and one fsync. Upholds promises 1 to 3.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::watch;

use super::{Availability, Ending, Result, StoreError};
use crate::clock::{Clock, Millis};
use crate::domain::ids::BotId;

mod accept;
mod again;
mod books;
mod claim;
mod controls;
mod dead;
mod desk;
mod edits;
mod endings;
mod engine;
mod gone;
mod heard;
mod history;
mod keep;
mod keyboards;
mod late;
mod leases;
mod locks;
mod notices;
mod operators;
mod outbox;
mod overheard;
mod parts;
mod pause;
mod people;
mod picture;
mod place;
mod prune;
mod relays;
mod roster;
mod schema;
mod sequence;
mod shown;
mod signs;
mod turns;
mod uncertain;
mod vary;
mod window;
mod writer;

pub use roster::{Living, Roster};
pub use schema::{Migration, Schema};
pub use writer::Mode;

/// The kind of the file system on which `path` lies, and whether it is a
/// network's, on which locks do not hold; `None` where the kernel does not tell.
///
/// # Errors
/// When there is no such path, or this user may not go there.
pub fn file_system(path: &Path) -> std::io::Result<Option<(String, bool)>> {
    engine::file_system(path)
}

/// A store in one SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bot: BotId,
    clock: Clock,
    writer: writer::Writer,
    available: watch::Receiver<Availability>,
    locks: locks::Locks,
    schema: Schema,
    endings: endings::Endings,
}

impl SqliteStore {
    /// Opens or creates the store of `bot` and brings its schema up to date.
    ///
    /// Blocks for as long as that takes.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for a network file system or a schema this
    /// binary cannot read; [`StoreError::Unavailable`] when the file cannot be
    /// opened.
    pub fn open(path: &Path, bot: BotId, clock: Clock, mode: Mode) -> Result<Self> {
        Self::open_with(path, bot, clock, mode, Schema::default())
    }

    /// The same for a binary that knows this schema.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub fn open_with(
        path: &Path,
        bot: BotId,
        clock: Clock,
        mode: Mode,
        schema: Schema,
    ) -> Result<Self> {
        let locks = locks::Locks::new(path, bot)?;
        let engine = engine::Engine::open(path, &locks, &schema)?;
        Self::with(bot, clock, engine, mode, locks, schema)
    }

    fn with(
        bot: BotId,
        clock: Clock,
        engine: engine::Engine,
        mode: Mode,
        locks: locks::Locks,
        schema: Schema,
    ) -> Result<Self> {
        Ok(Self(Arc::new(Inner {
            bot,
            clock,
            available: engine.availability(),
            writer: writer::Writer::start(engine, mode)?,
            locks,
            schema,
            endings: endings::Endings::default(),
        })))
    }

    /// Lets an instance of this process that is registered from now on leave a
    /// note when the process aborts: `note` gets the file to write it in.
    pub fn note_aborts(&self, note: fn(std::fs::File) -> std::io::Result<()>) {
        self.0.locks.note_aborts(note);
    }

    /// Writes everything back into the main file. After it the store answers
    /// every operation with [`StoreError::Unavailable`].
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the checkpoint failed; nothing is lost
    /// then, the next start reads the log.
    pub async fn close(&self) -> Result<()> {
        self.0.writer.close().await
    }

    /// Runs one operation as one transaction.
    async fn run<T, F>(&self, name: &'static str, operation: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.run_or_take_back(name, operation, |_| None).await
    }

    /// As [`Self::run`], for what its caller has to look after: see
    /// [`writer::Writer::submit`].
    async fn run_or_take_back<T, F, B>(
        &self,
        name: &'static str,
        operation: F,
        take_back: B,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T> + Send + 'static,
        B: FnOnce(&T) -> Option<engine::TakeBack> + Send + 'static,
    {
        let inner = Arc::clone(&self.0);
        let operation = move |conn: &Connection| {
            let tx = Tx::new(conn, &inner);
            Ok((operation(&tx)?, tx.ended.into_inner()))
        };
        let take_back = |(value, _): &(T, Vec<Ending>)| take_back(value);
        let telling = Arc::clone(&self.0);
        let kept = move |(_, ended): &mut (T, Vec<Ending>)| telling.endings.tell(ended);
        let submitted = self.0.writer.submit(name, operation, take_back, kept);
        submitted.await.map(|(value, _)| value)
    }

    /// As [`Self::run`], for what comes in crowds (see
    /// [`writer::Writer::submit_shared`]).
    async fn run_shared<T, F>(&self, name: &'static str, mut operation: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Tx<'_>, writer::Care) -> Result<T> + Send + 'static,
    {
        let inner = Arc::clone(&self.0);
        let operation = move |conn: &Connection, care| {
            let tx = Tx::new(conn, &inner);
            Ok((operation(&tx, care)?, tx.ended.into_inner()))
        };
        let telling = Arc::clone(&self.0);
        let kept = move |(_, ended): &mut (T, Vec<Ending>)| telling.endings.tell(ended);
        let submitted = self.0.writer.submit_shared(name, operation, kept);
        submitted.await.map(|(value, _)| value)
    }
}

/// One operation's view of the store: a connection inside a transaction, and
/// the time that holds for all of it.
struct Tx<'a> {
    conn: &'a Connection,
    bot: BotId,
    now: Millis,
    /// Turns that it has settled: told once its commit stands.
    ended: RefCell<Vec<Ending>>,
}

impl<'a> Tx<'a> {
    fn new(conn: &'a Connection, inner: &Inner) -> Self {
        Self {
            conn,
            bot: inner.bot,
            now: inner.clock.now(),
            ended: RefCell::default(),
        }
    }
}

/// A column holding one of our enums had a number no version ever wrote.
fn unknown_code(what: &str, code: i64) -> StoreError {
    StoreError::Defect {
        reason: format!("unknown {what} {code}"),
    }
}

#[cfg(test)]
mod plans;
