//! What is answered to one request, and what is done before.
//!
//! The order decides: path, method, secret (in constant time, before a byte of
//! the body is read), size, state, body, store. An authentic update is stored
//! and answered 200, or answered 503 so that Telegram brings it again; never
//! 4xx. Knows nothing of connections.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use subtle::ConstantTimeEq;
use tokio::time::timeout;

use super::Limits;
use super::guests::Badge;
use super::seldom::Seldom;
use crate::config::WebhookSecret;
use crate::death::{self, Moment};
use crate::domain::metric;
use crate::intake::Accept;
use crate::pulse::{Organ, Pulse};
use crate::shutdown::Shutdown;

/// The largest body that is read, in bytes; Telegram's are far smaller.
pub const BODY_MAX: usize = 1024 * 1024;

/// The header that carries the secret (Bot API, `setWebhook`).
const SECRET: &str = "x-telegram-bot-api-secret-token";

/// How long the body of an update that is turned away may take to arrive, so
/// that its connection can be kept.
const UNWANTED: Duration = Duration::from_millis(100);

/// Who answers: the same words, but the doorman of a drain stores nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duty {
    Stores,
    TurnsAway,
}

/// What answering needs.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) duty: Duty,
    pub(super) secret: WebhookSecret,
    pub(super) sink: Arc<dyn Accept>,
    pub(super) limits: Limits,
    pub(super) shutdown: Shutdown,
    pub(super) pulse: Pulse,
    pub(super) wrong: Seldom,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Stored,
    WrongSecret,
    WrongPath,
    WrongMethod,
    TooLarge,
    Later,
}

impl Answer {
    fn status(self) -> (StatusCode, &'static str) {
        match self {
            Self::Stored => (StatusCode::OK, "200"),
            Self::WrongSecret => (StatusCode::UNAUTHORIZED, "401"),
            Self::WrongPath => (StatusCode::NOT_FOUND, "404"),
            Self::WrongMethod => (StatusCode::METHOD_NOT_ALLOWED, "405"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "413"),
            Self::Later => (StatusCode::SERVICE_UNAVAILABLE, "503"),
        }
    }
}

impl Desk {
    /// The one route, and what is said elsewhere.
    pub(super) fn router(self, path: &str) -> Router {
        let route = post(deliver)
            .fallback(async |State(desk): State<Arc<Self>>| desk.answer(Answer::WrongMethod));
        Router::new()
            // A path may begin with `*`; of the URL's characters only those of
            // an older syntax would panic.
            .without_v07_checks()
            .route(path, route)
            .fallback(async |State(desk): State<Arc<Self>>| desk.answer(Answer::WrongPath))
            .with_state(Arc::new(self))
    }

    async fn take(&self, request: Request) -> Answer {
        if !self.knows(request.headers()) {
            if self.wrong.is_due() {
                tracing::warn!(
                    "a request to the webhook has no or a wrong secret; was it set by another program?"
                );
            }
            return Answer::WrongSecret;
        }
        if let Some(badge) = request.extensions().get::<Badge>() {
            badge.prove();
        }
        let body = request.into_body();
        // The length that was declared, else 0.
        if body.size_hint().lower() > BODY_MAX as u64 {
            return Answer::TooLarge;
        }
        if !self.takes().await {
            // What it says does not matter, nor whether it arrives.
            let _ = timeout(UNWANTED, read(body)).await;
            return Answer::Later;
        }
        match timeout(self.limits.body, read(body)).await {
            Ok(Ok(update)) => self.store(update).await,
            Ok(Err(ReadError::TooLarge)) => Answer::TooLarge,
            // Incomplete is not 4xx either: it was authentic, let it come again.
            Ok(Err(ReadError::Broken)) | Err(_) => Answer::Later,
        }
    }

    async fn store(&self, update: Bytes) -> Answer {
        let _busy = self.pulse.busy(Organ::Intake);
        // Each request is an operation of its own; the store's writer groups
        // those that come together into one commit.
        death::at(Moment::DeliveryRead);
        let stored = timeout(self.limits.store, self.sink.accept(vec![update])).await;
        match stored {
            Ok(Ok(())) => {
                death::at(Moment::DeliveryStored);
                metrics::counter!(metric::UPDATES_ACCEPTED, "transport" => "webhook").increment(1);
                Answer::Stored
            }
            Ok(Err(refusal)) => {
                tracing::debug!(reason = %refusal, "an update was not stored; Telegram keeps it");
                Answer::Later
            }
            Err(_) => Answer::Later,
        }
    }

    fn knows(&self, headers: &HeaderMap) -> bool {
        headers.get(SECRET).is_some_and(|given| {
            let secret = self.secret.expose().as_bytes();
            given.as_bytes().ct_eq(secret).into()
        })
    }

    async fn takes(&self) -> bool {
        match self.duty {
            Duty::TurnsAway => false,
            Duty::Stores if self.shutdown.is_stopping() => self.sink.has_successor().await,
            Duty::Stores => self.sink.state().takes(),
        }
    }

    fn answer(&self, answer: Answer) -> Response {
        let (status, code) = answer.status();
        metrics::counter!(metric::WEBHOOK_RESPONSES, "code" => code).increment(1);
        let mut response = status.into_response();
        let headers = response.headers_mut();
        match answer {
            Answer::Later => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Answer::WrongMethod => {
                headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
            }
            _ => {}
        }
        // Strangers keep no connection, and nobody does once we stop.
        if status.is_client_error() || self.shutdown.is_stopping() {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

async fn deliver(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let answer = desk.take(request).await;
    desk.answer(answer)
}

enum ReadError {
    TooLarge,
    Broken,
}

/// The whole body; the usual one, which comes in one piece, is not copied.
async fn read(body: Body) -> Result<Bytes, ReadError> {
    let mut stream = body.into_data_stream();
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|_| ReadError::Broken)?;
        if first.len().max(whole.len()) + piece.len() > BODY_MAX {
            return Err(ReadError::TooLarge);
        }
        if first.is_empty() {
            first = piece;
            continue;
        }
        if whole.is_empty() {
            whole.extend_from_slice(&first);
        }
        whole.extend_from_slice(&piece);
    }
    Ok(if whole.is_empty() {
        first
    } else {
        whole.freeze()
    })
}
