//! What a call comes back with: a result, a refusal in Telegram's own words, or
//! nothing at all. The texts are those of the real server, because clients
//! match on them.

use serde_json::{Value, json};

/// What the pure core says to one method call.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The call was executed; the answer's `result`.
    Answer(Value),
    /// The call was refused and changed nothing.
    Refused(Refusal),
    /// A long poll that found nothing: ask again with this ticket.
    Wait(Ticket),
}

/// A long poll that waits for its first update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub(super) u64);

/// `ok: false`, as Telegram words it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// `error_code`, also the HTTP status.
    pub code: u16,
    /// `description`.
    pub description: String,
    /// `parameters.retry_after` in seconds.
    pub retry_after_s: Option<u64>,
    /// `parameters.migrate_to_chat_id`.
    pub migrate_to: Option<i64>,
}

impl Refusal {
    /// A refusal with a full description.
    #[must_use]
    pub fn new(code: u16, description: impl Into<String>) -> Self {
        Self {
            code,
            description: description.into(),
            retry_after_s: None,
            migrate_to: None,
        }
    }

    /// 400, `Bad Request: …`.
    #[must_use]
    pub fn bad(what: &str) -> Self {
        Self::new(400, format!("Bad Request: {what}"))
    }

    /// 403, `Forbidden: …`.
    #[must_use]
    pub fn forbidden(what: &str) -> Self {
        Self::new(403, format!("Forbidden: {what}"))
    }

    /// 404 for a method this server does not have.
    #[must_use]
    pub fn unknown_method() -> Self {
        Self::new(404, "Not Found")
    }

    /// 401 for a token this server does not know.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized")
    }

    /// 429 with `retry_after`.
    #[must_use]
    pub fn too_many(retry_after_s: u64) -> Self {
        Self {
            retry_after_s: Some(retry_after_s),
            ..Self::new(
                429,
                format!("Too Many Requests: retry after {retry_after_s}"),
            )
        }
    }

    /// 400 for a basic group that has become a supergroup.
    #[must_use]
    pub fn migrated(to: i64) -> Self {
        Self {
            migrate_to: Some(to),
            ..Self::bad("group chat was upgraded to a supergroup chat")
        }
    }

    /// The whole answer as Telegram sends it.
    #[must_use]
    pub fn body(&self) -> Value {
        let mut body = json!({
            "ok": false,
            "error_code": self.code,
            "description": self.description,
        });
        if let Some(seconds) = self.retry_after_s {
            body["parameters"] = json!({ "retry_after": seconds });
        }
        if let Some(chat) = self.migrate_to {
            body["parameters"] = json!({ "migrate_to_chat_id": chat });
        }
        body
    }
}

/// What reaches the caller in the end, faults of the way included.
#[derive(Debug, Clone, PartialEq)]
pub enum Delivery {
    /// `ok: true` with this `result`.
    Answer(Value),
    /// `ok: false`.
    Refused(Refusal),
    /// A bare status of a gateway, without Telegram's JSON.
    Gateway(u16),
    /// The connection could not be opened.
    Unreachable,
    /// The connection broke after the request was written.
    Cut,
}

impl Delivery {
    /// One word for the record of calls: `ok`, the code, or how it was lost.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::Answer(_) => "ok".to_owned(),
            Self::Refused(refusal) => refusal.code.to_string(),
            Self::Gateway(code) => format!("gateway {code}"),
            Self::Unreachable => "unreachable".to_owned(),
            Self::Cut => "cut".to_owned(),
        }
    }
}

/// The result of executing a method inside the core.
pub(super) type Answer = Result<Value, Refusal>;
