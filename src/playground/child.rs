//! How the daemon is started: the program itself with `run` and an environment
//! of its own, so that neither the person's tokens nor a `config.toml` nearby
//! reach it. Owns the folder of its store.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::process::Command;

use super::supervisor::{Prepared, Recipe};
use crate::shutdown::parent;

/// The person's settings that the daemon may see: how it talks and to which
/// model. Everything else named like ours is taken away.
const PASSED: [&str; 3] = ["LASTWORD_CHAT__", "LASTWORD_LLM__", "LASTWORD_REPLY__"];

/// Taken away whatever they say: other bots, other managers.
const TAKEN: [&str; 11] = [
    "LASTWORD_",
    "OPS_CONSOLE_TOKEN",
    "TRANSCRIPTION_",
    "TELEGRAM_",
    "OPENROUTER_",
    "CREDENTIALS_DIRECTORY",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LISTEN_",
    "NOTIFY_SOCKET",
    "STATE_DIRECTORY",
];

/// Which model answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Model {
    /// The stand-in.
    Offline,
    /// The real one: there is a key in the environment.
    OpenRouter,
}

impl Model {
    pub(super) fn of_environment() -> Self {
        match std::env::var_os("OPENROUTER_API_KEY") {
            Some(key) if !key.is_empty() => Self::OpenRouter,
            _ => Self::Offline,
        }
    }
}

/// Where the stand-ins listen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Addresses {
    pub(super) bot_api: SocketAddr,
    pub(super) model: SocketAddr,
}

/// How to start the daemon, each time at the same port for its operator's
/// endpoints as long as that is free: so a console that is open finds the next
/// one by itself.
pub(super) fn recipe(
    program: PathBuf,
    folder: PathBuf,
    token: String,
    addresses: Addresses,
    model: Model,
) -> Recipe {
    let last = AtomicU16::new(0);
    Box::new(move || {
        let ops = free_port(last.load(Ordering::Relaxed)).or_else(|_| free_port(0))?;
        last.store(ops.port(), Ordering::Relaxed);
        let mut command = Command::new(&program);
        command.arg("run").current_dir(&folder);
        for (name, _) in std::env::vars_os() {
            if is_taken(&name, model) {
                command.env_remove(name);
            }
        }
        command
            // We hold the other end of its standard input and never write, so
            // that even a `kill -9` of the playground ends it.
            .env(parent::VARIABLE, "1")
            .env("TELEGRAM_BOT_TOKEN", &token)
            .env(
                "LASTWORD_TELEGRAM__API_URL",
                format!("http://{}", addresses.bot_api),
            )
            .env("LASTWORD_STORE__PATH", folder.join("lastword.db"))
            .env("LASTWORD_OPS__LISTEN", ops.to_string())
            .env("LASTWORD_ACCESS__MODE", "open")
            .env("LASTWORD_LOG__FORMAT", "text")
            .env("LASTWORD_CONFIG", folder.join("config.toml"));
        if model == Model::Offline {
            command.env(
                "LASTWORD_LLM__BASE_URL",
                format!("http://{}/v1", addresses.model),
            );
            command.env(
                "LASTWORD_MEDIA__TRANSCRIPTION_URL",
                format!("http://{}/v1", addresses.model),
            );
        }
        Ok(Prepared { command, ops })
    })
}

fn is_taken(name: &OsString, model: Model) -> bool {
    // A name that is not text is none of ours.
    let Some(name) = name.to_str() else {
        return false;
    };
    if model == Model::OpenRouter && name == "OPENROUTER_API_KEY" {
        return false;
    }
    let begins = |prefix: &&str| name.starts_with(*prefix);
    TAKEN.iter().any(begins) && !PASSED.iter().any(begins)
}

/// A port that nobody uses now. Another program may take it before the daemon
/// does; then the daemon ends and is started again with another.
/// With `wanted`: that one, if it is free.
fn free_port(wanted: u16) -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, wanted))?.local_addr()
}

/// The folder of the store; a temporary one is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    temporary: bool,
    life: u32,
}

impl Folder {
    /// Opens the given folder, or makes a temporary one for this user only.
    ///
    /// # Errors
    /// The folder and why it cannot be used.
    pub(super) fn open(keep: Option<&Path>) -> Result<Self, (PathBuf, io::Error)> {
        let temporary = keep.is_none();
        let path = keep.map_or_else(
            || {
                std::env::temp_dir().join(format!(
                    "lastword-playground-{:016x}",
                    rand::random::<u64>()
                ))
            },
            Path::to_owned,
        );
        match Self::prepare(&path, temporary) {
            Ok((path, life)) => Ok(Self {
                path,
                temporary,
                life,
            }),
            Err(error) => Err((path, error)),
        }
    }

    fn prepare(path: &Path, temporary: bool) -> io::Result<(PathBuf, u32)> {
        // A temporary folder must be new: somebody else may have put a link
        // where it is to be.
        DirBuilder::new()
            .recursive(!temporary)
            .mode(0o700)
            .create(path)?;
        let path = path.canonicalize()?;
        // Empty on purpose: the daemon reads this one and looks for no other.
        fs::write(path.join("config.toml"), "")?;
        let counter = path.join("lives");
        let life = match fs::read_to_string(&counter) {
            Ok(text) => text.trim().parse().unwrap_or(0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        fs::write(&counter, format!("{}\n", life + 1))?;
        Ok((path, life))
    }

    /// Absolute.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How many playgrounds used this folder before.
    pub(super) fn life(&self) -> u32 {
        self.life
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary {
            // Left-overs in the system's temporary folder are the system's.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_daemon_sees_no_token_and_no_setting_of_the_person_but_those_of_its_talk() {
        for (name, offline, real) in [
            ("TELEGRAM_BOT_TOKEN", true, true),
            ("LASTWORD_STORE__PATH", true, true),
            ("OPENROUTER_API_KEY", true, false),
            ("NOTIFY_SOCKET", true, true),
            ("LASTWORD_CHAT__QUIET_PERIOD", false, false),
            ("LASTWORD_LLM__MODEL", false, false),
            ("PATH", false, false),
        ] {
            assert_eq!(is_taken(&name.into(), Model::Offline), offline, "{name}");
            assert_eq!(is_taken(&name.into(), Model::OpenRouter), real, "{name}");
        }
    }

    #[test]
    fn a_temporary_folder_is_private_and_gone_afterwards_and_a_kept_one_counts_its_lives() {
        use std::os::unix::fs::PermissionsExt;
        let folder = Folder::open(None).unwrap();
        let path = folder.path().to_owned();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(folder.life(), 0);
        for life in 0..2 {
            let kept = Folder::open(Some(&path.join("kept"))).unwrap();
            assert_eq!(kept.life(), life);
        }
        assert!(path.join("kept").exists());
        drop(folder);
        assert!(!path.exists());
    }
}
