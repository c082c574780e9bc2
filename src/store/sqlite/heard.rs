//! What was heard or read in a medium, beside its message: a field of the stored
//! body, so that everything that moves, shows, prunes or forgets messages does
//! the same with it. And where a live location is now.

use std::borrow::Cow;

use rusqlite::{OptionalExtension, params};

use super::Tx;
use super::turns::body_of;
use crate::domain::ids::TurnId;
use crate::domain::turn::State;
use crate::domain::update::{Media, Message, Said};
use crate::store::Result;

impl Tx<'_> {
    pub(super) fn keep_words(&self, turn: TurnId, message: i64, words: &str) -> Result<()> {
        let found: Option<(i64, String)> = self
            .conn
            .prepare_cached(
                "SELECT id, body FROM messages \
                 WHERE turn = ?1 AND message_id = ?2 AND body IS NOT NULL",
            )?
            .query_row(params![turn.0, message], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let Some((row, body)) = found else {
            return Ok(());
        };
        let Ok(mut message) = serde_json::from_str::<Message>(&body) else {
            return Ok(());
        };
        if let Some(Media::File(file)) = &mut message.media {
            file.words = Some(words.to_owned());
            self.conn
                .prepare_cached("UPDATE messages SET body = ?2 WHERE id = ?1")?
                .execute(params![row, body_of(&message)])?;
        }
        Ok(())
    }

    /// Stores where somebody is now whose live location we were sent: nobody has
    /// typed that, so it has no other effect. False for any other edit.
    pub(super) fn moved(&self, message: &Message) -> Result<bool> {
        if !is_place(message) {
            return Ok(false);
        }
        let topic = message.topic.unwrap_or(0);
        let Some(conversation) = self.find_conversation(message.chat.id, topic)? else {
            return Ok(false);
        };
        let found: Option<(i64, String)> = self
            .conn
            .prepare_cached(
                "SELECT id, body FROM messages \
                 WHERE conversation = ?1 AND message_id = ?2 AND body IS NOT NULL LIMIT 1",
            )?
            .query_row(params![conversation.0, message.id], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let Some((row, body)) = found else {
            return Ok(false);
        };
        let before = serde_json::from_str::<Message>(&body).ok();
        if !before.is_some_and(|before| is_place(&before) && before.text == message.text) {
            return Ok(false);
        }
        self.conn
            .prepare_cached("UPDATE messages SET body = ?2 WHERE id = ?1")?
            .execute(params![row, body_of(message)])?;
        Ok(true)
    }

    pub(super) fn settled(&self, turns: Vec<TurnId>) -> Result<Vec<TurnId>> {
        let mut state = self
            .conn
            .prepare_cached("SELECT state FROM turns WHERE id = ?1")?;
        let mut settled = Vec::new();
        for turn in turns {
            let state: Option<i64> = state.query_row([turn.0], |row| row.get(0)).optional()?;
            if state.is_none_or(|state| state == State::Settled.code()) {
                settled.push(turn);
            }
        }
        Ok(settled)
    }
}

fn is_place(message: &Message) -> bool {
    matches!(message.media, Some(Media::Said(Said::Location { .. })))
}

/// An edited message with what was heard before, where its medium is still the
/// same; `None` when nobody changed anything.
pub(super) fn edited<'m>(
    before: Option<&Message>,
    message: &'m Message,
) -> Option<Cow<'m, Message>> {
    let Some(before) = before else {
        return Some(Cow::Borrowed(message));
    };
    let same_medium = match (&before.media, &message.media) {
        (None, None) => true,
        (Some(before), Some(now)) => before.is_same(now),
        _ => false,
    };
    if same_medium && before.text == message.text && before.links == message.links {
        return None;
    }
    let mut message = Cow::Borrowed(message);
    if same_medium && before.media.is_some() {
        message.to_mut().media.clone_from(&before.media);
    }
    Some(message)
}
