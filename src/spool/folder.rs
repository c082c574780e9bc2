//! The folder itself: handing in, listing in order, reading, removing.
//!
//! Everything goes through the descriptor of the folder, so that a name always
//! means a file in it. A message appears under its name by a rename after it
//! was written and synced. Blocks; callers look after that.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Gid, Mode, OFlags, Stat};
use serde::{Deserialize, Serialize};

use super::note::{FILE_MAX, Flaw, Note};
use super::{ENDING, Name};
use crate::clock::Millis;

/// The folder is its group's, and a file only its maker's (the sticky bit): a
/// caller can neither remove nor replace what others have handed in.
const FOLDER_MODE: u32 = 0o1770;

/// What the daemon tells callers about the room there is.
const ROOM: &str = ".room";

/// Where files go that are not taken.
const ASIDE: &str = "aside";

/// How many of them are kept.
const ASIDE_MAX: usize = 100;

/// How long an unfinished file is somebody's work.
const DRAFT_LIFE_MS: Millis = 3_600_000;

/// The folder, open.
#[derive(Debug)]
pub struct Spool {
    folder: OwnedFd,
    path: PathBuf,
}

/// How much may wait, and how much of that does in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// `outbox.max_rows`.
    pub max_rows: u64,
    /// Rows of the outbox.
    pub rows: u64,
}

/// What became of a message that was handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handed {
    /// It is stored.
    Stored,
    /// The same is, under its key.
    Before,
}

/// Why a message was not stored.
#[derive(Debug, thiserror::Error)]
pub enum NotHanded {
    /// As much waits as may.
    #[error("{waiting} messages wait to be sent, which is all that may (outbox.max_rows)")]
    Full {
        /// In the store and in the spool.
        waiting: u64,
    },
    /// The system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What reading a file has come to.
#[derive(Debug, PartialEq)]
pub enum Found {
    /// A message.
    Note(Note),
    /// It is not there any more.
    Gone,
    /// It is not to be taken.
    Flawed(Flaw),
}

/// What lies in the folder.
#[derive(Debug, Default)]
struct Listing {
    names: BTreeSet<Name>,
    drafts: Vec<OsString>,
    foreign: Vec<OsString>,
}

impl Spool {
    /// Opens the spool of a daemon that has made it.
    ///
    /// # Errors
    /// When there is none, or the system refuses.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self {
            folder: rustix::fs::open(path, flags, Mode::empty())?,
            path: path.to_owned(),
        })
    }

    /// Makes the spool, or makes good what is there: the daemon's business.
    ///
    /// # Errors
    /// When the system refuses, or something else has this name.
    pub fn prepare(path: &Path) -> io::Result<Self> {
        match fs::DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let spool = Self::open(path)?;
        let about = rustix::fs::fstat(&spool.folder)?;
        // Not for everybody, whoever has made it; the umask does not count.
        if about.st_mode & 0o7777 & !0o2000 != FOLDER_MODE {
            rustix::fs::fchmod(&spool.folder, Mode::from_raw_mode(FOLDER_MODE))?;
        }
        Ok(spool)
    }

    /// Whether it is still what has its name: an operator may have removed it.
    #[must_use]
    pub fn is_there(&self) -> bool {
        let open = rustix::fs::fstat(&self.folder);
        let named = rustix::fs::lstat(&self.path);
        matches!((open, named), (Ok(open), Ok(named))
            if (open.st_dev, open.st_ino) == (named.st_dev, named.st_ino))
    }

    /// Stores a message: when this returns, it survives a power cut.
    ///
    /// # Errors
    /// [`NotHanded`]; then nothing is left.
    pub fn hand_in(&self, note: &Note, random: u64) -> Result<Handed, NotHanded> {
        let listing = self.list()?;
        let room = self.room();
        let waiting = room.rows + listing.names.len() as u64;
        if let Some(key) = &note.key
            && self.holds(&listing, key, note)
        {
            return Ok(Handed::Before);
        }
        if waiting >= room.max_rows {
            return Err(NotHanded::Full { waiting });
        }
        let latest = listing.names.last().map_or(0, |name| name.stamp);
        let stamp = u64::try_from(note.at).unwrap_or(0);
        let name = Name {
            stamp: stamp.max(latest.saturating_add(1)),
            random,
        };
        self.write(&name.to_string(), &note.bytes(), Durable::Yes)?;
        Ok(Handed::Stored)
    }

    /// Whether a message under this key waits here that is still worth sending.
    fn holds(&self, listing: &Listing, key: &str, new: &Note) -> bool {
        listing.names.iter().any(|name| match self.read(name) {
            Ok(Found::Note(note)) => {
                let same_place = (note.bot, note.chat) == (new.bot, new.chat);
                same_place && note.key.as_deref() == Some(key) && !note.is_over(new.at)
            }
            _ => false,
        })
    }

    /// How much may wait; as far as nobody has told, much.
    #[must_use]
    pub fn room(&self) -> Room {
        let told = self.slurp(ROOM).ok();
        told.and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or(Room {
                max_rows: 10_000,
                rows: 0,
            })
    }

    /// Tells callers how much may wait. A hint: the store is the judge.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn tell_room(&self, room: Room) -> io::Result<()> {
        let bytes = serde_json::to_vec(&room).expect("plain data is always JSON");
        self.write(ROOM, &bytes, Durable::No)
    }

    /// What waits, in the order in which it was handed in.
    ///
    /// A folder that changes while it is read may show a file and not the one
    /// that the same caller made before it. That one is there when it is read
    /// once more, and sorts before the last of the first look; whatever is newer
    /// than both looks sorts behind it.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn waiting(&self) -> io::Result<Vec<Name>> {
        let first = self.list()?.names;
        let Some(last) = first.last().cloned() else {
            return Ok(Vec::new());
        };
        let second = self.list()?.names;
        Ok(second.into_iter().filter(|name| *name <= last).collect())
    }

    /// Reads one, as far as it may be taken.
    ///
    /// # Errors
    /// When the system cannot say now what the file is: it may later.
    pub fn read(&self, name: &Name) -> io::Result<Found> {
        use rustix::io::Errno;
        let text = name.to_string();
        let file = match self.open_file(OsStr::new(&text)) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(Found::Gone),
            Err(Errno::LOOP | Errno::NXIO) => return Ok(Found::Flawed(Flaw::NotPlain)),
            Err(Errno::ACCESS | Errno::PERM) => return Ok(Found::Flawed(Flaw::Unreadable)),
            Err(error) => return Err(error.into()),
        };
        let (about, folder) = (rustix::fs::fstat(&file)?, rustix::fs::fstat(&self.folder)?);
        if let Some(flaw) = judged(&about, &folder) {
            return Ok(Found::Flawed(flaw));
        }
        let mut bytes = Vec::new();
        file.take(FILE_MAX as u64 + 1).read_to_end(&mut bytes)?;
        Ok(match Note::read(&bytes) {
            Ok(note) => Found::Note(note),
            Err(flaw) => Found::Flawed(flaw),
        })
    }

    /// Removes what is stored elsewhere by now; durable after [`Spool::sync`].
    ///
    /// # Errors
    /// When the system refuses.
    pub fn remove(&self, name: &Name) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.folder, name.to_string(), AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes what was removed stay so.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.folder)?)
    }

    /// Puts a file where it is in nobody's way; some are kept, to be looked at.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn put_aside(&self, name: &OsStr) -> io::Result<()> {
        match rustix::fs::mkdirat(&self.folder, ASIDE, Mode::from_raw_mode(0o700)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let aside = rustix::fs::openat(&self.folder, ASIDE, flags, Mode::empty())?;
        match rustix::fs::renameat(&self.folder, name, &aside, name) {
            Ok(()) => {}
            Err(rustix::io::Errno::NOENT) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let mut kept: Vec<OsString> = names(aside.as_fd())?.collect::<Result<_, _>>()?;
        kept.sort();
        let surplus = kept.len().saturating_sub(ASIDE_MAX);
        for name in &kept[..surplus] {
            // A folder stays; there is no more of those than somebody makes.
            let _ = rustix::fs::unlinkat(&aside, name, AtFlags::empty());
        }
        Ok(())
    }

    /// What is no message at all; and unfinished files whose writer is long gone
    /// are removed.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn foreign(&self, now: Millis) -> io::Result<Vec<OsString>> {
        let listing = self.list()?;
        for draft in &listing.drafts {
            let about = rustix::fs::statat(&self.folder, draft, AtFlags::SYMLINK_NOFOLLOW);
            let is_old = about.is_ok_and(|about| {
                let made = i128::from(about.st_mtime) * 1_000;
                made + i128::from(DRAFT_LIFE_MS) < i128::from(now)
            });
            if is_old {
                let _ = rustix::fs::unlinkat(&self.folder, draft, AtFlags::empty());
            }
        }
        Ok(listing.foreign)
    }

    fn list(&self) -> io::Result<Listing> {
        let mut listing = Listing::default();
        for name in names(self.folder.as_fd())? {
            let name = name?;
            let bytes = name.as_bytes();
            if let Some(name) = Name::parse(&name) {
                listing.names.insert(name);
            } else if bytes.starts_with(b".") {
                if bytes.ends_with(b".draft") {
                    listing.drafts.push(name);
                }
            } else if bytes != ASIDE.as_bytes() {
                listing.foreign.push(name);
            }
        }
        Ok(listing)
    }

    /// A file of the folder, never through a link, never waiting for a pipe.
    fn open_file(&self, name: &OsStr) -> rustix::io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        rustix::fs::openat(&self.folder, name, flags, Mode::empty()).map(File::from)
    }

    fn slurp(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = self.open_file(OsStr::new(name))?;
        file.take(FILE_MAX as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn write(&self, name: &str, bytes: &[u8], durable: Durable) -> io::Result<()> {
        let draft = format!(
            ".{}.{}.draft",
            name.trim_end_matches(ENDING),
            std::process::id()
        );
        let written = self.write_draft(&draft, bytes, durable).and_then(|()| {
            rustix::fs::renameat(&self.folder, &draft, &self.folder, name)?;
            match durable {
                Durable::Yes => self.sync(),
                Durable::No => Ok(()),
            }
        });
        if written.is_err() {
            let _ = rustix::fs::unlinkat(&self.folder, &draft, AtFlags::empty());
        }
        written
    }

    fn write_draft(&self, draft: &str, bytes: &[u8], durable: Durable) -> io::Result<()> {
        if durable == Durable::No {
            // What a process with our number left; nobody else writes this name.
            let _ = rustix::fs::unlinkat(&self.folder, draft, AtFlags::empty());
        }
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.folder, draft, flags, Mode::from_raw_mode(0o600))?;
        // Readable for the daemon, whose group the folder has; the umask and the
        // caller's own group do not count.
        let group = rustix::fs::fstat(&self.folder)?.st_gid;
        if rustix::fs::fstat(&fd)?.st_gid != group {
            // The sandbox of the units forbids it to the daemon, which needs it
            // not: its own group is the folder's.
            rustix::fs::fchown(&fd, None, Some(Gid::from_raw(group)))?;
        }
        rustix::fs::fchmod(&fd, Mode::from_raw_mode(0o640))?;
        let mut file = File::from(fd);
        file.write_all(bytes)?;
        match durable {
            Durable::Yes => file.sync_all(),
            Durable::No => Ok(()),
        }
    }

    /// Who may hand in, as a group's number.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn group(&self) -> io::Result<u32> {
        Ok(fs::metadata(&self.path)?.gid())
    }
}

/// Whether a write has to survive a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durable {
    Yes,
    No,
}

/// Whether the reader may take a file, by what it is and whose.
fn judged(about: &Stat, folder: &Stat) -> Option<Flaw> {
    if FileType::from_raw_mode(about.st_mode) != FileType::RegularFile || about.st_nlink != 1 {
        return Some(Flaw::NotPlain);
    }
    let own = rustix::process::geteuid().as_raw();
    let may = about.st_uid == own || about.st_uid == 0 || about.st_gid == folder.st_gid;
    (!may).then_some(Flaw::Stranger)
}

fn names(folder: impl AsFd) -> io::Result<impl Iterator<Item = io::Result<OsString>>> {
    let entries = Dir::read_from(folder)?;
    Ok(entries.filter_map(|entry| match entry {
        Ok(entry) => {
            let name = entry.file_name().to_bytes();
            let is_file = name != b"." && name != b"..";
            is_file.then(|| Ok(OsStr::from_bytes(name).to_owned()))
        }
        Err(error) => Some(Err(error.into())),
    }))
}
