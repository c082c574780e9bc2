//! A message to everybody: how fast it goes out, and what is said of it.

use serde::{Deserialize, Serialize};

use super::{count, span};
use crate::clock::Millis;
use crate::domain::turn::stored_enum;

/// Messages of a broadcast that could be sent now, at the most: it never stands
/// before anybody's answer for longer than these take.
pub const AT_ONCE: u32 = 10;

/// Messages of a broadcast that are planned and not delivered yet, at the most:
/// also those that wait for a chat to take more, or to be found out about.
pub const OPEN_MAX: u32 = 100;

stored_enum!(
    /// Where a broadcast stands.
    State {
        /// Its operator was asked whether to send it.
        Asked = 0 "asked",
        /// It goes out.
        Running = 1 "running",
        /// It went out.
        Done = 2 "done",
        /// It was ended, or never sent.
        Halted = 3 "halted",
    }
);

/// How far a broadcast has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Its number.
    pub number: i64,
    /// Where it stands.
    pub state: State,
    /// Chats it was meant for when it was sent off.
    pub chats: i64,
    /// Delivered.
    pub sent: i64,
    /// Refused: blocked, or gone.
    pub refused: i64,
    /// How long it has been going, or did.
    pub took: Millis,
}

impl Progress {
    /// What its operator is told.
    #[must_use]
    pub fn text(&self) -> String {
        let Self {
            number,
            chats,
            sent,
            refused,
            ..
        } = *self;
        let blocked = match refused {
            0 => String::new(),
            _ => format!(", {refused} refused (blocked, or gone)"),
        };
        let took = span(self.took);
        match self.state {
            State::Asked => {
                format!("Broadcast {number} waits for your word: the buttons above.")
            }
            State::Running => format!(
                "Broadcast {number} is going out: {sent} of {chats} delivered{blocked}, for \
                 {took} now."
            ),
            State::Done => format!(
                "Broadcast {number} is done: {} delivered{blocked}, in {took}.",
                count(sent, "message", "messages")
            ),
            State::Halted => {
                format!("Broadcast {number} was ended: {sent} of {chats} delivered{blocked}.")
            }
        }
    }
}

/// The question before sending.
#[must_use]
pub fn question(chats: i64, text: &str) -> String {
    let mut shown: String = text.to_owned();
    // The question must fit into one message.
    while shown.encode_utf16().count() > 3_800 {
        shown.pop();
    }
    let rest = if shown.len() < text.len() { " …" } else { "" };
    format!(
        "Send this to {}, as it stands?\n\n{shown}{rest}",
        count(chats, "chat", "chats")
    )
}
