//! What an operator orders in Telegram: effect and reply in the transaction
//! that accepts it. Nobody else learns that there is anything to order.

use std::fmt::Write as _;
use std::time::Duration;

use rusqlite::params;
use serde_json::{Value, json};

use super::super::Tx;
use super::super::accept::{Accepting, Sort};
use super::super::controls::{Effect, Place};
use crate::domain::ids::{ChatId, TurnId};
use crate::domain::operator::broadcast::{self, State};
use crate::domain::operator::order::{HELP, Order, Tap, Whom};
use crate::domain::operator::{count, span};
use crate::domain::update::{ChatKind, Message, Press, Way};
use crate::store::desk::{Cancel, Change, Listed, Replay, Which};
use crate::store::{PressReply, Result};

/// Turns and chats that are listed of each kind.
const LISTED: u32 = 8;

const DAY: Duration = Duration::from_secs(86_400);

const NEEDS_ID: &str = "Whom? Give a numeric ID, or answer with the command to a message that you \
    forwarded here. /admin turns and /admin usage show the IDs of chats; a private chat has its \
    person's.";

const HIDDEN: &str = "That person hides their account in forwards: I cannot see whose message it \
    was. Give the numeric ID; /admin turns and /admin usage show those of chats.";

const DRAINS: &str = "I take nothing new from now on, answer what is under way, and stop, as at \
    SIGTERM. Under systemd (Restart=always) I start again by myself; what comes meanwhile waits at \
    Telegram. Where nobody starts me again, I stay down.";

impl Accepting<'_, '_> {
    /// Carries out what an operator orders; `None` for everything else.
    pub(in super::super) fn ordered(
        &mut self,
        row: i64,
        message: &Message,
    ) -> Result<Option<Sort>> {
        let direct = message.way == Way::Direct && message.chat.kind == ChatKind::Private;
        if !direct || message.media.is_some() || message.forwarded_from.is_some() {
            return Ok(None);
        }
        let username = &self.policy.bot.username;
        let Some(order) = Order::of_command(&message.text, message.quoted.as_ref(), username)
        else {
            return Ok(None);
        };
        let operators = &self.policy.operators;
        if !self.tx.is_operator(message.sender.id.0, operators)? {
            return Ok(None);
        }
        let place = Place {
            conversation: self.tx.conversation(&message.chat, message.topic)?,
            chat: message.chat.id,
            topic: message.topic,
            sender: message.sender.id.0,
            name: message.sender.name.clone(),
            language: None,
            reply_to: None,
        };
        let (effect, keyboard) = self.obey(&place, order.clone())?;
        self.record(row, &place, order.as_str(), &effect)?;
        if let Some(text) = effect.say {
            self.reply(&place, text, keyboard)?;
        }
        Ok(Some(Sort::Control))
    }

    fn obey(&mut self, place: &Place, order: Order) -> Result<(Effect, Option<Value>)> {
        let said = |name, text: &str| (Effect::new(name, Some(text)), None);
        Ok(match order {
            Order::Help => said("helped", HELP),
            Order::Unknown(word) => said("helped", &format!("I know no \"{word}\".\n\n{HELP}")),
            Order::Status => {
                self.tx.owe_status(place.chat, place.topic)?;
                self.done.ordered = true;
                (Effect::new("owed", None), None)
            }
            Order::Turns => {
                let (text, keyboard) = self.tx.tell_turns()?;
                (Effect::new("listed", Some(&text)), keyboard)
            }
            Order::Pause { reason } => {
                self.tx.pause(reason.as_deref())?;
                said(
                    "paused",
                    "Paused: I accept and store, begin no answer, and tell whoever writes once. \
                     What runs is finished. It holds over restarts, until /admin resume.",
                )
            }
            Order::Resume => match self.tx.resume()? {
                Some(pause) => {
                    self.done.ordered = true;
                    let lasted = span(i64::try_from(pause.for_ms).unwrap_or(i64::MAX));
                    said(
                        "resumed",
                        &format!("On again, after {lasted}. What waited is answered."),
                    )
                }
                None => said("nothing", "There was no pause."),
            },
            Order::Drain if self.tx.is_draining(self.instance)? => {
                said("nothing", "I am on my way out already.")
            }
            Order::Drain => {
                self.tx.order_drain(self.instance)?;
                self.done.ordered = true;
                said("draining", DRAINS)
            }
            Order::Allow(Whom::Id(id)) => match self.tx.allow(id)? {
                Change::Already => said("nothing", &format!("{id} may talk already.")),
                _ => said("allowed", &format!("{id} may talk with me from now on.")),
            },
            Order::Ban(Whom::Id(id)) => self.ban(id)?,
            Order::Unban(Whom::Id(id)) => match self.tx.unban(id)? {
                Change::Already => said("nothing", &format!("{id} is not banned.")),
                _ => said(
                    "unbanned",
                    &format!("{id} is treated like anybody else again."),
                ),
            },
            Order::Allow(whom) | Order::Ban(whom) | Order::Unban(whom) => match whom {
                Whom::Hidden => said("nothing", HIDDEN),
                _ => said("nothing", NEEDS_ID),
            },
            Order::Usage => said("told", &self.tx.tell_usage()?),
            Order::Broadcast { text: None } => self.tell_broadcast()?,
            Order::Broadcast { text: Some(text) } => self.ask_broadcast(place, &text)?,
        })
    }

    fn ban(&mut self, id: i64) -> Result<(Effect, Option<Value>)> {
        let listed = self.policy.operators.contains(&id);
        let change = match listed {
            true => Change::Operator,
            false => self.tx.ban(id)?,
        };
        let text = match change {
            Change::Operator => "That is an operator, whom nobody bans from here.".to_owned(),
            Change::Already => format!("{id} is banned already."),
            Change::Done => {
                let ended = self.end_all_of(id)?;
                let waiting = match ended {
                    0 => String::new(),
                    ended => format!(" {} ended.", count(ended, "answer was", "answers were")),
                };
                format!(
                    "{id} is not answered any more; what they write is not kept.{waiting} \
                     /admin unban {id} takes it back."
                )
            }
        };
        let name = match change {
            Change::Done => "banned",
            _ => "nothing",
        };
        Ok((Effect::new(name, Some(&text)), None))
    }

    /// Ends every turn that a person, or a chat, waits for.
    fn end_all_of(&mut self, id: i64) -> Result<i64> {
        let mut ended = 0;
        for turn in self.tx.open_of(id)? {
            match self.tx.cancel(turn, Some(self.instance))? {
                Cancel::Stopped(chat) => self.wake(chat),
                Cancel::Stopping(_) => self.done.cut.push(turn),
                Cancel::Answered | Cancel::Ended(_) | Cancel::Unknown => continue,
            }
            ended += 1;
        }
        Ok(ended)
    }

    fn tell_broadcast(&mut self) -> Result<(Effect, Option<Value>)> {
        let Some(progress) = self.tx.progress(None)? else {
            let text = "Nothing was ever broadcast. /admin broadcast TEXT asks before it sends.";
            return Ok((Effect::new("told", Some(text)), None));
        };
        let keyboard = (progress.state == State::Running)
            .then(|| keyboard([vec![button("End it here", Tap::Halt(progress.number))]]));
        Ok((Effect::new("told", Some(&progress.text())), keyboard))
    }

    fn ask_broadcast(&mut self, place: &Place, text: &str) -> Result<(Effect, Option<Value>)> {
        if self.tx.is_broadcasting()? {
            let text = "One is going out still: /admin broadcast shows how far it is.";
            return Ok((Effect::new("nothing", Some(text)), None));
        }
        let (number, chats) = self.tx.propose(place.chat, place.topic, text)?;
        let yes = format!("Send to {}", count(chats, "chat", "chats"));
        let keyboard = keyboard([vec![
            button(&yes, Tap::Send(number)),
            button("Don't send", Tap::Discard(number)),
        ]]);
        let question = broadcast::question(chats, text);
        Ok((Effect::new("asked", Some(&question)), Some(keyboard)))
    }

    /// A button of an operator's; false when it is none, or whoever pressed is
    /// none.
    pub(in super::super) fn tapped(&mut self, row: i64, press: &Press) -> Result<bool> {
        let Some((tap, chat)) = Tap::of_button(&press.data).zip(press.chat.as_ref()) else {
            return Ok(false);
        };
        let direct = press.connection.is_none() && chat.kind == ChatKind::Private;
        let operators = &self.policy.operators;
        if !direct || !self.tx.is_operator(press.sender.id.0, operators)? {
            return Ok(false);
        }
        let place = Place {
            conversation: self.tx.conversation(chat, press.topic)?,
            chat: chat.id,
            topic: press.topic,
            sender: press.sender.id.0,
            name: press.sender.name.clone(),
            language: None,
            reply_to: None,
        };
        let (effect, toast) = self.tap(tap)?;
        self.record(row, &place, tap.as_str(), &effect)?;
        // The lists keep theirs: each replays another turn.
        let keeps = matches!(tap, Tap::Replay(_));
        if let Some(message) = press.message_id.filter(|_| !keeps) {
            self.tx.want_keyboard(chat.id, message, None, None)?;
            self.wake(chat.id);
        }
        if let Some(text) = effect.say {
            self.reply(&place, text, None)?;
        }
        self.done.presses.push(PressReply {
            query_id: press.query_id.clone(),
            text: Some(toast),
        });
        Ok(true)
    }

    fn tap(&mut self, tap: Tap) -> Result<(Effect, String)> {
        let over = || (Effect::new("nothing", None), "Its time is over.".to_owned());
        Ok(match tap {
            Tap::Replay(turn) => {
                let said = match self.tx.replay_failed(turn)? {
                    Replay::Begun(new) => {
                        self.done.ordered = true;
                        let mut effect = Effect::new("replayed", None);
                        effect.turn = Some(new);
                        return Ok((effect, format!("Turn {turn} runs again as turn {new}.")));
                    }
                    Replay::Before => "it was tried again before".to_owned(),
                    Replay::Unknown => "there is no such turn".to_owned(),
                    Replay::Open(state) => format!("it is {state}"),
                    Replay::Ended(how) => format!("it was {how}"),
                    Replay::Erased => "what it was asked is no longer kept".to_owned(),
                };
                (
                    Effect::new("nothing", None),
                    format!("Turn {turn}: {said}."),
                )
            }
            Tap::Send(number) => match self.tx.send_off(number)? {
                Some(progress) => {
                    self.done.ordered = true;
                    let chats = count(progress.chats, "chat", "chats");
                    let text = format!(
                        "Broadcast {number} goes out to {chats}, about {} a second, answers \
                         first. /admin broadcast shows how far it is; I tell when it is done.",
                        broadcast::AT_ONCE
                    );
                    (Effect::new("sent", Some(&text)), "It goes out.".to_owned())
                }
                None => over(),
            },
            Tap::Discard(number) => match self.tx.call_off(number, State::Asked)? {
                true => (Effect::new("discarded", None), "Not sent.".to_owned()),
                false => over(),
            },
            Tap::Halt(number) => match self.tx.call_off(number, State::Running)? {
                true => {
                    let progress = self.tx.progress(Some(number))?;
                    let text = progress.map(|progress| progress.text());
                    (Effect::new("halted", text.as_deref()), "Ended.".to_owned())
                }
                false => over(),
            },
        })
    }
}

fn button(text: &str, tap: Tap) -> Value {
    json!({"text": text, "callback_data": tap.data()})
}

fn keyboard(rows: impl IntoIterator<Item = Vec<Value>>) -> Value {
    json!({"inline_keyboard": rows.into_iter().collect::<Vec<_>>()})
}

impl Tx<'_> {
    /// Open turns of a person, or of a chat.
    fn open_of(&self, id: i64) -> Result<Vec<TurnId>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT t.id FROM turns AS t INDEXED BY turns_open \
             JOIN conversations AS c ON c.id = t.conversation \
             WHERE t.state < 4 AND t.bot = ?1 AND (t.sender = ?2 OR c.chat = ?2) ORDER BY t.id",
        )?;
        let rows = statement.query_map(params![self.bot.0, id], |row| row.get(0).map(TurnId))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn tell_turns(&self) -> Result<(String, Option<Value>)> {
        let failed = self.listed(Which::Failed, LISTED)?;
        let waiting = self.listed(Which::Waiting, LISTED)?;
        let mut text = String::new();
        let mut list = |title: &str, turns: &[Listed]| {
            if turns.is_empty() {
                return;
            }
            let more = if turns.len() < LISTED as usize {
                ""
            } else {
                ", the latest"
            };
            let _ = writeln!(text, "{title}{more}:");
            for turn in turns {
                let _ = writeln!(text, "{}", line(turn));
            }
            text.push('\n');
        };
        list("Failed", &failed);
        list("Waiting", &waiting);
        if text.is_empty() {
            return Ok(("Nobody waits, and nothing has failed.".to_owned(), None));
        }
        let again: Vec<Value> = failed
            .iter()
            .filter(|turn| turn.replayable)
            .map(|turn| button(&format!("Replay {}", turn.turn), Tap::Replay(turn.turn)))
            .collect();
        let rows = again.chunks(3).map(<[Value]>::to_vec);
        Ok((
            text.trim_end().to_owned(),
            (!again.is_empty()).then(|| keyboard(rows)),
        ))
    }

    fn tell_usage(&self) -> Result<String> {
        let today = Duration::from_millis(self.now.rem_euclid(86_400_000).unsigned_abs());
        let mut text = String::new();
        for (name, span) in [("Today (UTC)", today), ("Last 7 days", DAY * 7)] {
            let usage = self.usage(span)?;
            let _ = writeln!(
                text,
                "{name}: {} answers, {} tokens in, {} out, {:.4} credits",
                usage.answers, usage.prompt_tokens, usage.completion_tokens, usage.credits
            );
        }
        let top = self.dearest(DAY * 7)?;
        if !top.is_empty() {
            text.push_str("\nMost in 7 days, by chat:\n");
        }
        for (chat, answers, tokens, credits) in top {
            let _ = writeln!(
                text,
                "{chat}: {answers} answers, {tokens} tokens, {credits:.4} credits"
            );
        }
        Ok(text.trim_end().to_owned())
    }

    /// The chats that cost most in this last while: answers, tokens, credits.
    fn dearest(&self, since: Duration) -> Result<Vec<(ChatId, i64, i64, f64)>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT c.chat, sum(t.completion_tokens > 0), \
                    sum(coalesce(t.prompt_tokens, 0) + coalesce(t.completion_tokens, 0)) AS tokens, \
                    sum(coalesce(t.cost, 0.0)) AS credits \
             FROM turns AS t JOIN conversations AS c ON c.id = t.conversation \
             WHERE t.bot = ?1 AND t.answered_at > ?2 AND t.answered_at IS NOT NULL \
               AND t.completion_tokens > 0 \
             GROUP BY c.chat ORDER BY credits DESC, tokens DESC LIMIT 5",
        )?;
        let from = self.now.saturating_sub(crate::clock::millis(since));
        let rows = statement.query_map(params![self.bot.0, from], |row| {
            Ok((ChatId(row.get(0)?), row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

fn line(turn: &Listed) -> String {
    let state = turn.outcome.unwrap_or(turn.state);
    let mut line = format!(
        "{} in chat {}: {state}, {} old",
        turn.turn,
        turn.chat,
        span(turn.age_ms)
    );
    if turn.waits_ms > 0 {
        let _ = write!(line, ", not before {}", span(turn.waits_ms));
    }
    if turn.failures > 0 {
        let _ = write!(line, ", {}", count(turn.failures, "failure", "failures"));
    }
    line
}
