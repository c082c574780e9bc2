//! The webhook's door: the server and the socket it listens with, which a
//! standby has before it says that it is ready.
//!
//! Where the address is taken, by the instance we are to succeed, its socket is
//! asked for, so that nobody ever closes it in a roll. Whoever cannot hand it
//! over (it hangs, or is an older version) is waited for.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Daemon, StartError};
use crate::intake::registration;
use crate::intake::webhook::{Listener, Webhook, bequeath, inherit};

/// Between two tries at an address that is taken: for a standby, and for the
/// one that holds the lease.
const AGAIN: Duration = Duration::from_secs(1);
const AGAIN_ACTIVE: Duration = Duration::from_millis(100);

/// The server, and its socket once there is one.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) server: Webhook,
    listener: Option<Arc<Listener>>,
    tried: Instant,
}

impl Door {
    /// Makes the server and looks for its socket; `None` when updates are
    /// polled for.
    pub(super) async fn of(daemon: &Daemon) -> Result<Option<Self>, StartError> {
        if !daemon.is_webhook() || daemon.shutdown.is_stopping() {
            return Ok(None);
        }
        let config = &daemon.config.telegram.webhook;
        let secret = registration::webhook_secret(config, daemon.bot, &*daemon.store).await?;
        let server = Webhook::new(
            config,
            secret,
            Arc::clone(&daemon.intake) as _,
            &daemon.shutdown,
            &daemon.tasks,
            &daemon.pulse,
        )
        .await?;
        let mut door = Self {
            server,
            listener: None,
            tried: Instant::now(),
        };
        let found = tokio::select! {
            found = find(daemon) => found,
            () = daemon.shutdown.intake().cancelled() => return Ok(None),
        };
        match found {
            Ok(listener) => door.have(daemon, listener),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                let address = config.listen;
                tracing::warn!(%address, "the webhook's address is taken; waiting for it");
            }
            Err(source) => {
                return Err(StartError::Listen {
                    key: "telegram.webhook.listen",
                    address: config.listen,
                    source,
                });
            }
        }
        Ok(Some(door))
    }

    /// Looks once more where there is no socket yet, but not too often.
    pub(super) async fn look_again(&mut self, daemon: &Daemon) {
        if self.listener.is_none() && self.tried.elapsed() >= AGAIN {
            self.look(daemon).await;
        }
    }

    /// Waits for the socket as long as it takes; `None` when the stop came
    /// first.
    pub(super) async fn open(&mut self, daemon: &Daemon) -> Option<Arc<Listener>> {
        loop {
            if let Some(listener) = &self.listener {
                return Some(Arc::clone(listener));
            }
            tokio::select! {
                () = daemon.shutdown.intake().cancelled() => return None,
                () = self.look(daemon) => {}
            }
            if self.listener.is_none() {
                tokio::select! {
                    () = daemon.shutdown.intake().cancelled() => return None,
                    () = sleep(AGAIN_ACTIVE) => {}
                }
            }
        }
    }

    async fn look(&mut self, daemon: &Daemon) {
        self.tried = Instant::now();
        match find(daemon).await {
            Ok(listener) => self.have(daemon, listener),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
            Err(error) => tracing::error!(%error, "failed to listen for the webhook; trying again"),
        }
    }

    fn have(&mut self, daemon: &Daemon, listener: Listener) {
        let listener = Arc::new(listener);
        if let Err(error) = bequeath(&listener, daemon.instance, &daemon.tasks) {
            tracing::warn!(%error, "a successor will have to wait for the webhook's address");
        }
        self.listener = Some(listener);
    }
}

/// The service manager's socket, else one of our own, else the predecessor's.
async fn find(daemon: &Daemon) -> std::io::Result<Listener> {
    let given = crate::ops::systemd::listeners()
        .map_err(|error| std::io::Error::other(error.to_string()))?
        .pop();
    if let Some((_, socket)) = given {
        return Listener::given(socket);
    }
    let address = daemon.config.telegram.webhook.listen;
    let taken = match Listener::bind(address).await {
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => error,
        done => return done,
    };
    let others = daemon.store.others(daemon.instance).await;
    for other in others.unwrap_or_default() {
        match inherit(other, address).await {
            Ok(listener) => {
                tracing::info!(%address, "listening beside the instance that serves the webhook");
                return Ok(listener);
            }
            Err(error) => tracing::debug!(%error, "an instance does not hand its socket over"),
        }
    }
    Err(taken)
}
