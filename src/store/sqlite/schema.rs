//! Migrations: run at start, under a lock, each whole or not at all.
//!
//! While an older instance lives only additive migrations run. A store that is
//! newer than this binary is used only when its `min_schema` says so, and that
//! is looked at again when an instance registers: only from then on is it seen
//! by those who migrate.

use std::borrow::Cow;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::locks::Locks;
use crate::death::{self, Moment};
use crate::store::{Result, StoreError};

/// The steps of the schema that a binary knows, in order; handed in, so that
/// an upgrade can be tried before there is one.
#[derive(Debug, Clone)]
pub struct Schema(Cow<'static, [Migration]>);

/// One step of the schema.
#[derive(Debug, Clone)]
pub struct Migration {
    /// What it does.
    pub sql: &'static str,
    /// Whether a binary that knows only the step before can go on working.
    pub additive: bool,
}

const MIGRATIONS: &[Migration] = &[
    Migration {
        sql: include_str!("../../../migrations/0001_first.sql"),
        additive: false,
    },
    Migration {
        sql: include_str!("../../../migrations/0002_probing.sql"),
        additive: true,
    },
    Migration {
        sql: include_str!("../../../migrations/0003_chat.sql"),
        additive: true,
    },
    Migration {
        sql: include_str!("../../../migrations/0004_operators.sql"),
        additive: true,
    },
];

impl Default for Schema {
    /// The one of this version.
    fn default() -> Self {
        Self(Cow::Borrowed(MIGRATIONS))
    }
}

impl Schema {
    /// The same with one more step, as a later version will have it.
    #[must_use]
    pub fn and(mut self, migration: Migration) -> Self {
        self.0.to_mut().push(migration);
        self
    }

    /// Brings the store up to date.
    ///
    /// # Errors
    /// [`StoreError::Refused`], before anything was touched, when the store is
    /// too new for this binary or an older instance would be hurt.
    pub(super) fn migrate(&self, conn: &mut Connection, locks: &Locks) -> Result<()> {
        let done = apply(conn, &self.0, || locks.any_instance());
        if done.is_err() {
            // Nor is the log written back, which closing the last connection
            // would do.
            conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        }
        done
    }

    /// Whether this binary understands the store as it is. Changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when it does not.
    pub(super) fn look(&self, conn: &Connection) -> Result<()> {
        let refused = |reason: &str| {
            Err(StoreError::Refused {
                reason: reason.to_owned(),
            })
        };
        match usable(conn, self.0.len())? {
            0 => refused("it is not a store, or no daemon has ever opened it"),
            stored if stored < ours(self.0.len()) => {
                refused("it is older than this program; the next start of the daemon brings it up")
            }
            _ => Ok(()),
        }
    }

    /// Whether the store can still be used: between the opening and the
    /// registration of an instance another may have migrated.
    pub(super) fn check(&self, conn: &Connection) -> Result<()> {
        usable(conn, self.0.len()).map(drop)
    }
}

fn ours(steps: usize) -> i64 {
    i64::try_from(steps).unwrap_or(i64::MAX)
}

/// The stored version, unless it needs a later binary than one that knows
/// `known` steps.
fn usable(conn: &Connection, known: usize) -> Result<i64> {
    let stored: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let ours = ours(known);
    if stored <= ours {
        return Ok(stored);
    }
    let min: i64 = conn
        .query_row(
            "SELECT value FROM meta WHERE key = 'min_schema'",
            [],
            |row| row.get::<_, String>(0),
        )
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(stored);
    if min > ours {
        return Err(StoreError::Refused {
            reason: format!(
                "the store has schema {stored} and needs a binary that knows schema {min}; \
                 this one knows {ours}"
            ),
        });
    }
    Ok(stored)
}

fn apply(
    conn: &mut Connection,
    migrations: &[Migration],
    others_live: impl Fn() -> Result<bool>,
) -> Result<()> {
    let tx = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let stored = usable(&tx, migrations.len())?;
    let pending = migrations.iter().skip(usize::try_from(stored).unwrap_or(0));
    if stored > 0 && pending.clone().any(|m| !m.additive) && others_live()? {
        return Err(StoreError::Refused {
            reason: "an older instance still runs and the new schema would hurt it; \
                     stop it first"
                .to_owned(),
        });
    }
    let mut version = stored;
    for migration in pending {
        tx.execute_batch(migration.sql)?;
        version += 1;
        if !migration.additive {
            tx.execute(
                "INSERT OR REPLACE INTO meta (key, value) VALUES ('min_schema', ?1)",
                [version.to_string()],
            )?;
        }
    }
    if version != stored {
        tx.pragma_update(None, "user_version", version)?;
    }
    death::at(Moment::MigrationWritten);
    tx.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Migration = Migration {
        sql: "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
        additive: false,
    };
    const ADDS: Migration = Migration {
        sql: "CREATE TABLE more (id INTEGER)",
        additive: true,
    };
    const CHANGES: Migration = Migration {
        sql: "CREATE TABLE other (id INTEGER)",
        additive: false,
    };

    #[test]
    fn an_older_instance_is_hurt_by_nothing() {
        let mut conn = Connection::open_in_memory().unwrap();
        apply(&mut conn, &[FIRST], || Ok(true)).unwrap();
        apply(&mut conn, &[FIRST, ADDS], || Ok(true)).unwrap();
        let refused = apply(&mut conn, &[FIRST, ADDS, CHANGES], || Ok(true));
        assert!(matches!(refused, Err(StoreError::Refused { .. })));
        apply(&mut conn, &[FIRST, ADDS, CHANGES], || Ok(false)).unwrap();
    }

    #[test]
    fn an_older_binary_uses_a_newer_store_only_when_that_says_so() {
        let mut conn = Connection::open_in_memory().unwrap();
        apply(&mut conn, &[FIRST, ADDS], || Ok(false)).unwrap();
        apply(&mut conn, &[FIRST], || Ok(false)).unwrap();
        apply(&mut conn, &[FIRST, ADDS, CHANGES], || Ok(false)).unwrap();
        let refused = apply(&mut conn, &[FIRST, ADDS], || Ok(false));
        assert!(matches!(refused, Err(StoreError::Refused { .. })));
    }
}
