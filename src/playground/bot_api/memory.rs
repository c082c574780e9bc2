//! The in-memory wrapping: [`Telegram`] without a socket, for simulation on
//! tokio's paused clock. Maps what goes wrong to [`CallError`] exactly as a
//! real transport has to.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;

use super::answer::{Delivery, Refusal};
use super::files::uploaded;
use super::{BotApi, Delivered};
use crate::telegram::{Call, CallError, Telegram};

/// The stand-in as a transport.
#[derive(Debug, Clone)]
pub struct InMemory(pub Arc<BotApi>);

#[async_trait]
impl Telegram for InMemory {
    async fn call(&self, call: Call) -> Result<Value, CallError> {
        let mut body = call.body;
        if let Some(file) = call.file {
            body[file.field] = uploaded(&file.name, &file.bytes);
        }
        let performed = self.0.perform(call.method, body);
        match tokio::time::timeout(call.timeout, performed).await {
            Ok(Delivery::Answer(result)) => Ok(result),
            Ok(other) => Err(classify(other)),
            Err(_) => Err(timed_out()),
        }
    }

    async fn download(
        &self,
        file_path: &str,
        limit: usize,
        timeout: Duration,
    ) -> Result<Bytes, CallError> {
        match tokio::time::timeout(timeout, self.0.download(file_path)).await {
            Ok(Delivered::File(bytes)) if bytes.len() > limit => {
                Err(refused(Refusal::new(413, "file is larger than the limit")))
            }
            Ok(Delivered::File(bytes)) => Ok(bytes),
            Ok(Delivered::Not(other)) => Err(classify(other)),
            Err(_) => Err(timed_out()),
        }
    }
}

fn timed_out() -> CallError {
    CallError::Unknown {
        reason: "timed out".to_owned(),
    }
}

fn classify(delivery: Delivery) -> CallError {
    match delivery {
        Delivery::Refused(refusal) if refusal.code < 500 => refused(refusal),
        Delivery::Refused(refusal) => CallError::Unknown {
            reason: format!("status {}", refusal.code),
        },
        Delivery::Gateway(code) => CallError::Unknown {
            reason: format!("status {code}"),
        },
        Delivery::Unreachable => CallError::NotSent {
            reason: "connection refused".to_owned(),
        },
        Delivery::Cut | Delivery::Answer(_) => CallError::Unknown {
            reason: "connection reset".to_owned(),
        },
    }
}

fn refused(refusal: Refusal) -> CallError {
    CallError::Refused {
        code: refusal.code,
        description: refusal.description,
        retry_after: refusal.retry_after_s.map(Duration::from_secs),
        migrate_to: refusal.migrate_to,
    }
}
