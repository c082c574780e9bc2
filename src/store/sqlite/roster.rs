//! Who lives at a store, for a look from outside: the operator's `roll`.
//!
//! Looking reads only, makes no file and takes no lock that anybody waits for, so
//! that it never hurts those who work there, also as another user. Reads what
//! every schema has had since the first.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::locks::Locks;
use crate::domain::ids::{BotId, InstanceId};
use crate::domain::phase::Phase;
use crate::domain::turn;
use crate::store::Result;

/// How long a look waits for a store that is being recovered.
const BUSY: Duration = Duration::from_secs(1);

/// A view of the instances at one store.
#[derive(Debug)]
pub struct Roster {
    conn: Connection,
    locks: Locks,
}

/// An instance that lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Living {
    /// Which.
    pub id: InstanceId,
    /// Of which bot.
    pub bot: BotId,
    /// Its process; `None` for one that did not write it down.
    pub pid: Option<i32>,
    /// Its version.
    pub version: String,
    /// What it said of itself last; `None` for a word of a later version.
    pub phase: Option<Phase>,
    /// Turns it is answering.
    pub turns: u64,
}

impl Roster {
    /// Looks at the store at `path`.
    ///
    /// # Errors
    /// [`crate::store::StoreError`] where there is none that can be read.
    pub fn open(path: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags)?;
        conn.busy_timeout(BUSY)?;
        Ok(Self {
            conn,
            locks: Locks::beside(path, BotId(0)),
        })
    }

    /// Keeps every other roll away from this store for as long as the file is
    /// held; `None` while another one does. No daemon looks at it.
    ///
    /// # Errors
    /// [`crate::store::StoreError`] when the file cannot be opened or locked.
    pub fn hold(&self) -> Result<Option<File>> {
        self.locks.roll()
    }

    /// Those that live, in no order that means anything.
    ///
    /// # Errors
    /// [`crate::store::StoreError`] when the store or a lock cannot be read.
    pub fn living(&self) -> Result<Vec<Living>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT i.id, i.bot, i.version, i.phase, \
                (SELECT count(*) FROM turns AS t WHERE t.owner = i.id AND t.state = ?1) \
             FROM instances AS i ORDER BY i.id",
        )?;
        let listed = statement.query_map([turn::State::Claimed.code()], |row| {
            Ok(Living {
                id: InstanceId(row.get(0)?),
                bot: BotId(row.get(1)?),
                pid: None,
                version: row.get(2)?,
                phase: Phase::parse(&row.get::<_, String>(3)?),
                turns: row.get::<_, i64>(4)?.unsigned_abs(),
            })
        })?;
        let mut living = Vec::new();
        for one in listed {
            let mut one = one?;
            if self.locks.is_alive(one.id)? {
                one.pid = self.locks.process_of(one.id);
                living.push(one);
            }
        }
        Ok(living)
    }
}
