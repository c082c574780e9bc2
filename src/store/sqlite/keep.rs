//! Copies of a store, and whether one is sound: for operators, beside a daemon
//! that runs. Each reads from a snapshot of its own and holds no lock that a
//! writer waits for.

use std::cell::RefCell;
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::engine::{refuse_network, sync_folder};
use super::{Schema, SqliteStore, Tx};
use crate::clock::Clock;
use crate::domain::ids::BotId;
use crate::store::desk::Soundness;
use crate::store::{Result, StoreError};

/// How long a look waits for a store that is being recovered.
const BUSY: Duration = Duration::from_secs(5);

/// No more findings than this are told.
const FINDINGS: usize = 100;

impl SqliteStore {
    /// Writes a whole, sound copy of the store at `path` to the new file `to`:
    /// as it is at one moment, readable by its owner only, and durable once this
    /// returns. Blocks for as long as that takes. Returns the size of the copy.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when `to` exists, there is no store, or the copy
    /// is not sound; then nothing is left there.
    pub fn backup(path: &Path, to: &Path) -> Result<u64> {
        if fs::symlink_metadata(to).is_ok() {
            return Err(exists(to));
        }
        let part = Part::beside(to)?;
        let source = open(path)?;
        // Into a file that is there and empty: its mode is ours.
        source.execute("VACUUM INTO ?1", [part.0.to_string_lossy()])?;
        drop(source);
        let copy = open(&part.0)?;
        let damage = damage(&copy)?;
        drop(copy);
        if let Some(first) = damage.first() {
            return Err(StoreError::Refused {
                reason: format!("the copy is not sound ({first}); run: lastword verify"),
            });
        }
        let file = File::open(&part.0)?;
        file.sync_all()?;
        let size = file.metadata()?.len();
        // Whole or not at all, and over nothing that came meanwhile.
        match fs::hard_link(&part.0, to) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(exists(to)),
            // Some file systems have no links.
            Err(_) => fs::rename(&part.0, to)?,
        }
        drop(part);
        sync_folder(to)?;
        Ok(size)
    }

    /// Looks over the whole store: its pages, its references, and the books of
    /// every bot in it. Blocks for as long as that takes. Where pages are damaged,
    /// or it is no database at all, that is all that is told: what else stands in
    /// it means nothing.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read at all.
    pub fn verify(path: &Path) -> Result<Soundness> {
        let conn = connect(path)?;
        refuse_network(path)?;
        let damaged = |damage| Soundness {
            damage,
            ..Soundness::default()
        };
        // The first page, without which nothing else can be asked.
        if let Err(error) = conn.query_row("PRAGMA schema_version", [], |_| Ok(())) {
            return Ok(damaged(vec![words_of_damage(error)?]));
        }
        Schema::default().look(&conn)?;
        // All of it is of one moment.
        conn.execute_batch("BEGIN")?;
        let damage = damage(&conn)?;
        if !damage.is_empty() {
            return Ok(damaged(damage));
        }
        let mut found = Soundness {
            loose: loose(&conn)?,
            ..Soundness::default()
        };
        let bots: Vec<i64> = conn
            .prepare("SELECT DISTINCT bot FROM conversations ORDER BY bot")?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for bot in bots {
            let tx = Tx {
                conn: &conn,
                bot: BotId(bot),
                now: Clock::system().now(),
                ended: RefCell::default(),
            };
            found.books.push((BotId(bot), tx.books()?));
        }
        Ok(found)
    }
}

/// A store as it is, for reading: nothing is created and nothing changed but the
/// log's own index.
fn open(path: &Path) -> Result<Connection> {
    let conn = connect(path)?;
    Schema::default().look(&conn)?;
    Ok(conn)
}

/// The same, whatever is in the file.
fn connect(path: &Path) -> Result<Connection> {
    if !path.is_file() {
        return Err(StoreError::Refused {
            reason: "there is no such file".to_owned(),
        });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY)?;
    Ok(conn)
}

/// What SQLite says of a file that it finds damaged; any other error stays one.
fn words_of_damage(error: rusqlite::Error) -> Result<String> {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Ok(error.to_string()),
        _ => Err(error.into()),
    }
}

fn damage(conn: &Connection) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let checked = check(conn, &mut found);
    // What is damaged enough ends the check itself.
    if let Err(error) = checked {
        found.push(words_of_damage(error)?);
    }
    Ok(found)
}

fn check(conn: &Connection, found: &mut Vec<String>) -> rusqlite::Result<()> {
    let mut check = conn.prepare(&format!("PRAGMA integrity_check({FINDINGS})"))?;
    for line in check.query_map([], |row| row.get::<_, String>(0))? {
        let line = line?;
        if line != "ok" {
            found.push(line);
        }
    }
    Ok(())
}

/// Rows that point at rows that are not there.
fn loose(conn: &Connection) -> Result<Vec<String>> {
    let mut check = conn.prepare("PRAGMA foreign_key_check")?;
    let mut rows = check.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        if found.len() >= FINDINGS {
            break;
        }
        let (table, row_id, parent): (String, Option<i64>, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        let row_id = row_id.map_or("?".to_owned(), |id| id.to_string());
        found.push(format!("row {row_id} of {table} points at no {parent}"));
    }
    Ok(found)
}

fn exists(to: &Path) -> StoreError {
    StoreError::Refused {
        reason: format!("{} exists; nothing is ever overwritten", to.display()),
    }
}

/// The copy while it is made; gone when dropped.
struct Part(PathBuf);

impl Part {
    fn beside(to: &Path) -> Result<Self> {
        let mut name = to.as_os_str().to_owned();
        name.push(".part");
        let part = Self(PathBuf::from(name));
        // Of one that was killed.
        let _ = fs::remove_file(&part.0);
        let new = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&part.0)?;
        drop(new);
        Ok(part)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
