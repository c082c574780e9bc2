//! The HTTP wrapping: `/bot<TOKEN>/<method>`, `/file/bot<TOKEN>/<path>`, the
//! control API under `/control`, and the deliveries to a webhook.
//!
//! Ends promptly on its token: connections are cut, nothing is waited for
//! longer than [`END`].

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::{Delivery, Refusal};
use super::methods::DOWNLOAD;
use super::{BotApi, Delivered};

mod connection;
mod control;
mod deliver;
mod request;

use connection::{Connection, Door};
pub use control::control_router;

/// How long an end may take.
const END: Duration = Duration::from_millis(500);

/// Why the server ended before its token.
#[derive(Debug, thiserror::Error)]
#[error("failed to serve the Bot API: {0}")]
pub struct ServeError(#[from] io::Error);

/// Serves the Bot API and the control API until the token is cancelled.
///
/// # Errors
/// When the listener has no address or cannot be bound again after an outage.
///
/// # Cancel safety
/// Dropping it leaves open connections to end by themselves; cancel the token
/// instead.
pub async fn serve(
    listener: TcpListener,
    api: Arc<BotApi>,
    cancel: CancellationToken,
) -> Result<(), ServeError> {
    serve_with(listener, api, cancel, Router::new()).await
}

/// As [`serve`], with further routes beside.
///
/// While an [`super::Outage::Refused`] lasts, the listener is closed and every
/// connection to it is cut, the control API's too: end such an outage through
/// the [`BotApi`] itself or a second server.
///
/// # Errors
/// As [`serve`].
///
/// # Cancel safety
/// As [`serve`].
pub async fn serve_with(
    listener: TcpListener,
    api: Arc<BotApi>,
    cancel: CancellationToken,
    extra: Router,
) -> Result<(), ServeError> {
    let app = router(Arc::clone(&api))
        .nest("/control", control_router(Arc::clone(&api)))
        .merge(extra)
        .into_make_service_with_connect_info::<Connection>();
    let door = Door::new(listener, Arc::clone(&api), cancel.clone())?;

    let tasks = TaskTracker::new();
    tasks.spawn(deliver::run(api, cancel.clone(), tasks.clone()));
    tasks.close();

    let graceful = axum::serve(door, app).with_graceful_shutdown(cancel.clone().cancelled_owned());
    let ended = async {
        let served = graceful.await;
        tasks.wait().await;
        served
    };
    let deadline = async {
        cancel.cancelled().await;
        tokio::time::sleep(END).await;
    };
    // Both ends are final, nothing is polled again.
    tokio::select! {
        served = ended => Ok(served?),
        () = deadline => Ok(()),
    }
}

/// The Bot API's own routes, for a server of one's own. Without [`serve`]'s
/// listener cut connections become an empty 502.
pub fn router(api: Arc<BotApi>) -> Router {
    Router::new().fallback(answer).with_state(api)
}

async fn answer(State(api): State<Arc<BotApi>>, request: Request) -> Response {
    let connection = request
        .extensions()
        .get::<ConnectInfo<Connection>>()
        .map(|ConnectInfo(connection)| connection.clone());
    let path = request::percent_decoded(request.uri().path());
    if let Some(rest) = path.strip_prefix("/file/bot") {
        let Some((token, file)) = rest.split_once('/') else {
            return refused(&Refusal::unknown_method());
        };
        if !authentic(&api, token) {
            return refused(&Refusal::unauthorized());
        }
        return match api.download(file).await {
            Delivered::File(bytes) => (
                [(header::CONTENT_TYPE, "application/octet-stream")],
                Body::from(bytes),
            )
                .into_response(),
            Delivered::Not(delivery) => respond(delivery, connection.as_ref()),
        };
    }
    let named = path
        .strip_prefix("/bot")
        .and_then(|rest| rest.split_once('/'));
    let Some((token, method)) = named else {
        return refused(&Refusal::unknown_method());
    };
    if !authentic(&api, token) {
        return refused(&Refusal::unauthorized());
    }
    let method = method.trim_end_matches('/').to_owned();
    if method.eq_ignore_ascii_case(DOWNLOAD) {
        return refused(&Refusal::unknown_method());
    }
    match request::params(request).await {
        Ok(params) => respond(api.perform(&method, params).await, connection.as_ref()),
        Err(refusal) => refused(&refusal),
    }
}

fn authentic(api: &BotApi, token: &str) -> bool {
    token.as_bytes().ct_eq(api.bot().token.as_bytes()).into()
}

fn respond(delivery: Delivery, connection: Option<&Connection>) -> Response {
    match delivery {
        Delivery::Answer(result) => {
            json_response(StatusCode::OK, &json!({ "ok": true, "result": result }))
        }
        Delivery::Refused(refusal) => refused(&refusal),
        Delivery::Gateway(code) => {
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_GATEWAY);
            let page = format!("<html><body><h1>{status}</h1></body></html>");
            (status, [(header::CONTENT_TYPE, "text/html")], page).into_response()
        }
        Delivery::Unreachable | Delivery::Cut => {
            if let Some(connection) = connection {
                connection.cut();
            }
            // Never written: the connection is already cut.
            StatusCode::BAD_GATEWAY.into_response()
        }
    }
}

fn refused(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.code).unwrap_or(StatusCode::BAD_REQUEST);
    json_response(status, &refusal.body())
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    let kind = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, kind)], body.to_string()).into_response()
}
