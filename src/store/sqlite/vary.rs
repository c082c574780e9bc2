//! Another answer to what was answered last: pressed under it, or because its
//! question was edited.
//!
//! Like a replay: a new last turn, the messages move to it, the earlier turn is
//! superseded, all in the accept transaction. Pressed twice it is begun once:
//! the second press finds the turn superseded. What gathers meanwhile goes on
//! gathering and is answered next.

use rusqlite::{OptionalExtension, params};

use super::Tx;
use super::accept::Accepting;
use super::again::{Again, GO_ON_WISH};
use super::controls::{Effect, Place};
use crate::domain::ids::{ChatId, ConversationId, TurnId};
use crate::domain::turn::Outcome;
use crate::domain::variant::Variant;
use crate::store::Result;

impl Accepting<'_, '_> {
    pub(super) fn vary(&mut self, place: &Place, turn: TurnId, variant: Variant) -> Result<Effect> {
        let last = self.tx.last_answered(place.conversation, turn, variant)?;
        let Some(last) = last else {
            return self.not_now(place, turn, variant.code() + 1);
        };
        if last.asker != place.sender && !self.tx.governs(place.sender, place.chat)? {
            let words = self.words_at(place);
            return Ok(Effect::new("refused", Some(&words.not_yours)));
        }
        let next = self.tx.vary(turn, &last, variant)?;
        if last.asker == place.sender {
            self.speak(next, place)?;
        }
        self.due(place.conversation, place.chat, place.topic, self.tx.now);
        Ok(Effect {
            name: "varied",
            turn: Some(next),
            say: None,
        })
    }

    /// A press under what is not the last answer. A button is seen before we
    /// know that it has arrived: the wish is kept until then.
    pub(super) fn not_now(&self, place: &Place, turn: TurnId, wish: i64) -> Result<Effect> {
        let words = self.words_at(place);
        if let Some(asker) = self.tx.on_its_way(place.conversation, turn)? {
            if asker != place.sender && !self.tx.governs(place.sender, place.chat)? {
                return Ok(Effect::new("refused", Some(&words.not_yours)));
            }
            self.tx
                .conn
                .prepare_cached("UPDATE turns SET wish = ?2 WHERE id = ?1")?
                .execute(params![turn.0, wish])?;
            return Ok(Effect::new("wished", None));
        }
        // A second press while the first one's wish is being fulfilled is no
        // news to anybody.
        let under_way = self.tx.is_being_varied(turn)?;
        let say = (!under_way).then_some(words.button_expired.as_str());
        Ok(Effect::new("nothing", say))
    }

    /// There is something to do in this chat's outbox.
    pub(super) fn wake(&mut self, chat: ChatId) {
        if !self.done.outbox.contains(&chat) {
            self.done.outbox.push(chat);
        }
    }
}

impl Tx<'_> {
    /// The turn, when it is the last one of its conversation and has an answer
    /// that can be varied.
    pub(super) fn last_answered(
        &self,
        conversation: ConversationId,
        turn: TurnId,
        variant: Variant,
    ) -> Result<Option<Again>> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT outcome, sender, messages, chars FROM turns AS t \
                 WHERE id = ?1 AND conversation = ?2 AND state = 4 AND outcome IN (?3, ?4) \
                   AND seal_no > (SELECT boundary FROM conversations WHERE id = ?2) \
                   AND EXISTS (SELECT 1 FROM messages WHERE turn = ?1 AND body IS NOT NULL) \
                   AND (NOT ?5 OR EXISTS (SELECT 1 FROM answers WHERE turn = ?1)) \
                   AND NOT EXISTS (SELECT 1 FROM turns AS later \
                        WHERE later.conversation = ?2 AND later.seal_no > t.seal_no \
                          AND coalesce(later.outcome, -1) <> ?6)",
            )?
            .query_row(
                params![
                    turn.0,
                    conversation.0,
                    Outcome::Answered.code(),
                    Outcome::Cancelled.code(),
                    variant.instruction().is_some(),
                    Outcome::Superseded.code()
                ],
                |row| {
                    Ok(Again {
                        conversation,
                        outcome: Outcome::from_code(row.get(0)?).unwrap_or(Outcome::Answered),
                        asker: row.get(1)?,
                        messages: row.get(2)?,
                        chars: row.get(3)?,
                    })
                },
            )
            .optional()?)
    }

    /// Who is answered by a turn whose answer is stored and not known to have
    /// arrived, with no `/new` behind it.
    fn on_its_way(&self, conversation: ConversationId, turn: TurnId) -> Result<Option<i64>> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT sender FROM turns WHERE id = ?1 AND conversation = ?2 AND state = 3 \
                   AND seal_no > (SELECT boundary FROM conversations WHERE id = ?2)",
            )?
            .query_row(params![turn.0, conversation.0], |row| row.get(0))
            .optional()?)
    }

    /// Whether another answer in this one's place is on its way.
    fn is_being_varied(&self, turn: TurnId) -> Result<bool> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM turns AS old JOIN turns AS t \
                    ON t.conversation = old.conversation AND t.state IN (1, 2, 3) AND t.state < 4 \
                 WHERE old.id = ?1 AND old.outcome = ?2 AND t.variant > 0)",
            )?
            .query_row(params![turn.0, Outcome::Superseded.code()], |row| {
                row.get(0)
            })?)
    }

    /// Begins another answer in the place of this one.
    pub(super) fn vary(&self, turn: TurnId, last: &Again, variant: Variant) -> Result<TurnId> {
        let next = self.new_turn(last.conversation, last.asker, last.messages, last.chars)?;
        self.move_messages(turn, next)?;
        self.conn
            .prepare_cached(
                // Where it has said nothing, what it varied itself stands.
                "UPDATE turns SET variant = ?3, varies = \
                    CASE WHEN EXISTS (SELECT 1 FROM answers WHERE turn = ?2) THEN ?2 \
                         ELSE (SELECT varies FROM turns WHERE id = ?2) END \
                 WHERE id = ?1",
            )?
            .execute(params![next.0, turn.0, variant.code()])?;
        Ok(next)
    }

    /// A turn has its visible end: buttons stand under this one only, unless it
    /// lies before a `/new`; and what was pressed or edited too early or too
    /// late for it has its effect now.
    pub(super) fn settled_last(&self, conversation: ConversationId, turn: TurnId) -> Result<()> {
        let (wish, offer, put_aside): (i64, Option<String>, bool) = self
            .conn
            .prepare_cached(
                "SELECT wish, offer, \
                        seal_no <= (SELECT boundary FROM conversations WHERE id = ?2) \
                 FROM turns WHERE id = ?1",
            )?
            .query_row(params![turn.0, conversation.0], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        self.retire_keyboards(conversation, (!put_aside).then_some(turn))?;
        if wish == 0 {
            return Ok(());
        }
        if wish == GO_ON_WISH {
            if self.go_on_as_wished(conversation, turn)? {
                self.retire_keyboards(conversation, None)?;
            }
            return Ok(());
        }
        let variant = Variant::from_code(wish - 1).unwrap_or(Variant::Again);
        let Some(last) = self.last_answered(conversation, turn, variant)? else {
            return Ok(());
        };
        match (variant, offer) {
            (Variant::None, Some(offer)) => self.offer_again(conversation, turn, &offer)?,
            (Variant::None, None) => {}
            _ => {
                self.vary(turn, &last, variant)?;
                self.retire_keyboards(conversation, None)?;
            }
        }
        Ok(())
    }

    /// The answer that a turn varies.
    pub(super) fn varied_answer(&self, turn: TurnId) -> Result<(Variant, Option<String>)> {
        let (variant, varies): (i64, Option<i64>) = self
            .conn
            .prepare_cached("SELECT variant, varies FROM turns WHERE id = ?1")?
            .query_row([turn.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let answer = match varies {
            Some(varies) => self.answer_of(varies)?,
            None => None,
        };
        let variant = Variant::from_code(variant).unwrap_or(Variant::None);
        Ok((variant, answer))
    }
}
