//! Media: fetched in the turn, kept until it is settled, prepared for a model.
//!
//! Only files that Telegram itself serves are ever fetched; never a URL of a
//! message. Everything has a limit: bytes, time, pages, and the memory of all
//! that is prepared at one moment.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use self::folder::Folder;
use self::hearing::{Hearing, Recording};
use self::prepare::{Job, Prepared, Preparer, Unprepared};
use crate::death::{self, Moment};
use crate::domain::ids::TurnId;
use crate::domain::update::{File, FileKind};
use crate::llm::LlmError;
use crate::llm::modalities::{Catalogue, Modalities};
use crate::telegram::{CallError, Telegram, methods};

pub mod child;
mod document;
mod folder;
pub mod hearing;
pub mod picture;
pub mod prepare;

pub use self::folder::Place;

/// Memory for the files of all turns that run, in KiB.
const MEMORY_KIB: u32 = 256 * 1024;

/// What one turn has of it at the most, in KiB: however much one person sends,
/// others have room.
const SHARE_KIB: u32 = MEMORY_KIB / 4;

/// What a turn waits for its files at the least, all steps together.
const PATIENCE: Duration = Duration::from_secs(120);

/// A file is in memory as it came, as base64, and as part of a request.
const COPIES: u64 = 4;

/// The waits before a file is asked for again, when the network was at fault.
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// How much of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest picture, in bytes.
    pub picture_bytes: usize,
    /// The largest file of any other kind, in bytes.
    pub file_bytes: usize,
    /// How long asking for a file and downloading it may take, each.
    pub timeout: Duration,
    /// The longest edge of a picture that a model is shown, in pixels.
    pub edge: u32,
    /// Characters of a document.
    pub chars: usize,
    /// Pages of a document.
    pub pages: usize,
}

/// What of it lies outside of this process's code.
#[derive(Debug, Clone)]
pub struct Senses {
    /// Prepares what strangers sent.
    pub preparer: Arc<dyn Preparer>,
    /// Turns recordings into words, where that is possible.
    pub hearing: Option<Arc<dyn Hearing>>,
    /// Knows what models take.
    pub catalogue: Catalogue,
    /// Where files are written.
    pub place: Place,
}

/// Why a file is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Larger than allowed.
    TooLarge,
    /// Telegram did not hand it out.
    Unavailable,
    /// Damaged, or a kind that cannot be read.
    Unreadable,
    /// The model cannot take it.
    Unperceived,
}

/// Why a file was not fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfetched {
    /// It cannot be had.
    Never(Trouble),
    /// Telegram is away, or wants so long a pause.
    NotNow(Duration),
}

/// Fetches, keeps and prepares.
#[derive(Debug)]
pub struct Library {
    telegram: Arc<dyn Telegram>,
    folder: Folder,
    senses: Senses,
    limits: Limits,
    memory: Semaphore,
    sweep: Notify,
}

/// Memory that is set aside for the files of a turn, until dropped.
pub type Memory<'a> = SemaphorePermit<'a>;

impl Library {
    /// A library that keeps its files in `folder`.
    #[must_use]
    pub fn new(
        telegram: Arc<dyn Telegram>,
        folder: PathBuf,
        senses: Senses,
        limits: Limits,
    ) -> Self {
        Self {
            telegram,
            folder: Folder::new(folder, senses.place),
            senses,
            limits,
            memory: Semaphore::new(MEMORY_KIB as usize),
            sweep: Notify::new(),
        }
    }

    /// Waits for room for these files. Whoever has it gives it back when its
    /// completion is over, which has a time limit.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn room<'f>(&self, files: impl Iterator<Item = &'f File>) -> Option<Memory<'_>> {
        let limit = |file: &File| self.limit(file) as u64;
        let bytes: u64 = files
            .map(|file| file.size.unwrap_or(u64::MAX).min(limit(file)))
            .sum();
        // At once for the whole turn: two that each wait for more than is left
        // would wait for each other.
        self.memory.acquire_many(share(bytes)).await.ok()
    }

    /// How long getting ready the files of a turn may take: longer than any of
    /// them may, so that each attempt gets further than the one before.
    #[must_use]
    pub fn patience(&self) -> Duration {
        PATIENCE.max(self.limits.timeout * 6)
    }

    fn limit(&self, file: &File) -> usize {
        match file.kind {
            FileKind::Photo | FileKind::Image | FileKind::Video => self.limits.picture_bytes,
            _ => self.limits.file_bytes,
        }
    }

    /// A file as it was sent: from the folder, else from Telegram and then into
    /// the folder.
    ///
    /// # Errors
    /// [`Unfetched`]: it is of no use, or has to be asked for again later.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn fetch(&self, turn: TurnId, message: i64, file: &File) -> Result<Bytes, Unfetched> {
        let limit = self.limit(file);
        if file.size.is_some_and(|size| size > limit as u64) {
            return Err(Unfetched::Never(Trouble::TooLarge));
        }
        let name = folder::name(turn, message, file);
        if let Some(kept) = self.folder.find(name.clone(), limit).await {
            return Ok(kept);
        }
        let bytes = match self.download(file, limit).await {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::warn!(turn.id = turn.0, %error, "failed to download a file");
                return Err(unfetched(&error));
            }
        };
        if let Err(error) = self.folder.keep(name, bytes.clone()).await {
            // The turn has it in memory; only a successor asks again.
            tracing::warn!(turn.id = turn.0, %error, "failed to keep a file");
        }
        death::at(Moment::FileKept);
        Ok(bytes)
    }

    async fn download(&self, file: &File, limit: usize) -> Result<Bytes, CallError> {
        let begun = Instant::now();
        let mut waits = WAITS.iter();
        loop {
            let error = match self.download_once(file, limit).await {
                Ok(bytes) => return Ok(bytes),
                Err(error) => error,
            };
            let Unfetched::NotNow(pause) = unfetched(&error) else {
                return Err(error);
            };
            match waits.next() {
                // A longer pause is not waited for here.
                Some(wait) if pause <= *wait && begun.elapsed() < self.limits.timeout * 2 => {
                    tokio::time::sleep(*wait).await;
                }
                _ => return Err(error),
            }
        }
    }

    async fn download_once(&self, file: &File, limit: usize) -> Result<Bytes, CallError> {
        let mut call = methods::get_file(&file.file_id);
        call.timeout = self.limits.timeout;
        let told = self.telegram.call(call).await?;
        let path = told["file_path"]
            .as_str()
            .ok_or_else(|| CallError::Refused {
                code: 404,
                description: "no path of the file".to_owned(),
                retry_after: None,
                migrate_to: None,
            })?;
        let timeout = self.limits.timeout;
        self.telegram.download(path, limit, timeout).await
    }

    /// A picture as a model takes it: its media type and its bytes.
    ///
    /// # Errors
    /// [`Trouble::Unreadable`].
    pub async fn picture(&self, file: Bytes) -> Result<(String, Bytes), Trouble> {
        let edge = self.limits.edge;
        match self
            .senses
            .preparer
            .prepare(Job::Picture { edge }, file)
            .await
        {
            Ok(Prepared::Picture { mime, bytes }) => Ok((mime, bytes)),
            Ok(Prepared::Text(_)) => Err(Trouble::Unreadable),
            Err(error) => Err(unreadable(&error)),
        }
    }

    /// The text of a document.
    ///
    /// # Errors
    /// [`Trouble::Unreadable`].
    pub async fn text(&self, file: &File, bytes: Bytes) -> Result<String, Trouble> {
        let job = Job::Document {
            name: file.name.clone().unwrap_or_default(),
            mime: file.mime.clone().unwrap_or_default(),
            chars: self.limits.chars,
            pages: self.limits.pages,
        };
        match self.senses.preparer.prepare(job, bytes).await {
            Ok(Prepared::Text(text)) => Ok(text),
            Ok(Prepared::Picture { .. }) => Err(Trouble::Unreadable),
            Err(error) => Err(unreadable(&error)),
        }
    }

    /// Whether recordings can be turned into words.
    #[must_use]
    pub fn hears(&self) -> bool {
        self.senses.hearing.is_some()
    }

    /// The words of a recording.
    ///
    /// # Errors
    /// As a completion: its advice says what to do.
    pub async fn words(&self, recording: Recording) -> Result<String, LlmError> {
        match &self.senses.hearing {
            Some(hearing) => hearing.words(recording).await,
            None => Ok(String::new()),
        }
    }

    /// What a model takes, when that is known.
    pub async fn modalities(&self, model: &str) -> Option<Modalities> {
        self.senses.catalogue.look_up(model).await
    }

    /// The turns of which files are kept.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub async fn turns(&self) -> std::io::Result<Vec<TurnId>> {
        self.folder.turns().await
    }

    /// Removes the files of these turns; how many there were.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub async fn remove(&self, turns: Vec<TurnId>) -> std::io::Result<u64> {
        self.folder.remove(turns).await
    }

    /// Some turn may not need its files any more.
    pub fn sweep_soon(&self) {
        self.sweep.notify_one();
    }

    /// Waits until [`Library::sweep_soon`].
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn until_sweep(&self) {
        self.sweep.notified().await;
    }
}

/// Whether it is a PDF.
#[must_use]
pub fn is_pdf(file: &[u8]) -> bool {
    document::is_pdf(file)
}

/// The memory that a turn with files of so many bytes has, in KiB.
fn share(bytes: u64) -> u32 {
    let kib = bytes.saturating_mul(COPIES) / 1024;
    u32::try_from(kib).map_or(SHARE_KIB, |kib| kib.min(SHARE_KIB))
}

fn unfetched(error: &CallError) -> Unfetched {
    Unfetched::Never(match error {
        CallError::NotSent { .. } | CallError::Unknown { .. } => {
            return Unfetched::NotNow(Duration::ZERO);
        }
        CallError::Refused {
            code: 429,
            retry_after,
            ..
        } => return Unfetched::NotNow(retry_after.unwrap_or_default()),
        CallError::Refused { code: 413, .. } => Trouble::TooLarge,
        // Telegram's own words for what is beyond its limit (Bot API, getFile).
        CallError::Refused { description, .. } if description.contains("file is too big") => {
            Trouble::TooLarge
        }
        CallError::Refused { .. } => Trouble::Unavailable,
    })
}

fn unreadable(error: &Unprepared) -> Trouble {
    tracing::info!(%error, "a file could not be prepared");
    Trouble::Unreadable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_turn_leaves_room_for_others_however_much_it_has() {
        for bytes in [200 << 20, u64::from(u32::MAX), u64::MAX] {
            assert!(share(bytes) <= MEMORY_KIB / 4, "{bytes}");
        }
        assert_eq!(share(1 << 20), 4 * 1024);
    }
}
