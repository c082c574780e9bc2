//! The seam to Telegram: one call of one Bot API method.
//!
//! A value passed in, so that tests compose the same daemon with the in-memory
//! Bot API. The classification of errors in [`CallError`] decides loss and
//! doubling: only what provably was not executed may be sent again blindly.

mod answer;
pub mod client;
mod errors;
pub mod methods;
mod multipart;
mod quotes;

pub use errors::Meaning;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;

/// One call of a Bot API method.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method's name as the Bot API spells it, e.g. `sendMessage`.
    pub method: &'static str,
    /// The parameters, a JSON object.
    pub body: Value,
    /// How long the whole call may take, connecting included.
    pub timeout: Duration,
    /// A file that goes along.
    pub file: Option<Upload>,
}

/// A file that is sent with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The parameter it stands for.
    pub field: &'static str,
    /// Its name, as people see it.
    pub name: String,
    /// Its media type.
    pub mime: &'static str,
    /// What is in it.
    pub bytes: Bytes,
}

/// A server that speaks the Bot API.
#[async_trait]
pub trait Telegram: Send + Sync + std::fmt::Debug + 'static {
    /// Performs one call and returns the answer's `result`.
    ///
    /// # Errors
    /// See [`CallError`]; the texts never contain the token.
    ///
    /// # Cancel safety
    /// Dropping the future abandons the call; it may have been executed.
    async fn call(&self, call: Call) -> Result<Value, CallError>;

    /// Downloads a file by the `file_path` that `getFile` answered.
    ///
    /// # Errors
    /// As [`Telegram::call`]; a file over `limit` bytes is `Refused` with 413.
    async fn download(
        &self,
        file_path: &str,
        limit: usize,
        timeout: Duration,
    ) -> Result<Bytes, CallError>;
}

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The request provably never reached Telegram (DNS, connect, TLS).
    #[error("not sent: {reason}")]
    NotSent {
        /// What went wrong, without the URL.
        reason: String,
    },
    /// Telegram answered 4xx (429 included): the call was not executed.
    #[error("refused with {code}: {description}")]
    Refused {
        /// `error_code` of the answer.
        code: u16,
        /// `description` of the answer.
        description: String,
        /// `parameters.retry_after`, with 429.
        retry_after: Option<Duration>,
        /// `parameters.migrate_to_chat_id`: the group became a supergroup.
        migrate_to: Option<i64>,
    },
    /// Anything else: a time-out after the request was written, a reset, 5xx,
    /// an unreadable answer. The call may have been executed.
    #[error("outcome unknown: {reason}")]
    Unknown {
        /// What went wrong, without the URL.
        reason: String,
    },
}
