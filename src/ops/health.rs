//! The endpoints of `ops.listen`: `/livez`, `/readyz`, `/metrics`, `/turns`.
//!
//! They answer to the very end of a drain, each within a bound of its own, and
//! show states and ages but never a text, a prompt or a name. What they need of
//! the store comes through [`Books`].

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};

use super::console::Console;
use super::gauges::{self, Gauges};
use super::server;
use crate::domain::phase::Phase;
use crate::pulse::{Listener, Organ, Pulse};
use crate::shutdown::Shutdown;
use crate::store::Availability;

/// How long `/turns` may wait for the store.
const BOOKS: Duration = Duration::from_secs(2);

/// No organ needs longer for one thing; `/livez` looks no more often than this,
/// however often it is asked.
const PATIENCE: Duration = Duration::from_secs(15);

/// What the endpoints may know of the books.
#[async_trait]
pub trait Books: Debug + Send + Sync + 'static {
    /// The open turns and those settled lately, oldest first, at most a few
    /// hundred.
    ///
    /// # Errors
    /// A short reason without texts or secrets when the store does not answer.
    async fn turns(&self) -> Result<Turns, String>;

    /// How much is open, for the gauges.
    ///
    /// # Errors
    /// As [`Books::turns`].
    async fn depths(&self) -> Result<Depths, String>;

    /// Whether this instance has the lease.
    fn role(&self) -> Role;

    /// Whether the store takes what is written.
    fn store(&self) -> Availability;
}

/// How much is open in the store. States that nothing is in may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Depths {
    /// Unsettled turns in each state.
    pub turns: BTreeMap<&'static str, u64>,
    /// Open parts of the outbox in each state.
    pub parts: BTreeMap<&'static str, u64>,
    /// The age of the oldest turn that has no answer yet.
    pub oldest: Option<Duration>,
    /// Whether an operator lets no turn begin.
    pub paused: bool,
}

/// Who has the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// This instance.
    Active,
    /// Another one; this one takes over when that one goes.
    Standby,
}

impl Role {
    /// The word in the status and in the line of a start.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Standby => "standby",
        }
    }
}

/// The body of `/turns`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turns {
    /// How many turns are in each state, the settled ones by outcome.
    pub counts: BTreeMap<String, u64>,
    /// The turns themselves.
    pub turns: Vec<Turn>,
}

/// One turn, without a word of what was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Its number.
    pub turn: i64,
    /// The chat.
    pub chat: i64,
    /// Telegram's ids of the messages it answers.
    pub messages: Vec<i64>,
    /// `gathering`, `sealed`, `claimed`, `answered` or an outcome.
    pub state: String,
    /// Since its first message was accepted.
    pub age_ms: u64,
    /// How many parts are in each state.
    pub parts: BTreeMap<String, u64>,
}

/// What the endpoints share.
#[derive(Debug, Clone)]
pub struct Ops {
    shutdown: Shutdown,
    books: Arc<dyn Books>,
    metrics: PrometheusHandle,
    gauges: Gauges,
    looks: Arc<Mutex<Looks>>,
    console: Option<Console>,
}

#[derive(Debug)]
struct Looks {
    listener: Listener,
    next: Option<Instant>,
    stuck: Vec<Organ>,
}

impl Ops {
    /// The endpoints of one daemon.
    #[must_use]
    pub fn new(
        shutdown: &Shutdown,
        pulse: &Pulse,
        metrics: PrometheusHandle,
        gauges: Gauges,
        books: Arc<dyn Books>,
    ) -> Self {
        Self {
            shutdown: shutdown.clone(),
            books,
            metrics,
            gauges,
            looks: Arc::new(Mutex::new(Looks {
                listener: Listener::new(pulse),
                next: None,
                stuck: Vec::new(),
            })),
            console: None,
        }
    }

    /// With the console beside them, where there is one.
    #[must_use]
    pub fn with_console(self, console: Option<Console>) -> Self {
        Self { console, ..self }
    }

    /// The routes.
    pub fn router(mut self) -> Router {
        let console = self.console.take().map(Console::router);
        let router = Router::new()
            .route("/livez", get(livez))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .route("/turns", get(turns))
            .with_state(self);
        router.merge(console.unwrap_or_default())
    }

    fn readiness(&self) -> Ready {
        let phase = *self.shutdown.phase().borrow();
        // The token is cancelled before the phase moves; red from the first signal.
        let works =
            matches!(phase, Phase::Standby | Phase::Running) && !self.shutdown.is_stopping();
        let store = self.books.store();
        Ready {
            // Nothing is confirmed meanwhile; it comes back by itself, so `/livez`
            // says nothing of it: a restart would not help.
            ready: works && store == Availability::Available,
            role: self.books.role(),
            phase,
            store,
        }
    }

    fn stuck(&self) -> Vec<Organ> {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if looks.next.is_none_or(|next| now >= next) {
            looks.stuck = looks.listener.stuck();
            looks.next = Some(now + PATIENCE);
        }
        looks.stuck.clone()
    }
}

/// Serves `ops` until dropped (the kind `Ops` is cut by the close): no request
/// can delay the exit.
///
/// # Errors
/// When the listener breaks.
pub async fn serve(listener: TcpListener, ops: Ops) -> io::Result<()> {
    let tasks = ops.gauges.tasks.clone();
    server::serve(listener, ops.router(), &tasks).await
}

#[derive(Debug, Serialize)]
struct Live {
    live: bool,
    stuck: Vec<Organ>,
}

async fn livez(State(ops): State<Ops>) -> Response {
    let stuck = ops.stuck();
    let live = stuck.is_empty();
    (status(live), Json(Live { live, stuck })).into_response()
}

#[derive(Debug, Serialize)]
struct Ready {
    ready: bool,
    role: Role,
    phase: Phase,
    store: Availability,
}

async fn readyz(State(ops): State<Ops>) -> Response {
    let answer = ops.readiness();
    (status(answer.ready), Json(answer)).into_response()
}

async fn metrics(State(ops): State<Ops>) -> Response {
    let now = ops.readiness();
    ops.gauges.read(now.phase, now.role, now.ready);
    // Without the store the rest is told all the same.
    if let Ok(Ok(depths)) = timeout(BOOKS, ops.books.depths()).await {
        gauges::show(&depths);
    }
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], ops.metrics.render()).into_response()
}

async fn turns(State(ops): State<Ops>) -> Response {
    let reason = match timeout(BOOKS, ops.books.turns()).await {
        Ok(Ok(turns)) => return Json(turns).into_response(),
        Ok(Err(reason)) => reason,
        Err(_) => "the store did not answer in time".to_owned(),
    };
    (
        StatusCode::SERVICE_UNAVAILABLE,
        Json(Failure { error: reason }),
    )
        .into_response()
}

#[derive(Debug, Serialize)]
struct Failure {
    error: String,
}

fn status(good: bool) -> StatusCode {
    if good {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}
