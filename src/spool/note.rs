//! What one file of the spool says: a message for a chat, as its writer left it
//! and as its reader may take it. Plain data and rules.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::{Millis, millis};
use crate::domain::ids::{BotId, ChatId};
use crate::format;

/// The largest file that is read: every text at its longest, every character of
/// it escaped.
pub const FILE_MAX: usize = 128 * 1024;

/// Messages that one call may become.
pub const PAGES_MAX: usize = 4;

/// UTF-16 units of one message (Bot API, `sendMessage`).
pub const PAGE_UNITS: usize = 4_096;

/// Bytes of a key.
pub const KEY_MAX: usize = 200;

/// The longest a message may wait for its sending, where it says how long.
pub const LIFE_MAX: Duration = Duration::from_secs(30 * 86_400);

/// How long a key is remembered when its message does not say how long it lives.
const KEY_LIFE: Duration = Duration::from_secs(86_400);

/// A message for a chat. A field that this version does not know is passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Where to.
    pub chat: ChatId,
    /// Into which forum topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<i64>,
    /// By which bot, where several share the store; else by any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot: Option<BotId>,
    /// Under this key it is stored once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The messages, in order.
    pub texts: Vec<String>,
    /// When it was written, by the clock of its writer.
    pub at: Millis,
    /// How long it is worth being sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<Millis>,
}

/// Why a file is not taken. Says nothing of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// A link, a folder, a pipe, or a second name of a file elsewhere.
    #[error("it is no plain file of its own")]
    NotPlain,
    /// Made by somebody who may not.
    #[error("whoever made it is not in the folder's group")]
    Stranger,
    /// The daemon's user may not read it.
    #[error("it cannot be read")]
    Unreadable,
    /// More than [`FILE_MAX`].
    #[error("it is too large")]
    Large,
    /// Not what a writer of this format writes.
    #[error("it is not a message in this program's format")]
    Malformed,
    /// No instance of its bot has taken it for [`LIFE_MAX`].
    #[error("nobody runs the bot that it is for")]
    Unclaimed,
    /// No name of a message.
    #[error("its name is not that of a message")]
    Foreign,
}

impl Note {
    /// Reads a file's content and judges it.
    ///
    /// # Errors
    /// [`Flaw::Large`], [`Flaw::Malformed`].
    pub fn read(bytes: &[u8]) -> Result<Self, Flaw> {
        if bytes.len() > FILE_MAX {
            return Err(Flaw::Large);
        }
        let note: Self = serde_json::from_slice(bytes).map_err(|_| Flaw::Malformed)?;
        let fits = |text: &String| {
            format::utf16_len(text) <= PAGE_UNITS && !format::pieces(text, PAGE_UNITS).is_empty()
        };
        let sound = note.chat.0 != 0
            && !note.chat.is_relayed()
            && note.topic.is_none_or(|topic| topic > 0)
            && note.key.as_ref().is_none_or(|key| key_fits(key))
            && (1..=PAGES_MAX).contains(&note.texts.len())
            && note.texts.iter().all(fits)
            && note
                .ttl_ms
                .is_none_or(|ttl| (1..=millis(LIFE_MAX)).contains(&ttl));
        sound.then_some(note).ok_or(Flaw::Malformed)
    }

    /// The file's content.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain data is always JSON")
    }

    /// How long it is still worth being sent; `None` for ever. A clock that was
    /// set back since makes it no younger than new.
    #[must_use]
    pub fn life_left(&self, now: Millis) -> Option<Duration> {
        let ttl = self.ttl_ms?;
        let gone = now.saturating_sub(self.at).max(0);
        Some(crate::clock::duration(ttl.saturating_sub(gone)))
    }

    /// Whether its time is over.
    #[must_use]
    pub fn is_over(&self, now: Millis) -> bool {
        self.life_left(now).is_some_and(|left| left.is_zero())
    }

    /// Whether it has waited for longer than any message may.
    #[must_use]
    pub fn is_unclaimed(&self, now: Millis) -> bool {
        now.saturating_sub(self.at) > millis(LIFE_MAX)
    }

    /// How long its key is remembered: as long as it lives itself.
    #[must_use]
    pub fn key_life(&self, now: Millis) -> Duration {
        self.life_left(now).unwrap_or(KEY_LIFE)
    }
}

/// Whether this may be a key.
#[must_use]
pub fn key_fits(key: &str) -> bool {
    (1..=KEY_MAX).contains(&key.len()) && !key.chars().any(char::is_control)
}
