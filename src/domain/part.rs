//! A part: one row of the outbox, one call that creates (or finally edits) a
//! message. `planned → sending → sent`; a cut acknowledgement makes it
//! `uncertain`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ids::{ChatId, InstanceId, PartId, TurnId};
use super::turn::stored_enum;
use crate::clock::Millis;

stored_enum!(
    /// Where a part stands.
    State {
        /// Waits to be sent.
        Planned = 0 "planned",
        /// The intent is stored; the call may be under way.
        Sending = 1 "sending",
        /// Telegram acknowledged it; the receipt is stored.
        Sent = 2 "sent",
        /// The acknowledgement was cut; it may or may not have arrived.
        Uncertain = 3 "uncertain",
        /// Refused for good.
        Undeliverable = 4 "undeliverable",
        /// Taken back before it was sent.
        Withdrawn = 5 "withdrawn",
    }
);

stored_enum!(
    /// What a part is, in the order in which a chat's waiting parts go out.
    Kind {
        /// A piece of a turn's answer, apology or stop note.
        Answer = 0 "answer",
        /// The visibly unfinished message that grows by edits, in groups.
        Placeholder = 1 "placeholder",
        /// The reply to a command or button.
        Reply = 2 "reply",
        /// Something we say of ourselves (refusal, too fast).
        Notice = 3 "notice",
    }
);

/// The text of a part, in one of three formats of decreasing risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "format", rename_all = "lowercase")]
pub enum Content {
    /// Markdown for `sendRichMessage`.
    Rich {
        /// At most 32 768 characters.
        markdown: String,
    },
    /// Text with classic entities.
    Classic {
        /// At most 4096 UTF-16 units.
        text: String,
        /// `MessageEntity` objects.
        entities: Value,
    },
    /// Text and nothing else.
    Plain {
        /// At most 4096 UTF-16 units.
        text: String,
    },
}

/// Everything a call needs besides the chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// What is said.
    pub content: Content,
    /// The message this answers, where that is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<i64>,
    /// An inline keyboard (`InlineKeyboardMarkup`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyboard: Option<Value>,
    /// The name of the file that this is: the whole answer of its turn, which is
    /// not stored a second time; the content is its caption. A binary that does
    /// not know of files sends the caption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
}

impl Payload {
    /// Plain text without anything else.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self {
            content: Content::Plain { text: text.into() },
            reply_to: None,
            keyboard: None,
            document: None,
        }
    }
}

/// Stands behind a text that has no room for its rest.
const REST: &str = " …";

/// UTF-16 units of a classic message left to a text before that.
const ROOM: usize = 4_090;

/// The first of `parts` alone, where there can be no other; it says that there
/// would be more.
#[must_use]
pub fn only(mut parts: Vec<Payload>) -> Vec<Payload> {
    if parts.len() > 1 {
        parts.truncate(1);
        parts.iter_mut().for_each(cut);
    }
    parts
}

fn cut(payload: &mut Payload) {
    match &mut payload.content {
        Content::Rich { markdown } => markdown.push_str(REST),
        Content::Plain { text } => shorten(text),
        Content::Classic { text, entities } => {
            shorten(text);
            let room = text.encode_utf16().count();
            for entity in entities.as_array_mut().into_iter().flatten() {
                let number = |value: &Value| value.as_u64().unwrap_or(0) as usize;
                let (offset, length) = (number(&entity["offset"]), number(&entity["length"]));
                entity["offset"] = offset.min(room - 1).into();
                entity["length"] = length.min(room - offset.min(room - 1)).into();
            }
        }
    }
}

fn shorten(text: &mut String) {
    while text.encode_utf16().count() > ROOM {
        text.pop();
    }
    text.push_str(REST);
}

/// How a text is sent; each step down is tried once when the one above is
/// refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Rich messages (Bot API 10.1).
    Rich,
    /// Classic entities.
    Entities,
    /// Plain text.
    Plain,
}

/// A part whose sending has begun: the intent is stored, the caller owns it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sending {
    /// The row.
    pub part: PartId,
    /// Its turn, when it belongs to one.
    pub turn: Option<TurnId>,
    /// What it is.
    pub kind: Kind,
    /// The chat it goes to.
    pub chat: ChatId,
    /// The forum topic.
    pub topic: Option<i64>,
    /// What to send.
    pub payload: Payload,
    /// The text of the file, where it is one.
    pub file: Option<String>,
    /// The message to edit instead of sending a new one.
    pub edit: Option<i64>,
    /// The fence: number of this attempt.
    pub send_no: i64,
    /// Who sends.
    pub owner: InstanceId,
    /// Whether an earlier attempt may have arrived.
    pub resent: bool,
    /// When this attempt was begun: a message it makes is not older.
    pub begun_at: Millis,
}

/// A message of ours whose keyboard is to be changed: an edit, which may be made
/// twice.
#[derive(Debug, Clone, PartialEq)]
pub struct Touch {
    /// In which chat.
    pub chat: ChatId,
    /// Which message.
    pub message: i64,
    /// The keyboard it is to have; `None` = none.
    pub keyboard: Option<Value>,
    /// Which wish it is: raised by every change of mind.
    pub version: i64,
    /// How often it was tried in vain.
    pub tries: i64,
}

/// What to do about a part of which nobody knows whether it arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnUncertain {
    /// Send it again, marked.
    #[default]
    Resend,
    /// Leave it.
    Hold,
}

/// What became of a begun send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// Acknowledged with this message id.
    Receipt(i64),
    /// Definitely not sent: try again after this many milliseconds.
    NotSent {
        /// Milliseconds from now.
        retry_in_ms: i64,
    },
    /// May have been sent.
    Uncertain,
    /// Refused for good: these words cannot be sent.
    Undeliverable,
    /// Refused for good: nothing can be sent to this chat, until it is heard
    /// from again.
    ChatGone,
    /// The group became this supergroup: send there.
    Migrated(ChatId),
    /// The message to edit is gone: send a new one instead.
    TargetGone,
}
