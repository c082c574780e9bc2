//! The place of the store: room, kind of file system, whether it can be read and
//! written, what waits in it.

use std::path::Path;

use super::{Finding, folder_of};
use crate::clock::Clock;
use crate::store::StoreError;
use crate::store::desk::Desk;
use crate::store::sqlite::{SqliteStore, file_system};

/// Room below which something is said, and below which it is bad, in bytes.
const LITTLE: u64 = 1 << 30;
const NEXT_TO_NOTHING: u64 = 100 << 20;

pub(super) async fn look(store: &Path) -> Vec<Finding> {
    if store.as_os_str().is_empty() {
        // Nobody says where it is, which the configuration's line tells.
        return Vec::new();
    }
    let folder = folder_of(store);
    if !folder.is_dir() {
        return vec![Finding::warn(
            "disk",
            format!("{} does not exist yet", folder.display()),
            "nothing if the daemon may create it; under systemd StateDirectory= does",
        )];
    }
    vec![room(&folder), kind(&folder), readable(store).await]
}

fn room(folder: &Path) -> Finding {
    match rustix::fs::statvfs(folder) {
        Ok(about) => judge_room(
            about.f_bavail.saturating_mul(about.f_frsize),
            about.f_blocks.saturating_mul(about.f_frsize),
            (about.f_files > 0).then_some(about.f_favail),
        ),
        Err(error) => Finding::bad(
            "disk",
            format!("{} cannot be looked at: {error}", folder.display()),
            "see that it is mounted and that this user may go there",
        ),
    }
}

fn judge_room(free: u64, all: u64, files: Option<u64>) -> Finding {
    let what = "disk";
    let says = format!("{} free of {}", size(free), size(all));
    let todo = "make room: a store that cannot write confirms nothing, and people wait";
    if files == Some(0) {
        return Finding::bad(what, format!("{says}, but no file more"), todo);
    }
    match free {
        0..NEXT_TO_NOTHING => Finding::bad(what, says, todo),
        NEXT_TO_NOTHING..LITTLE => Finding::warn(what, says, todo),
        _ => Finding::ok(what, says),
    }
}

fn kind(folder: &Path) -> Finding {
    let what = "disk";
    match file_system(folder) {
        Ok(Some((kind, true))) => Finding::bad(
            what,
            format!("a network file system ({kind}), on which locks do not hold"),
            "move store.path to a local disk",
        ),
        Ok(Some((kind, false))) if kind == "tmpfs" => Finding::warn(
            what,
            "in memory (tmpfs): everything is gone with a power cut",
            "move store.path to a disk",
        ),
        Ok(Some((kind, false))) => Finding::ok(what, format!("a local file system ({kind})")),
        Ok(None) => Finding::ok(what, "a file system of a kind that is not told"),
        Err(error) => Finding::warn(
            what,
            format!("its kind could not be found out: {error}"),
            "see that this user may go there",
        ),
    }
}

async fn readable(path: &Path) -> Finding {
    let what = "store";
    if !path.exists() {
        return Finding::ok(
            what,
            format!(
                "{} does not exist yet; the first start makes it",
                path.display()
            ),
        );
    }
    let looked = async {
        let store = SqliteStore::visit(path, None, Clock::system())?;
        // Takes the writer's lock for a moment, so it is written as much as read.
        store.picture().await
    };
    match looked.await {
        Ok(picture) => {
            let open: u64 = picture.turns.values().map(|crowd| crowd.count).sum();
            let says = format!("{} answers; {open} turns open", path.display());
            match picture.paused {
                Some(_) => Finding::warn(what, format!("{says}, PAUSED"), "lastword resume"),
                None => Finding::ok(what, says),
            }
        }
        Err(StoreError::Refused { reason }) if reason.contains("several bots") => {
            Finding::ok(what, format!("{} answers", path.display()))
        }
        Err(StoreError::Refused { reason }) if reason.contains("empty") => Finding::ok(
            what,
            format!("{} answers; nobody has written yet", path.display()),
        ),
        Err(error) => Finding::bad(
            what,
            format!("{}: {error}", path.display()),
            "run this as the daemon's user or root; if that does not help: lastword verify",
        ),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_073_741_824 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn room_is_judged_by_what_is_left_of_bytes_and_files() {
        let all = 100 << 30;
        for (free, files, verdict) in [
            (50 << 30, Some(9), Verdict::Ok),
            (50 << 30, None, Verdict::Ok),
            (500 << 20, Some(9), Verdict::Warn),
            (1 << 20, Some(9), Verdict::Bad),
            (50 << 30, Some(0), Verdict::Bad),
        ] {
            assert_eq!(judge_room(free, all, files).verdict, verdict, "{free}");
        }
    }
}
