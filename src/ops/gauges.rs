//! The gauges, read when somebody asks for the metrics: nothing is looked at
//! while nobody does.
//!
//! What the process, its files and its tasks show is read here; what the store
//! tells comes through [`super::health::Books`].

use std::path::{Path, PathBuf};

use metrics::gauge;

use super::health::{Depths, Role};
use crate::clock::Millis;
use crate::domain::phase::Phase;
use crate::domain::{metric, part, turn};
use crate::shutdown::Tasks;

/// What there is to read, besides the store.
#[derive(Debug, Clone)]
pub struct Gauges {
    /// Who runs.
    pub tasks: Tasks,
    /// The store's file.
    pub store: PathBuf,
    /// When the process began.
    pub begun_at: Millis,
}

impl Gauges {
    /// Reads all that needs no waiting.
    pub fn read(&self, phase: Phase, role: Role, ready: bool) {
        for known in Phase::ALL {
            gauge!(metric::PHASE, "phase" => known.as_str()).set(one_if(known == phase));
        }
        for known in [Role::Active, Role::Standby] {
            gauge!(metric::ROLE, "role" => known.as_str()).set(one_if(known == role));
        }
        gauge!(metric::READY).set(one_if(ready));
        for (kind, running) in self.tasks.running() {
            gauge!(metric::TASKS_RUNNING, "kind" => kind.as_str()).set(float(running as u64));
        }
        gauge!(metric::START_TIME).set(float(self.begun_at.unsigned_abs()) / 1000.0);
        set(metric::RESIDENT_BYTES, resident_bytes());
        set(metric::OPEN_FDS, open_fds());
        set(metric::MAX_FDS, u64::try_from(crate::files::limit()).ok());
        set(metric::DISK_FREE_BYTES, free_bytes(&self.store));
        for (file, suffix) in [("main", ""), ("wal", "-wal")] {
            let mut path = self.store.clone().into_os_string();
            path.push(suffix);
            // No log beside a store that was written back.
            let bytes = std::fs::metadata(path).map_or(0, |about| about.len());
            gauge!(metric::STORE_BYTES, "file" => file).set(float(bytes));
        }
    }
}

/// Shows what the store has told.
pub fn show(depths: &Depths) {
    for state in turn::State::ALL.iter().map(|state| state.as_str()) {
        if state != turn::State::Settled.as_str() {
            let turns = depths.turns.get(state).copied().unwrap_or(0);
            gauge!(metric::TURNS_OPEN, "state" => state).set(float(turns));
        }
    }
    for state in [
        part::State::Planned,
        part::State::Sending,
        part::State::Uncertain,
    ] {
        let parts = depths.parts.get(state.as_str()).copied().unwrap_or(0);
        gauge!(metric::OUTBOX_PARTS, "state" => state.as_str()).set(float(parts));
    }
    gauge!(metric::PAUSED).set(one_if(depths.paused));
    let oldest = depths.oldest.unwrap_or_default();
    gauge!(metric::OLDEST_WAITING_SECONDS).set(oldest.as_secs_f64());
}

fn set(name: &'static str, value: Option<u64>) {
    if let Some(value) = value {
        gauge!(name).set(float(value));
    }
}

fn one_if(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float; no count or size of ours comes near 2^53"
)]
fn float(value: u64) -> f64 {
    value as f64
}

/// Resident memory, where the kernel tells it.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    // procfs is memory: reading it blocks for microseconds.
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Open file descriptors, where the kernel tells them; the one that looks is not
/// among them.
fn open_fds() -> Option<u64> {
    let open = std::fs::read_dir("/proc/self/fd").ok()?.count();
    u64::try_from(open).ok()?.checked_sub(1)
}

/// Bytes that a process without privileges may still write on the file system of
/// `path`.
#[must_use]
pub fn free_bytes(path: &Path) -> Option<u64> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let about = rustix::fs::statvfs(folder.unwrap_or(Path::new("."))).ok()?;
    Some(about.f_bavail.saturating_mul(about.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shutdown::Shutdown;

    #[test]
    fn the_process_and_its_disk_are_measured() {
        assert!(resident_bytes().is_some_and(|bytes| bytes > 1_000_000));
        assert!(open_fds().is_some_and(|open| open > 2));
        assert!(free_bytes(Path::new("lastword.db")).is_some_and(|bytes| bytes > 0));
    }

    #[test]
    fn every_phase_role_kind_and_state_is_one_that_is_listed() {
        let recorder = crate::ops::metrics::recorder().expect("a recorder");
        let handle = recorder.handle();
        let folder = tempfile::TempDir::new().expect("a folder");
        let store = folder.path().join("lastword.db");
        std::fs::write(&store, "1234").expect("a file");
        metrics::with_local_recorder(&recorder, || {
            crate::ops::metrics::describe();
            let begun = handle.render();
            let gauges = Gauges {
                tasks: Tasks::new(&Shutdown::new()),
                store,
                begun_at: 1_790_000_000_500,
            };
            for phase in Phase::ALL {
                gauges.read(phase, Role::Standby, true);
            }
            // Nothing but the values that were there from the start.
            let names = |text: &str| -> std::collections::BTreeSet<String> {
                let lines = text.lines().filter(|line| !line.starts_with('#'));
                let name = |line: &str| line.rsplit_once(' ').map(|(name, _)| name.to_owned());
                lines.filter_map(name).collect()
            };
            let text = handle.render();
            assert_eq!(names(&begun), names(&text));
            for line in [
                "lastword_phase{phase=\"stopped\"} 1",
                "lastword_role{role=\"standby\"} 1",
                "lastword_ready 1",
                "lastword_store_bytes{file=\"main\"} 4",
                "lastword_start_time_seconds 1790000000.5",
            ] {
                assert!(text.lines().any(|l| l == line), "no {line} in {text}");
            }
        });
    }
}
