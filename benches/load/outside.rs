//! The world outside: a Bot API that agrees with everything at once, in memory
//! and over HTTP, so that what is measured is the daemon.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::{Path, State};
use axum::routing::any;
use axum::{Json, Router};
use bytes::Bytes;
use lastword::playground::offline::{Behaviour, Fault, Offline, Pace, Voice};
use lastword::telegram::{Call, CallError, Telegram};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The bot everything is measured with.
pub const TOKEN: &str = "4242:load-load-load-load-load-load-load";

/// The id in the token.
pub const BOT: i64 = 4242;

/// A model that answers at once.
pub fn model() -> Offline {
    Offline::new(Behaviour {
        fault: Fault::Sound,
        voice: Voice::Fixed("Every hour, at ten past.".to_owned()),
        pace: Pace::INSTANT,
    })
}

/// A final message that the daemon sent.
#[derive(Debug)]
pub struct Sent {
    /// Where to.
    pub chat: i64,
    /// When the call came in.
    pub at: Instant,
}

/// A Bot API that agrees with everything.
#[derive(Debug)]
pub struct Agreeing {
    messages: AtomicI64,
    sent: mpsc::UnboundedSender<Sent>,
}

impl Agreeing {
    /// Tells `sent` every final message.
    pub fn new(sent: mpsc::UnboundedSender<Sent>) -> Self {
        Self {
            // Above everything that people write in one run.
            messages: AtomicI64::new(1_000_000_000),
            sent,
        }
    }

    fn answer(&self, method: &str, chat: i64) -> Value {
        match method {
            "getMe" => {
                json!({"id": BOT, "is_bot": true, "first_name": "Load", "username": "load_bot"})
            }
            "sendMessage" | "sendRichMessage" => {
                let id = self.messages.fetch_add(1, Ordering::Relaxed);
                // Nobody listens after the end of a measure.
                let _ = self.sent.send(Sent {
                    chat,
                    at: Instant::now(),
                });
                json!({"message_id": id, "date": 0, "chat": {"id": chat, "type": "private"}})
            }
            _ => Value::Bool(true),
        }
    }
}

#[async_trait]
impl Telegram for Agreeing {
    async fn call(&self, call: Call) -> Result<Value, CallError> {
        Ok(self.answer(call.method, call.body["chat_id"].as_i64().unwrap_or(0)))
    }

    async fn download(&self, _: &str, _: usize, _: Duration) -> Result<Bytes, CallError> {
        Ok(Bytes::new())
    }
}

/// Bot API and model over loopback HTTP, for the real binary.
#[derive(Debug)]
pub struct Servers {
    /// `telegram.api_url`.
    pub telegram: SocketAddr,
    /// `llm.base_url`, without `/v1`.
    pub model: SocketAddr,
    _runtime: Runtime,
}

impl Servers {
    /// Begins to serve.
    ///
    /// # Errors
    /// Without free ports.
    pub fn start() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let bind = || runtime.block_on(TcpListener::bind(("127.0.0.1", 0)));
        let (telegram, model_listener) = (bind()?, bind()?);
        let addresses = (telegram.local_addr()?, model_listener.local_addr()?);
        // Who receives what is not asked here.
        let (sender, _) = mpsc::unbounded_channel();
        let app = Router::new()
            .route("/{bot}/{method}", any(method))
            .with_state(Arc::new(Agreeing::new(sender)));
        let serving = axum::serve(telegram, app);
        runtime.spawn(serving.into_future());
        runtime.spawn(async move {
            model()
                .serve(model_listener, CancellationToken::new())
                .await
        });
        Ok(Self {
            telegram: addresses.0,
            model: addresses.1,
            _runtime: runtime,
        })
    }
}

async fn method(
    State(api): State<Arc<Agreeing>>,
    Path((_, method)): Path<(String, String)>,
    body: Bytes,
) -> Json<Value> {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let chat = body["chat_id"].as_i64().unwrap_or(0);
    Json(json!({"ok": true, "result": api.answer(&method, chat)}))
}
