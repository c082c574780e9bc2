//! Turns begun by a button or command: a replay of one that has no whole
//! answer, and the continuation of one that reached its length limit.
//!
//! Each is a new last turn. Pressed twice they begin one: the second press
//! finds the turn already replayed, or no longer the last. What gathers comes
//! before a replay and after a continuation, which must follow its answer.

use rusqlite::{OptionalExtension, params};

use super::Tx;
use super::accept::Accepting;
use super::controls::{Effect, Place};
use crate::domain::ids::{ConversationId, TurnId, UserId};
use crate::domain::turn::Outcome;
use crate::domain::update::{Chat, ChatKind, Message, Person};
use crate::store::Result;

/// What the model is told by a press on Continue. Never shown.
const GO_ON: &str = "Continue exactly where you stopped, without repeating anything. Keep the \
    language of what you wrote. If you stopped inside a code block, begin with its fence again.";

/// The wish of a turn that is to be gone on with once it has arrived; those of
/// other answers are the variants' numbers and one (`vary.rs`).
pub(super) const GO_ON_WISH: i64 = 5;

impl Accepting<'_, '_> {
    pub(super) fn retry_last(&mut self, place: &Place) -> Result<Effect> {
        let last: Option<i64> = self
            .tx
            .conn
            .prepare_cached(
                "SELECT id FROM turns \
                 WHERE conversation = ?1 AND state = 4 AND outcome <> ?2 \
                 ORDER BY seal_no DESC, id DESC LIMIT 1",
            )?
            .query_row(
                params![place.conversation.0, Outcome::Superseded.code()],
                |row| row.get(0),
            )
            .optional()?;
        match last {
            Some(turn) => self.retry(place, TurnId(turn)),
            None => Ok(Effect::new(
                "nothing",
                Some(&self.words_at(place).nothing_to_retry),
            )),
        }
    }

    /// A replay is a new last turn; the messages move to it.
    pub(super) fn retry(&mut self, place: &Place, turn: TurnId) -> Result<Effect> {
        let words = self.words_at(place);
        let again = self.tx.tried_again(turn)?;
        let Some(again) = again.filter(|again| again.conversation == place.conversation) else {
            return Ok(Effect::new("nothing", Some(&words.nothing_to_retry)));
        };
        if again.asker != place.sender && !self.tx.governs(place.sender, place.chat)? {
            return Ok(Effect::new("refused", Some(&words.not_yours)));
        }
        let replay = self.tx.try_again(turn, &again)?;
        if again.asker == place.sender {
            self.speak(replay, place)?;
        }
        self.due(place.conversation, place.chat, place.topic, self.tx.now);
        Ok(Effect {
            name: "retried",
            turn: Some(replay),
            say: Some(words.retrying.clone()),
        })
    }

    /// The answer goes on in a new turn, while it is the last.
    pub(super) fn go_on(&mut self, row: i64, place: &Place, turn: TurnId) -> Result<Effect> {
        let Some(asker) = self.tx.cut_answer(place.conversation, turn)? else {
            return self.not_now(place, turn, GO_ON_WISH);
        };
        if asker != place.sender && !self.tx.governs(place.sender, place.chat)? {
            let words = self.words_at(place);
            return Ok(Effect::new("refused", Some(&words.not_yours)));
        }
        let said = spoken(place, self.tx.now);
        let next = self.tx.go_on(place.conversation, asker, row, &said)?;
        self.speak(next, place)?;
        self.due(place.conversation, place.chat, place.topic, self.tx.now);
        Ok(Effect {
            name: "continued",
            turn: Some(next),
            say: None,
        })
    }

    /// The turn is answered in the language of who began it.
    pub(super) fn speak(&self, turn: TurnId, place: &Place) -> Result<()> {
        let tag = self.policy.words.tag(place.language.as_deref());
        self.tx.set_language(turn, tag)
    }
}

/// An ended turn that may be tried again.
pub(super) struct Again {
    pub(super) conversation: ConversationId,
    pub(super) outcome: Outcome,
    pub(super) asker: i64,
    pub(super) messages: i64,
    pub(super) chars: i64,
}

impl Tx<'_> {
    /// What there is to try again of this turn: it has failed, was stopped, or
    /// nobody has seen anything of it; and what it was asked is still here.
    pub(super) fn tried_again(&self, turn: TurnId) -> Result<Option<Again>> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT conversation, outcome, sender, messages, chars FROM turns \
                 WHERE id = ?1 AND bot = ?2 AND state = 4 \
                   AND (outcome IN (?3, ?4) OR (outcome = ?5 AND NOT EXISTS \
                        (SELECT 1 FROM parts WHERE turn = ?1 AND kind = 0 AND state = 2))) \
                   AND EXISTS (SELECT 1 FROM messages WHERE turn = ?1 AND body IS NOT NULL)",
            )?
            .query_row(
                params![
                    turn.0,
                    self.bot.0,
                    Outcome::Failed.code(),
                    Outcome::Cancelled.code(),
                    // Nobody has seen anything of it.
                    Outcome::Undeliverable.code()
                ],
                |row| {
                    Ok(Again {
                        conversation: ConversationId(row.get(0)?),
                        outcome: Outcome::from_code(row.get(1)?).unwrap_or(Outcome::Failed),
                        asker: row.get(2)?,
                        messages: row.get(3)?,
                        chars: row.get(4)?,
                    })
                },
            )
            .optional()?)
    }

    /// The messages move to a new last turn; what they had is superseded.
    pub(super) fn try_again(&self, turn: TurnId, again: &Again) -> Result<TurnId> {
        let replay =
            self.new_last_turn(again.conversation, again.asker, again.messages, again.chars)?;
        self.move_messages(turn, replay)?;
        // What was to be another answer still is.
        self.conn.execute(
            "UPDATE turns SET (variant, varies) = \
                (SELECT variant, varies FROM turns WHERE id = ?1) WHERE id = ?2",
            params![turn.0, replay.0],
        )?;
        Ok(replay)
    }

    /// The messages of a settled turn are answered by a later one.
    pub(super) fn move_messages(&self, from: TurnId, to: TurnId) -> Result<()> {
        self.conn
            .prepare_cached(
                "UPDATE updates SET settled_at = NULL \
                 WHERE id IN (SELECT update_row FROM messages WHERE turn = ?1)",
            )?
            .execute([from.0])?;
        self.conn
            .prepare_cached("UPDATE messages SET turn = ?2 WHERE turn = ?1")?
            .execute(params![from.0, to.0])?;
        self.set_language(to, self.language(from)?.as_deref())?;
        self.conn
            .prepare_cached("UPDATE turns SET outcome = ?2 WHERE id = ?1")?
            .execute(params![from.0, Outcome::Superseded.code()])?;
        Ok(())
    }

    /// Who was answered by a turn that can be gone on with: the last one of its
    /// conversation, with no `/new` behind it.
    fn cut_answer(&self, conversation: ConversationId, turn: TurnId) -> Result<Option<i64>> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT sender FROM turns AS t \
                 WHERE id = ?1 AND conversation = ?2 AND state = 4 AND outcome IN (?3, ?4) \
                   AND seal_no > (SELECT boundary FROM conversations WHERE id = ?2) \
                   AND EXISTS (SELECT 1 FROM answers WHERE turn = ?1) \
                   AND NOT EXISTS (SELECT 1 FROM turns AS later \
                        WHERE later.conversation = ?2 AND later.seal_no > t.seal_no)",
            )?
            .query_row(
                params![
                    turn.0,
                    conversation.0,
                    Outcome::Answered.code(),
                    // Stopped in the middle, it can be gone on with, too.
                    Outcome::Cancelled.code()
                ],
                |row| row.get(0),
            )
            .optional()?)
    }

    fn go_on(
        &self,
        conversation: ConversationId,
        asker: i64,
        update_row: i64,
        said: &Message,
    ) -> Result<TurnId> {
        let next = self.new_turn(conversation, asker, 1, said.weight())?;
        self.insert_message(conversation, next, update_row, said)?;
        Ok(next)
    }

    /// Goes on with an answer that has arrived, as was wished on its way: in the
    /// name of whoever asked last. False where it can be gone on with no more.
    pub(super) fn go_on_as_wished(
        &self,
        conversation: ConversationId,
        turn: TurnId,
    ) -> Result<bool> {
        let Some(asker) = self.cut_answer(conversation, turn)? else {
            return Ok(false);
        };
        let asked: Option<(i64, String)> = self
            .conn
            .prepare_cached(
                "SELECT update_row, body FROM messages WHERE turn = ?1 AND body IS NOT NULL \
                 ORDER BY id DESC LIMIT 1",
            )?
            .query_row([turn.0], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((row, body)) = asked else {
            return Ok(false);
        };
        let Ok(last) = serde_json::from_str::<Message>(&body) else {
            return Ok(false);
        };
        let said = going_on(last.chat, last.topic, last.sender, self.now);
        let next = self.go_on(conversation, asker, row, &said)?;
        self.set_language(next, self.language(turn)?.as_deref())?;
        Ok(true)
    }

    fn new_last_turn(
        &self,
        conversation: ConversationId,
        asker: i64,
        messages: i64,
        chars: i64,
    ) -> Result<TurnId> {
        // Whoever still gathers wrote before this wish.
        self.seal_all(conversation)?;
        self.new_turn(conversation, asker, messages, chars)
    }

    /// A turn behind all that are sealed; who still gathers comes after it.
    pub(super) fn new_turn(
        &self,
        conversation: ConversationId,
        asker: i64,
        messages: i64,
        chars: i64,
    ) -> Result<TurnId> {
        let seal_no = self.next_seal(conversation)?;
        self.conn.execute(
            "INSERT INTO turns \
             (bot, conversation, sender, state, seal_no, opened_at, due_at, sealed_at, messages, chars, history_from) \
             VALUES (?1, ?2, ?3, 1, ?4, ?5, ?5, ?5, ?6, ?7, \
                     (SELECT boundary FROM conversations WHERE id = ?2))",
            params![
                self.bot.0,
                conversation.0,
                asker,
                seal_no,
                self.now,
                messages,
                chars
            ],
        )?;
        Ok(TurnId(self.conn.last_insert_rowid()))
    }
}

/// The press as a message of the person who pressed.
fn spoken(place: &Place, now: i64) -> Message {
    let chat = Chat {
        id: place.chat,
        kind: if place.chat.is_private() {
            ChatKind::Private
        } else {
            ChatKind::Supergroup
        },
        title: String::new(),
    };
    let sender = Person {
        id: UserId(place.sender),
        name: place.name.clone(),
        language: place.language.clone(),
        is_bot: false,
    };
    going_on(chat, place.topic, sender, now)
}

fn going_on(chat: Chat, topic: Option<i64>, sender: Person, now: i64) -> Message {
    Message {
        chat,
        topic,
        // No message of Telegram's: nothing can edit or quote it.
        id: 0,
        date: now / 1000,
        sender,
        text: GO_ON.to_owned(),
        media: None,
        album: None,
        quoted: None,
        forwarded_from: None,
        marks: Vec::new(),
        links: Vec::new(),
        way: crate::domain::update::Way::Direct,
    }
}
