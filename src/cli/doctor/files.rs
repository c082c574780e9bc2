//! The modes of files: who else of this machine can read secrets and what people
//! wrote.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Finding;
use crate::config::{Loaded, Origin, Shown};

/// Where the shipped unit takes its secrets from.
const CREDENTIALS: &str = "/etc/lastword";

/// Reading by others.
const OTHERS: u32 = 0o004;

/// Reading by others and by the group.
const ANYBODY: u32 = 0o044;

pub(super) fn look(loaded: &Loaded) -> Vec<Finding> {
    let mut findings: Vec<Finding> = secrets(loaded)
        .into_iter()
        .filter_map(|(path, (key, todo))| judge(&path, ANYBODY, &format!("holds {key}"), todo))
        .collect();
    let store = &loaded.config.store.path;
    for (suffix, mode) in [("", "0600"), ("-wal", "0600"), (".media", "0700")] {
        let mut path = store.as_os_str().to_owned();
        path.push(suffix);
        let path = Path::new(&path);
        let todo = format!("chmod {mode} {}", path.display());
        findings.extend(judge(path, OTHERS, "holds what people wrote", todo));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            "files",
            "nobody else can read secrets or what people wrote",
        ));
    }
    findings
}

/// The files that secrets are in, each with one of its keys, and what to do where
/// more than their owner can read them. Only what systemd hands over may be
/// closed without a thought: of anything else the daemon may be but a member of
/// the group.
fn secrets(loaded: &Loaded) -> BTreeMap<PathBuf, (&'static str, String)> {
    let mut files = BTreeMap::new();
    for setting in loaded.config.settings() {
        if !matches!(setting.shown, Shown::SecretSet) {
            continue;
        }
        let key = setting.key;
        match loaded.origins.get(key) {
            Some(Origin::File { path, .. }) => {
                let todo = format!("move it to {key}_file or to the unit's credential");
                files.insert(path.clone(), (key, todo));
            }
            Some(Origin::SecretFile(path)) => {
                let todo = "move it to the unit's credential, which root alone can read";
                files.insert(path.clone(), (key, todo.to_owned()));
            }
            // The service's own copy is out of reach; this is what it is made of.
            Some(Origin::Credential(name)) => {
                let path = Path::new(CREDENTIALS).join(name);
                let todo = format!("chmod 0600 {}", path.display());
                files.insert(path, (key, todo));
            }
            // A variable is nobody's file.
            Some(Origin::Env(_) | Origin::Default) | None => {}
        }
    }
    files
}

fn judge(path: &Path, readers: u32, holds: &str, todo: String) -> Option<Finding> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    if mode & readers == 0 {
        return None;
    }
    let says = format!(
        "{} {holds} and can be read by others (mode {:04o})",
        path.display(),
        mode & 0o7777
    );
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
    use crate::config::{Config, Sources};

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
            let found = judge(&path, ANYBODY, "holds telegram.token", String::new());
            assert_eq!(found.map(|finding| finding.verdict), verdict, "{mode:o}");
        }
        let none = folder.path().join("none");
        assert_eq!(judge(&none, ANYBODY, "x", String::new()), None);
    }

    /// `chmod 0600` of what root owns and the daemon reads as a member of the
    /// group would lock the daemon out.
    #[test]
    fn a_file_that_the_daemon_reads_as_a_member_of_its_group_is_not_told_to_be_closed() {
        let folder = tempfile::TempDir::new().unwrap();
        let (config, key) = (folder.path().join("config.toml"), folder.path().join("key"));
        std::fs::write(&key, "key\n").unwrap();
        std::fs::write(
            &config,
            format!("[telegram]\ntoken = \"1:a\"\n[llm]\napi_key_file = {key:?}\n"),
        )
        .unwrap();
        for path in [&config, &key] {
            std::fs::set_permissions(path, Permissions::from_mode(0o640)).unwrap();
        }
        let survey = Config::survey(&Sources {
            file: Some(config),
            env: [("HOME".into(), "/h".into())].into_iter().collect(),
            ..Sources::default()
        });
        let found = look(&survey.loaded);
        assert_eq!(found.len(), 2, "{found:?}");
        for (finding, todo) in found.iter().zip(["telegram.token_file", "credential"]) {
            let told = finding.todo.as_deref().unwrap();
            assert!(told.contains(todo) && !told.contains("chmod"), "{told}");
        }
    }
}
