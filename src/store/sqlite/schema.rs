//! Migrations: run at start, under a lock, each whole or not at all.
//!
//! While an older instance lives only additive migrations run. A store that is
//! newer than this binary is used only when its `min_schema` says so.

use rusqlite::Connection;

use super::leases::Locks;
use crate::store::{Result, StoreError};

/// One step of the schema.
struct Migration {
    sql: &'static str,
    /// Whether a binary that knows only the step before can go on working.
    additive: bool,
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
];

/// Brings the schema up to date.
///
/// # Errors
/// [`StoreError::Refused`], before anything was touched, when the store is too
/// new for this binary or an older instance would be hurt.
pub(super) fn migrate(conn: &mut Connection, locks: &Locks) -> Result<()> {
    apply(conn, MIGRATIONS, || locks.any_instance())
}

fn apply(
    conn: &mut Connection,
    migrations: &[Migration],
    others_live: impl Fn() -> Result<bool>,
) -> Result<()> {
    let tx = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let stored: i64 = tx.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let ours = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    if stored > ours {
        let min: i64 = tx
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
        return Ok(());
    }
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
