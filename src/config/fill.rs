//! The walker that fills a configuration from the layers and finds its
//! secrets, collecting every mistake instead of stopping at one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::kind::{Kind, Raw};
use super::layers::Layers;
use super::problem::{Origin, Problem, Warning, displayed};
use super::secret::{SecretSpec, SecretText};
use super::walk::{Apply, Key, Walk};

/// Fills what it walks over; what came from where stays in `origins`.
#[derive(Debug)]
pub(super) struct Fill<'a> {
    pub(super) layers: Layers,
    pub(super) env: &'a BTreeMap<String, OsString>,
    /// Where each value that is not a default came from.
    pub(super) origins: BTreeMap<Key, Origin>,
    /// Keys whose value was refused; their default stands in and says nothing.
    pub(super) refused: Vec<Key>,
}

impl Fill<'_> {
    fn refuse(&mut self, key: Key, problem: Problem) {
        self.refused.push(key);
        self.layers.problems.push(problem);
    }

    /// Where a secret is given, the strongest place first.
    fn places(&self, spec: &SecretSpec) -> Vec<(Origin, Place)> {
        let mut places = Vec::new();
        if let Some(value) = self.env.get(spec.env).filter(|value| !value.is_empty()) {
            let text = Place::Text(value.to_str().unwrap_or_default().to_owned());
            places.push((Origin::Env(spec.env.to_owned()), text));
        }
        if let Some(folder) = self.env.get("CREDENTIALS_DIRECTORY") {
            let path = Path::new(folder).join(spec.credential);
            if !is_absent(&path) {
                let origin = Origin::Credential(spec.credential.to_owned());
                places.push((origin, Place::File(path)));
            }
        }
        if let Some((raw, _)) = self.layers.values.get(spec.file_key) {
            let path = PathBuf::from(raw.text().unwrap_or_default());
            if !path.as_os_str().is_empty() {
                places.push((Origin::SecretFile(path.clone()), Place::File(path)));
            }
        }
        if let Some((raw, origin)) = self.layers.values.get(spec.key) {
            let text = raw.text().unwrap_or_default().to_owned();
            let unset = matches!(origin, Origin::Env(_)) && text.is_empty();
            if !unset {
                places.push((origin.clone(), Place::Text(text)));
            }
        }
        places
    }

    /// The secret's text, without the newline that editors and `echo` add.
    fn fetch(&mut self, spec: &SecretSpec, place: &Place) -> Result<String, Problem> {
        let text = match place {
            Place::Text(text) => text.clone(),
            Place::File(path) => {
                let read = read_small(path);
                read.map_err(|reason| Problem::Unreadable {
                    key: Some(spec.file_key),
                    path: path.display().to_string(),
                    reason,
                })?
            }
        };
        Ok(text.trim_end_matches(['\n', '\r']).to_owned())
    }

    /// Refuses a secret that others on this machine can read, wherever it stands
    /// but for a credential, which the service manager guards.
    fn refuse_if_exposed(&mut self, spec: &SecretSpec, origin: &Origin) {
        let (path, mend) = match origin {
            // Closing it would lock the daemon out where root owns it.
            Origin::File { path, .. } => (
                path,
                format!(
                    "move it to {} or to the systemd credential {}",
                    spec.file_key, spec.credential
                ),
            ),
            Origin::SecretFile(path) => (path, CLOSE.to_owned()),
            Origin::Default | Origin::Env(_) | Origin::Credential(_) => return,
        };
        if let Some(mode) = exposed(path) {
            let (key, path) = (spec.key, path.clone());
            let problem = Problem::Exposed {
                key,
                path,
                mode,
                mend,
            };
            self.refuse(key, problem);
        }
    }
}

/// What to do about a file of its own that holds a secret and is open to others.
pub(super) const CLOSE: &str = "chmod 600 it, if it is the daemon's user's; else make it root's \
                                and the group the daemon's (chown root:lastword), and chmod 640";

/// The mode of a file that holds a secret and that others than its owner can
/// read or change. A file of root's may be read by its group: how else would a
/// service get it that may not change it?
pub(super) fn exposed(path: &Path) -> Option<u32> {
    let about = std::fs::metadata(path)
        .ok()
        .filter(|about| about.is_file())?;
    let mode = about.permissions().mode() & 0o777;
    let closed_to = if about.uid() == 0 { 0o037 } else { 0o077 };
    (mode & closed_to != 0).then_some(mode)
}

#[derive(Debug)]
enum Place {
    Text(String),
    File(PathBuf),
}

/// Whether a credential is not given. A unit cannot leave one out that may be
/// absent: an empty line stands in for it. Anything else is worth an error when
/// it is read.
fn is_absent(path: &Path) -> bool {
    match std::fs::metadata(path) {
        Ok(about) if about.len() <= 2 => {
            std::fs::read(path).is_ok_and(|bytes| bytes.trim_ascii().is_empty())
        }
        Ok(_) => false,
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

/// The largest file that can hold a secret, in bytes.
const SECRET_MAX: u64 = 64 * 1024;

fn read_small(path: &Path) -> Result<String, String> {
    let about = std::fs::metadata(path).map_err(|e| e.to_string())?;
    // A pipe would block the start; process substitution (`/dev/fd/63`) is one.
    if !about.is_file() {
        return Err("not a plain file".to_owned());
    }
    if about.len() > SECRET_MAX {
        return Err("too large to be a secret".to_owned());
    }
    std::fs::read_to_string(path).map_err(|e| e.to_string())
}

impl Walk for Fill<'_> {
    fn knob<T, K>(&mut self, key: Key, _: Apply, field: &mut T, kind: K)
    where
        T: Clone + PartialEq + 'static,
        K: Kind<T>,
    {
        let Some((raw, at)) = self.layers.values.remove(key) else {
            return;
        };
        if let Some(value) = kind.parse(&raw) {
            *field = value;
            self.origins.insert(key, at);
        } else {
            let problem = Problem::Value {
                key,
                value: displayed(&raw),
                allowed: kind.allowed(),
                at,
            };
            self.refuse(key, problem);
        }
    }

    fn secret<T: SecretText>(&mut self, spec: &'static SecretSpec, field: &mut Option<T>) {
        let file_raw = self.layers.values.get(spec.file_key);
        if let Some((raw @ Raw::Toml(value), at)) = file_raw
            && value.as_str().is_none_or(|path| path.trim().is_empty())
        {
            let problem = Problem::Value {
                key: spec.file_key,
                value: displayed(raw),
                allowed: "the path of a file".to_owned(),
                at: at.clone(),
            };
            self.refuse(spec.key, problem);
            return;
        }
        let mut places = self.places(spec).into_iter();
        let Some((origin, place)) = places.next() else {
            return;
        };
        for (ignored, _) in places {
            self.layers.warnings.push(Warning::SeveralSources {
                key: spec.key,
                used: origin.clone(),
                ignored,
            });
        }
        if let Origin::File { .. } = &origin {
            self.layers.warnings.push(Warning::SecretInFile {
                key: spec.key,
                at: origin.clone(),
                instead: spec.file_key,
            });
        }
        self.refuse_if_exposed(spec, &origin);
        match self.fetch(spec, &place) {
            Ok(text) => match T::check(&text) {
                Some(secret) => {
                    *field = Some(secret);
                    self.origins.insert(spec.key, origin);
                }
                None => self.refuse(
                    spec.key,
                    Problem::Value {
                        key: spec.key,
                        value: if text.is_empty() { "\"\"" } else { "(hidden)" }.to_owned(),
                        allowed: spec.allowed.to_owned(),
                        at: origin,
                    },
                ),
            },
            Err(problem) => self.refuse(spec.key, problem),
        }
    }
}
