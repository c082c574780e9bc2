//! The real binary on a disk that fails and loses on command.
//!
//! A shim in C (`tests/disk/shim.c`, preloaded) sits between SQLite and the C
//! library and acts on the files of the store's folder only. [`Disk`] is the
//! lever: faults of the living process, and the power cut, which takes away
//! what was not synchronised. Needs a C compiler; the test process itself must
//! not open the store between a start and a cut, for the shim does not see it.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::real::Real;

mod cut;
mod faults;
mod power;

pub(crate) use cut::{Fate, Taken};

/// What the disk does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None = 0,
    /// No file can grow.
    Full = 1,
    /// Nothing can be written at all for lack of space (copy on write).
    FullStrictly = 2,
    /// EIO on write.
    Write = 3,
    /// EIO on fsync.
    Sync = 4,
    /// EROFS.
    ReadOnly = 5,
}

/// The numbers of the control file, in order.
#[derive(Debug, Clone, Copy)]
enum Lever {
    Fault = 0,
    After = 1,
    Times = 2,
    Struck = 3,
    SyncMicros = 4,
    Swallow = 5,
    DieAt = 6,
    DieAfter = 7,
    Ops = 8,
    Syncs = 9,
}

/// The disk under one store.
#[derive(Debug)]
pub(crate) struct Disk {
    folder: PathBuf,
    side: TempDir,
    control: File,
}

impl Disk {
    /// Puts it under the store of `real`, from the next start on.
    pub(crate) fn under(real: &mut Real) -> Self {
        let folder = real.store_path();
        let folder = folder.parent().expect("a file has a folder").to_owned();
        let folder = folder.canonicalize().expect("it exists");
        // On the same file system, so that links can be made.
        let beside = folder.parent().expect("a temporary folder is somewhere");
        let side = TempDir::new_in(beside).expect("a folder beside the store");
        let control = OpenOptions::new()
            .create_new(true)
            .read(true)
            .write(true)
            .open(side.path().join("control"))
            .expect("the folder is writable");
        control.write_all_at(&[0; 4096], 0).expect("it is writable");
        File::create(side.path().join("log")).expect("the folder is writable");
        let path = folder.join("lastword.db").display().to_string();
        real.env.insert("LASTWORD_STORE__PATH", path);
        let text = |path: &Path| path.display().to_string();
        real.env.insert("LD_PRELOAD", text(shim()));
        real.env.insert("DISK_FOLDER", text(&folder));
        real.env.insert("DISK_SIDE", text(side.path()));
        Self {
            folder,
            side,
            control,
        }
    }

    fn set(&self, lever: Lever, value: u32) {
        let at = lever as u64 * 4;
        let set = self.control.write_all_at(&value.to_ne_bytes(), at);
        set.expect("the control file is writable");
    }

    fn get(&self, lever: Lever) -> u32 {
        let mut bytes = [0; 4];
        let read = self.control.read_exact_at(&mut bytes, lever as u64 * 4);
        read.expect("the control file is readable");
        u32::from_ne_bytes(bytes)
    }

    /// From now on this goes wrong, until told otherwise.
    pub(crate) fn fails(&self, fault: Fault) {
        self.fails_after(fault, 0, 0);
    }

    /// This goes wrong once so many syncs have succeeded, and so many times (0:
    /// until told otherwise).
    pub(crate) fn fails_after(&self, fault: Fault, after: u32, times: u32) {
        self.set(Lever::Fault, 0);
        self.set(Lever::After, after);
        self.set(Lever::Times, times);
        self.set(Lever::Struck, 0);
        self.set(Lever::Fault, fault as u32);
    }

    /// How many calls have failed since the fault was set.
    pub(crate) fn struck(&self) -> u32 {
        self.get(Lever::Struck)
    }

    /// How long each fsync takes; what is not synchronised exists that long.
    pub(crate) fn syncs_in_micros(&self, micros: u32) {
        self.set(Lever::SyncMicros, micros);
    }

    /// Plants the defect `synchronous = OFF`.
    pub(crate) fn swallow_syncs(&self) {
        self.set(Lever::Swallow, 1);
    }

    /// The power goes at the n-th operation from now on, before or after it.
    pub(crate) fn dies_at(&self, operation: u32, after_it: bool) {
        self.set(Lever::DieAfter, u32::from(after_it));
        self.set(Lever::DieAt, operation);
    }

    /// Operations and successful syncs so far.
    pub(crate) fn work(&self) -> (u32, u32) {
        (self.get(Lever::Ops), self.get(Lever::Syncs))
    }

    /// Takes away what a power cut takes. The process must be dead, and nobody
    /// may have opened the store since.
    pub(crate) fn cut(&self, fate: Fate<'_>) -> Taken {
        self.set(Lever::DieAt, 0);
        cut::cut(&self.folder, self.side.path(), fate)
    }

    /// Everything there is counts as durable from now on; for what the test
    /// process wrote itself.
    pub(crate) fn settle(&self) {
        let log = self.side.path().join("log");
        fs::write(log, []).expect("the folder is writable");
    }

    /// A copy of the store, to look at without touching it.
    pub(crate) fn copy(&self) -> (TempDir, rusqlite::Connection) {
        let folder = TempDir::new().expect("a temporary folder");
        for entry in fs::read_dir(&self.folder).expect("the folder is there") {
            let entry = entry.expect("it can be read");
            let name = entry.file_name();
            if entry.path().is_file() && name.to_string_lossy().contains(".db") {
                fs::copy(entry.path(), folder.path().join(name)).expect("it can be copied");
            }
        }
        let copy = rusqlite::Connection::open(folder.path().join("lastword.db"));
        (folder, copy.expect("a copy opens"))
    }
}

/// The compiled shim; built once per test process.
fn shim() -> &'static Path {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| {
        let top = Path::new(env!("CARGO_MANIFEST_DIR"));
        let built = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let library = built.join("disk-shim.so");
        let fresh = built.join(format!("disk-shim-{}.so", std::process::id()));
        let compiled = Command::new("cc")
            .args(["-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o"])
            .arg(&fresh)
            .arg(top.join("tests/disk/shim.c"))
            .args(["-ldl", "-lpthread"])
            .status();
        let compiled = compiled.expect("the tests need a C compiler (cc)");
        assert!(compiled.success(), "the shim does not compile");
        // At once, for another test process may be loading the last one.
        fs::rename(&fresh, &library).expect("it was just written");
        library
    })
}
