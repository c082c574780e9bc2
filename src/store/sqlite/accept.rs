//! The accept transaction: raw JSON, parse, verdict, and its effect.
//!
//! An update whose effect fails by a defect of ours is kept as unparsed and
//! confirmed all the same: one bad update must not block a chat for 24 h.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::params;
use tokio::sync::watch;

use super::place::Pace;
use super::relays::Housed;
use super::writer::Care;
use super::{SqliteStore, Tx};
use crate::clock;
use crate::death::{self, Moment};
use crate::domain::address;
use crate::domain::admission::{Access, Facts, Policy, Verdict};
use crate::domain::ids::{ChatId, ConversationId, InstanceId, TurnId};
use crate::domain::part::{Kind, Payload};
use crate::domain::update::{self, ChatKind, Event, Message, Person, Update, Way};
use crate::domain::verb::Verb;
use crate::domain::words::Words;
use crate::store::{Accepted, Availability, Due, Inbox, Result, Retention, StoreError};

/// What an update was, as stored.
#[derive(Clone, Copy)]
pub(super) enum Sort {
    Message = 0,
    Control = 1,
    Ignored = 2,
    Unparsed = 3,
    Edit = 4,
    /// It waits to be known what it is about.
    Waiting = 5,
}

#[async_trait]
impl Inbox for SqliteStore {
    async fn accept(
        &self,
        instance: InstanceId,
        batch: Vec<Bytes>,
        policy: Arc<Policy>,
    ) -> Result<Accepted> {
        // Parsed here, in the caller: the writer's time is everybody's.
        let batch: Vec<(Update, Bytes)> = batch
            .into_iter()
            .map(|raw| (update::parse(&raw), raw))
            .collect();
        let (done, erased) = self
            .run_shared("inbox.accept", move |tx, care| {
                let mut accepting = Accepting {
                    tx,
                    policy: &policy,
                    instance,
                    care,
                    done: Accepted::default(),
                    erased: false,
                };
                for (update, raw) in &batch {
                    accepting.update(update, raw)?;
                }
                Ok((accepting.done, accepting.erased))
            })
            .await?;
        if erased {
            let _ = self.0.writer.empty_log().await;
        }
        Ok(done)
    }

    fn availability(&self) -> watch::Receiver<Availability> {
        self.0.available.clone()
    }

    async fn backlog(&self, limit: u64) -> Result<u64> {
        self.run("inbox.backlog", move |tx| {
            Ok(tx
                .conn
                .prepare_cached(
                    "SELECT coalesce(sum(messages), 0) FROM (SELECT messages FROM turns \
                     WHERE bot = ?1 AND state IN (0, 1) AND state < 4 LIMIT ?2)",
                )?
                .query_row(
                    params![tx.bot.0, i64::try_from(limit).unwrap_or(i64::MAX)],
                    |row| row.get::<_, i64>(0),
                )?
                .unsigned_abs()
                .min(limit))
        })
        .await
    }

    async fn prune(&self, keep: Retention, step: u32) -> Result<u64> {
        self.run("inbox.prune", move |tx| tx.prune(keep, step))
            .await
    }
}

/// One accept transaction under way.
pub(super) struct Accepting<'a, 'c> {
    pub(super) tx: &'a Tx<'c>,
    pub(super) policy: &'a Policy,
    pub(super) instance: InstanceId,
    pub(super) care: Care,
    pub(super) done: Accepted,
    /// Something was forgotten: the log must not keep it.
    pub(super) erased: bool,
}

impl<'a> Accepting<'a, '_> {
    fn update(&mut self, update: &Update, raw: &Bytes) -> Result<()> {
        let Some(row) = self.insert(update, raw)? else {
            self.done.duplicates += 1;
            return Ok(());
        };
        self.done.stored += 1;
        if let Some(stamp) = update.stamp {
            self.tx.saw_stamp(stamp)?;
            // A clock that is behind Telegram's knows no lag.
            let date = stamp.date.saturating_mul(1000);
            let lag = self.tx.now.saturating_sub(date);
            self.done.lags.push(clock::duration(lag));
        }
        // What cannot be applied makes all of them run again, with care.
        if self.care == Care::Together {
            let sort = self.housed(row, update)?;
            return self.sort(row, sort);
        }
        // A savepoint of its own: what we cannot apply is kept, not lost.
        self.tx.conn.execute_batch("SAVEPOINT one")?;
        let before = self.done.clone();
        let ended = self.tx.ended.borrow().len();
        // A panic of ours over one update must not take its neighbours along,
        // nor come back with every poll.
        let applied = catch_unwind(AssertUnwindSafe(|| self.housed(row, update)));
        let applied = applied.unwrap_or_else(|_| {
            Err(StoreError::Defect {
                reason: "it panicked".to_owned(),
            })
        });
        match applied {
            Ok(sort) => {
                self.tx.conn.execute_batch("RELEASE one")?;
                self.sort(row, sort)
            }
            Err(StoreError::Defect { reason }) => {
                self.tx.conn.execute_batch("ROLLBACK TO one; RELEASE one")?;
                self.done = before;
                self.tx.ended.borrow_mut().truncate(ended);
                self.done.unparsed += 1;
                tracing::error!(update.id = update.id, %reason, "failed to apply an update; kept as it came");
                self.sort(row, Sort::Unparsed)
            }
            Err(other) => Err(other),
        }
    }

    /// Inserts the raw update; `None` when it was there already.
    fn insert(&self, update: &Update, raw: &Bytes) -> Result<Option<i64>> {
        let changed = self
            .tx
            .conn
            .prepare_cached(
                "INSERT INTO updates (bot, update_id, received_at, kind, chat, raw) \
                 VALUES (?1, ?2, ?3, 0, ?4, ?5) ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                self.tx.bot.0,
                update.id,
                self.tx.now,
                chat_of(update).filter(|_| !is_relayed(update)).map(|c| c.0),
                &raw[..]
            ])?;
        Ok((changed == 1).then(|| self.tx.conn.last_insert_rowid()))
    }

    /// Stores what the update was. Messages settle with their turn, everything
    /// else has had its effect now.
    pub(super) fn sort(&self, row: i64, sort: Sort) -> Result<()> {
        let sql = match sort {
            Sort::Message => return Ok(()),
            // Not settled: it has its effect later.
            Sort::Waiting => "UPDATE updates SET kind = ?2 WHERE id = ?1 AND ?3 IS NOT NULL",
            // Other people's talk is not ours to keep.
            Sort::Ignored => {
                "UPDATE updates SET kind = ?2, settled_at = ?3, raw = NULL WHERE id = ?1"
            }
            _ => "UPDATE updates SET kind = ?2, settled_at = ?3 WHERE id = ?1",
        };
        self.tx
            .conn
            .prepare_cached(sql)?
            .execute(params![row, sort as i64, self.tx.now])?;
        Ok(())
    }

    /// Applies an update under the id that its chat has here.
    pub(super) fn housed(&mut self, row: i64, update: &Update) -> Result<Sort> {
        match self.house(update)? {
            Housed::AsItIs => self.apply(row, update),
            Housed::Relayed(update) => {
                self.tx
                    .conn
                    .prepare_cached("UPDATE updates SET chat = ?2 WHERE id = ?1")?
                    .execute(params![row, chat_of(&update).map(|c| c.0)])?;
                self.apply(row, &update)
            }
            Housed::Waits(connection) => self.wait_for_connection(row, &connection),
            Housed::Unwanted => Ok(Sort::Ignored),
        }
    }

    fn apply(&mut self, row: i64, update: &Update) -> Result<Sort> {
        let Some(event) = &update.event else {
            self.done.unparsed += 1;
            return Ok(Sort::Unparsed);
        };
        match event {
            Event::Message(message) => self.message(row, message),
            Event::Edited(message) if self.tx.moved(message)? => Ok(Sort::Ignored),
            Event::Edited(message) => self.edit(message),
            Event::Press(press) => self.press(row, press),
            Event::DraftStopped { chat, topic, turn } => {
                self.draft_stopped(row, *chat, *topic, *turn)
            }
            Event::Migrated { from, to } => {
                self.tx.migrate_chat(*from, *to)?;
                // What waited under the old id goes out under the new one.
                if !self.done.outbox.contains(to) {
                    self.done.outbox.push(*to);
                }
                Ok(Sort::Control)
            }
            Event::Connected(connection) => {
                self.connected(connection)?;
                Ok(Sort::Control)
            }
            Event::Deleted { chat, messages, .. } => self.deleted(*chat, messages),
            Event::Expelled { chat } => {
                self.expelled(*chat)?;
                Ok(Sort::Control)
            }
            Event::Other => Ok(Sort::Ignored),
        }
    }

    fn message(&mut self, row: i64, message: &Message) -> Result<Sort> {
        if let Some(sort) = self.business(message)? {
            return Ok(sort);
        }
        if let Some(sort) = self.ordered(row, message)? {
            return Ok(sort);
        }
        let (sender, chat) = (message.sender.id.0, message.chat.id);
        if chat.is_private() {
            // Whoever writes has not blocked us, or not any more.
            self.tx.is_gone(chat, false)?;
        }
        let relayed = chat.is_relayed();
        let facts = Facts {
            // Through whom it came was admitted.
            admitted: relayed
                || (self.policy.access != Access::Open && self.tx.is_admitted(sender, chat.0)?),
            continues: !chat.is_private() && self.tx.continues(&self.policy.rules, message)?,
            banned: self.tx.is_banned(sender, chat.0)?,
        };
        match self.policy.verdict(message, facts) {
            // What they write is not kept.
            Verdict::Ignore if facts.banned => Ok(Sort::Ignored),
            Verdict::Ignore => {
                self.overhear(message)?;
                Ok(Sort::Ignored)
            }
            Verdict::Refuse => {
                if self.tx.may_refuse(chat.0, sender)? {
                    let words = Payload::plain(self.words(&message.sender).refused.clone());
                    self.say(chat, message.topic, Kind::Notice, words)?;
                }
                Ok(Sort::Ignored)
            }
            Verdict::Control(verb) => {
                self.commanded(row, message, &verb)?;
                Ok(Sort::Control)
            }
            Verdict::ControlThenTurn(verb) => {
                self.commanded(row, message, &verb)?;
                self.join(row, message)
            }
            Verdict::Turn => self.join(row, message),
        }
    }

    fn commanded(&mut self, row: i64, message: &Message, verb: &Verb) -> Result<()> {
        let conversation = self.tx.conversation(&message.chat, message.topic)?;
        self.command(row, conversation, message, verb)?;
        death::at(Moment::ControlApplied);
        Ok(())
    }

    fn join(&mut self, row: i64, message: &Message) -> Result<Sort> {
        let message = &*self.without_call(message);
        let conversation = self.tx.conversation(&message.chat, message.topic)?;
        let fit = self.tx.fit(&self.policy.rules, conversation, message)?;
        // The pieces of one thing are one message to whoever sent it.
        let not_before = match fit.is_piece() {
            true => 0,
            false => self.waits_until(message)?,
        };
        let joined =
            self.tx
                .join_window(self.policy, conversation, row, message, fit, not_before)?;
        if joined.cut {
            self.done.cut.push(joined.turn);
        }
        self.due(conversation, message.chat.id, message.topic, joined.due_at);
        Ok(Sort::Message)
    }

    /// What is not meant for the bot may be context of what will be.
    fn overhear(&self, message: &Message) -> Result<()> {
        let most = self.policy.rooms.overheard;
        let chat = message.chat.id.0;
        if most <= 0 || !matches!(message.chat.kind, ChatKind::Group | ChatKind::Supergroup) {
            return Ok(());
        }
        let admitted = self.policy.admits(chat, chat, Facts::default())
            || (self.policy.access != Access::Open && self.tx.is_admitted(chat, chat)?);
        self.tx.overhear(message, most, admitted)
    }

    /// The message without what only calls or commands the bot.
    pub(super) fn without_call<'m>(&self, message: &'m Message) -> Cow<'m, Message> {
        let rest = self.policy.command(message).and_then(|said| said.rest);
        let text = rest.unwrap_or(&message.text);
        match address::without_call(text, &self.policy.bot).or(rest) {
            Some(said) => Cow::Owned(message.only(said)),
            None => Cow::Borrowed(message),
        }
    }

    /// Over the limit per minute a message waits, with one polite notice.
    fn waits_until(&mut self, message: &Message) -> Result<i64> {
        let (sender, chat) = (message.sender.id.0, message.chat.id);
        // Each call of a guest is a chat of its own: the caller's are counted.
        let counted = match message.way {
            Way::Guest { .. } => sender,
            _ => chat.0,
        };
        match self.tx.pace(counted, sender, self.policy.per_minute)? {
            Pace::Fine => Ok(0),
            Pace::Over { until, tell } => {
                if tell && !chat.is_relayed() {
                    let words = Payload::plain(self.words(&message.sender).too_fast.clone());
                    self.say(chat, message.topic, Kind::Notice, words)?;
                }
                Ok(until)
            }
        }
    }

    /// What this person is told things with.
    pub(super) fn words(&self, person: &Person) -> &'a Words {
        self.policy.words.of(person.language.as_deref())
    }

    /// Plans a message of our own that belongs to no turn.
    pub(super) fn say(
        &mut self,
        chat: ChatId,
        topic: Option<i64>,
        kind: Kind,
        payload: Payload,
    ) -> Result<()> {
        self.tx
            .plan_notice(chat, topic, kind, &payload, self.instance)?;
        if !self.done.outbox.contains(&chat) {
            self.done.outbox.push(chat);
        }
        Ok(())
    }

    pub(super) fn due(
        &mut self,
        conversation: ConversationId,
        chat: ChatId,
        topic: Option<i64>,
        at: i64,
    ) {
        let after = clock::duration(at - self.tx.now);
        match self
            .done
            .due
            .iter_mut()
            .find(|due| due.conversation == conversation)
        {
            // The earliest window decides; asking too early only costs a look.
            Some(due) => due.after = due.after.min(after),
            None => self.done.due.push(Due {
                conversation,
                chat,
                topic,
                after,
            }),
        }
    }

    fn draft_stopped(
        &mut self,
        row: i64,
        chat: ChatId,
        topic: Option<i64>,
        turn: TurnId,
    ) -> Result<Sort> {
        if let Some(conversation) = self.tx.find_conversation(chat, topic.unwrap_or(0))? {
            self.stop_draft(row, conversation, chat, topic, turn)?;
        }
        Ok(Sort::Control)
    }
}

/// Whether Telegram's name of its chat is another chat's.
fn is_relayed(update: &Update) -> bool {
    match &update.event {
        Some(Event::Message(m) | Event::Edited(m)) => !matches!(m.way, Way::Direct | Way::Feed),
        Some(Event::Press(press)) => press.connection.is_some(),
        Some(Event::Deleted { .. }) => true,
        _ => false,
    }
}

fn chat_of(update: &Update) -> Option<ChatId> {
    match update.event.as_ref()? {
        Event::Message(m) | Event::Edited(m) => Some(m.chat.id),
        Event::Press(p) => p.chat.as_ref().map(|c| c.id),
        Event::DraftStopped { chat, .. } => Some(*chat),
        Event::Migrated { from, .. } => Some(*from),
        Event::Deleted { chat, .. } | Event::Expelled { chat } => Some(*chat),
        Event::Connected(_) | Event::Other => None,
    }
}
