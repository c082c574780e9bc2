//! Asks the daemon how it is: its operator's endpoints `/readyz` and `/turns`,
//! often while something is under way, seldom otherwise.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::timeout;

use super::ledger::{Ledger, Turn};
use super::supervisor::Daemon;

/// Between two looks while something is under way, and when nothing is.
const BUSY: Duration = Duration::from_millis(150);
const IDLE: Duration = Duration::from_millis(700);

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(1);

/// More is no answer of ours.
const LIMIT: usize = 4 << 20;

/// What the daemon says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Health {
    /// Whether it takes messages.
    pub(super) ready: bool,
    /// `active` or `standby`.
    pub(super) role: String,
    /// Where it is in its life.
    pub(super) phase: String,
}

#[derive(Debug, Deserialize)]
struct Turns {
    turns: Vec<Turn>,
}

/// The one that asks.
#[derive(Debug)]
pub(super) struct Watcher {
    daemon: Daemon,
    ledger: Arc<Ledger>,
    health: watch::Sender<Option<Health>>,
    client: Option<Client>,
}

impl Watcher {
    /// A watcher and what it sees; `None` while nobody answers.
    pub(super) fn new(
        daemon: Daemon,
        ledger: Arc<Ledger>,
    ) -> (Self, watch::Receiver<Option<Health>>) {
        let (health, seen) = watch::channel(None);
        let watcher = Self {
            daemon,
            ledger,
            health,
            client: client(),
        };
        (watcher, seen)
    }

    /// Asks for ever.
    ///
    /// # Cancel safety
    /// Safe: it only looks.
    pub(super) async fn run(mut self) {
        loop {
            let ops = self.daemon.sight.borrow_and_update().ops;
            let health = match ops {
                Some(ops) => self.ask(ops).await,
                None => None,
            };
            let calm = health.as_ref().is_some_and(|health| health.ready) && !self.ledger.is_busy();
            self.health.send_if_modified(|seen| {
                let changed = *seen != health;
                *seen = health;
                changed
            });
            tokio::time::sleep(BUSY).await;
            if calm {
                let mut ledger = self.ledger.watch();
                let something = async {
                    // Both only wait for news; what they miss is seen at the
                    // next look.
                    tokio::select! {
                        _ = ledger.changed() => {}
                        _ = self.daemon.sight.changed() => {}
                    }
                };
                let _ = timeout(IDLE, something).await;
            }
        }
    }

    async fn ask(&self, ops: SocketAddr) -> Option<Health> {
        let client = self.client.as_ref()?;
        let health = get::<Health>(client, ops, "readyz").await?;
        if let Some(Turns { turns }) = get(client, ops, "turns").await {
            self.ledger.heard(&turns);
        }
        Some(health)
    }
}

/// For loopback. Without one the page shows no states, and works.
fn client() -> Option<Client> {
    let loopback = Url::parse("http://127.0.0.1").ok()?;
    crate::http::builder(&loopback).build().ok()
}

/// One answer, whatever its status; `None` when there is none in time.
async fn get<T: DeserializeOwned>(client: &Client, ops: SocketAddr, path: &str) -> Option<T> {
    let url = Url::parse(&format!("http://{ops}/{path}")).ok()?;
    let body = timeout(ANSWER, async {
        let response = client.get(url).send().await.ok()?;
        crate::http::read_body(response, LIMIT).await.ok()
    });
    serde_json::from_slice(&body.await.ok()??).ok()
}
