//! Edits: the preview of a group, in which the placeholder grows.
//!
//! The first words come early: they tell that there will be an answer. Later
//! ones come seldom, for a group has twenty calls a minute, of which other
//! answers need theirs.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::{Frames, Step};
use crate::domain::verb::Verb;
use crate::format;
use crate::telegram::methods::{self, Formatted};

/// Between two edits at first, and after [`LONG`]: an answer of a minute takes
/// fifteen calls, one of five minutes ten a minute.
const EVERY: Duration = Duration::from_secs(4);
const EVERY_LATER: Duration = Duration::from_secs(6);
const LONG: Duration = Duration::from_secs(40);

/// How long the first words are gathered: one letter is no news.
const GATHER: Duration = Duration::from_millis(700);

/// How often the placeholder's receipt is looked for.
const PLACEHOLDER_EVERY: Duration = Duration::from_millis(500);

impl Frames {
    pub(super) async fn edits(mut self) {
        let Some(message) = self.placeholder().await else {
            return;
        };
        let keyboard = json!({"inline_keyboard": [[{
            "text": self.texts.stop_button,
            "callback_data": Verb::StopTurn { turn: self.claim.turn }.button_data(),
        }]]});
        let mut begun: Option<Instant> = None;
        // What is on the screen, in bytes of the answer.
        let mut shown = 0;
        while self.changed().await {
            if begun.is_none() && !self.pause(GATHER).await {
                return;
            }
            let text = self.preview.borrow_and_update().text.clone();
            let room = 4096 - format::utf16_len(self.texts.unfinished);
            let frame = format::preview_classic(&text)
                .filter(|frame| format::utf16_len(&frame.text) <= room && text.len() > shown);
            let Some(mut frame) = frame else {
                continue;
            };
            match self.reveal().await {
                Step::Done => {}
                Step::Again => {
                    self.preview.mark_changed();
                    continue;
                }
                Step::Over => return,
            }
            match self.turn_to_speak().await {
                Step::Done => {}
                Step::Again => {
                    self.preview.mark_changed();
                    continue;
                }
                Step::Over => return,
            }
            frame.text.push_str(self.texts.unfinished);
            let entities = serde_json::to_value(&frame.entities).expect("entities are always JSON");
            let content = Formatted {
                text: &frame.text,
                entities: &entities,
            };
            let chat = self.claim.chat.0;
            let call = methods::edit_message_text(chat, message, content, Some(&keyboard));
            match self.call(call).await {
                Step::Done => shown = text.len(),
                Step::Again => self.preview.mark_changed(),
                Step::Over => return,
            }
            let since = begun.get_or_insert_with(Instant::now).elapsed();
            let every = if since < LONG { EVERY } else { EVERY_LATER };
            if !self.pause(every.max(self.gap)).await {
                return;
            }
        }
    }

    /// The placeholder's message, once it is there.
    async fn placeholder(&self) -> Option<i64> {
        loop {
            if let Ok(Some(message)) = self.previews.store.placeholder(self.claim.turn).await {
                return Some(message);
            }
            if !self.pause(PLACEHOLDER_EVERY).await {
                return None;
            }
        }
    }
}
