//! The console: one page that shows turns on their way, and lets an operator
//! act on them.
//!
//! Owns its routes, who may use them and what the headers say; what is shown is
//! drawn in the files beside, from a [`Picture`] that a [`Scene`] gives. It asks
//! nothing of the world: everything is embedded, as the policy says. It may
//! never delay the exit: its streams end when the store is about to be closed,
//! and nobody waits for its connections.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::{DefaultBodyLimit, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use serde_json::json;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::timeout;

use crate::clock::{Clock, Millis};
use crate::config::ConsoleToken;
use crate::shutdown::Shutdown;

mod guard;
pub mod latency;
mod organs;
mod page;
pub mod picture;
mod plot;
pub mod scene;
mod sections;
mod sessions;
mod stream;
pub mod token;
mod wish;
mod words;

use guard::{cookie, guard, is_ours, set_cookie};
pub use picture::Picture;
use sessions::{LASTS, Login, Sessions};
use stream::Shot;
pub use wish::Wish;

/// A token, or a wish with its reason.
const BODY_LIMIT: usize = 4 * 1024;

/// Windows that may watch at a time.
pub const STREAMS: usize = 64;

/// How long an action may wait for the store.
const ACT: Duration = Duration::from_secs(5);

/// How long the store may take to tell or keep who is logged in.
const KEEP: Duration = Duration::from_secs(2);

/// What the console shows and moves.
#[async_trait]
pub trait Scene: Debug + Send + Sync + 'static {
    /// How everything is now. Comes within a few seconds also when the store
    /// does not answer; then it says so.
    async fn picture(&self) -> Picture;

    /// Does what an operator wishes, once. The words say what came of it.
    ///
    /// # Errors
    /// Why it was not done, for the operator to read.
    async fn act(&self, wish: Wish) -> Result<String, String>;

    /// Who is logged in, as it was kept last, by this process or another.
    async fn recall(&self) -> Option<String>;

    /// Keeps who is logged in over a restart.
    ///
    /// # Errors
    /// A short reason when the store does not take it.
    async fn keep(&self, sessions: String) -> Result<(), String>;
}

/// Where and how the console is served.
#[derive(Debug)]
pub struct Door {
    /// What opens it.
    pub token: ConsoleToken,
    /// Where a token that was made here can be read.
    pub found_at: Option<std::path::PathBuf>,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Tells the cookies of several consoles on one host apart.
    pub bot: i64,
}

/// The console of one daemon; clones are the same.
#[derive(Debug, Clone)]
pub struct Console(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    scene: Arc<dyn Scene>,
    clock: Clock,
    shutdown: Shutdown,
    sessions: Sessions,
    found_at: Option<std::path::PathBuf>,
    listen: SocketAddr,
    cookie: String,
    /// The latest picture. Whoever subscribes makes it being drawn.
    shots: watch::Sender<Arc<Shot>>,
    /// Counts the looks, also those that found nothing new.
    looks: watch::Sender<u64>,
    /// Somebody watches, or has just acted.
    wake: Notify,
    streams: Arc<Semaphore>,
}

impl Console {
    /// The console of a daemon.
    #[must_use]
    pub fn new(scene: Arc<dyn Scene>, clock: &Clock, shutdown: &Shutdown, door: Door) -> Self {
        Self(Arc::new(Inner {
            scene,
            clock: clock.clone(),
            shutdown: shutdown.clone(),
            sessions: Sessions::new(door.token),
            found_at: door.found_at,
            listen: door.listen,
            cookie: format!("lastword_console_{}", door.bot),
            shots: watch::Sender::new(Arc::default()),
            looks: watch::Sender::new(0),
            wake: Notify::new(),
            streams: Arc::new(Semaphore::new(STREAMS)),
        }))
    }

    /// The routes, all below `/console`.
    pub fn router(self) -> Router {
        let page = Router::new()
            .route("/console", get(async || Redirect::permanent("/console/")))
            .route("/console/", get(shell))
            .route("/console/login", get(door).post(login))
            .route("/console/logout", post(logout))
            .route("/console/session", get(session))
            .route("/console/events", get(stream::events))
            .route("/console/do", post(act))
            .route("/console/console.css", get(style))
            .route("/console/console.js", get(script))
            .route("/console/icon.svg", get(icon))
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            .layer(middleware::from_fn_with_state(self.clone(), guard))
            .with_state(self);
        // Whoever opens the bare address means the page.
        page.route("/", get(async || Redirect::temporary("/console/")))
    }

    fn now(&self) -> Millis {
        self.0.clock.now()
    }

    /// The cookie of an open session.
    async fn session(&self, headers: &HeaderMap) -> Option<String> {
        let cookie = cookie(headers, &self.0.cookie)?;
        if self.0.sessions.holds(&cookie, self.now()) {
            return Some(cookie);
        }
        // From before a restart, perhaps.
        if self.0.sessions.should_recall()
            && let Ok(Some(kept)) = timeout(KEEP, self.0.scene.recall()).await
        {
            self.0.sessions.recall(&kept, self.now());
        }
        let holds = self.0.sessions.holds(&cookie, self.now());
        holds.then_some(cookie)
    }

    /// Without it a restart only asks for the token again.
    async fn keep(&self) {
        let kept = self.0.sessions.kept(self.now());
        if let Ok(Err(reason)) = timeout(KEEP, self.0.scene.keep(kept)).await {
            tracing::warn!(reason, "failed to keep who is logged in to the console");
        }
    }
}

async fn shell(
    State(console): State<Console>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if console.session(&headers).await.is_none() {
        return Redirect::to("/console/login").into_response();
    }
    let shot = console.look().await;
    let unscripted = match query.as_deref() {
        Some("still") => page::Unscripted::StandsStill,
        _ => page::Unscripted::LoadsAnew,
    };
    page::console(&shot, console.now(), unscripted).into_response()
}

async fn door(State(console): State<Console>, headers: HeaderMap) -> Response {
    if console.session(&headers).await.is_some() {
        return Redirect::to("/console/").into_response();
    }
    page::login(console.0.found_at.as_deref(), None).into_response()
}

async fn login(State(console): State<Console>, headers: HeaderMap, body: Bytes) -> Response {
    let refuse = |status: StatusCode, why: &str| {
        (
            status,
            page::login(console.0.found_at.as_deref(), Some(why)),
        )
            .into_response()
    };
    if !is_ours(&headers) {
        return refuse(StatusCode::FORBIDDEN, "Please log in from this page.");
    }
    let token = url::form_urlencoded::parse(&body)
        .find(|(name, _)| name == "token")
        .map(|(_, token)| token.trim().to_owned())
        .unwrap_or_default();
    match console.0.sessions.login(&token, console.now()) {
        Login::In(value) => {
            tracing::info!("somebody logged in to the console");
            console.keep().await;
            let cookie = set_cookie(&console, &headers, &value, LASTS.as_secs());
            ([(header::SET_COOKIE, cookie)], Redirect::to("/console/")).into_response()
        }
        Login::Wrong => {
            tracing::warn!("somebody tried a wrong token at the console");
            refuse(StatusCode::FORBIDDEN, "That is not the token.")
        }
        Login::Later(wait) => {
            let seconds = wait.as_secs() + 1;
            let why = format!("Too many wrong tokens. Try again in {seconds} s.");
            let mut response = refuse(StatusCode::TOO_MANY_REQUESTS, &why);
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            response
        }
    }
}

async fn logout(State(console): State<Console>, headers: HeaderMap) -> Response {
    if !is_ours(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    if let Some(session) = console.session(&headers).await {
        console.0.sessions.logout(&session);
        console.keep().await;
    }
    let cookie = set_cookie(&console, &headers, "", 0);
    let away = Redirect::to("/console/login");
    ([(header::SET_COOKIE, cookie)], away).into_response()
}

/// Tells the page's script whether it has to ask for the token again.
async fn session(State(console): State<Console>, headers: HeaderMap) -> StatusCode {
    match console.session(&headers).await {
        Some(_) => StatusCode::NO_CONTENT,
        None => StatusCode::UNAUTHORIZED,
    }
}

async fn act(State(console): State<Console>, headers: HeaderMap, body: Bytes) -> Response {
    let refuse =
        |status: StatusCode, why: &str| (status, Json(json!({"error": why}))).into_response();
    if !is_ours(&headers) {
        return refuse(StatusCode::FORBIDDEN, "this did not come from the console");
    }
    if console.session(&headers).await.is_none() {
        return refuse(StatusCode::UNAUTHORIZED, "please log in again");
    }
    // A foreign page cannot say this without being asked first.
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let wish = serde_json::from_slice::<Wish>(&body).ok();
    let Some(wish) = wish.filter(|_| is_json).map(Wish::tidied) else {
        return refuse(
            StatusCode::BAD_REQUEST,
            "this is no wish that the console knows",
        );
    };
    let word = wish.word();
    let done = timeout(ACT, console.0.scene.act(wish)).await;
    console.0.wake.notify_one();
    match done {
        Ok(Ok(said)) => {
            tracing::info!(action = word, said, "done in the console");
            Json(json!({ "said": said })).into_response()
        }
        Ok(Err(why)) => refuse(StatusCode::CONFLICT, &why),
        Err(_) => refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "the store did not answer in time; look whether it was done before trying again",
        ),
    }
}

async fn style() -> Response {
    embedded(
        "text/css; charset=utf-8",
        include_str!("console/console.css"),
    )
}

async fn script() -> Response {
    embedded(
        "text/javascript; charset=utf-8",
        include_str!("console/console.js"),
    )
}

async fn icon() -> Response {
    embedded("image/svg+xml", include_str!("console/icon.svg"))
}

fn embedded(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
