//! The folder beside the store in which files wait until their turn is settled.
//!
//! A file belongs to a turn by its name, so there is no second list that could
//! disagree: whose turn is settled is removed, and so is what a crash left. A
//! file that cannot be written costs a second download and nothing else. Upholds
//! that a turn taken up again has what its first owner had.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;

use crate::domain::ids::TurnId;
use crate::domain::update::File;
use crate::shutdown::Tasks;

/// Where files are read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Beside the threads of the runtime.
    Aside,
    /// At once, where it is asked for: on a paused clock, whose order of events
    /// no thread may change.
    Here,
}

/// The folder. Clones are the same one.
#[derive(Debug, Clone)]
pub(super) struct Folder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    place: Place,
    /// Whether there may be something in it.
    used: AtomicBool,
    /// Tells the unfinished files of this process apart.
    drafts: AtomicU64,
}

impl Folder {
    /// Made when the first file comes, for this user only.
    pub(super) fn new(path: PathBuf, place: Place) -> Self {
        Self(Arc::new(Inner {
            path,
            place,
            used: AtomicBool::new(true),
            drafts: AtomicU64::new(0),
        }))
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let inner = Arc::clone(&self.0);
        match self.0.place {
            Place::Here => work(&inner),
            Place::Aside => Tasks::aside(move || work(&inner))
                .await
                .unwrap_or_else(|| Err(io::Error::other("it panicked"))),
        }
    }

    /// Keeps a file: it is there after a power cut, or not at all.
    pub(super) async fn keep(&self, name: String, bytes: Bytes) -> io::Result<()> {
        self.0.used.store(true, Ordering::Relaxed);
        self.run(move |inner| inner.keep(&name, &bytes)).await
    }

    /// A file that was kept, when it has at most `limit` bytes.
    pub(super) async fn find(&self, name: String, limit: usize) -> Option<Bytes> {
        if !self.0.used.load(Ordering::Relaxed) {
            return None;
        }
        let found = self.run(move |inner| inner.find(&name, limit)).await;
        found.ok().flatten()
    }

    /// The turns that have files.
    pub(super) async fn turns(&self) -> io::Result<Vec<TurnId>> {
        if !self.0.used.load(Ordering::Relaxed) {
            return Ok(Vec::new());
        }
        self.run(|inner| {
            // Before the look: what is kept meanwhile says so again.
            inner.used.store(false, Ordering::Relaxed);
            let turns = inner.turns();
            if !matches!(&turns, Ok(turns) if turns.is_empty()) {
                inner.used.store(true, Ordering::Relaxed);
            }
            turns
        })
        .await
    }

    /// Removes the files of these turns; how many.
    pub(super) async fn remove(&self, turns: Vec<TurnId>) -> io::Result<u64> {
        self.run(move |inner| inner.remove(&turns)).await
    }
}

/// What a file is called: its turn first, then its message and its content.
pub(super) fn name(turn: TurnId, message: i64, file: &File) -> String {
    // FNV-1a: the same in every version of this program.
    let hash = file
        .identity()
        .bytes()
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
    format!("{}-{message}-{hash:016x}", turn.0)
}

fn turn_of(name: &str) -> Option<TurnId> {
    name.split_once('-')?.0.parse().ok().map(TurnId)
}

impl Inner {
    fn keep(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        match builder.mode(0o700).create(&self.path) {
            Ok(()) => sync_folder(self.path.parent().unwrap_or(Path::new("/")))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        let number = self.drafts.fetch_add(1, Ordering::Relaxed);
        // Two processes never share a draft; whoever is last gives it its name.
        let draft = format!("{name}.{}-{number}.draft", std::process::id());
        let draft = self.path.join(draft);
        let written = write(&draft, bytes).and_then(|()| {
            fs::rename(&draft, self.path.join(name))?;
            sync_folder(&self.path)
        });
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
        written
    }

    fn find(&self, name: &str, limit: usize) -> io::Result<Option<Bytes>> {
        let mut file = match fs::File::open(self.path.join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if file.metadata()?.len() > limit as u64 {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Some(bytes.into()))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        match fs::read_dir(&self.path) {
            Ok(entries) => entries
                .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                .collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn turns(&self) -> io::Result<Vec<TurnId>> {
        let names = self.names()?;
        let mut turns: Vec<TurnId> = names.iter().filter_map(|name| turn_of(name)).collect();
        turns.sort_unstable();
        turns.dedup();
        Ok(turns)
    }

    fn remove(&self, turns: &[TurnId]) -> io::Result<u64> {
        let mut removed = 0;
        for name in self.names()? {
            if !turn_of(&name).is_some_and(|turn| turns.contains(&turn)) {
                continue;
            }
            match fs::remove_file(self.path.join(name)) {
                Ok(()) => removed += 1,
                // Another process was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(removed)
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_folder(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::domain::update::FileKind;

    fn file(unique: &str) -> File {
        File {
            unique_id: unique.to_owned(),
            ..File::new(FileKind::Photo, "F".to_owned())
        }
    }

    #[tokio::test]
    async fn what_was_kept_is_found_until_its_turn_is_removed() {
        let store = tempfile::tempdir().unwrap();
        let path = store.path().join("store.media");
        let folder = Folder::new(path.clone(), Place::Here);
        assert_eq!(folder.turns().await.unwrap(), []);
        let names: Vec<String> = [(1, "a"), (1, "b"), (12, "a")]
            .into_iter()
            .map(|(turn, unique)| name(TurnId(turn), 7, &file(unique)))
            .collect();
        for name in &names {
            let bytes = Bytes::from(name.clone());
            folder.keep(name.clone(), bytes).await.unwrap();
        }
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&path.join(&names[0])), 0o600);
        // What a crash left half written goes with its turn.
        fs::write(path.join(format!("{}.9-9.draft", names[0])), "ha").unwrap();
        let other = Folder::new(path, Place::Here);
        assert_eq!(other.turns().await.unwrap(), [TurnId(1), TurnId(12)]);
        let found = other.find(names[0].clone(), 100).await;
        assert_eq!(found, Some(Bytes::from(names[0].clone())));
        assert_eq!(other.find(names[0].clone(), 3).await, None);
        assert_eq!(other.remove(vec![TurnId(1)]).await.unwrap(), 3);
        assert_eq!(other.find(names[0].clone(), 100).await, None);
        assert!(other.find(names[2].clone(), 100).await.is_some());
        assert_eq!(other.turns().await.unwrap(), [TurnId(12)]);
    }

    #[test]
    fn a_name_tells_its_turn_and_its_content() {
        let one = name(TurnId(12), -3, &file("a"));
        assert_eq!(turn_of(&one), Some(TurnId(12)));
        assert_ne!(one, name(TurnId(12), -3, &file("b")));
        assert_eq!(turn_of("lost+found"), None);
    }
}
