//! The operator's side of the control socket.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::address::{self, Address};
use super::{Answer, Ask, LONGEST};

/// How long a daemon may take to answer: longer than any of its own bounds.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why a daemon was not heard.
#[derive(Debug, thiserror::Error)]
pub enum Unheard {
    /// It may be there, but we may not talk to it.
    #[error("cannot tell whether one runs: ask as the daemon's user or as root")]
    Forbidden,
    /// It is there and does not answer.
    #[error("the daemon does not answer: it hangs, or is being stopped")]
    Silent,
    /// It ended.
    #[error("the daemon hung up")]
    HungUp,
    /// What it says is not understood.
    #[error("the daemon's answer is not understood: it is of another version")]
    Foreign,
    /// Something else.
    #[error("failed to talk to the daemon: {0}")]
    Io(io::Error),
}

impl From<io::Error> for Unheard {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied => Self::Forbidden,
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Self::HungUp,
            _ => Self::Io(error),
        }
    }
}

/// A connection to one running daemon.
#[derive(Debug)]
pub struct Line {
    /// Its instance.
    pub instance: String,
    stream: BufReader<UnixStream>,
}

/// Connects with every daemon that listens in this folder; none is no error.
///
/// # Errors
/// [`Unheard::Forbidden`] where nothing is heard only because we may not.
pub async fn lines(folder: &Path) -> Result<Vec<Line>, Unheard> {
    let names = match address::names(folder) {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let (mut lines, mut trouble) = (Vec::new(), None);
    for name in names {
        let Ok(place) = Address::of(folder, &name) else {
            continue;
        };
        match timeout(PATIENCE, UnixStream::connect(place.path())).await {
            Ok(Ok(stream)) => lines.push(Line {
                instance: name,
                stream: BufReader::new(stream),
            }),
            // Of a dead one, or it went a moment ago.
            Ok(Err(error))
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound
                ) => {}
            Ok(Err(error)) => trouble = Some(error.into()),
            Err(_) => trouble = Some(Unheard::Silent),
        }
    }
    match trouble {
        Some(trouble) if lines.is_empty() => Err(trouble),
        _ => Ok(lines),
    }
}

impl Line {
    /// Asks something and hears the (first) answer.
    ///
    /// # Errors
    /// [`Unheard`].
    pub async fn ask(&mut self, ask: &Ask) -> Result<Answer, Unheard> {
        let mut line = serde_json::to_vec(ask).map_err(io::Error::other)?;
        line.push(b'\n');
        match timeout(PATIENCE, self.stream.get_mut().write_all(&line)).await {
            Ok(written) => written?,
            Err(_) => return Err(Unheard::Silent),
        }
        self.hear().await
    }

    /// Hears the next answer.
    ///
    /// # Errors
    /// [`Unheard`].
    pub async fn hear(&mut self) -> Result<Answer, Unheard> {
        let mut line = Vec::new();
        let mut bounded = (&mut self.stream).take(LONGEST);
        match timeout(PATIENCE, bounded.read_until(b'\n', &mut line)).await {
            Ok(read) => read?,
            Err(_) => return Err(Unheard::Silent),
        };
        if line.is_empty() {
            return Err(Unheard::HungUp);
        }
        serde_json::from_slice(&line).map_err(|_| Unheard::Foreign)
    }
}
