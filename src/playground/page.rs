//! The page: one chat window with everything that happens behind it.
//!
//! Owns its routes and what a visitor may do; what is shown is made in the
//! files beside. For loopback only: requests that name another host are
//! refused, so that no other page in the browser reaches it by a name of its
//! own, and everything that acts asks for JSON, which a foreign page cannot
//! send unasked. Nothing is fetched from elsewhere, as the policy in the
//! headers says.

mod bubble;
mod frames;
mod gallery;
mod shell;
mod status;
mod words;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::bot_api::{Act, Acted, Attachment, BotApi, Medium, Outage, Place};
use super::cast::Stage;
use super::ledger::Ledger;
use super::offline::{Fault, Offline, Pace};
use super::supervisor::{Daemon, Order};
use super::tour::Guide;
use super::watcher::Health;
use crate::clock::Clock;

/// A file of 20 MB in base64 and a few words.
const BODY_LIMIT: usize = 28 << 20;

/// Photos that are kept to be shown.
const PHOTOS: usize = 40;

/// Everything comes from here, and nothing else may run or be fetched.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What the page shows and moves.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) api: Arc<BotApi>,
    pub(super) clock: Clock,
    pub(super) cast: Vec<Stage>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) daemon: Daemon,
    pub(super) health: watch::Receiver<Option<Health>>,
    /// `None` when the real model answers.
    pub(super) offline: Option<Offline>,
    /// Whether the store outlives the playground.
    pub(super) keeps: bool,
    pub(super) address: SocketAddr,
    /// What was sent from here, by chat and message.
    pub(super) photos: Arc<Mutex<BTreeMap<(i64, i64), Bytes>>>,
    /// Leads through the tour.
    pub(super) guide: Guide,
}

/// Serves until dropped.
///
/// # Errors
/// When the listener breaks.
pub(super) async fn serve(listener: TcpListener, page: Page) -> io::Result<()> {
    axum::serve(listener, router(page)).await
}

fn router(page: Page) -> Router {
    Router::new()
        .route("/", get(shell))
        .route("/page.css", get(style))
        .route("/page.js", get(script))
        .route("/gallery", get(gallery))
        .route("/gallery.css", get(gallery_style))
        .route("/gallery.js", get(gallery_script))
        .route("/events", get(events))
        .route("/do", post(act))
        .route("/photo/{chat}/{message}", get(photo))
        .route("/file/{chat}/{message}", get(file))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn_with_state(page.clone(), guard))
        .with_state(page)
}

/// Refuses other hosts' names and adds the headers that every answer has.
async fn guard(State(page): State<Page>, request: Request, next: Next) -> Response {
    let port = page.address.port();
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let own = ["127.0.0.1", "localhost"].map(|name| format!("{name}:{port}"));
    if !host.is_some_and(|host| own.iter().any(|own| own == host)) {
        return (
            StatusCode::MISDIRECTED_REQUEST,
            "this page is for this machine only",
        )
            .into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn shell(State(page): State<Page>) -> Response {
    shell::html(&page).into_response()
}

async fn style() -> Response {
    css(include_str!("page/page.css"))
}

async fn script() -> Response {
    js(include_str!("page/page.js"))
}

async fn gallery() -> Response {
    gallery::html().into_response()
}

async fn gallery_style() -> Response {
    css(include_str!("page/gallery.css"))
}

async fn gallery_script() -> Response {
    js(include_str!("page/gallery.js"))
}

fn css(text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], text).into_response()
}

fn js(text: &'static str) -> Response {
    let kind = "text/javascript; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// Everything on the screen, then what changes of it; ends with the connection.
async fn events(State(page): State<Page>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let frames = frames::Frames::new(page);
    let events = stream::unfold(frames, |mut frames| async move {
        let frame = frames.next().await;
        Some((Ok(Event::default().data(frame.to_string())), frames))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

/// What a visitor may do.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Wish {
    Say {
        chat: i64,
        person: i64,
        text: String,
        reply_to: Option<i64>,
    },
    Photo {
        chat: i64,
        person: i64,
        caption: String,
        base64: String,
    },
    Attach {
        chat: i64,
        person: i64,
        caption: String,
        name: String,
        mime: String,
        base64: String,
    },
    Edit {
        chat: i64,
        person: i64,
        message: i64,
        text: String,
    },
    Press {
        chat: i64,
        person: i64,
        message: i64,
        data: String,
    },
    Stop {
        chat: i64,
        person: i64,
        draft: i64,
    },
    Tour,
    Restart,
    Kill,
    Telegram {
        on: bool,
    },
    Model {
        on: bool,
    },
    Slow {
        on: bool,
    },
}

async fn act(State(page): State<Page>, Json(wish): Json<Wish>) -> Response {
    match page.grant(wish) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(why) => (StatusCode::CONFLICT, Json(json!({ "error": why }))).into_response(),
    }
}

impl Page {
    /// Does what a visitor, or the guide, asks for.
    ///
    /// # Errors
    /// Why it is not possible, for the visitor to read.
    pub(super) fn grant(&self, wish: Wish) -> Result<(), String> {
        let place = |chat, person, reply_to| Place {
            person,
            chat: Some(chat),
            thread: None,
            reply_to,
        };
        match wish {
            Wish::Say {
                chat,
                person,
                text,
                reply_to,
            } => {
                let place = place(chat, person, reply_to);
                self.write(chat, Act::Say { place, text }).map(drop)
            }
            Wish::Photo {
                chat,
                person,
                caption,
                base64,
            } => {
                let bytes = STANDARD
                    .decode(&base64)
                    .map_err(|_| "not a photo".to_owned())?;
                let acted = self.write(
                    chat,
                    Act::Send {
                        place: place(chat, person, None),
                        medium: Medium::Photo,
                        caption,
                        count: 1,
                        base64: Some(base64),
                    },
                )?;
                self.keep_photo(chat, acted.message(), bytes.into());
                Ok(())
            }
            Wish::Attach {
                chat,
                person,
                caption,
                name,
                mime,
                base64,
            } => {
                let act = Act::Attach {
                    place: place(chat, person, None),
                    file: attachment(name, mime, base64),
                    caption,
                };
                self.write(chat, act).map(drop)
            }
            Wish::Edit {
                chat,
                person,
                message,
                text,
            } => {
                let place = place(chat, person, None);
                let act = Act::Edit {
                    place,
                    message_id: message,
                    text,
                };
                self.act(act).map(drop)
            }
            Wish::Press {
                chat,
                person,
                message,
                data,
            } => {
                let place = place(chat, person, None);
                let act = Act::Press {
                    place,
                    message_id: message,
                    data,
                };
                self.act(act).map(drop)
            }
            Wish::Stop {
                chat,
                person,
                draft,
            } => {
                let place = place(chat, person, None);
                let draft_id = Some(draft);
                self.act(Act::Stop { place, draft_id }).map(drop)
            }
            Wish::Tour => self.guide.begin(),
            Wish::Restart => self.order(Order::Restart),
            Wish::Kill => self.order(Order::Kill),
            Wish::Telegram { on } => {
                self.api
                    .set_outage(if on { Outage::Refused } else { Outage::None });
                Ok(())
            }
            Wish::Model { on } => {
                self.offline()?
                    .change(|now| now.fault = if on { Fault::Outage } else { Fault::Sound });
                self.ledger.touch();
                Ok(())
            }
            Wish::Slow { on } => {
                self.offline()?
                    .change(|now| now.pace = if on { Pace::SLOW } else { Pace::default() });
                self.ledger.touch();
                Ok(())
            }
        }
    }

    fn act(&self, act: Act) -> Result<Acted, String> {
        self.api.act(act).map_err(|why| why.to_string())
    }

    /// Lets somebody write; the strip under it begins.
    ///
    /// # Errors
    /// Why nobody can.
    pub(super) fn write(&self, chat: i64, act: Act) -> Result<Acted, String> {
        let acted = self.act(act)?;
        self.ledger.wrote(chat, &acted);
        Ok(acted)
    }

    fn order(&self, order: Order) -> Result<(), String> {
        if self.daemon.order(order) {
            Ok(())
        } else {
            Err("the daemon is being restarted already".to_owned())
        }
    }

    fn offline(&self) -> Result<&Offline, String> {
        self.offline
            .as_ref()
            .ok_or_else(|| "the real model answers".to_owned())
    }

    fn keep_photo(&self, chat: i64, message: i64, bytes: Bytes) {
        let mut photos = self.photos.lock().unwrap_or_else(PoisonError::into_inner);
        photos.insert((chat, message), bytes);
        while photos.len() > PHOTOS {
            photos.pop_first();
        }
    }
}

/// A file as a client of Telegram's would send it.
fn attachment(name: String, mime: String, base64: String) -> Attachment {
    let medium = match mime.split(['/', ';']).next() {
        Some("audio") if mime.contains("ogg") => Medium::Voice,
        Some("audio") => Medium::Audio,
        _ => Medium::Document,
    };
    let told = |text: String| Some(text).filter(|text| !text.is_empty());
    Attachment {
        medium,
        name: told(name),
        mime: told(mime).or_else(|| Some("application/octet-stream".to_owned())),
        base64,
    }
}

async fn photo(State(page): State<Page>, Path(key): Path<(i64, i64)>) -> Response {
    let photos = page.photos.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(bytes) = photos.get(&key) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // Never what could run in the page, whatever the bytes are.
    let kind = match bytes.get(..4) {
        Some([0x89, b'P', b'N', b'G']) => "image/png",
        Some([b'R', b'I', b'F', b'F']) => "image/webp",
        _ => "image/jpeg",
    };
    ([(header::CONTENT_TYPE, kind)], bytes.clone()).into_response()
}

/// A document of the bot's, always to be saved and never to be shown as a page.
async fn file(State(page): State<Page>, Path((chat, message)): Path<(i64, i64)>) -> Response {
    match page.api.document(chat, message) {
        Some(bytes) => {
            let headers = [
                (header::CONTENT_TYPE, "application/octet-stream"),
                (header::CONTENT_DISPOSITION, "attachment"),
            ];
            (headers, bytes).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests;
