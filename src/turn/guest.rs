//! What an answer must do without where the bot speaks in somebody's name or is
//! a guest: buttons are its own affair, and a guest has one message and no
//! other.

use super::run::Turn;
use crate::domain::part::{Content, Payload};
use crate::domain::update::Way;

/// Stands behind a text that has no room for its rest.
const REST: &str = " …";

/// UTF-16 units of a classic message left to a text before that.
const ROOM: usize = 4_090;

impl Turn<'_> {
    /// The parts of an answer as its chat takes them.
    pub(super) fn fit(&self, mut payloads: Vec<Payload>) -> Vec<Payload> {
        if !self.claimed.claim.chat.is_relayed() {
            return payloads;
        }
        for payload in &mut payloads {
            (payload.keyboard, payload.reply_to) = (None, None);
        }
        if self.is_guest() && payloads.len() > 1 {
            payloads.truncate(1);
            payloads.iter_mut().for_each(cut);
        }
        payloads
    }

    /// Whether the bot was called into a chat where it has one message.
    pub(super) fn is_guest(&self) -> bool {
        let inputs = &self.claimed.inputs;
        inputs.iter().any(|m| matches!(m.way, Way::Guest { .. }))
    }
}

/// Says that there would be more.
fn cut(payload: &mut Payload) {
    match &mut payload.content {
        Content::Rich { markdown } => markdown.push_str(REST),
        Content::Plain { text } => shorten(text),
        Content::Classic { text, entities } => {
            shorten(text);
            let room = text.encode_utf16().count();
            for entity in entities.as_array_mut().into_iter().flatten() {
                let number = |value: &serde_json::Value| value.as_u64().unwrap_or(0) as usize;
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
