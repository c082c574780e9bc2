//! What was heard or read in a medium, beside its message: a field of the stored
//! body, so that everything that moves, shows, prunes or forgets messages does
//! the same with it.

use std::borrow::Cow;

use rusqlite::{OptionalExtension, params};

use super::Tx;
use super::turns::body_of;
use crate::domain::ids::TurnId;
use crate::domain::turn::State;
use crate::domain::update::{Media, Message};
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
