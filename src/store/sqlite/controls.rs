//! Commands and buttons: effect and reply in the accept transaction.
//!
//! Each seals the open windows first and acts only on what came before it;
//! buttons act on their turn. Each leaves a row with its effect.

use rusqlite::{OptionalExtension, params};
use serde_json::json;

use super::accept::{Accepting, Sort};
use super::parts::PartRow;
use crate::domain::admission::{Access, Facts};
use crate::domain::ids::{ChatId, ConversationId, TurnId, UserId};
use crate::domain::part::{Kind, Payload};
use crate::domain::turn::{Outcome, State};
use crate::domain::update::{Message, Press};
use crate::domain::verb::Verb;
use crate::domain::words::Words;
use crate::store::{PressReply, Result};

/// Where and by whom a verb was used.
pub(super) struct Place {
    pub(super) conversation: ConversationId,
    pub(super) chat: ChatId,
    pub(super) topic: Option<i64>,
    pub(super) sender: i64,
    /// Whose words a turn begun by a button carries.
    pub(super) name: String,
    /// What that person reads, as told.
    pub(super) language: Option<String>,
    /// The command's message, shown as answered in groups.
    pub(super) reply_to: Option<i64>,
}

/// What a verb did and what is said about it.
pub(super) struct Effect {
    pub(super) name: &'static str,
    pub(super) turn: Option<TurnId>,
    pub(super) say: Option<String>,
}

impl Effect {
    pub(super) fn new(name: &'static str, say: Option<&str>) -> Self {
        Self {
            name,
            turn: None,
            say: say.map(str::to_owned),
        }
    }
}

impl<'a> Accepting<'a, '_> {
    pub(super) fn command(
        &mut self,
        row: i64,
        conversation: ConversationId,
        message: &Message,
        verb: &Verb,
    ) -> Result<()> {
        let place = Place {
            conversation,
            chat: message.chat.id,
            topic: message.topic,
            sender: message.sender.id.0,
            name: message.sender.name.clone(),
            language: message.sender.language.clone(),
            reply_to: (!message.chat.id.is_private()).then_some(message.id),
        };
        self.tx.seal_all(conversation)?;
        self.due(conversation, place.chat, place.topic, self.tx.now);
        let effect = match verb {
            Verb::Start { code } => self.start(&place, code)?,
            Verb::Help => Effect::new("helped", Some(self.help(&place))),
            Verb::New => self.new_history(&place)?,
            Verb::Stop => self.stop_all(&place)?,
            Verb::Retry => self.retry_last(&place)?,
            Verb::Forget => self.ask_forget(&place)?,
            Verb::StopTurn { turn } => self.stop_turn(&place, *turn)?,
            Verb::RetryTurn { turn } => self.retry(&place, *turn)?,
            Verb::Continue { turn } => self.go_on(row, &place, *turn)?,
            Verb::Vary { turn, variant } => self.vary(&place, *turn, *variant)?,
            Verb::ForgetAnswer { yes } => self.forget(&place, *yes)?,
        };
        self.record(row, &place, verb.as_str(), &effect)?;
        // A turn that is tried again answers for itself.
        if let Some(text) = effect.say.filter(|_| effect.name != "retried") {
            self.reply(&place, text, None)?;
        }
        Ok(())
    }

    pub(super) fn press(&mut self, row: i64, press: &Press) -> Result<Sort> {
        if self.tapped(row, press)? {
            return Ok(Sort::Control);
        }
        let words = self.words(&press.sender);
        let mut reply = PressReply {
            query_id: press.query_id.clone(),
            text: None,
        };
        // A press repeats the message it was made on: kept only when it is ours.
        let mut sort = Sort::Ignored;
        if let (Some(verb), Some(chat)) = (Verb::of_button(&press.data), &press.chat) {
            let facts = Facts {
                admitted: chat.id.is_relayed()
                    || self.tx.is_admitted(press.sender.id.0, chat.id.0)?,
                banned: self.tx.is_banned(press.sender.id.0, chat.id.0)?,
                ..Facts::default()
            };
            if self.policy.admits(press.sender.id.0, chat.id.0, facts) {
                let place = Place {
                    conversation: self.tx.conversation(chat, press.topic)?,
                    chat: chat.id,
                    topic: press.topic,
                    sender: press.sender.id.0,
                    name: press.sender.name.clone(),
                    language: press.sender.language.clone(),
                    reply_to: None,
                };
                let effect = match &verb {
                    Verb::StopTurn { turn } => self.stop_turn(&place, *turn)?,
                    Verb::RetryTurn { turn } => self.retry(&place, *turn)?,
                    Verb::Continue { turn } => self.go_on(row, &place, *turn)?,
                    Verb::Vary { turn, variant } => self.vary(&place, *turn, *variant)?,
                    Verb::ForgetAnswer { yes } => self.forget(&place, *yes)?,
                    // Nothing else has a button.
                    _ => Effect::new("nothing", Some(&words.button_expired)),
                };
                self.record(row, &place, verb.as_str(), &effect)?;
                sort = match effect.name {
                    "continued" => Sort::Message,
                    _ => Sort::Control,
                };
                // Buttons that have done their duty vanish, and so do those that
                // will never have one again.
                let served = match effect.name {
                    "retried" | "continued" | "varied" | "forgotten" | "kept" => true,
                    "nothing" => effect.say.as_ref() == Some(&words.button_expired),
                    _ => false,
                };
                if let Some(message) = press.message_id.filter(|_| served) {
                    self.tx.want_keyboard(chat.id, message, None, None)?;
                    self.wake(chat.id);
                }
                match (effect.name, effect.say) {
                    ("forgotten", Some(text)) => self.reply(&place, text, None)?,
                    ("retried", _) => reply.text = Some(words.retrying.clone()),
                    (_, say) => reply.text = say,
                }
            } else {
                reply.text = Some(words.refused.clone());
            }
        } else {
            reply.text = Some(words.button_expired.clone());
        }
        self.done.presses.push(reply);
        Ok(sort)
    }

    pub(super) fn stop_draft(
        &mut self,
        row: i64,
        conversation: ConversationId,
        chat: ChatId,
        topic: Option<i64>,
        turn: TurnId,
    ) -> Result<()> {
        let place = Place {
            conversation,
            chat,
            topic,
            // Drafts exist in private chats only: the person is the chat.
            sender: chat.0,
            name: String::new(),
            language: self.tx.language(turn)?,
            reply_to: None,
        };
        let effect = self.stop_turn(&place, turn)?;
        self.record(row, &place, Verb::StopTurn { turn }.as_str(), &effect)?;
        // Nobody runs it who would show its end; a draft has no toast.
        match (effect.name, effect.say) {
            ("stopped", Some(text)) => self.reply(&place, text, None),
            _ => Ok(()),
        }
    }

    fn start(&mut self, place: &Place, code: &str) -> Result<Effect> {
        let words = self.words_at(place);
        let claiming = !code.is_empty() && self.policy.access == Access::Claim;
        if claiming && !self.tx.has_operator()? {
            let key = format!("claim_code:{}", self.tx.bot);
            if self.tx.value(&key)?.as_deref() == Some(code) {
                self.tx.conn.execute(
                    "INSERT OR REPLACE INTO people (bot, id, operator, since) VALUES (?1, ?2, 1, ?3)",
                    params![self.tx.bot.0, place.sender, self.tx.now],
                )?;
                self.done.claimed_by = Some(UserId(place.sender));
                return Ok(Effect::new("claimed", Some(&words.claimed)));
            }
        }
        let facts = Facts {
            admitted: self.tx.is_admitted(place.sender, place.chat.0)?,
            banned: self.tx.is_banned(place.sender, place.chat.0)?,
            ..Facts::default()
        };
        if self.policy.admits(place.sender, place.chat.0, facts) {
            let greeting = match place.chat.is_private() {
                true => &words.greeting,
                false => &words.help_group,
            };
            return Ok(Effect::new("greeted", Some(greeting)));
        }
        let tell = self.tx.may_refuse(place.chat.0, place.sender)?;
        let refusal = match claiming {
            true => &words.claim_invalid,
            false => &words.refused,
        };
        Ok(Effect::new("refused", tell.then_some(refusal.as_str())))
    }

    /// Groups need other advice than private chats.
    fn help(&self, place: &Place) -> &str {
        let words = self.words_at(place);
        match place.chat.is_private() {
            true => &words.help,
            false => &words.help_group,
        }
    }

    /// What whoever used the verb is told things with.
    pub(super) fn words_at(&self, place: &Place) -> &'a Words {
        self.policy.words.of(place.language.as_deref())
    }

    /// The history begins anew after everything that came before.
    fn new_history(&mut self, place: &Place) -> Result<Effect> {
        if self.tx.retire_keyboards(place.conversation, None)? {
            self.wake(place.chat);
        }
        self.tx.conn.execute(
            "UPDATE conversations SET boundary = last_seal WHERE id = ?1",
            [place.conversation.0],
        )?;
        Ok(Effect::new("begun", Some(&self.words_at(place).new_begun)))
    }

    fn stop_all(&mut self, place: &Place) -> Result<Effect> {
        let open: Vec<i64> = self
            .tx
            .conn
            .prepare_cached(
                "SELECT id FROM turns WHERE conversation = ?1 AND state IN (0, 1, 2) AND state < 4 \
                 ORDER BY seal_no, id",
            )?
            .query_map([place.conversation.0], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        let mut stopped = Effect::new("nothing", Some(&self.words_at(place).nothing_to_stop));
        for turn in open {
            let effect = self.stop_turn(place, TurnId(turn))?;
            match (effect.name, stopped.name) {
                // What runs shows by itself that it was stopped.
                ("stopping", _) => stopped = effect,
                ("stopped", "nothing" | "refused") => stopped = effect,
                ("refused", "nothing") => stopped = effect,
                _ => {}
            }
        }
        Ok(stopped)
    }

    fn stop_turn(&mut self, place: &Place, turn: TurnId) -> Result<Effect> {
        let words = self.words_at(place);
        let found: Option<(i64, i64)> = self
            .tx
            .conn
            .prepare_cached("SELECT state, sender FROM turns WHERE id = ?1 AND conversation = ?2")?
            .query_row(params![turn.0, place.conversation.0], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let Some((state, asker)) = found else {
            return Ok(Effect::new("nothing", Some(&words.nothing_to_stop)));
        };
        if asker != place.sender && !self.tx.governs(place.sender, place.chat)? {
            return Ok(Effect::new("refused", Some(&words.not_yours)));
        }
        let state = State::from_code(state);
        if state == Some(State::Gathering) {
            // Cancelled, too, it has its place: Retry finds it there.
            self.tx.seal(place.conversation, turn)?;
        }
        let mut effect = match state {
            Some(State::Gathering | State::Sealed) => {
                self.cancel_waiting(place, turn)?;
                Effect::new("stopped", Some(&words.stopped))
            }
            Some(State::Claimed) => {
                self.tx.conn.execute(
                    "UPDATE turns SET stop_requested = 1 WHERE id = ?1",
                    [turn.0],
                )?;
                self.done.cut.push(turn);
                Effect::new("stopping", None)
            }
            _ => Effect::new("nothing", Some(&words.nothing_to_stop)),
        };
        effect.turn = Some(turn);
        Ok(effect)
    }

    /// Ends a turn that nobody runs; a placeholder it has left says so.
    fn cancel_waiting(&mut self, place: &Place, turn: TurnId) -> Result<()> {
        if self.tx.has_placeholder(turn)? {
            // It is the asker's, whoever has stopped it.
            let asker = self.tx.language(turn)?;
            let words = self.policy.words.of(asker.as_deref());
            let words = Payload::plain(words.stopped.clone());
            self.tx
                .end_unclaimed(turn, Outcome::Cancelled, &words, self.instance)?;
            if !self.done.outbox.contains(&place.chat) {
                self.done.outbox.push(place.chat);
            }
            return Ok(());
        }
        self.tx.settle(turn, Outcome::Cancelled)
    }

    fn ask_forget(&mut self, place: &Place) -> Result<Effect> {
        let words = self.words_at(place);
        let button = |text: &str, yes: bool| json!({"text": text, "callback_data": Verb::ForgetAnswer { yes }.button_data()});
        let keyboard = json!({"inline_keyboard": [[
            button(&words.forget_yes, true),
            button(&words.forget_no, false),
        ]]});
        self.reply(place, words.forget_question.clone(), Some(keyboard))?;
        Ok(Effect::new("asked", None))
    }

    fn forget(&mut self, place: &Place, yes: bool) -> Result<Effect> {
        let words = self.words_at(place);
        if !self.tx.governs(place.sender, place.chat)? {
            return Ok(Effect::new("refused", Some(&words.not_yours)));
        }
        if !yes {
            return Ok(Effect::new("kept", Some(&words.kept)));
        }
        let unfinished = self.tx.placeholders_left(place.conversation)?;
        let cut = self.tx.forget(place.conversation, place.chat)?;
        self.done.cut.extend(cut);
        // Nobody writes on: what stands there must not look as if.
        for placeholder in unfinished {
            self.tx.insert_part(&PartRow {
                chat: place.chat,
                topic: place.topic,
                conversation: None,
                turn: None,
                kind: Kind::Reply,
                seq: 0,
                payload: &Payload::plain(words.stopped.clone()),
                target: Some(placeholder),
                owner: self.instance,
            })?;
        }
        self.wake(place.chat);
        self.erased = true;
        Ok(Effect::new("forgotten", Some(&words.forgotten)))
    }

    pub(super) fn reply(
        &mut self,
        place: &Place,
        text: String,
        keyboard: Option<serde_json::Value>,
    ) -> Result<()> {
        let payload = Payload {
            reply_to: place.reply_to,
            keyboard,
            ..Payload::plain(text)
        };
        self.say(place.chat, place.topic, Kind::Reply, payload)
    }

    pub(super) fn record(
        &self,
        row: i64,
        place: &Place,
        verb: &'static str,
        effect: &Effect,
    ) -> Result<()> {
        self.tx
            .conn
            .prepare_cached(
                "INSERT INTO controls (bot, update_row, conversation, sender, verb, turn, effect, at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                self.tx.bot.0,
                row,
                place.conversation.0,
                place.sender,
                verb,
                effect.turn.map(|t| t.0),
                effect.name,
                self.tx.now
            ])?;
        Ok(())
    }
}
