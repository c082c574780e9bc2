//! The daemon's side of the control socket.

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::address::{self, Address};
use super::{Answer, Ask, LONGEST, Told};
use crate::ops::helm::Helm;
use crate::shutdown::{Kind, Tasks};
use crate::store::StoreError;

/// Who may talk at a time; one more is turned away.
const GUESTS: usize = 32;

/// How long a guest may be silent, and how long one answer may take to go out.
const IDLE: Duration = Duration::from_secs(60);
const WRITE: Duration = Duration::from_secs(5);

/// How long a deed may take: the store may be away.
const DEED: Duration = Duration::from_secs(10);

/// Between two words about a drain.
const LEFT: Duration = Duration::from_secs(1);

/// How long the end waits for those who want to hear the report.
const PARTING: Duration = Duration::from_millis(200);

/// The report of the drain, for those who wait for it. Clones are the same.
#[derive(Debug, Clone)]
pub struct Farewell(Arc<watch::Sender<Option<Value>>>);

impl Default for Farewell {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl Farewell {
    /// Tells it to whoever waits for it, for a moment only.
    pub async fn say(&self, report: Value) {
        self.0.send_replace(Some(report));
        // They drop their end once they have heard.
        let _ = timeout(PARTING, self.0.closed()).await;
    }
}

/// Serves the helm at a socket of this name until dropped (the kind `Ops` is cut
/// by the close). `living` names the instances that live, whose sockets stay.
///
/// # Errors
/// When the socket cannot be made.
pub async fn serve(
    folder: &Path,
    name: &str,
    living: BTreeSet<String>,
    helm: Arc<dyn Helm>,
    farewell: Farewell,
    tasks: &Tasks,
) -> io::Result<()> {
    address::make(folder)?;
    sweep(folder, name, &living);
    let place = Address::of(folder, name)?;
    // One of this name is of an earlier try of this very process.
    let _ = std::fs::remove_file(place.path());
    let listener = UnixListener::bind(place.path())?;
    let _swept = Swept(&place);
    std::fs::set_permissions(place.path(), Permissions::from_mode(0o600))?;
    let seats = Arc::new(Semaphore::new(GUESTS));
    loop {
        let (stream, _) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "failed to accept a control connection");
                sleep(Duration::from_millis(200)).await;
                continue;
            }
        };
        let Ok(seat) = Arc::clone(&seats).try_acquire_owned() else {
            continue;
        };
        let guest = Guest {
            helm: Arc::clone(&helm),
            farewell: farewell.clone(),
        };
        tasks.spawn(Kind::Ops, "control", async move {
            // Whoever hangs up is not waited for.
            let _ = guest.listen(stream).await;
            drop(seat);
        });
    }
}

/// Takes the socket away again.
struct Swept<'a>(&'a Address);

impl Drop for Swept<'_> {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.0.path());
    }
}

/// Takes away what the dead have left. One whose instance lives is never
/// touched, nor is one at which somebody listens.
fn sweep(folder: &Path, me: &str, living: &BTreeSet<String>) {
    let Ok(names) = address::names(folder) else {
        return;
    };
    for name in names {
        if name == me || living.contains(&name) {
            continue;
        }
        let Ok(place) = Address::of(folder, &name) else {
            continue;
        };
        let refused = std::os::unix::net::UnixStream::connect(place.path())
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
        if refused {
            let _ = std::fs::remove_file(place.path());
        }
    }
}

struct Guest {
    helm: Arc<dyn Helm>,
    farewell: Farewell,
}

impl Guest {
    async fn listen(&self, stream: UnixStream) -> io::Result<()> {
        let (read, mut write) = stream.into_split();
        let mut read = BufReader::new(read);
        loop {
            let mut line = Vec::new();
            let mut bounded = (&mut read).take(LONGEST);
            timeout(IDLE, bounded.read_until(b'\n', &mut line)).await??;
            if line.last() != Some(&b'\n') {
                return Ok(());
            }
            match serde_json::from_slice(&line) {
                Ok(Ask::Drain) => return self.drain(&mut write).await,
                Ok(ask) => say(&mut write, &self.answer(ask).await).await?,
                Err(_) => {
                    let words = format!(
                        "this daemon (version {}) does not know what is asked of it",
                        env!("CARGO_PKG_VERSION")
                    );
                    say(&mut write, &Answer::Error(words)).await?;
                }
            }
        }
    }

    async fn answer(&self, ask: Ask) -> Answer {
        let told = match ask {
            Ask::Status => return Answer::Status(Box::new(self.helm.status().await)),
            Ask::Drain => return Answer::Error("it is draining".to_owned()),
            Ask::Cancel { turn } => {
                let cancelled = timeout(DEED, self.helm.cancel(turn)).await;
                cancelled.map(|done| done.map(|became| Told::of_cancel(turn, became)))
            }
            Ask::Replay { turn } => {
                let replayed = timeout(DEED, self.helm.replay(turn)).await;
                replayed.map(|done| done.map(|became| Told::of_replay(turn, became)))
            }
            Ask::Pause { reason } => {
                let paused = timeout(DEED, self.helm.pause(reason)).await;
                paused.map(|done| done.map(|paused| Told::of_pause(&paused)))
            }
            Ask::Resume => {
                let resumed = timeout(DEED, self.helm.resume()).await;
                resumed.map(|done| done.map(|ended| Told::of_resume(ended.as_ref())))
            }
        };
        match told {
            Ok(Ok(told)) => Answer::Told(told),
            Ok(Err(error)) => Answer::Error(reason(&error)),
            Err(_) => Answer::Error("the store did not answer in time".to_owned()),
        }
    }

    /// Asks for the end and tells what is left until it is there.
    async fn drain(&self, write: &mut (impl AsyncWriteExt + Unpin)) -> io::Result<()> {
        let mut farewell = self.farewell.0.subscribe();
        self.helm.drain();
        loop {
            let heard = match timeout(LEFT, farewell.wait_for(Option::is_some)).await {
                Ok(Ok(report)) => report.clone(),
                Ok(Err(_)) | Err(_) => None,
            };
            if let Some(report) = heard {
                return say(write, &Answer::Report(report)).await;
            }
            if let Some(left) = self.helm.status().await.drain {
                say(write, &Answer::Left(left)).await?;
            }
        }
    }
}

fn reason(error: &StoreError) -> String {
    format!("the store did not take it: {error}")
}

async fn say(write: &mut (impl AsyncWriteExt + Unpin), answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer).map_err(io::Error::other)?;
    line.push(b'\n');
    timeout(WRITE, write.write_all(&line)).await?
}
