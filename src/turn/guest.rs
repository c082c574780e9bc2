//! Where the bot is called as a guest it has one message and no other.

use super::run::Turn;
use crate::domain::part::{Content, Payload};
use crate::domain::update::Way;

/// Stands behind a text that has no room for its rest.
const REST: &str = " …";

/// Characters of a classic message left to a text before that.
const ROOM: usize = 4_090;

impl Turn<'_> {
    /// The parts of an answer as its chat takes them.
    pub(super) fn fit(&self, mut payloads: Vec<Payload>) -> Vec<Payload> {
        let inputs = &self.claimed.inputs;
        let guest = inputs.iter().any(|m| matches!(m.way, Way::Guest { .. }));
        if !guest {
            return payloads;
        }
        let cut = payloads.len() > 1;
        payloads.truncate(1);
        for payload in &mut payloads {
            // Nothing can be pressed there that we would hear of, and what is
            // answered is shown by Telegram.
            (payload.keyboard, payload.reply_to) = (None, None);
            match &mut payload.content {
                Content::Rich { markdown } if cut => markdown.push_str(REST),
                Content::Classic { text, .. } | Content::Plain { text }
                    if cut && text.encode_utf16().count() < ROOM =>
                {
                    text.push_str(REST);
                }
                _ => {}
            }
        }
        payloads
    }
}
