//! From a part to the call that makes it visible, as a new message or as an
//! edit of one, and from the call's result to what became of the part.
//!
//! Pure, and the only place where either is built, so that a probe asks with
//! exactly what was sent.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::plan;
use crate::domain::ids::ChatId;
use crate::domain::part::{Content, Payload, Sending, Sent};
use crate::telegram::methods::{self, Formatted};
use crate::telegram::{Call, CallError, Meaning, Upload};

/// The call that makes a part visible: edits its message where there is one.
#[must_use]
pub fn of(sending: &Sending, resent_mark: &str) -> Call {
    let payload = said(sending, resent_mark);
    match sending.edit.filter(|_| payload.document.is_none()) {
        Some(message) => edit(sending, &payload, message),
        None => send(sending, &payload),
    }
}

/// The call that gives `message` what a part says.
#[must_use]
pub fn probe(sending: &Sending, resent_mark: &str, message: i64) -> Call {
    edit(sending, &said(sending, resent_mark), message)
}

/// What a part says, mark included.
fn said(sending: &Sending, resent_mark: &str) -> Payload {
    let payload = sending.payload.clone();
    match sending.resent {
        true => plan::marked(payload, resent_mark),
        false => payload,
    }
}

fn send(sending: &Sending, payload: &Payload) -> Call {
    let (chat, topic) = (sending.chat.0, sending.topic);
    let (reply_to, keyboard) = (payload.reply_to, payload.keyboard.as_ref());
    if let Some(name) = &payload.document {
        let upload = Upload {
            field: "document",
            name: name.clone(),
            mime: "text/markdown",
            bytes: Bytes::from(sending.file.clone().unwrap_or_default()),
        };
        return methods::send_document(chat, topic, upload, words(payload), reply_to, keyboard);
    }
    match &payload.content {
        Content::Rich { markdown } => {
            methods::send_rich_message(chat, topic, markdown, reply_to, keyboard)
        }
        Content::Classic { text, entities } => {
            let content = Formatted { text, entities };
            methods::send_message(chat, topic, content, reply_to, keyboard)
        }
        Content::Plain { text } => {
            methods::send_message(chat, topic, Formatted::plain(text), reply_to, keyboard)
        }
    }
}

fn edit(sending: &Sending, payload: &Payload, message: i64) -> Call {
    let (chat, keyboard) = (sending.chat.0, payload.keyboard.as_ref());
    if payload.document.is_some() {
        return methods::edit_message_caption(chat, message, words(payload), keyboard);
    }
    match &payload.content {
        Content::Rich { markdown } => methods::edit_rich_message(chat, message, markdown, keyboard),
        Content::Classic { text, entities } => {
            methods::edit_message_text(chat, message, Formatted { text, entities }, keyboard)
        }
        Content::Plain { text } => {
            methods::edit_message_text(chat, message, Formatted::plain(text), keyboard)
        }
    }
}

/// The caption of a file.
fn words(payload: &Payload) -> &str {
    match &payload.content {
        Content::Plain { text } | Content::Classic { text, .. } => text,
        Content::Rich { markdown } => markdown,
    }
}

/// What a call's result means for its part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judged {
    /// The part's next state.
    Sent(Sent),
    /// Definitely not sent; Telegram asks for this pause.
    Paused(Duration),
    /// Definitely not sent: Telegram cannot be reached.
    NotSent,
    /// Definitely not sent: the token is refused.
    Unauthorized,
    /// Its form was refused.
    Refused(CallError),
}

/// Judges the result of the call that was to make a part visible.
#[must_use]
pub fn judge(sending: &Sending, result: Result<Value, CallError>) -> Judged {
    let error = match result {
        Ok(message) => {
            let id = message["message_id"].as_i64().or(sending.edit);
            return Judged::Sent(id.map_or(Sent::Uncertain, Sent::Receipt));
        }
        Err(error) => error,
    };
    match (error.meaning(), sending.edit) {
        (Meaning::Again(Some(pause)), _) => Judged::Paused(pause),
        // An edit is idempotent: it may simply be made again.
        (Meaning::Again(None), _) | (Meaning::Uncertain, Some(_)) => Judged::NotSent,
        (Meaning::Uncertain, None) => Judged::Sent(Sent::Uncertain),
        // A guest's one answer, sent again: the first is what has used it up.
        (Meaning::ChatGone, None) if sending.resent && error.is_answered_query() => {
            Judged::Sent(Sent::Receipt(1))
        }
        (Meaning::ChatGone, _) => Judged::Sent(Sent::ChatGone),
        (Meaning::Migrated(to), _) => Judged::Sent(Sent::Migrated(ChatId(to))),
        (Meaning::Unauthorized, _) => Judged::Unauthorized,
        (Meaning::NotModified, Some(id)) => Judged::Sent(Sent::Receipt(id)),
        (Meaning::MessageGone, Some(_)) => Judged::Sent(Sent::TargetGone),
        (
            Meaning::NotModified
            | Meaning::MessageGone
            | Meaning::ReplyGone
            | Meaning::FormatRefused
            | Meaning::Conflict,
            _,
        ) => Judged::Refused(error),
    }
}
