//! Edited messages: what is not answered yet is answered as it reads now; where
//! it is too late for that, another answer is offered, or given.
//!
//! The new text is stored in any case, so that the history reads as the chat
//! does. An edit of anything but the last question changes nothing else, and
//! what nobody typed (the preview of a link was found) changes nothing at all.

use rusqlite::{OptionalExtension, params};
use serde_json::json;

use super::accept::{Accepting, Sort};
use super::place::Pace;
use super::turns::body_of;
use super::{Tx, heard, unknown_code};
use crate::domain::admission::{Access, Facts};
use crate::domain::ids::{ConversationId, TurnId};
use crate::domain::turn::{MAX_INTERRUPTS, State};
use crate::domain::update::Message;
use crate::domain::variant::{OnEdit, Variant};
use crate::domain::verb::Verb;
use crate::store::Result;

/// What an edit came to.
enum Edited {
    /// It is read when its turn runs.
    InTime,
    /// Its turn was running and is begun anew.
    Restarted(TurnId),
    /// The answer to what it said before is on its way or there.
    TooLate(TurnId),
}

impl Accepting<'_, '_> {
    pub(super) fn edit(&mut self, message: &Message) -> Result<Sort> {
        let topic = message.topic.unwrap_or(0);
        let Some(conversation) = self.tx.find_conversation(message.chat.id, topic)? else {
            return Ok(Sort::Ignored);
        };
        let message = &*self.without_call(message);
        match self.tx.replace_input(conversation, message)? {
            Some(Edited::Restarted(turn)) => {
                self.done.cut.push(turn);
                self.due(conversation, message.chat.id, message.topic, self.tx.now);
            }
            Some(Edited::TooLate(turn)) => self.edited_late(conversation, message, turn)?,
            Some(Edited::InTime) => {}
            // Other people's talk, or what was forgotten: not ours to keep.
            None => {
                self.tx.overhear_edit(conversation, message)?;
                return Ok(Sort::Ignored);
            }
        }
        Ok(Sort::Edit)
    }

    /// A message was edited whose answer is on its way or there: what the
    /// operator has decided about that.
    fn edited_late(
        &mut self,
        conversation: ConversationId,
        message: &Message,
        turn: TurnId,
    ) -> Result<()> {
        let chat = message.chat.id;
        let mut on_edit = self.policy.edits;
        // In other people's names nothing is offered and nothing said twice;
        // nor to whom nothing is said any more.
        if on_edit == OnEdit::Ignore || chat.is_relayed() || !self.may_talk(message)? {
            return Ok(());
        }
        if on_edit == OnEdit::Answer {
            // Each costs a completion, like a message.
            let pace = self
                .tx
                .pace(chat.0, message.sender.id.0, self.policy.per_minute)?;
            if matches!(pace, Pace::Over { .. }) {
                on_edit = OnEdit::Offer;
            }
        }
        let offer = offer(turn, &self.words(&message.sender).answer_again);
        if let Some(last) = self.tx.last_answered(conversation, turn, Variant::Again)? {
            if on_edit == OnEdit::Answer {
                self.tx.vary(turn, &last, Variant::Again)?;
                self.tx.retire_keyboards(conversation, None)?;
                self.due(conversation, chat, message.topic, self.tx.now);
            } else {
                self.tx.offer_again(conversation, turn, &offer)?;
            }
            self.wake(chat);
            return Ok(());
        }
        // Not delivered yet: when it is, it is looked at again.
        self.tx
            .conn
            .prepare_cached(
                // What was pressed is wanted more than an offer.
                "UPDATE turns SET wish = ?2, offer = ?3 \
                 WHERE id = ?1 AND state IN (2, 3) AND (?2 > 1 OR wish < 2)",
            )?
            .execute(params![
                turn.0,
                match on_edit {
                    OnEdit::Answer => Variant::Again.code() + 1,
                    _ => Variant::None.code() + 1,
                },
                offer
            ])?;
        Ok(())
    }

    /// Whether its sender is still let in.
    fn may_talk(&self, message: &Message) -> Result<bool> {
        let (sender, chat) = (message.sender.id.0, message.chat.id.0);
        let facts = Facts {
            admitted: self.policy.access != Access::Open && self.tx.is_admitted(sender, chat)?,
            continues: false,
            banned: self.tx.is_banned(sender, chat)?,
        };
        Ok(self.policy.admits(sender, chat, facts))
    }
}

/// The keyboard that offers to answer again.
fn offer(turn: TurnId, label: &str) -> String {
    let again = Verb::Vary {
        turn,
        variant: Variant::Again,
    };
    json!({"inline_keyboard": [[{"text": label, "callback_data": again.button_data()}]]})
        .to_string()
}

impl Tx<'_> {
    /// Stores what a message reads now; `None` when it is not ours, or reads as
    /// it did. A running turn is begun anew, unless that has happened too often.
    fn replace_input(
        &self,
        conversation: ConversationId,
        message: &Message,
    ) -> Result<Option<Edited>> {
        let found: Option<(i64, i64, i64, i64, String)> = self
            .conn
            .prepare_cached(
                "SELECT m.id, t.id, t.state, t.interrupts, m.body \
                 FROM messages AS m JOIN turns AS t ON t.id = m.turn \
                 WHERE m.conversation = ?1 AND m.message_id = ?2 AND m.body IS NOT NULL LIMIT 1",
            )?
            .query_row(params![conversation.0, message.id], |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                ))
            })
            .optional()?;
        let Some((row, turn, state, restarts, before)) = found else {
            return Ok(None);
        };
        // Telegram also tells of changes that nobody typed (the preview of a
        // link was found): those must not throw a running answer away.
        let before = serde_json::from_str::<Message>(&before).ok();
        let Some(message) = heard::edited(before.as_ref(), message) else {
            return Ok(None);
        };
        let state = State::from_code(state).ok_or_else(|| unknown_code("state", state))?;
        let turn = TurnId(turn);
        self.conn
            .prepare_cached("UPDATE messages SET body = ?2 WHERE id = ?1")?
            .execute(params![row, body_of(&message)])?;
        let runs = state == State::Claimed;
        if state >= State::Answered || (runs && restarts >= MAX_INTERRUPTS) {
            return Ok(Some(Edited::TooLate(turn)));
        }
        self.drop_request(turn)?;
        // Shorter or longer than an answer to something else is nothing.
        self.conn
            .prepare_cached("UPDATE turns SET variant = 1 WHERE id = ?1 AND variant > 1")?
            .execute([turn.0])?;
        if !runs {
            return Ok(Some(Edited::InTime));
        }
        self.conn
            .prepare_cached(
                "UPDATE turns SET state = 1, owner = NULL, alone = 0, claim_no = claim_no + 1, \
                        interrupts = interrupts + 1 \
                 WHERE id = ?1",
            )?
            .execute([turn.0])?;
        Ok(Some(Edited::Restarted(turn)))
    }

    pub(super) fn offer_again(
        &self,
        conversation: ConversationId,
        turn: TurnId,
        offer: &str,
    ) -> Result<()> {
        if let Some((chat, message)) = self.last_message_of(turn)? {
            self.want_keyboard(chat, message, Some((conversation, turn)), Some(offer))?;
        }
        Ok(())
    }
}
