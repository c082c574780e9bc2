//! Where a configuration is looked for, and whether one that lies about is to be
//! believed.
//!
//! Whoever runs a verb may stand in a folder that others can write to, and a file
//! found there could send the token and the key to any address. So one that
//! nobody named counts only where it is the user's own or root's and nobody else
//! can change it. What is judged is the file that was opened, not its name: a
//! link leads to its target, and nothing can be put in its place meanwhile.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::process::{getegid, geteuid};

use super::Sources;
use super::problem::Problem;

/// A file that is looked for where none is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spot {
    /// In the working directory: anybody may have put it there.
    Here(PathBuf),
    /// Where only an administrator puts files.
    Installed(PathBuf),
}

/// A configuration that was read.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// The file to read; `None` when there is none, which is fine unless one was
/// named.
pub(super) fn find(sources: &Sources) -> Result<Option<Found>, Problem> {
    if let Some(path) = &sources.file {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| unreadable(path, error.to_string()))?;
        let path = path.clone();
        return Ok(Some(Found { path, text }));
    }
    for spot in &sources.search {
        let (path, read) = match spot {
            Spot::Here(path) => (path, open(path).and_then(|file| believe(path, file))),
            Spot::Installed(path) => (path, open(path)),
        };
        let mut file = match read {
            Ok(file) => file,
            Err(Refused::Absent) => continue,
            Err(Refused::Problem(problem)) => return Err(problem),
        };
        let mut text = String::new();
        let read = file.read_to_string(&mut text);
        read.map_err(|error| unreadable(path, error.to_string()))?;
        let path = path.clone();
        return Ok(Some(Found { path, text }));
    }
    Ok(None)
}

/// Why a file is not read.
enum Refused {
    Absent,
    Problem(Problem),
}

fn unreadable(path: &Path, reason: String) -> Problem {
    Problem::Unreadable {
        key: None,
        path: path.display().to_string(),
        reason,
    }
}

fn open(path: &Path) -> Result<File, Refused> {
    // A pipe that somebody has laid there must not hold us up.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => Ok(file.into()),
        Err(error) => Err(match std::io::Error::from(error) {
            error if error.kind() == ErrorKind::NotFound => Refused::Absent,
            error if error.kind() == ErrorKind::PermissionDenied => {
                let how = "be root or one of its group, or name another file (--config)";
                Refused::Problem(unreadable(path, format!("{error}: {how}")))
            }
            error => Refused::Problem(unreadable(path, error.to_string())),
        }),
    }
}

/// The same file, where nobody but its user or root can have written it.
fn believe(path: &Path, file: File) -> Result<File, Refused> {
    let about = match file.metadata() {
        Ok(about) => about,
        Err(error) => return Err(Refused::Problem(unreadable(path, error.to_string()))),
    };
    if !about.is_file() {
        let reason = "not a plain file".to_owned();
        return Err(Refused::Problem(unreadable(path, reason)));
    }
    let us = geteuid().as_raw();
    // A group of one's own (a umask of 002) is nobody else.
    let spared = if about.gid() == getegid().as_raw() {
        0o020
    } else {
        0
    };
    let mode = about.permissions().mode() & 0o777;
    match doubt(about.uid(), us, mode, spared) {
        None => Ok(file),
        Some((why, mend)) => Err(Refused::Problem(Problem::Untrusted {
            path: path.to_owned(),
            why,
            mend,
        })),
    }
}

/// Why a file of this owner and mode is not believed, and what would help; some
/// of its bits do not count.
fn doubt(owner: u32, us: u32, mode: u32, spared: u32) -> Option<(String, &'static str)> {
    if owner != us && owner != 0 {
        let why = format!("it belongs to user {owner}, not to you (user {us}) or root");
        return Some((why, "chown"));
    }
    (mode & 0o022 & !spared != 0).then(|| {
        let why = format!("others than its owner can change it (mode {mode:04o})");
        (why, "chmod go-w")
    })
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    fn look(spot: Spot) -> Result<Option<Found>, Problem> {
        find(&Sources {
            search: vec![spot],
            ..Sources::default()
        })
    }

    #[test]
    fn a_file_that_lies_about_is_believed_only_where_nobody_else_can_have_written_it() {
        for (owner, us, mode, fine) in [
            (1000, 1000, 0o644, true),
            (1000, 1000, 0o600, true),
            (0, 1000, 0o644, true),
            (0, 0, 0o640, true),
            (1000, 0, 0o600, false),
            (1001, 1000, 0o444, false),
            (1000, 1000, 0o664, false),
            (1000, 1000, 0o646, false),
            (0, 0, 0o666, false),
        ] {
            let found = doubt(owner, us, mode, 0);
            assert_eq!(found.is_none(), fine, "{owner} {us} {mode:o}: {found:?}");
        }
        assert!(doubt(1000, 1000, 0o664, 0o020).is_none());
        assert!(doubt(1000, 1000, 0o666, 0o020).is_some());
    }

    #[test]
    fn what_is_refused_says_why_and_how_to_go_on_and_a_link_is_judged_by_its_target() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("c.toml"), folder.path().join("l.toml"));
        fs::write(&path, "[chat]").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for (mode, fine) in [(0o644, true), (0o664, true), (0o646, false)] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            for name in [&path, &link] {
                match look(Spot::Here(name.clone())) {
                    Ok(found) => {
                        assert!(fine, "{mode:o}");
                        assert_eq!(found.unwrap().text, "[chat]");
                    }
                    Err(problem) => {
                        let said = problem.to_string();
                        assert!(!fine, "{said}");
                        let mode = format!("mode {mode:04o}");
                        for part in [mode.as_str(), "--config", "chmod go-w"] {
                            assert!(said.contains(part), "{part:?} is not in {said}");
                        }
                    }
                }
            }
        }
        // Where only an administrator writes, it is he who decides; and so does
        // whoever names it.
        assert!(look(Spot::Installed(path.clone())).is_ok());
        let named = Sources {
            file: Some(path),
            ..Sources::default()
        };
        assert!(find(&named).is_ok());
    }

    #[test]
    fn a_pipe_or_a_folder_in_its_place_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("config.toml");
        let made = rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            Mode::from_raw_mode(0o600),
            0,
        );
        made.unwrap();
        for path in [pipe, folder.path().to_owned()] {
            let said = look(Spot::Here(path)).unwrap_err().to_string();
            assert!(said.contains("not a plain file"), "{said}");
        }
        let none = folder.path().join("none.toml");
        assert!(look(Spot::Here(none)).unwrap().is_none());
    }
}
