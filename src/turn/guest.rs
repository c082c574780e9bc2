//! What an answer must do without where the bot speaks in somebody's name or is
//! a guest: buttons are its own affair, and a guest has one message and no
//! other.

use super::run::Turn;
use crate::domain::part::{Payload, only};
use crate::domain::update::Way;

impl Turn<'_> {
    /// The parts of an answer as its chat takes them.
    pub(super) fn fit(&self, mut payloads: Vec<Payload>) -> Vec<Payload> {
        if !self.claimed.claim.chat.is_relayed() {
            return payloads;
        }
        for payload in &mut payloads {
            (payload.keyboard, payload.reply_to) = (None, None);
        }
        match self.is_guest() {
            true => only(payloads),
            false => payloads,
        }
    }

    /// Whether the bot was called into a chat where it has one message.
    pub(super) fn is_guest(&self) -> bool {
        let inputs = &self.claimed.inputs;
        inputs.iter().any(|m| matches!(m.way, Way::Guest { .. }))
    }
}
