//! The token that opens the console, where the operator gave none.
//!
//! Made once, at the first start, in a file beside the store that only this
//! user can read; every later start, and another instance, finds it there. The
//! file appears whole or not at all. Its text is never logged, only its path.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng as _;

use crate::config::ConsoleToken;

/// The name of the file.
pub const FILE: &str = "console-token";

/// Larger files hold something else.
const LARGEST: u64 = 4_096;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It cannot be read or made.
    #[error("failed to use {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others than its owner could use it.
    #[error("{} is open to others than its owner; chmod 600 it, or delete it and start again", path.display())]
    Public {
        /// The file.
        path: PathBuf,
    },
    /// It holds something else.
    #[error("{} does not hold a token; delete it and start again", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
    },
}

/// Where the token of the store at `store` is.
#[must_use]
pub fn beside(store: &Path) -> PathBuf {
    store.with_file_name(FILE)
}

/// Reads the token at `path`, and makes it when there is none.
///
/// # Errors
/// [`TokenError`]; nothing was made then.
pub fn find_or_make(path: &Path) -> Result<ConsoleToken, TokenError> {
    let fault = |source| TokenError::File {
        path: path.to_owned(),
        source,
    };
    match File::open(path) {
        Ok(file) => return read(path, file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(fault(error)),
    }
    make(path).map_err(fault)?;
    // Another instance may have been faster: what is there counts.
    read(path, File::open(path).map_err(fault)?)
}

fn read(path: &Path, file: File) -> Result<ConsoleToken, TokenError> {
    let path = path.to_owned();
    let about = match file.metadata() {
        Ok(about) => about,
        Err(source) => return Err(TokenError::File { path, source }),
    };
    if about.permissions().mode() & 0o077 != 0 {
        return Err(TokenError::Public { path });
    }
    let mut text = String::new();
    if let Err(source) = file.take(LARGEST).read_to_string(&mut text) {
        return Err(TokenError::File { path, source });
    }
    ConsoleToken::parse(text.trim_end()).ok_or(TokenError::Unusable { path })
}

fn make(path: &Path) -> io::Result<()> {
    let text = URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 24]>());
    let name = format!("{FILE}.{:016x}", rand::rng().random::<u64>());
    let unfinished = path.with_file_name(name);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)
        .and_then(|mut file| {
            file.write_all(format!("{text}\n").as_bytes())?;
            file.sync_all()
        })
        // A link never replaces what another instance has made meanwhile.
        .and_then(|()| match fs::hard_link(&unfinished, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        });
    let _ = fs::remove_file(&unfinished);
    written?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_once_for_this_user_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = beside(&folder.path().join("lastword.db"));
        let first = find_or_make(&path).unwrap();
        assert_eq!(find_or_make(&path).unwrap(), first);
        assert!(first.expose().len() >= 32);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn instances_that_start_together_agree_on_one_token() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let tokens: Vec<_> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| find_or_make(&path)))
                .collect();
            let all = all.into_iter().map(|one| one.join().unwrap().unwrap());
            all.collect()
        });
        assert!(tokens.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn a_token_that_others_can_read_or_that_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        find_or_make(&path).unwrap();
        for mode in [0o644, 0o640, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let refused = find_or_make(&path).unwrap_err();
            assert!(refused.to_string().contains("chmod 600"), "{refused}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "short").unwrap();
        let refused = find_or_make(&path).unwrap_err();
        assert!(!refused.to_string().contains("short"), "{refused}");
    }
}
