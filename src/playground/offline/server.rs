//! The offline model over HTTP, as OpenRouter would speak: keep-alive comments,
//! chunks, a usage chunk, `[DONE]`; errors as JSON with a status, or as an
//! event within the stream. For loopback only; it asks for no key.

use std::io;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::script::{Cached, Course, Play, Refusal, Sound};
use super::{Offline, request_hash};

/// Requests carry photos as text.
const REQUEST_LIMIT: usize = 64 * 1024 * 1024;

impl Offline {
    /// The routes: `/v1/chat/completions`, `/v1/models` and
    /// `/v1/audio/transcriptions`, so that
    /// `llm.base_url` is `http://ADDRESS/v1`.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/v1/chat/completions", post(complete))
            .route("/v1/models", get(models))
            .route("/v1/audio/transcriptions", post(transcribe))
            .layer(DefaultBodyLimit::max(REQUEST_LIMIT))
            .with_state(self.clone())
    }

    /// Serves until `stop`, then returns at once; answers under way end with
    /// their connections.
    ///
    /// # Errors
    /// What the listener fails with.
    pub async fn serve(&self, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
        let serve = axum::serve(listener, self.router());
        // Both only wait; a dropped server accepts nothing more.
        tokio::select! {
            result = serve.into_future() => result,
            () = stop.cancelled() => Ok(()),
        }
    }
}

async fn models() -> Json<Value> {
    Json(json!({"object": "list", "data": [{"id": "offline", "object": "model"}]}))
}

/// No ears either, but honest about it.
async fn transcribe(form: Bytes) -> Json<Value> {
    let kilobytes = form.len().div_ceil(1000);
    Json(json!({"text": format!(
        "(Here would stand the words of your recording, about {kilobytes} kB of sound.)"
    )}))
}

async fn complete(State(model): State<Offline>, headers: HeaderMap, request: Bytes) -> Response {
    let cached = match headers.get("x-openrouter-cache") {
        Some(on) if on == "true" => Cached::Replayed,
        _ => Cached::Ignored,
    };
    let id = format!("gen-{:016x}", request_hash(&request));
    match model.begin(&request, cached) {
        Course::Refuse(refusal) => refused(&refusal),
        Course::Play(play) if wants_stream(&request) => streamed(play, id),
        Course::Play(play) => whole(play, &id).await,
    }
}

fn wants_stream(request: &[u8]) -> bool {
    serde_json::from_slice::<Value>(request).is_ok_and(|body| body["stream"] == true)
}

fn refused(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.code).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = (status, Json(error_body(refusal.code, refusal.message))).into_response();
    if let Some(wait) = refusal.retry_after {
        let seconds = wait.as_millis().div_ceil(1000);
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn error_body(code: u16, message: &str) -> Value {
    json!({"error": {"code": code, "message": message}})
}

fn streamed(play: Play, id: String) -> Response {
    let events = stream::unfold((play, id), |(mut play, id)| async move {
        let sound = play.next().await?;
        if sound == Sound::Break {
            // What was said before goes out while this waits; an error at once
            // would take it back.
            tokio::task::yield_now().await;
        }
        Some((event(sound, &id, &play.asked_model), (play, id)))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream".to_owned()),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
    ];
    (headers, Body::from_stream(events)).into_response()
}

fn event(sound: Sound, id: &str, model: &str) -> io::Result<Bytes> {
    let chunk = |delta: Value, finish: Value| {
        json!({
            "id": id, "object": "chat.completion.chunk", "created": 0, "model": model, "provider": "Offline",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        })
    };
    let text = match sound {
        Sound::KeepAlive => ": PROCESSING\n\n".to_owned(),
        Sound::Content(text) => data(&chunk(json!({"content": text}), Value::Null)),
        Sound::Finish => data(&chunk(json!({"content": ""}), json!("stop"))),
        Sound::Usage { prompt, completion } => {
            let mut last = chunk(json!({"content": ""}), Value::Null);
            last["usage"] = usage(prompt, completion);
            data(&last) + "data: [DONE]\n\n"
        }
        Sound::Error => {
            let mut last = chunk(json!({"content": ""}), json!("error"));
            last["error"] = error_body(502, "the offline model was told to fail")["error"].take();
            data(&last)
        }
        Sound::Break => return Err(io::Error::other("told to break off")),
    };
    Ok(Bytes::from(text))
}

fn data(value: &Value) -> String {
    format!("data: {value}\n\n")
}

fn usage(prompt: u64, completion: u64) -> Value {
    json!({
        "prompt_tokens": prompt, "completion_tokens": completion,
        "total_tokens": prompt + completion, "cost": 0.0,
    })
}

/// The answer in one piece, for clients that do not stream.
async fn whole(mut play: Play, id: &str) -> Response {
    let (mut text, mut counted) = (String::new(), Value::Null);
    while let Some(sound) = play.next().await {
        match sound {
            Sound::Content(piece) => text += &piece,
            Sound::Usage { prompt, completion } => counted = usage(prompt, completion),
            Sound::Error | Sound::Break => {
                let error = error_body(502, "the offline model was told to fail");
                return (StatusCode::BAD_GATEWAY, Json(error)).into_response();
            }
            Sound::KeepAlive | Sound::Finish => {}
        }
    }
    Json(json!({
        "id": id, "object": "chat.completion", "created": 0, "model": play.asked_model, "provider": "Offline",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": counted,
    }))
    .into_response()
}

#[cfg(test)]
mod tests {
    use async_openai::types::chat::CreateChatCompletionStreamResponse;

    use super::*;

    #[test]
    fn every_chunk_is_one_that_openais_clients_read() {
        for (sound, text) in [
            (Sound::Content("ä".to_owned()), Some("ä")),
            (Sound::Finish, Some("")),
            (
                Sound::Usage {
                    prompt: 1,
                    completion: 2,
                },
                Some(""),
            ),
        ] {
            let bytes = event(sound, "gen-1", "offline").unwrap();
            let text_of = std::str::from_utf8(&bytes).unwrap();
            let json = text_of
                .lines()
                .next()
                .unwrap()
                .strip_prefix("data: ")
                .unwrap();
            let chunk: CreateChatCompletionStreamResponse = serde_json::from_str(json).unwrap();
            assert_eq!(chunk.choices[0].delta.content.as_deref(), text);
        }
    }
}
