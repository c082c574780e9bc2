//! Who lives and who may poll, by files the kernel unlocks at death.
//!
//! Beside the store lies `<store>.locks/`: one file per instance, with its
//! process id in it and locked for as long as it lives; one per bot for the intake; one for migrations. They
//! are opened close-on-exec. The intake file is never unlinked (a lock on an
//! unlinked file would let two poll). A process that aborts writes into its own
//! file as its last act, which tells its death from a kill.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};

use super::dead::Dead;
use super::{SqliteStore, Tx};
use crate::death::{self, Moment};
use crate::domain::ids::{BotId, InstanceId};
use crate::domain::{part, turn};
use crate::store::{Leases, Left, Reaped, Result, StoreError};

/// The lock files of one store.
#[derive(Debug)]
pub(super) struct Locks {
    folder: PathBuf,
    bot: BotId,
    own: Mutex<Option<File>>,
    intake: Mutex<Option<File>>,
    note: OnceLock<Note>,
}

/// Takes the file that an abort of this process is to be noted in.
pub(super) type Note = fn(File) -> std::io::Result<()>;

impl Locks {
    pub(super) fn new(store: &Path, bot: BotId) -> Result<Self> {
        let locks = Self::beside(store, bot);
        fs::create_dir_all(&locks.folder)?;
        Ok(locks)
    }

    /// For a visitor, who makes and locks nothing.
    pub(super) fn beside(store: &Path, bot: BotId) -> Self {
        let mut folder = store.as_os_str().to_owned();
        folder.push(".locks");
        Self {
            folder: PathBuf::from(folder),
            bot,
            own: Mutex::new(None),
            intake: Mutex::new(None),
            note: OnceLock::new(),
        }
    }

    /// Held while migrations run; waits for another process that migrates.
    pub(super) fn migration(&self) -> Result<File> {
        let file = self.file("migration")?;
        file.lock()?;
        Ok(file)
    }

    /// Whether any instance is alive.
    pub(super) fn any_instance(&self) -> Result<bool> {
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let id = name
                .to_str()
                .and_then(|n| n.strip_prefix("instance-"))
                .and_then(|n| n.parse().ok());
            if let Some(id) = id
                && self.is_alive(InstanceId(id))?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn file(&self, name: &str) -> Result<File> {
        Ok(OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(self.folder.join(name))?)
    }

    fn instance_name(id: InstanceId) -> String {
        format!("instance-{id}")
    }

    fn lock_instance(&self, id: InstanceId) -> Result<()> {
        // Whoever migrates looks at every file by locking it for a moment.
        let _nobody_looks = self.migration()?;
        let mut file = self.file(&Self::instance_name(id))?;
        file.try_lock().map_err(lock_error)?;
        writeln!(file, "{}", std::process::id())?;
        if let Some(note) = self.note.get() {
            // Opened anew: a copy of the handle would keep the lock.
            let path = self.folder.join(Self::instance_name(id));
            note(OpenOptions::new().append(true).open(path)?)?;
        }
        *self.own.lock().map_err(poisoned)? = Some(file);
        Ok(())
    }

    pub(super) fn note_aborts(&self, note: Note) {
        // Set once, before the only registration.
        let _ = self.note.set(note);
    }

    /// Whether a dead instance has noted that it died of itself.
    fn has_aborted(&self, id: InstanceId) -> bool {
        self.written(id).is_some_and(|(_, rest)| !rest.is_empty())
    }

    /// The process id that an instance wrote down.
    pub(super) fn process_of(&self, id: InstanceId) -> Option<i32> {
        self.written(id)?.0.parse().ok()
    }

    /// What an instance wrote into its file: its process id, and behind it the
    /// note of an abort.
    fn written(&self, id: InstanceId) -> Option<(String, String)> {
        let path = self.folder.join(Self::instance_name(id));
        let text = fs::read_to_string(path).ok()?;
        let (pid, rest) = text.split_once('\n')?;
        Some((pid.to_owned(), rest.to_owned()))
    }

    fn forget_instance(&self, id: InstanceId) {
        let _ = fs::remove_file(self.folder.join(Self::instance_name(id)));
    }

    /// Whether its process holds the lock.
    pub(super) fn is_alive(&self, id: InstanceId) -> Result<bool> {
        let path = self.folder.join(Self::instance_name(id));
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    fn take_intake(&self) -> Result<bool> {
        let mut held = self.intake.lock().map_err(poisoned)?;
        if held.is_some() {
            return Ok(true);
        }
        let file = self.file(&format!("intake-{}", self.bot))?;
        match file.try_lock() {
            Ok(()) => {
                *held = Some(file);
                Ok(true)
            }
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    fn release_intake(&self) -> Result<()> {
        self.intake.lock().map_err(poisoned)?.take();
        Ok(())
    }
}

fn lock_error(error: TryLockError) -> StoreError {
    StoreError::Unavailable {
        reason: error.to_string(),
    }
}

fn poisoned<T>(_: std::sync::PoisonError<T>) -> StoreError {
    StoreError::Defect {
        reason: "a lock was left by a panic".to_owned(),
    }
}

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
        let free = |state: part::State| {
            self.conn.execute(
                "UPDATE parts SET owner = NULL WHERE owner = ?1 AND state = ?2 AND state IN (0, 1, 3)",
                params![me.0, state.code()],
            )
        };
        let uncertain = free(part::State::Uncertain)? as u64;
        let unsent = free(part::State::Planned)? as u64;
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
