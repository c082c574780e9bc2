//! What a power cut takes: of everything written since the last fsync of its
//! file, each sector keeps any of the contents it has had; of the names made
//! or removed since the last fsync of the folder, the first so many stay. Where
//! a file was cut short, it is either as it was before or as it became since:
//! a truncation overwrites nothing, and no file system mixes the two.
//!
//! What was written before an fsync that *failed* may be lost for ever, also
//! after one that succeeds: the kernel has marked those pages clean.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rand::Rng as _;
use rand::rngs::StdRng;

/// The smallest piece a disk writes whole.
const SECTOR: u64 = 512;

/// Bytes of a record's header in the log (`struct header` of the shim).
const HEADER: usize = 40;

/// What becomes of what was not synchronised.
#[derive(Debug)]
pub(crate) enum Fate<'a> {
    /// All of it is lost.
    Lost,
    /// All of it has reached the disk.
    Kept,
    /// Chance decides for each piece of so many sectors.
    Random(&'a mut StdRng, u64),
}

/// What a cut has taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Sectors with contents that were not synchronised.
    pub(crate) unsynced: u64,
    /// Those of them that went back.
    pub(crate) lost: u64,
    /// Names made or removed without an fsync of the folder.
    pub(crate) names: u64,
    /// Those of them that were undone.
    pub(crate) undone: u64,
}

/// One sector that was written and not synchronised: what it held before each
/// operation, by the number of that.
#[derive(Debug, Default)]
struct Sector {
    before: BTreeMap<u64, Vec<u8>>,
    /// An fsync has failed over it.
    poisoned: bool,
}

/// One file: sectors, sizes before each operation, and which operations cut it
/// short.
#[derive(Debug, Default)]
struct Inode {
    sectors: BTreeMap<u64, Sector>,
    sizes: BTreeMap<u64, u64>,
    truncations: Vec<u64>,
}

/// The operations between the last truncation that has reached the disk and
/// the first that has not.
#[derive(Debug, Clone, Copy)]
struct Span {
    after: u64,
    upto: u64,
}

impl Span {
    /// Everything a sector or size may have been: before each operation of the
    /// span, and at its end, where `None` is what it is now. What the truncation
    /// that ends the span took was there until then.
    fn candidates<T>(self, before: &BTreeMap<u64, T>) -> Vec<Option<&T>> {
        let within = before.range(self.after + 1..=self.upto);
        let mut all: Vec<_> = within.map(|(_, was)| Some(was)).collect();
        if !before.contains_key(&self.upto) {
            let at_the_end = before.range(self.upto.saturating_add(1)..).next();
            all.push(at_the_end.map(|(_, was)| was));
        }
        all
    }
}

#[derive(Debug)]
enum Name {
    Made(String),
    Removed { name: String, stash: String },
}

#[derive(Debug, Default)]
struct Unsynced {
    /// Operations so far.
    number: u64,
    inodes: BTreeMap<u64, Inode>,
    names: Vec<Name>,
}

pub(super) fn cut(folder: &Path, side: &Path, mut fate: Fate<'_>) -> Taken {
    let log = fs::read(side.join("log")).expect("the log can be read");
    let unsynced = read(&log);
    let mut taken = Taken::default();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        if path.to_string_lossy().ends_with("-shm") {
            fs::remove_file(path).expect("it can be removed");
        }
    }
    undo_names(folder, side, &unsynced.names, &mut fate, &mut taken);
    for (inode, changes) in &unsynced.inodes {
        if let Some(path) = find(folder, *inode) {
            undo_writes(&path, changes, &mut fate, &mut taken);
        }
    }
    fs::write(side.join("log"), []).expect("the log can be emptied");
    for entry in fs::read_dir(side).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        if path.to_string_lossy().contains("stash-") {
            fs::remove_file(path).expect("it can be removed");
        }
    }
    taken
}

fn undo_names(folder: &Path, side: &Path, names: &[Name], fate: &mut Fate<'_>, taken: &mut Taken) {
    let stay = match fate {
        Fate::Lost => 0,
        Fate::Kept => names.len(),
        Fate::Random(random, _) => random.random_range(0..=names.len()),
    };
    taken.names = names.len() as u64;
    for name in names[stay..].iter().rev() {
        taken.undone += 1;
        match name {
            Name::Made(name) => {
                // Gone already: then there is nothing to undo.
                let _ = fs::remove_file(folder.join(name));
            }
            Name::Removed { name, stash } => {
                let _ = fs::remove_file(folder.join(name));
                fs::hard_link(side.join(stash), folder.join(name)).expect("it was kept");
            }
        }
    }
}

fn undo_writes(path: &Path, changes: &Inode, fate: &mut Fate<'_>, taken: &mut Taken) {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .expect("it opens");
    let now = file.metadata().expect("it is there").len();
    let cuts = changes.truncations.len();
    let stay = match fate {
        Fate::Lost => 0,
        Fate::Kept => cuts,
        Fate::Random(random, _) => random.random_range(0..=cuts),
    };
    let span = Span {
        after: stay
            .checked_sub(1)
            .map_or(0, |last| changes.truncations[last]),
        upto: changes
            .truncations
            .get(stay)
            .copied()
            .unwrap_or(u64::MAX - 1),
    };
    let sizes = span.candidates(&changes.sizes);
    let pick = match fate {
        Fate::Lost => 0,
        Fate::Kept => sizes.len() - 1,
        Fate::Random(random, _) => random.random_range(0..sizes.len()),
    };
    let size = sizes[pick].copied().unwrap_or(now);
    file.set_len(size.max(now)).expect("it can grow");
    let mut piece = (u64::MAX, 0);
    for (number, sector) in &changes.sectors {
        taken.unsynced += 1;
        let candidates = span.candidates(&sector.before);
        let last = candidates.len() - 1;
        let pick = match fate {
            Fate::Lost => 0,
            Fate::Kept => last,
            Fate::Random(random, sectors) => {
                // The sectors of one piece share its chance.
                if piece.0 != number / *sectors {
                    piece = (number / *sectors, random.random_range(0..=4));
                }
                match piece.1 {
                    0 | 1 => 0,
                    2 | 3 => last,
                    _ => random.random_range(0..=last),
                }
            }
        };
        if let Some(old) = candidates[pick] {
            taken.lost += 1;
            let mut old = old.clone();
            old.resize(usize::try_from(SECTOR).expect("it is small"), 0);
            let written = file.write_all_at(&old, number * SECTOR);
            written.expect("it can be written");
        }
    }
    file.set_len(size).expect("it can be cut");
}

fn find(folder: &Path, inode: u64) -> Option<PathBuf> {
    fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be read").path())
        .find(|path| fs::metadata(path).is_ok_and(|found| found.ino() == inode))
}

/// Reads the log; a record that the kill cut off belongs to an operation that
/// was never made.
fn read(log: &[u8]) -> Unsynced {
    let mut unsynced = Unsynced::default();
    let mut rest = log;
    while let Some(head) = rest.get(..HEADER) {
        let word = |at: usize| u32::from_ne_bytes(head[at..at + 4].try_into().expect("4 bytes"));
        let long = |at: usize| u64::from_ne_bytes(head[at..at + 8].try_into().expect("8 bytes"));
        let (kind, name, data, flag) = (word(0), word(4) as usize, word(8) as usize, word(12));
        let Some(body) = rest.get(HEADER..HEADER + name + data) else {
            break;
        };
        let (name, data) = body.split_at(name);
        let name = String::from_utf8_lossy(name).into_owned();
        unsynced.record(kind, flag, long(16), (long(24), long(32)), &name, data);
        rest = &rest[HEADER + body.len()..];
    }
    unsynced
}

impl Unsynced {
    fn record(
        &mut self,
        kind: u32,
        flag: u32,
        inode: u64,
        (off, size): (u64, u64),
        name: &str,
        data: &[u8],
    ) {
        self.number += 1;
        let number = self.number;
        match kind {
            1 if flag == 1 => self.names.push(Name::Made(name.to_owned())),
            1 => {}
            2 | 3 => {
                let file = self.inodes.entry(inode).or_default();
                file.sizes.insert(number, size);
                if kind == 3 {
                    file.truncations.push(number);
                }
                let first = off / SECTOR;
                for n in 0..u64::from(flag).div_ceil(SECTOR) {
                    let at = usize::try_from(n * SECTOR).expect("it fits");
                    let end = data.len().min(at + 512);
                    let before = data.get(at..end).unwrap_or_default().to_vec();
                    let sector = file.sectors.entry(first + n).or_default();
                    sector.before.insert(number, before);
                    sector.poisoned = false;
                }
            }
            4 => {
                if let Some(file) = self.inodes.get_mut(&inode) {
                    file.sectors.retain(|_, sector| sector.poisoned);
                    file.sizes.clear();
                    file.truncations.clear();
                }
            }
            5 => {
                if let Some(file) = self.inodes.get_mut(&inode) {
                    for sector in file.sectors.values_mut() {
                        sector.poisoned = true;
                    }
                }
            }
            6 => {
                let (name, stash) = name.split_once('\n').expect("two names");
                let (name, stash) = (name.to_owned(), stash.to_owned());
                self.names.push(Name::Removed { name, stash });
            }
            7 => self.names.clear(),
            other => panic!("unknown record {other} in the log of the disk"),
        }
    }
}

#[test]
fn a_truncation_that_is_not_synchronised_is_there_or_not() {
    const SECTORS: usize = 16;
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let path = folder.path().join("log");
    let old = vec![b'o'; SECTORS * 512];
    let mut met = [0; 3];
    for seed in 0..400 {
        // An old log, cut to nothing, and the first two sectors of a new one.
        fs::write(&path, [b'n'; 1024]).expect("it can be written");
        let mut unsynced = Unsynced::default();
        let all = u32::try_from(old.len()).expect("it is small");
        unsynced.record(3, all, 1, (0, u64::from(all)), "", &old);
        unsynced.record(2, 512, 1, (0, 0), "", &[]);
        unsynced.record(2, 512, 1, (512, 512), "", &[]);
        let mut random = <StdRng as rand::SeedableRng>::seed_from_u64(seed);
        let mut fate = Fate::Random(&mut random, 1);
        undo_writes(
            &path,
            &unsynced.inodes[&1],
            &mut fate,
            &mut Taken::default(),
        );
        let found = fs::read(&path).expect("it can be read");
        let is_new = |byte: &u8| matches!(byte, 0 | b'n');
        match found.len() {
            0 => met[0] += 1,
            512 | 1024 if found.iter().all(is_new) => met[1] += 1,
            _ if found == old => met[2] += 1,
            len => panic!("seed {seed}: {len} bytes that never were together"),
        }
    }
    assert!(met.iter().all(|times| *times > 0), "{met:?}");
}
