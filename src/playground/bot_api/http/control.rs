//! The control API: what tests of the real binary and the playground's page
//! do and see. JSON over `/control/…`; no authentication, loopback only.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::transcript::Event;
use super::super::{Act, BotApi, FaultRule, Outage, Settings};

/// The control API's routes, without their prefix.
pub fn control_router(api: Arc<BotApi>) -> Router {
    Router::new()
        .route("/act", post(act))
        .route("/chats", get(chats))
        .route("/chats/{id}", get(chat))
        .route("/events", get(events))
        .route("/stream", get(stream_events))
        .route("/calls", get(calls))
        .route("/state", get(state))
        .route("/settings", post(settings))
        .route("/faults", post(fault).delete(clear_faults))
        .route("/release", post(release))
        .route("/outage", post(outage))
        .with_state(api)
}

type Api = State<Arc<BotApi>>;
type Failure = (StatusCode, Json<Value>);

async fn act(State(api): Api, Json(act): Json<Act>) -> Result<Json<Value>, Failure> {
    match api.act(act) {
        Ok(acted) => Ok(Json(json!(acted))),
        Err(why) => Err((
            StatusCode::CONFLICT,
            Json(json!({ "error": why.to_string() })),
        )),
    }
}

async fn chats(State(api): Api) -> Json<Value> {
    Json(json!(api.chats()))
}

async fn chat(State(api): Api, Path(id): Path<i64>) -> Result<Json<Value>, StatusCode> {
    let chat = api.chat(id).ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(json!(chat)))
}

#[derive(Debug, Default, Deserialize)]
struct Since {
    #[serde(default)]
    since: u64,
}

async fn events(State(api): Api, Query(Since { since }): Query<Since>) -> Json<Value> {
    Json(json!(api.events(since)))
}

/// Events from `since` on as they happen, one JSON object each, with their
/// `seq` as the id. Ends with the connection.
async fn stream_events(
    State(api): Api,
    Query(Since { since }): Query<Since>,
) -> Sse<impl Stream<Item = Result<SseEvent, Infallible>>> {
    let start = (api, since, VecDeque::new());
    let events = stream::unfold(start, |(api, mut since, mut ready)| async move {
        if ready.is_empty() {
            let mut found = Vec::new();
            api.until(|api| {
                found = api.events(since);
                !found.is_empty()
            })
            .await;
            ready.extend(found);
        }
        let event: Event = ready.pop_front()?;
        since = event.seq;
        let sent = SseEvent::default()
            .id(event.seq.to_string())
            .data(json!(event).to_string());
        Some((Ok(sent), (api, since, ready)))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

async fn calls(State(api): Api) -> Json<Value> {
    Json(json!(api.calls()))
}

async fn state(State(api): Api) -> Json<Value> {
    Json(json!({
        "pending": api.pending(),
        "lost_upstream": api.lost_upstream(),
        "conflicts": api.conflicts(),
        "hanging": api.hanging(),
        "outage": api.outage(),
        "methods": api.counts(),
    }))
}

async fn settings(State(api): Api, Json(new): Json<Settings>) -> Json<Value> {
    api.configure(|settings| *settings = new.clone());
    Json(json!(new))
}

async fn fault(State(api): Api, Json(rule): Json<FaultRule>) -> StatusCode {
    api.fault(rule);
    StatusCode::NO_CONTENT
}

async fn clear_faults(State(api): Api) -> StatusCode {
    api.clear_faults();
    StatusCode::NO_CONTENT
}

async fn release(State(api): Api) -> Json<Value> {
    Json(json!({ "released": api.release() }))
}

#[derive(Debug, Deserialize)]
struct OutageWish {
    outage: Outage,
}

async fn outage(State(api): Api, Json(OutageWish { outage }): Json<OutageWish>) -> StatusCode {
    api.set_outage(outage);
    StatusCode::NO_CONTENT
}
