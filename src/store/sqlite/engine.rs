//! The connection behind the writer: opens it with the settings the promises
//! need, reads them back, and opens it anew after a failed commit.
//!
//! After a failed fsync nobody knows what the log holds; so the connection is
//! dropped, and nothing is confirmed before a truncating checkpoint succeeded,
//! what is there although its commit was reported as failed was taken back, and
//! something was written and synchronised.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::watch;

use super::locks::Locks;
use super::schema::Schema;
use crate::death::{self, Moment};
use crate::domain::ids::BotId;
use crate::store::{Availability, Result, StoreError};

/// How long a write waits for another process of this host.
const BUSY: Duration = Duration::from_secs(5);

// `secure_delete`: what is erased, now or by an edit long before `/forget`,
// leaves nothing behind in free pages.

/// Prepared statements kept per connection: more than there are in `store/`.
const STATEMENTS: usize = 256;

/// File systems on which SQLite's locks or WAL do not hold.
const NETWORK: &[&str] = &[
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "ncpfs",
    "9p",
    "afs",
    "ceph",
    "glusterfs",
    "lustre",
    "fuse.sshfs",
    "fuse.glusterfs",
    "fuse.s3fs",
    "fuse.rclone",
];

/// Takes back what an operation did, if it is there. May run more than once.
pub(super) type TakeBack = Box<dyn Fn(&Connection) -> rusqlite::Result<()> + Send>;

pub(super) struct Engine {
    path: PathBuf,
    conn: Option<Connection>,
    /// The next use must prove that the disk takes what is written.
    distrusted: bool,
    /// What may be there although nobody was told so. At most one batch:
    /// nothing runs before it is empty again.
    doubts: Vec<TakeBack>,
    available: watch::Sender<Availability>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// Opens the file, creating it (mode 0600) where there is none.
    pub(super) fn open(path: &Path, locks: &Locks, schema: &Schema) -> Result<Self> {
        create(path)?;
        refuse_network(path)?;
        // Before the first connection: switching to a log waits for nobody.
        let alone = locks.migration()?;
        death::at(Moment::MigrationLocked);
        let mut conn = connect(path)?;
        schema.migrate(&mut conn, locks)?;
        death::at(Moment::MigrationCommitted);
        drop(alone);
        Ok(Self::with(path, conn))
    }

    /// Opens a store as it is: creates nothing, migrates nothing, and waits for
    /// nobody who does.
    pub(super) fn visit(path: &Path) -> Result<Self> {
        if !path.is_file() {
            return Err(StoreError::Refused {
                reason: "there is no such file".to_owned(),
            });
        }
        refuse_network(path)?;
        // Before any setting is touched: it may be somebody else's file.
        Schema::default().look(&Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?)?;
        Ok(Self::with(path, connect(path)?))
    }

    fn with(path: &Path, conn: Connection) -> Self {
        Self {
            path: path.to_owned(),
            conn: Some(conn),
            distrusted: false,
            doubts: Vec::new(),
            available: watch::Sender::new(Availability::Available),
        }
    }

    /// The bots that have conversations or processes here.
    pub(super) fn bots(&self) -> Result<Vec<BotId>> {
        let conn = self.conn.as_ref().expect("an engine that was just opened");
        let mut bots = conn.prepare(
            "SELECT bot FROM conversations UNION SELECT bot FROM instances ORDER BY bot",
        )?;
        let bots = bots.query_map([], |row| row.get(0).map(BotId))?;
        Ok(bots.collect::<rusqlite::Result<_>>()?)
    }

    /// Whether the store takes what is written.
    pub(super) fn availability(&self) -> watch::Receiver<Availability> {
        self.available.subscribe()
    }

    /// The connection, opened anew after a failure.
    pub(super) fn ready(&mut self) -> Result<&Connection> {
        let conn = match self.conn.take() {
            Some(conn) => conn,
            None => connect(&self.path)?,
        };
        if self.distrusted {
            // One that cannot prove itself is closed again: opened on a
            // read-only file it would stay read-only for ever.
            self.prove(&conn)?;
            self.doubts.clear();
            self.distrusted = false;
            tracing::info!("store recovered");
            self.tell(Availability::Available);
        }
        Ok(self.conn.insert(conn))
    }

    /// Writes the log back, takes back what nobody was told of, and writes
    /// something that changes nothing: a full disk takes every question.
    fn prove(&self, conn: &Connection) -> Result<()> {
        if !checkpoint(conn)? {
            return Err(StoreError::Unavailable {
                reason: "the log cannot be written back while another process uses it".to_owned(),
            });
        }
        conn.execute_batch("BEGIN IMMEDIATE")?;
        for take_back in &self.doubts {
            take_back(conn)?;
        }
        let version: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        conn.pragma_update(None, "user_version", version)?;
        Ok(conn.execute_batch("COMMIT")?)
    }

    /// A commit was reported as failed that would have done this.
    pub(super) fn doubt(&mut self, take_back: TakeBack) {
        self.doubts.push(take_back);
    }

    fn tell(&self, availability: Availability) {
        self.available.send_if_modified(|known| {
            let changed = *known != availability;
            *known = availability;
            changed
        });
    }

    /// The connection for tests that listen to it.
    #[cfg(test)]
    pub(super) fn heard(&mut self) -> &mut Connection {
        self.conn.as_mut().expect("an engine that is open")
    }

    /// A commit failed: trust nothing until it is proven. Closes at once, so
    /// that a transaction that could not be ended locks nobody out.
    pub(super) fn distrust(&mut self) {
        self.distrusted = true;
        self.conn = None;
        self.tell(Availability::Unavailable);
    }

    /// Writes the log back and empties it, if nobody is in the way.
    pub(super) fn empty_log(&mut self) {
        match self.ready().and_then(checkpoint) {
            Ok(true) => {}
            Ok(false) => tracing::debug!("the log is emptied later"),
            Err(error) => tracing::warn!(%error, "failed to empty the log"),
        }
    }

    /// Writes the log back and closes the file.
    pub(super) fn close(mut self) -> Result<()> {
        let conn = self.ready()?;
        conn.execute_batch("PRAGMA optimize")?;
        death::at(Moment::StoreLeft);
        if !checkpoint(conn)? {
            tracing::debug!("checkpoint left to another process");
        }
        match self.conn.take().map(Connection::close) {
            Some(Err((_, error))) => Err(error.into()),
            _ => Ok(()),
        }
    }
}

fn create(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder)?;
    // One that exists is not even opened: closing it again would drop the
    // locks that another handle of this process holds on it.
    match OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)
    {
        Ok(new) => new.sync_all()?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.into()),
    }
    sync_folder(path)
}

/// Makes the names of the store's files durable: without it a power cut may take
/// a new file with it.
pub(super) fn sync_folder(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    File::open(if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    })?
    .sync_all()?;
    Ok(())
}

fn connect(path: &Path) -> Result<Connection> {
    // Never creates: an empty file in the place of a lost one would let us
    // confirm what is stored nowhere.
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
         PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON; PRAGMA cache_size = -8000; \
         PRAGMA wal_autocheckpoint = 4000;",
    )?;
    let journal: String = conn.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    let synchronous: i64 = conn.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
    if !journal.eq_ignore_ascii_case("wal") || synchronous != 2 {
        return Err(StoreError::Refused {
            reason: format!(
                "the file system does not allow a write-ahead log with full synchronisation \
                 (journal_mode={journal}, synchronous={synchronous}); use a local disk"
            ),
        });
    }
    // The first look creates the log. SQLite syncs its name too, but goes on
    // when that fails.
    conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    sync_folder(path)?;
    Ok(conn)
}

/// Writes the log back and empties it; false when another process was in the
/// way, which is no failure of the disk.
fn checkpoint(conn: &Connection) -> Result<bool> {
    let busy: i64 = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok(busy == 0)
}

/// The kind of the file system on which `path` lies, and whether it is a
/// network's, on which locks do not hold; `None` where the kernel does not tell.
pub(super) fn file_system(path: &Path) -> std::io::Result<Option<(String, bool)>> {
    let absolute = fs::canonicalize(path)?;
    let Ok(mounts) = fs::read_to_string("/proc/self/mounts") else {
        return Ok(None);
    };
    let kind = mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ');
            let (_, place, kind) = (fields.next()?, fields.next()?, fields.next()?);
            let place = place.replace("\\040", " ");
            absolute.starts_with(&place).then_some((place.len(), kind))
        })
        .max_by_key(|(length, _)| *length)
        .map(|(_, kind)| kind);
    Ok(kind.map(|kind| (kind.to_owned(), NETWORK.contains(&kind))))
}

pub(super) fn refuse_network(path: &Path) -> Result<()> {
    match file_system(path)? {
        Some((kind, true)) => Err(StoreError::Refused {
            reason: format!(
                "store.path lies on a network file system ({kind}), where locks do not hold; \
                 use a local disk"
            ),
        }),
        _ => Ok(()),
    }
}
