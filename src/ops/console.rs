//! The console: one page that shows turns on their way, and lets an operator
//! act on them.
//!
//! Owns its routes, who may use them and what the headers say; what is shown is
//! drawn in the files beside, from a [`Picture`] that a [`Scene`] gives. It asks
//! nothing of the world: everything is embedded, as the policy says. It may
//! never delay the exit: its streams end when the store is about to be closed,
//! and nobody waits for its connections.

use std::fmt::Debug;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::timeout;

use crate::clock::{Clock, Millis};
use crate::config::ConsoleToken;
use crate::shutdown::Shutdown;

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
mod words;

pub use picture::Picture;
use sessions::{LASTS, Login, Sessions};
use stream::Shot;

/// A token, or a wish with its reason.
const BODY_LIMIT: usize = 4 * 1024;

/// Windows that may watch at a time.
pub const STREAMS: usize = 64;

/// How long an action may wait for the store.
const ACT: Duration = Duration::from_secs(5);

/// How long the store may take to tell or keep who is logged in.
const KEEP: Duration = Duration::from_secs(2);

/// Characters of a reason, at most.
const REASON: usize = 200;

/// Everything comes from here, and nothing else may run or be fetched.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";

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

/// What an operator may wish.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Wish {
    /// Hold turns back; intake and storing go on.
    Pause {
        /// Why, in the operator's words; may be empty.
        reason: String,
    },
    /// Go on.
    Resume {},
    /// Let a failed turn run again.
    Replay {
        /// Which.
        turn: i64,
    },
    /// End a turn that has not been answered.
    Cancel {
        /// Which.
        turn: i64,
    },
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

/// Refuses other hosts' names where only this machine is meant, and adds the
/// headers that every answer has.
async fn guard(State(console): State<Console>, request: Request, next: Next) -> Response {
    let response = if console.0.listen.ip().is_loopback() && !names_loopback(request.headers()) {
        let why = "The console is for this machine only: open it as 127.0.0.1 or localhost, \
                   or let a proxy pass that name on.";
        (StatusCode::MISDIRECTED_REQUEST, why).into_response()
    } else {
        next.run(request).await
    };
    with_headers(response)
}

fn with_headers(mut response: Response) -> Response {
    const ALL: [(HeaderName, &str); 7] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in ALL {
        let headers = response.headers_mut();
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether the request is for this machine by a name that no other site can
/// have: not so where a foreign name was made to lead here.
fn names_loopback(headers: &HeaderMap) -> bool {
    let Some(host) = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
    else {
        return false;
    };
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, _)) => name,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    let address: Option<IpAddr> = name.parse().ok();
    name.eq_ignore_ascii_case("localhost") || address.is_some_and(|ip| ip.is_loopback())
}

/// Whether the request comes from a page of ours. Browsers say it in
/// `Sec-Fetch-Site` or, where they trust the connection less, in `Origin`; no
/// page can set either.
fn is_ours(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin"), text("host")) {
        (Some(site), ..) => site == "same-origin",
        (None, Some(origin), Some(host)) => origin
            .split_once("://")
            .is_some_and(|(_, ours)| ours.eq_ignore_ascii_case(host)),
        _ => false,
    }
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

fn set_cookie(console: &Console, headers: &HeaderMap, value: &str, seconds: u64) -> String {
    // Behind a proxy that speaks TLS the browser says so.
    let origin = headers.get(header::ORIGIN).map(HeaderValue::as_bytes);
    let secure = origin.is_some_and(|origin| origin.starts_with(b"https://"));
    format!(
        "{}={value}; Path=/console; Max-Age={seconds}; HttpOnly; SameSite=Strict{}",
        console.0.cookie,
        if secure { "; Secure" } else { "" }
    )
}

async fn shell(State(console): State<Console>, headers: HeaderMap) -> Response {
    if console.session(&headers).await.is_none() {
        return Redirect::to("/console/login").into_response();
    }
    let shot = console.look().await;
    page::console(&shot, console.now()).into_response()
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

impl Wish {
    /// With a reason of one short line.
    fn tidied(self) -> Self {
        match self {
            Self::Pause { reason } => {
                let words = reason.split(|c: char| c.is_whitespace() || c.is_control());
                let line = words
                    .filter(|word| !word.is_empty())
                    .collect::<Vec<_>>()
                    .join(" ");
                let reason = line.chars().take(REASON).collect();
                Self::Pause { reason }
            }
            other => other,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Pause { .. } => "pause",
            Self::Resume {} => "resume",
            Self::Replay { .. } => "replay",
            Self::Cancel { .. } => "cancel",
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn only_names_that_nobody_else_can_have_lead_to_a_loopback_console() {
        for (host, fine) in [
            ("127.0.0.1:9464", true),
            ("127.1.2.3", true),
            ("localhost:1", true),
            ("[::1]:9464", true),
            ("evil.example:9464", false),
            ("127.0.0.1.evil.example", false),
            ("localhost.evil.example:9464", false),
            ("10.0.0.1", false),
            ("", false),
        ] {
            let named = headers(&[("host", host)]);
            assert_eq!(names_loopback(&named), fine, "{host}");
        }
        assert!(!names_loopback(&HeaderMap::new()));
    }

    #[test]
    fn only_our_own_page_may_act() {
        for (said, fine) in [
            (&[("host", "a:1"), ("origin", "http://a:1")][..], true),
            (&[("host", "a:1"), ("origin", "http://a:2")], false),
            (&[("host", "a:1"), ("origin", "null")], false),
            (&[("host", "a:1")], false),
            (
                &[
                    ("host", "x"),
                    ("origin", "https://a"),
                    ("sec-fetch-site", "same-origin"),
                ],
                true,
            ),
            (
                &[
                    ("host", "a"),
                    ("origin", "http://a"),
                    ("sec-fetch-site", "same-site"),
                ],
                false,
            ),
            (
                &[
                    ("host", "a"),
                    ("origin", "http://a"),
                    ("sec-fetch-site", "cross-site"),
                ],
                false,
            ),
        ] {
            assert_eq!(is_ours(&headers(said)), fine, "{said:?}");
        }
    }

    #[test]
    fn a_reason_is_one_short_line() {
        let reason = format!("  deploy\n\tnow\u{7} {}", "x".repeat(500));
        match (Wish::Pause { reason }).tidied() {
            Wish::Pause { reason } => {
                assert!(reason.starts_with("deploy now xxx"), "{reason}");
                assert_eq!(reason.chars().count(), REASON);
            }
            other => panic!("{other:?}"),
        }
    }
}
