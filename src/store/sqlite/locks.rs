//! Who lives and who may poll, by files the kernel unlocks at death.
//!
//! Beside the store lies `<store>.locks/`: one file per instance, with its
//! process id in it and locked for as long as it lives; one per bot for the
//! intake; one for migrations; one for rolls. They are opened close-on-exec. The
//! intake file is never unlinked (a lock on an unlinked file would let two poll),
//! nor is that of rolls (two would roll at a time). A process
//! that aborts writes into its own file as its last act, which tells its death
//! from a kill.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use crate::domain::ids::{BotId, InstanceId};
use crate::store::{Result, StoreError};

/// The lock files of one store.
#[derive(Debug)]
pub(super) struct Locks {
    folder: PathBuf,
    bot: BotId,
    pub(super) own: Mutex<Option<File>>,
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

    /// Held for a whole roll; `None` while another one holds it.
    pub(super) fn roll(&self) -> Result<Option<File>> {
        let path = self.folder.join("roll");
        // Made once and only read from then on: root's roll and that of the
        // daemon's own user lock the same file, whoever came first.
        let file = match File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .mode(0o644)
                .open(&path)?,
            opened => opened?,
        };
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
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

    pub(super) fn file(&self, name: &str) -> Result<File> {
        Ok(OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(self.folder.join(name))?)
    }

    pub(super) fn instance_name(id: InstanceId) -> String {
        format!("instance-{id}")
    }

    pub(super) fn lock_instance(&self, id: InstanceId) -> Result<()> {
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
    pub(super) fn has_aborted(&self, id: InstanceId) -> bool {
        self.written(id).is_some_and(|(_, rest)| !rest.is_empty())
    }

    /// The process id that an instance wrote down.
    pub(super) fn process_of(&self, id: InstanceId) -> Option<i32> {
        self.written(id)?.0.parse().ok()
    }

    /// What an instance wrote into its file: its process id, and behind it the
    /// note of an abort.
    pub(super) fn written(&self, id: InstanceId) -> Option<(String, String)> {
        let path = self.folder.join(Self::instance_name(id));
        let text = fs::read_to_string(path).ok()?;
        let (pid, rest) = text.split_once('\n')?;
        Some((pid.to_owned(), rest.to_owned()))
    }

    pub(super) fn forget_instance(&self, id: InstanceId) {
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

    pub(super) fn take_intake(&self) -> Result<bool> {
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

    pub(super) fn release_intake(&self) -> Result<()> {
        self.intake.lock().map_err(poisoned)?.take();
        Ok(())
    }
}

pub(super) fn lock_error(error: TryLockError) -> StoreError {
    StoreError::Unavailable {
        reason: error.to_string(),
    }
}

pub(super) fn poisoned<T>(_: std::sync::PoisonError<T>) -> StoreError {
    StoreError::Defect {
        reason: "a lock was left by a panic".to_owned(),
    }
}
