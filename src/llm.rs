//! The seam to the model: one streamed completion.
//!
//! A value passed in, so that tests compose the same daemon with a scripted
//! model. Nothing here retries; deciding what an error means for the turn is
//! [`LlmError::advice`], carrying it out is `llm/complete.rs`.

pub mod breaker;
pub mod complete;
pub mod course;
pub mod modalities;
pub mod openrouter;
pub mod request;
pub mod retry;
pub mod sse;
mod think;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

/// The events of one completion, in order.
pub type Deltas = BoxStream<'static, Result<Delta, LlmError>>;

/// One event of a running completion.
#[derive(Debug, Clone, PartialEq)]
pub enum Delta {
    /// The provider's id of this answer, by which its support and its activity
    /// page know it. Comes first, or not at all; not progress.
    Named(String),
    /// The server is alive but has produced nothing (an SSE comment). Not
    /// progress: it resets no time-out.
    KeepAlive,
    /// The model thinks; the text is not part of the answer.
    Reasoning(String),
    /// A piece of the answer.
    Content(String),
    /// The answer is complete, and why it ended.
    Finish(FinishReason),
    /// What it cost; comes after `Finish`, or not at all.
    Usage(Usage),
}

/// Why a model stopped writing, when it stopped by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// It had said everything.
    Stop,
    /// It reached a length limit; the text is kept and marked as cut.
    Length,
    /// The provider's filter cut it.
    ContentFilter,
}

/// What a completion used and cost.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens of the answer, reasoning included.
    pub completion_tokens: u64,
    /// Cost in credits (US dollars at OpenRouter), when told.
    pub cost: Option<f64>,
    /// The model that answered, when told.
    pub model: Option<String>,
    /// The provider's id of this generation, when told.
    pub generation_id: Option<String>,
}

/// A server that completes chats.
#[async_trait]
pub trait Llm: Send + Sync + std::fmt::Debug + 'static {
    /// Sends the exact `request` bytes (a JSON body with `stream: true`) and
    /// returns the stream of what comes back. The stream ends after the last
    /// event; a stream that ends without [`Delta::Finish`] was cut.
    ///
    /// # Errors
    /// See [`LlmError`]; the texts never contain the key or the prompt.
    ///
    /// # Cancel safety
    /// Dropping the future or the stream drops the connection, which is how a
    /// completion is cancelled.
    async fn open(&self, request: Bytes) -> Result<Deltas, LlmError>;
}

/// Why a completion failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LlmError {
    /// The endpoint could not be reached (DNS, connect, TLS, reset).
    #[error("endpoint unreachable: {reason}")]
    Unreachable {
        /// What went wrong, without secrets.
        reason: String,
    },
    /// An error status, or an error body under HTTP 200.
    #[error("status {code}: {message}")]
    Status {
        /// HTTP status, or the body's integer `code` where it is one.
        code: u16,
        /// The provider's message, shortened; for the log, never for people.
        message: String,
        /// `Retry-After`, when sent.
        retry_after: Option<Duration>,
    },
    /// The stream ended or broke before a finish reason was seen.
    #[error("stream cut: {reason}")]
    Cut {
        /// What went wrong.
        reason: String,
    },
    /// Nothing but keep-alives for too long.
    #[error("no progress within {after:?}")]
    Stalled {
        /// The limit that passed.
        after: Duration,
    },
    /// Something that is not the protocol.
    #[error("malformed answer: {reason}")]
    Malformed {
        /// What could not be read.
        reason: String,
    },
}
