//! The one place where a relayed chat's id becomes the way that Telegram knows:
//! a business connection and a chat of it, or a guest query.
//!
//! Stands between everybody who calls and Telegram, so that no caller can miss
//! it. What such a chat does not have (drafts, reactions, administrators) is
//! refused here; no call ever leaves with an id that is ours, nor with one that
//! Telegram would take for another chat.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Daemon;
use crate::domain::ids::{ChatId, UserId};
use crate::domain::update::{Connection, ConnectionStanding, read_connection};
use crate::store::{Relay, Store};
use crate::telegram::{Call, CallError, Telegram, methods};

/// How long the question about a connection may hold up the sweep.
const ASK: Duration = Duration::from_secs(3);

/// Connections asked for in one sweep: one that cannot be read must not keep
/// others from being known.
const AT_ONCE: u32 = 8;

/// Methods that take a `business_connection_id` (Bot API 10.1), by how they
/// begin; drafts do not.
const IN_BUSINESS: [&str; 2] = ["send", "edit"];

/// Telegram, told by which way each call goes.
#[derive(Debug)]
pub(super) struct Relaying {
    pub(super) telegram: Arc<dyn Telegram>,
    pub(super) store: Arc<dyn Store>,
    pub(super) reach: Reach,
}

/// Whether Telegram answered when it was last called; clones know the same.
#[derive(Debug, Clone)]
pub(super) struct Reach(Arc<AtomicBool>);

impl Default for Reach {
    fn default() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl Reach {
    /// Whether it did.
    pub(super) fn is_there(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn answered<T>(&self, answer: &Result<T, CallError>) {
        // A refusal is an answer.
        let there = matches!(answer, Ok(_) | Err(CallError::Refused { .. }));
        self.0.store(there, Ordering::Relaxed);
    }
}

#[async_trait]
impl Telegram for Relaying {
    async fn call(&self, mut call: Call) -> Result<Value, CallError> {
        let chat = call.body["chat_id"].as_i64().map(ChatId);
        let Some(chat) = chat.filter(|chat| chat.is_relayed()) else {
            let answer = self.telegram.call(call).await;
            self.reach.answered(&answer);
            return answer;
        };
        let begun = Instant::now();
        let relay = self.store.relay(chat).await;
        let relay = relay.map_err(|error| CallError::NotSent {
            reason: error.to_string(),
        })?;
        // Nothing is written to the socket later than the caller has said.
        call.timeout = call.timeout.saturating_sub(begun.elapsed());
        if call.timeout.is_zero() {
            return Err(CallError::NotSent {
                reason: "the store took too long to tell the way".to_owned(),
            });
        }
        match relay {
            Some(Relay::Business { connection, chat }) => {
                self.in_business(call, &connection, chat).await
            }
            Some(Relay::Guest { query }) => self.as_guest(call, &query).await,
            Some(Relay::Cut) | None => Err(refused(403, "business connection is disabled")),
        }
    }

    async fn download(
        &self,
        file_path: &str,
        limit: usize,
        timeout: Duration,
    ) -> Result<Bytes, CallError> {
        self.telegram.download(file_path, limit, timeout).await
    }
}

impl Relaying {
    async fn in_business(
        &self,
        mut call: Call,
        connection: &str,
        chat: i64,
    ) -> Result<Value, CallError> {
        let method = call.method;
        let known = IN_BUSINESS.iter().any(|begin| method.starts_with(begin));
        if !known || method.ends_with("Draft") {
            return Err(unavailable());
        }
        call.body["chat_id"] = chat.into();
        call.body["business_connection_id"] = connection.into();
        let answered = self.telegram.call(call).await;
        match answered {
            // Only who may send them oneself has rich messages sent; what that
            // is refused with must not be taken for the end of the chat.
            Err(CallError::Refused {
                code: 400 | 403,
                description,
                ..
            }) if method == "sendRichMessage" && !is_about_business(&description) => {
                Err(refused(400, "rich messages can't be sent here"))
            }
            answered => answered,
        }
    }

    /// A guest has one answer and nothing else.
    async fn as_guest(&self, call: Call, query: &str) -> Result<Value, CallError> {
        let content = match call.method {
            "sendMessage" => json!({
                "message_text": call.body["text"],
                "entities": call.body["entities"],
                "link_preview_options": call.body["link_preview_options"],
            }),
            "sendRichMessage" => json!({"rich_message": call.body["rich_message"]}),
            // Nobody sees it there.
            "sendChatAction" => return Ok(Value::Bool(true)),
            _ => return Err(unavailable()),
        };
        let answer = methods::answer_guest_query(query, content, call.timeout);
        // An inline message has no number; within its chat it is the first.
        let sent = self.telegram.call(answer).await;
        sent.map(|_| json!({"message_id": 1}))
    }
}

impl Daemon {
    /// Asks whose account it is that messages came through. Those wait in the
    /// store meanwhile; what is not answered now is asked again.
    pub(super) async fn meet_connections(&self) {
        let unknown = match self.store.unconnected(AT_ONCE).await {
            Ok(unknown) => unknown,
            Err(error) => return tracing::debug!(%error, "failed to look for connections"),
        };
        for id in unknown {
            let mut call = methods::get_business_connection(&id);
            call.timeout = ASK;
            let connection = match self.telegram.call(call).await {
                Ok(told) => match read_connection(&told) {
                    Some(connection) => connection,
                    None => {
                        tracing::warn!(
                            "a business connection cannot be read; it is asked for again"
                        );
                        continue;
                    }
                },
                // Only these speak of the connection; a 401 is about our token.
                Err(
                    error @ CallError::Refused {
                        code: 400 | 403, ..
                    },
                ) => {
                    tracing::warn!(%error, "a business connection is not ours");
                    Connection {
                        id,
                        owner: UserId(0),
                        standing: ConnectionStanding::Idle,
                    }
                }
                Err(error) => return tracing::debug!(%error, "failed to ask for a connection"),
            };
            self.intake.connect(connection).await;
        }
    }
}

fn is_about_business(description: &str) -> bool {
    let text = description.to_lowercase();
    text.contains("business connection") || text.contains("business_")
}

fn unavailable() -> CallError {
    refused(400, "the method is not available in this chat")
}

fn refused(code: u16, description: &str) -> CallError {
    CallError::Refused {
        code,
        description: description.to_owned(),
        retry_after: None,
        migrate_to: None,
    }
}
