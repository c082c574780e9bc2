//! The webhook: Telegram calls, this server answers.
//!
//! Owns the listening socket, its connections and their limits. 200 means
//! stored; an authentic update is never answered 4xx, for Telegram would block
//! its chat with it for a day. Every wait on a client has a limit, and none of
//! them can delay a stop: hyper's graceful shutdown alone waits for ever on half
//! a request, so each connection is dropped when its time is over.
//!
//! **A stop.** Requests in flight finish storing within [`Limits::finish`]. A
//! live successor holds the same socket and accepts from then on; what still
//! arrives here on open connections is stored and answered 200 with
//! `Connection: close`. Without one a *doorman* answers 503 with `Retry-After:
//! 1`: refused connections would make Telegram wait ever longer. He stays to the
//! very end, for a successor may come, and may die.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::Accept;
use crate::config::Webhook as Config;
use crate::config::WebhookSecret;
use crate::domain::phase::Phase;
use crate::files;
use crate::pulse::Pulse;
use crate::shutdown::{Ended, Kind, Shutdown, Tasks};

mod connection;
mod desk;
mod guests;
mod listener;
mod seldom;
mod succession;
mod tls;

pub use desk::BODY_MAX;
pub use listener::Listener;
pub use succession::{bequeath, inherit};

use connection::{Connection, Stopping};
use desk::{Desk, Duty};
use guests::{Guests, Place};
use seldom::Seldom;
use tls::Identity;

/// How often the doorman asks whether a successor has come, or gone.
const LOOK: Duration = Duration::from_millis(100);

/// How many such looks a successor may be listed that holds the socket no more,
/// before it is taken for another one, which cannot ask for it.
const DESERTED: u32 = 10;

/// How long the loop rests when the system has no room for a connection.
const NO_ROOM: Duration = Duration::from_millis(100);

/// How much and how long the server puts up with its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time. When they are that many, the oldest one that has
    /// not shown the secret makes room for whoever knocks.
    pub connections: usize,
    /// From the first byte of a request (on a new connection: from accepting
    /// it) to the end of its head; also the TLS handshake.
    pub head: Duration,
    /// From the head to the end of the body.
    pub body: Duration,
    /// For storing; Telegram itself gives up after 60 s.
    pub store: Duration,
    /// Between two requests of a connection.
    pub idle: Duration,
    /// From the stop on, for one more request to come in on an open connection;
    /// only with a successor.
    pub late: Duration,
    /// After that, for requests in flight.
    pub finish: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Ten times what Telegram opens at most, but never so many that
            // the store and our own calls could find no file descriptor.
            connections: files::limit().div_euclid(2).min(1_024),
            head: Duration::from_secs(10),
            body: Duration::from_secs(10),
            store: Duration::from_secs(30),
            idle: Duration::from_secs(75),
            // A busy proxy sends another request within that time on each of its
            // connections; closing one just as a request leaves for it is the
            // one window that HTTP has.
            late: Duration::from_millis(900),
            finish: Duration::from_secs(1),
        }
    }
}

/// Why the server cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// `telegram.webhook.url` is missing.
    #[error("telegram.webhook.url is not set")]
    NoUrl,
    /// A file of `telegram.webhook.tls_cert` or `tls_key` cannot be read.
    #[error("failed to read {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file holds something else than it should, or the two do not belong
    /// together. The text never shows any of the key.
    #[error("failed to use the certificate of {}: {reason}", path.display())]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// The webhook server of one daemon.
#[derive(Debug)]
pub struct Webhook {
    path: String,
    secret: WebhookSecret,
    sink: Arc<dyn Accept>,
    identity: Option<Identity>,
    limits: Limits,
    shutdown: Shutdown,
    tasks: Tasks,
    pulse: Pulse,
}

impl Webhook {
    /// The server for the configured URL; reads the certificate, listens to
    /// nothing yet.
    ///
    /// # Errors
    /// See [`WebhookError`]; all of them are the operator's to repair.
    pub async fn new(
        config: &Config,
        secret: WebhookSecret,
        sink: Arc<dyn Accept>,
        shutdown: &Shutdown,
        tasks: &Tasks,
        pulse: &Pulse,
    ) -> Result<Self, WebhookError> {
        let url = config.url.as_ref().ok_or(WebhookError::NoUrl)?;
        let identity = match config.tls() {
            Some((cert, key)) => Some(Identity::load(cert, key).await?),
            None => None,
        };
        Ok(Self {
            path: url.path().to_owned(),
            secret,
            sink,
            identity,
            limits: Limits::default(),
            shutdown: shutdown.clone(),
            tasks: tasks.clone(),
            pulse: pulse.clone(),
        })
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Begins to serve. Ends by itself with the stop; everything it began of the
    /// kind [`Kind::Feeder`] ends within [`Limits::late`] and
    /// [`Limits::finish`], the doorman (of [`Kind::Ops`]) with
    /// [`Tasks::close`].
    pub fn start(self, listener: impl Into<Arc<Listener>>) -> JoinHandle<Ended<()>> {
        let server = Arc::new(Server::new(self));
        let listener = listener.into();
        let tasks = server.tasks.clone();
        tasks.keep(Kind::Feeder, "webhook", move || {
            Arc::clone(&server).serve(Arc::clone(&listener))
        })
    }
}

#[derive(Debug)]
struct Server {
    sink: Arc<dyn Accept>,
    feeder: Router,
    doorman: Router,
    identity: Option<Identity>,
    guests: Arc<Guests>,
    limits: Limits,
    shutdown: Shutdown,
    tasks: Tasks,
    no_room: Seldom,
}

impl Server {
    fn new(webhook: Webhook) -> Self {
        let Webhook {
            path,
            secret,
            sink,
            identity,
            limits,
            shutdown,
            tasks,
            pulse,
        } = webhook;
        let router = |duty| {
            Desk {
                duty,
                secret: secret.clone(),
                sink: Arc::clone(&sink),
                limits,
                shutdown: shutdown.clone(),
                pulse: pulse.clone(),
                wrong: Seldom::default(),
            }
            .router(&path)
        };
        Self {
            feeder: router(Duty::Stores),
            doorman: router(Duty::TurnsAway),
            sink,
            identity,
            guests: Guests::new(limits.connections),
            limits,
            shutdown,
            tasks,
            no_room: Seldom::default(),
        }
    }

    async fn serve(self: Arc<Self>, listener: Arc<Listener>) {
        let mut reload = self.shutdown.reload();
        loop {
            // Cancel safe: waiting for a place and accepting take nothing before
            // they are ready.
            tokio::select! {
                biased;
                () = self.shutdown.intake().cancelled() => break,
                Ok(()) = reload.changed() => self.renew().await,
                (stream, place) = self.next(&listener) => self.admit(stream, place),
            }
        }
        self.leave_doorman(listener);
    }

    /// The next connection, and the place that was free for it. Errors never
    /// end it.
    async fn next(&self, listener: &Listener) -> (TcpStream, Place) {
        let place = self.guests.place().await;
        loop {
            match listener.accept().await {
                Ok(stream) => return (stream, place),
                Err(error) if listener::is_of_the_client(&error) => {}
                Err(error) => {
                    if self.no_room.is_due() {
                        tracing::warn!(error = %error, "failed to accept a webhook connection; trying again");
                    }
                    sleep(NO_ROOM).await;
                }
            }
        }
    }

    fn admit(self: &Arc<Self>, stream: TcpStream, place: Place) {
        let guest = self.guests.enter(place);
        let connection = Connection {
            router: self.feeder.clone(),
            acceptor: self.identity.as_ref().map(Identity::acceptor),
            limits: self.limits,
        };
        let server = Arc::clone(self);
        self.tasks
            .spawn(Kind::Feeder, "webhook-connection", async move {
                let stop = async {
                    server.shutdown.intake().cancelled().await;
                    if server.sink.has_successor().await {
                        Stopping::AfterLateRequests
                    } else {
                        Stopping::Now
                    }
                };
                connection.run(stream, &guest, stop).await;
            });
    }

    fn leave_doorman(self: Arc<Self>, listener: Arc<Listener>) {
        let tasks = self.tasks.clone();
        let phase = self.shutdown.phase();
        // Detached on purpose: cut by the close.
        tasks.keep(Kind::Ops, "webhook-doorman", move || {
            let minding = Arc::clone(&self).mind(Arc::clone(&listener));
            let mut phase = phase.clone();
            async move {
                // Accepts nobody whom he could not answer any more: where the
                // service manager holds the socket, the next process does.
                tokio::select! {
                    biased;
                    _ = phase.wait_for(|phase| *phase >= Phase::Closing) => {}
                    () = minding => {}
                }
            }
        });
    }

    /// Answers 503 while there is no successor, and leaves the socket to one
    /// that is there.
    async fn mind(self: Arc<Self>, listener: Arc<Listener>) {
        let mut deserted = 0;
        loop {
            if !self.sink.has_successor().await {
                self.turn_away(&listener).await;
                deserted = 0;
            } else if listener.lives_on() {
                // Held on to: should the successor die, the next one can have
                // it, and connections wait in it until then.
                sleep(LOOK).await;
                deserted = 0;
            } else if listener.heirs().any_ever() && deserted < DESERTED {
                // It has died, which is seen here first.
                sleep(LOOK).await;
                deserted += 1;
            } else {
                // It asked before it was ready, or cannot (an older version):
                // then it binds the address, once that is free.
                return self.empty(&listener);
            }
        }
    }

    /// Answers one connection with 503, if one comes soon.
    async fn turn_away(self: &Arc<Self>, listener: &Listener) {
        // Cancel safe, as in `serve`.
        let Ok((stream, place)) = timeout(LOOK, self.next(listener)).await else {
            return;
        };
        let connection = Connection {
            router: self.doorman.clone(),
            acceptor: self.identity.as_ref().map(Identity::acceptor),
            limits: self.limits,
        };
        let guest = self.guests.enter(place);
        self.tasks.spawn(Kind::Doorman, "doorman", async move {
            connection.run(stream, &guest, std::future::pending()).await;
        });
    }

    /// Takes what the system has accepted for us, for the socket is closed next
    /// and would reset it.
    fn empty(self: &Arc<Self>, listener: &Listener) {
        while let Some(place) = self.guests.free_place() {
            let Some(stream) = listener.accept_now() else {
                return;
            };
            self.admit(stream, place);
        }
    }

    /// Reads certificate and key again; keeps the old ones when the new ones
    /// are not usable.
    async fn renew(&self) {
        let Some(identity) = &self.identity else {
            return;
        };
        match identity.renew().await {
            Ok(()) => tracing::info!("certificate of the webhook read again"),
            Err(error) => {
                let reason = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(error = %error, reason, "keeping the old certificate of the webhook");
            }
        }
    }
}
