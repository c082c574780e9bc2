//! The modes of files: who else of this machine can read secrets and what people
//! wrote.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Finding;
use crate::config::{Loaded, Origin, Shown};

/// Reading by others.
const OTHERS: u32 = 0o004;

/// Reading by others and by the group.
const ANYBODY: u32 = 0o044;

pub(super) fn look(loaded: &Loaded) -> Vec<Finding> {
    let mut findings: Vec<Finding> = secrets(loaded)
        .into_iter()
        .filter_map(|(path, key)| judge(&path, ANYBODY, &format!("holds {key}")))
        .collect();
    let store = &loaded.config.store.path;
    for suffix in ["", "-wal", ".media"] {
        let mut path = store.as_os_str().to_owned();
        path.push(suffix);
        findings.extend(judge(Path::new(&path), OTHERS, "holds what people wrote"));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            "files",
            "nobody else can read secrets or what people wrote",
        ));
    }
    findings
}

/// The files that secrets are in, each with one of its keys.
fn secrets(loaded: &Loaded) -> BTreeMap<PathBuf, &'static str> {
    let mut files = BTreeMap::new();
    for setting in loaded.config.settings() {
        if !matches!(setting.shown, Shown::SecretSet) {
            continue;
        }
        match loaded.origins.get(setting.key) {
            Some(Origin::File { path, .. } | Origin::SecretFile(path)) => {
                files.insert(path.clone(), setting.key);
            }
            // A credential is its service's own; a variable is nobody's file.
            _ => {}
        }
    }
    files
}

fn judge(path: &Path, readers: u32, holds: &str) -> Option<Finding> {
    let about = std::fs::metadata(path).ok()?;
    let mode = about.permissions().mode();
    if mode & readers == 0 {
        return None;
    }
    let right = if about.is_dir() { "0700" } else { "0600" };
    let says = format!(
        "{} {holds} and can be read by others (mode {:04o})",
        path.display(),
        mode & 0o7777
    );
    let todo = format!("chmod {right} {}", path.display());
    // A group that was chosen may be meant.
    Some(match mode & OTHERS {
        0 => Finding::warn("files", says, todo),
        _ => Finding::bad("files", says, todo),
    })
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_file_is_judged_by_who_else_can_read_it() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "x").unwrap();
        for (mode, verdict) in [
            (0o600, None),
            (0o640, Some(Verdict::Warn)),
            (0o644, Some(Verdict::Bad)),
        ] {
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let found = judge(&path, ANYBODY, "holds telegram.token");
            assert_eq!(found.map(|finding| finding.verdict), verdict, "{mode:o}");
        }
        assert_eq!(judge(&folder.path().join("none"), ANYBODY, "x"), None);
    }
}
