//! The stream of pictures: one drawing for everybody who watches.
//!
//! A picture is drawn at most once a second, only while somebody watches, and
//! sent only where it differs: the sections of the page that have changed. A
//! reader that is slow misses pictures and gets the latest; nothing is queued
//! for anybody. A stream ends with its session, and with the daemon: before the
//! store is closed.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::picture::Picture;
use super::{Console, sections};
use crate::clock::Millis;
use crate::domain::phase::Phase;

/// Between two drawings.
const PACE: Duration = Duration::from_secs(1);

/// After somebody has acted.
const QUICK: Duration = Duration::from_millis(150);

/// How long a page waits for a fresh drawing before it shows the last one.
const FRESH: Duration = Duration::from_secs(4);

/// So that a proxy, and the other side, knows that somebody is there.
const ALIVE: Duration = Duration::from_secs(15);

/// Sections of the page, by name.
pub(super) type Sections = BTreeMap<&'static str, Arc<str>>;

/// A picture, drawn.
#[derive(Debug, Default)]
pub(super) struct Shot {
    /// What it shows; nothing before the first one.
    pub(super) picture: Option<Picture>,
    sections: Sections,
}

impl Shot {
    fn new(picture: Picture) -> Self {
        Self {
            sections: sections::all(&picture, None),
            picture: Some(picture),
        }
    }
}

impl Console {
    /// Draws while somebody watches. Runs until dropped, or the daemon ends.
    ///
    /// # Cancel safety
    /// Cancel safe: it only looks.
    pub async fn keep_drawing(self) {
        let mut phase = self.0.shutdown.phase();
        loop {
            let drawn = Instant::now();
            if self.0.shots.receiver_count() > 0 {
                let ended = ending(&mut phase);
                tokio::select! {
                    biased;
                    // The store is about to be closed.
                    () = ended => return,
                    () = self.draw() => {}
                }
                tokio::select! {
                    // All of them only wait.
                    biased;
                    () = ending(&mut phase) => return,
                    () = self.0.wake.notified() => sleep_until(drawn + QUICK).await,
                    () = sleep_until(drawn + PACE) => {}
                }
            } else {
                self.0.wake.notified().await;
            }
        }
    }

    async fn draw(&self) {
        let mut picture = self.0.scene.picture().await;
        self.0.shots.send_if_modified(|shot| {
            if let Some(earlier) = &shot.picture {
                picture.steady(earlier);
            }
            let changed = shot.picture.as_ref() != Some(&picture);
            if changed {
                *shot = Arc::new(Shot::new(picture));
            }
            changed
        });
        self.0.looks.send_modify(|looks| *looks += 1);
    }

    /// A picture that was drawn just now, or the last one there was.
    pub(super) async fn look(&self) -> Arc<Shot> {
        let shots = self.0.shots.subscribe();
        let mut looks = self.0.looks.subscribe();
        self.0.wake.notify_one();
        // One may have begun before; its end is soon enough.
        let _ = timeout(FRESH, looks.changed()).await;
        Arc::clone(&shots.borrow())
    }
}

/// Comes when the store is about to be closed.
async fn ending(phase: &mut watch::Receiver<Phase>) {
    // The sender lives as long as the daemon; without it, it is over too.
    let _ = phase.wait_for(|phase| *phase >= Phase::Closing).await;
}

/// What one window has been sent.
struct Window {
    console: Console,
    session: String,
    shots: watch::Receiver<Arc<Shot>>,
    phase: watch::Receiver<Phase>,
    sent: Sections,
    begun: bool,
    _place: OwnedSemaphorePermit,
}

/// Everything on the screen, then what changes of it.
pub(super) async fn events(State(console): State<Console>, headers: HeaderMap) -> Response {
    let Some(session) = console.session(&headers).await else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let Ok(place) = Arc::clone(&console.0.streams).try_acquire_owned() else {
        let later = [(header::RETRY_AFTER, "5")];
        return (StatusCode::SERVICE_UNAVAILABLE, later, "too many watch").into_response();
    };
    let window = Window {
        session,
        shots: console.0.shots.subscribe(),
        phase: console.0.shutdown.phase(),
        sent: Sections::new(),
        begun: false,
        _place: place,
        console,
    };
    window.console.0.wake.notify_one();
    let events = stream::unfold(window, async |mut window| {
        let sections = window.next().await?;
        let event = message(window.console.now(), &sections);
        Some((Ok::<_, Infallible>(event), window))
    });
    let mut response = Sse::new(events)
        .keep_alive(KeepAlive::new().interval(ALIVE))
        .into_response();
    // nginx would keep events back otherwise.
    let name = header::HeaderName::from_static("x-accel-buffering");
    let value = header::HeaderValue::from_static("no");
    response.headers_mut().insert(name, value);
    response
}

fn message(now: Millis, sections: &Sections) -> Event {
    let sections: BTreeMap<&str, &str> = sections
        .iter()
        .map(|(name, html)| (*name, &**html))
        .collect();
    Event::default().data(json!({ "now": now, "sections": sections }).to_string())
}

impl Window {
    /// What has changed; `None` at the end.
    async fn next(&mut self) -> Option<Sections> {
        loop {
            if self.begun {
                tokio::select! {
                    // Both only wait for news.
                    biased;
                    () = ending(&mut self.phase) => return None,
                    news = self.shots.changed() => news.ok()?,
                }
            }
            if *self.phase.borrow() >= Phase::Closing {
                return None;
            }
            self.begun = true;
            let now = self.console.now();
            if !self.console.0.sessions.holds(&self.session, now) {
                return None;
            }
            let shot = Arc::clone(&self.shots.borrow_and_update());
            let changed: Sections = shot
                .sections
                .iter()
                .filter(|(name, html)| self.sent.get(*name) != Some(html))
                .map(|(name, html)| (*name, Arc::clone(html)))
                .collect();
            if !changed.is_empty() {
                self.sent.clone_from(&shot.sections);
                return Some(changed);
            }
        }
    }
}
