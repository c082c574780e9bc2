//! Which instances there are, and what the dead have left: rows, judged by the
//! locks of `locks.rs`. A living one is never taken for dead; whatever nobody
//! alive owns is taken over.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};

use super::dead::Dead;
use super::locks::poisoned;
use super::{SqliteStore, Tx};
use crate::death::{self, Moment};
use crate::domain::ids::InstanceId;
use crate::domain::{part, turn};
use crate::store::{Leases, Left, Reaped, Result};

#[async_trait]
impl Leases for SqliteStore {
    async fn register(&self, instance: InstanceId, version: &str) -> Result<()> {
        // Locked before it is listed: nobody may take a living one for dead.
        self.0.locks.lock_instance(instance)?;
        death::at(Moment::InstanceLocked);
        let version = version.to_owned();
        let inner = Arc::clone(&self.0);
        self.run("leases.register", move |tx| {
            // Whoever migrates from now on sees us alive.
            inner.schema.check(tx.conn)?;
            tx.conn.execute(
                "INSERT INTO instances (id, bot, phase, version, started_at) \
                 VALUES (?1, ?2, 'starting', ?3, ?4)",
                params![instance.0, tx.bot.0, version, tx.now],
            )?;
            Ok(())
        })
        .await
    }

    async fn set_phase(&self, instance: InstanceId, phase: &'static str) -> Result<()> {
        self.run("leases.set_phase", move |tx| {
            tx.conn.execute(
                // A start that is cut may still be on its way to "running".
                "UPDATE instances SET phase = ?2 WHERE id = ?1 AND phase <> 'draining'",
                params![instance.0, phase],
            )?;
            Ok(())
        })
        .await
    }

    async fn reap(&self, instance: InstanceId) -> Result<Reaped> {
        let others = self
            .run("leases.others", move |tx| tx.other_instances(instance))
            .await?;
        let mut dead = Vec::new();
        for (other, _) in others {
            if !self.0.locks.is_alive(other)? {
                dead.push(Dead {
                    id: other,
                    aborted: self.0.locks.has_aborted(other),
                });
            }
        }
        death::at(Moment::DeadCounted);
        let gone = dead.clone();
        let reaped = self
            .run("leases.reap", move |tx| tx.reap(instance, &dead))
            .await?;
        for other in gone {
            self.0.locks.forget_instance(other.id);
        }
        death::at(Moment::DeadReaped);
        Ok(reaped)
    }

    async fn successor(&self, instance: InstanceId) -> Result<bool> {
        let others = self
            .run("leases.others", move |tx| tx.other_instances(instance))
            .await?;
        for (other, phase) in others {
            if (phase == "standby" || phase == "running") && self.0.locks.is_alive(other)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn take_intake(&self) -> Result<bool> {
        let taken = self.0.locks.take_intake()?;
        if taken {
            death::at(Moment::LeaseTaken);
        }
        Ok(taken)
    }

    async fn release_intake(&self) -> Result<()> {
        self.0.locks.release_intake()?;
        death::at(Moment::LeaseReleased);
        Ok(())
    }

    async fn leave(&self, instance: InstanceId) -> Result<Left> {
        let left = self
            .run("leases.leave", move |tx| tx.leave(instance))
            .await?;
        self.0.locks.forget_instance(instance);
        self.0.locks.own.lock().map_err(poisoned)?.take();
        Ok(left)
    }

    async fn value(&self, key: &str) -> Result<Option<String>> {
        let key = key.to_owned();
        self.run("leases.value", move |tx| tx.value(&key)).await
    }

    async fn set_value(&self, key: &str, value: &str) -> Result<()> {
        let (key, value) = (key.to_owned(), value.to_owned());
        self.run("leases.set_value", move |tx| {
            tx.conn.execute(
                "INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)",
                params![key, value],
            )?;
            Ok(())
        })
        .await
    }

    async fn others(&self, instance: InstanceId) -> Result<Vec<InstanceId>> {
        let others = self
            .run("leases.others", move |tx| tx.other_instances(instance))
            .await?;
        Ok(others.into_iter().map(|(id, _)| id).collect())
    }

    async fn value_or(&self, key: &str, value: &str) -> Result<String> {
        let (key, value) = (key.to_owned(), value.to_owned());
        self.run("leases.value_or", move |tx| {
            tx.conn.execute(
                "INSERT OR IGNORE INTO meta (key, value) VALUES (?1, ?2)",
                params![key, value],
            )?;
            Ok(tx.value(&key)?.unwrap_or(value))
        })
        .await
    }

    async fn has_operator(&self) -> Result<bool> {
        self.run("leases.has_operator", |tx| tx.has_operator())
            .await
    }
}

impl Tx<'_> {
    fn other_instances(&self, me: InstanceId) -> Result<Vec<(InstanceId, String)>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT id, phase FROM instances WHERE bot = ?1 AND id <> ?2 ORDER BY id",
        )?;
        let rows = statement.query_map([self.bot.0, me.0], |row| {
            Ok((InstanceId(row.get(0)?), row.get(1)?))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    pub(super) fn value(&self, key: &str) -> Result<Option<String>> {
        Ok(self
            .conn
            .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
            .query_row([key], |row| row.get(0))
            .optional()?)
    }

    pub(super) fn has_operator(&self) -> Result<bool> {
        Ok(self
            .conn
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM people WHERE bot = ?1 AND operator = 1)")?
            .query_row([self.bot.0], |row| row.get(0))?)
    }

    fn leave(&self, me: InstanceId) -> Result<Left> {
        let parked = self.conn.execute(
            "UPDATE turns SET state = ?2, owner = NULL, alone = 0 WHERE owner = ?1 AND state = ?3",
            params![
                me.0,
                turn::State::Sealed.code(),
                turn::State::Claimed.code()
            ],
        )? as u64;
        self.conn.execute(
            "UPDATE parts SET state = ?2 WHERE owner = ?1 AND state = ?3 AND state IN (0, 1, 3)",
            params![
                me.0,
                part::State::Uncertain.code(),
                part::State::Sending.code()
            ],
        )?;
        // What operators are told of ourselves is nothing that was left undone.
        let free = |state: part::State, errand: &str| {
            self.conn.execute(
                &format!(
                    "UPDATE parts SET owner = NULL WHERE owner = ?1 AND state = ?2 \
                     AND state IN (0, 1, 3) AND errand IS {errand}"
                ),
                params![me.0, state.code()],
            )
        };
        free(part::State::Uncertain, "NOT NULL")?;
        free(part::State::Planned, "NOT NULL")?;
        let uncertain = free(part::State::Uncertain, "NULL")? as u64;
        let unsent = free(part::State::Planned, "NULL")? as u64;
        let waiting: i64 = self.conn.query_row(
            "SELECT count(*) FROM turns WHERE bot = ?1 AND state IN (?2, ?3) AND state < 4",
            params![
                self.bot.0,
                turn::State::Gathering.code(),
                turn::State::Sealed.code()
            ],
            |row| row.get(0),
        )?;
        self.conn
            .execute("DELETE FROM instances WHERE id = ?1", [me.0])?;
        Ok(Left {
            parked: waiting.unsigned_abs().max(parked),
            uncertain,
            unsent,
        })
    }
}
