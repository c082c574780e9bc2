//! The outbox: an intent before each send, a receipt after it.
//!
//! At most one part per chat is in flight or unresolved; `begin_send` is where
//! that is enforced, across instances. A part whose arrival is not known is
//! resolved only after its send can no longer be executed.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};

use super::{SqliteStore, Tx, parts, unknown_code};
use crate::clock::{self, Millis};
use crate::domain::ids::{ChatId, ConversationId, InstanceId, PartId, TurnId};
use crate::domain::part::{Kind, OnUncertain, Payload, Sending, Sent, State};
use crate::domain::turn::Outcome;
use crate::store::{Begin, Due, Finished, Outbox, Result, StoreError};

/// How long after its `expires_at` a cut send is still given to appear.
const SETTLE_MS: Millis = 5_000;

/// How soon to look again at a chat that another send blocks.
const BLOCKED: Duration = Duration::from_millis(250);

/// No `expires_at` or `not_before` lies further off; one that does was stored
/// before the clock was set back.
const FURTHEST_MS: Millis = 3_600_000;

#[async_trait]
impl Outbox for SqliteStore {
    async fn begin_send(
        &self,
        chat: ChatId,
        owner: InstanceId,
        within: Duration,
        on_uncertain: OnUncertain,
    ) -> Result<Begin> {
        let begin = move |tx: &Tx<'_>| {
            if let Some(wait) = tx.resolve(chat, owner, on_uncertain)? {
                return Ok(Begin::Wait(wait));
            }
            tx.begin(chat, owner, within)
        };
        self.run_or_take_back("outbox.begin_send", begin, |begun| match begun {
            Begin::Send(sending) => Some(parts::not_begun(sending)),
            _ => None,
        })
        .await
    }

    async fn finish_send(&self, sending: &Sending, sent: Sent) -> Result<Finished> {
        let sending = sending.clone();
        self.run("outbox.finish_send", move |tx| tx.finish(&sending, &sent))
            .await
    }

    async fn replan(&self, sending: &Sending, parts: Vec<Payload>) -> Result<()> {
        let sending = sending.clone();
        self.run("outbox.replan", move |tx| tx.replan(&sending, &parts))
            .await
    }

    async fn placeholder(&self, turn: TurnId) -> Result<Option<i64>> {
        self.run("outbox.placeholder", move |tx| {
            Ok(tx
                .conn
                .prepare_cached(
                    "SELECT message_id FROM parts WHERE turn = ?1 AND kind = 1 AND state = 2",
                )?
                .query_row([turn.0], |row| row.get(0))
                .optional()?
                .flatten())
        })
        .await
    }

    async fn alert(
        &self,
        cause: &'static str,
        payload: Payload,
        every: Duration,
        owner: InstanceId,
    ) -> Result<Vec<ChatId>> {
        self.run("outbox.alert", move |tx| {
            tx.alert(cause, &payload, every, owner)
        })
        .await
    }

    async fn unsent(&self, owner: InstanceId) -> Result<Vec<(ChatId, Duration)>> {
        self.run("outbox.unsent", move |tx| {
            let mut statement = tx.conn.prepare_cached(
                "SELECT chat, min(CASE state WHEN 0 THEN not_before ELSE expires_at + ?2 END) \
                 FROM parts WHERE owner = ?1 AND state IN (0, 1, 3) GROUP BY chat",
            )?;
            let rows = statement.query_map([owner.0, SETTLE_MS], |row| {
                Ok((ChatId(row.get(0)?), row.get::<_, i64>(1)?))
            })?;
            rows.map(|row| {
                let (chat, at) = row?;
                // Further off than anything is ever set: the clock was set back.
                let wait = Some(at - tx.now).filter(|wait| *wait <= FURTHEST_MS);
                Ok((chat, clock::duration(wait.unwrap_or(0))))
            })
            .collect()
        })
        .await
    }
}

/// A part of which nobody knows yet whether it arrived.
struct Unresolved {
    part: i64,
    state: i64,
    kind: i64,
    owner: Option<i64>,
    expires_at: Millis,
    turn: Option<i64>,
    target: Option<i64>,
    forgotten: bool,
}

impl Tx<'_> {
    /// Resolves what is unresolved in a chat; says how long it still blocks.
    fn resolve(
        &self,
        chat: ChatId,
        owner: InstanceId,
        on_uncertain: OnUncertain,
    ) -> Result<Option<Duration>> {
        loop {
            let open: Option<Unresolved> = self
                .conn
                .prepare_cached(
                    "SELECT id, state, kind, owner, coalesce(expires_at, 0), turn, target, payload = '' \
                     FROM parts \
                     WHERE bot = ?1 AND chat = ?2 AND state IN (1, 3) AND state IN (0, 1, 3) LIMIT 1",
                )?
                .query_row(params![self.bot.0, chat.0], |row| {
                    Ok(Unresolved {
                        part: row.get(0)?,
                        state: row.get(1)?,
                        kind: row.get(2)?,
                        owner: row.get(3)?,
                        expires_at: row.get(4)?,
                        turn: row.get(5)?,
                        target: row.get(6)?,
                        forgotten: row.get(7)?,
                    })
                })
                .optional()?;
            let Some(open) = open else {
                return Ok(None);
            };
            let ours = open.owner.is_none_or(|by| by == owner.0);
            let left = open.expires_at.saturating_add(SETTLE_MS) - self.now;
            let settling = left > 0 && left <= FURTHEST_MS;
            // Our own send may still be under way; once it cannot be any more,
            // whoever was to finish it is gone.
            if !ours || (settling && open.state == State::Sending.code()) {
                return Ok(Some(BLOCKED));
            }
            if settling {
                return Ok(Some(clock::duration(left)));
            }
            let edits = self.message_of(open.target)?.is_some();
            let next = match (on_uncertain, Kind::from_code(open.kind)) {
                _ if open.forgotten => State::Withdrawn,
                // An edit of our own message changes nothing the second time.
                _ if edits => State::Planned,
                // A second placeholder helps nobody; the answer comes anyway.
                (_, Some(Kind::Placeholder)) => State::Withdrawn,
                (OnUncertain::Hold, _) => State::Sent,
                (OnUncertain::Resend, _) => State::Planned,
            };
            self.conn
                .prepare_cached(
                    "UPDATE parts SET state = ?2, owner = ?3, resent = resent + ?4, \
                            settled_at = CASE WHEN ?2 = 0 THEN NULL ELSE ?5 END WHERE id = ?1",
                )?
                .execute(params![
                    open.part,
                    next.code(),
                    owner.0,
                    i64::from(next == State::Planned && !edits),
                    self.now
                ])?;
            let turn = open.turn;
            if let Some(turn) = turn {
                self.settle_delivered(TurnId(turn))?;
            }
        }
    }

    fn begin(&self, chat: ChatId, owner: InstanceId, within: Duration) -> Result<Begin> {
        loop {
            let Some(next) = self.next_part(chat, owner)? else {
                return Ok(Begin::Idle);
            };
            let wait = next.not_before - self.now;
            if wait > 0 && wait <= FURTHEST_MS {
                return Ok(Begin::Wait(clock::duration(wait)));
            }
            let Some((kind, payload)) = next.readable() else {
                self.give_up_unreadable(&next)?;
                continue;
            };
            self.conn
                .prepare_cached(
                    "UPDATE parts SET state = 1, send_no = send_no + 1, high_water = ?2, \
                            expires_at = ?3 WHERE id = ?1",
                )?
                .execute(params![
                    next.id,
                    self.high_water(chat)?,
                    self.now.saturating_add(clock::millis(within))
                ])?;
            return Ok(Begin::Send(Box::new(Sending {
                part: PartId(next.id),
                turn: next.turn.map(TurnId),
                kind,
                chat,
                topic: (next.topic != 0).then_some(next.topic),
                payload,
                edit: self.message_of(next.target)?,
                send_no: next.send_no + 1,
                owner,
                resent: next.resent > 0,
            })));
        }
    }

    /// The message of a placeholder that was sent.
    fn message_of(&self, part: Option<i64>) -> Result<Option<i64>> {
        let Some(part) = part else { return Ok(None) };
        Ok(self
            .conn
            .prepare_cached("SELECT message_id FROM parts WHERE id = ?1 AND state = 2")?
            .query_row([part], |row| row.get(0))
            .optional()?
            .flatten())
    }

    pub(super) fn fence_send(&self, sending: &Sending) -> Result<()> {
        let holds: bool = self
            .conn
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM parts \
                 WHERE id = ?1 AND owner = ?2 AND send_no = ?3 AND state = 1)",
            )?
            .query_row(
                params![sending.part.0, sending.owner.0, sending.send_no],
                |row| row.get(0),
            )?;
        if holds {
            Ok(())
        } else {
            Err(StoreError::Fenced)
        }
    }

    fn finish(&self, sending: &Sending, sent: &Sent) -> Result<Finished> {
        self.fence_send(sending)?;
        match sent {
            // Its words are gone: whatever became of it, it is not sent again.
            Sent::NotSent { .. } | Sent::Uncertain | Sent::TargetGone
                if self.is_forgotten(sending)? =>
            {
                self.end_part(sending, State::Withdrawn, None)?;
            }
            Sent::Receipt(message_id) => {
                self.saw_message(sending.chat, *message_id)?;
                self.end_part(sending, State::Sent, Some(*message_id))?;
            }
            Sent::NotSent { retry_in_ms } => {
                // A placeholder is worth sending only while nothing better is.
                let superseded = sending.kind == Kind::Placeholder && self.is_answered(sending)?;
                if superseded {
                    self.end_part(sending, State::Withdrawn, None)?;
                } else {
                    self.plan_again(sending, self.now.saturating_add(*retry_in_ms))?;
                }
            }
            Sent::Uncertain => {
                self.conn
                    .prepare_cached("UPDATE parts SET state = ?2 WHERE id = ?1")?
                    .execute(params![sending.part.0, State::Uncertain.code()])?;
            }
            Sent::Undeliverable => {
                self.end_part(sending, State::Undeliverable, None)?;
                self.give_up_rest(sending)?;
            }
            Sent::Migrated(to) => {
                if self.is_forgotten(sending)? {
                    self.end_part(sending, State::Withdrawn, None)?;
                } else {
                    self.plan_again(sending, 0)?;
                }
                self.migrate_chat(sending.chat, *to)?;
            }
            Sent::TargetGone => {
                self.conn
                    .prepare_cached("UPDATE parts SET target = NULL WHERE id = ?1")?
                    .execute([sending.part.0])?;
                self.plan_again(sending, 0)?;
            }
        }
        let settled = match sending.turn {
            Some(turn) => self.settle_delivered(turn)?,
            None => None,
        };
        Ok(Finished { settled })
    }

    pub(super) fn end_part(
        &self,
        sending: &Sending,
        state: State,
        message_id: Option<i64>,
    ) -> Result<()> {
        self.conn
            .prepare_cached(
                "UPDATE parts SET state = ?2, message_id = ?3, settled_at = ?4 WHERE id = ?1",
            )?
            .execute(params![sending.part.0, state.code(), message_id, self.now])?;
        Ok(())
    }

    fn plan_again(&self, sending: &Sending, not_before: Millis) -> Result<()> {
        self.conn
            .prepare_cached("UPDATE parts SET state = 0, not_before = ?2 WHERE id = ?1")?
            .execute(params![sending.part.0, not_before])?;
        Ok(())
    }

    /// Where one part of a turn cannot be delivered, the others cannot either.
    fn give_up_rest(&self, sending: &Sending) -> Result<()> {
        if sending.kind != Kind::Answer {
            return Ok(());
        }
        if let Some(turn) = sending.turn {
            self.conn
                .prepare_cached(
                    "UPDATE parts SET state = ?2, settled_at = ?3 WHERE turn = ?1 AND state = 0",
                )?
                .execute(params![turn.0, State::Undeliverable.code(), self.now])?;
        }
        Ok(())
    }

    /// Whether its words were erased while it was being sent.
    pub(super) fn is_forgotten(&self, sending: &Sending) -> Result<bool> {
        Ok(self
            .conn
            .prepare_cached("SELECT payload = '' FROM parts WHERE id = ?1")?
            .query_row([sending.part.0], |row| row.get(0))?)
    }

    fn is_answered(&self, sending: &Sending) -> Result<bool> {
        let Some(turn) = sending.turn else {
            return Ok(true);
        };
        Ok(self
            .conn
            .prepare_cached("SELECT state >= 3 FROM turns WHERE id = ?1")?
            .query_row([turn.0], |row| row.get(0))?)
    }

    /// Settles a turn when the last part of its answer has found its end.
    pub(super) fn settle_delivered(&self, turn: TurnId) -> Result<Option<(TurnId, Due, Outcome)>> {
        let open: bool = self
            .conn
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM parts WHERE turn = ?1 AND kind = 0 AND state IN (0, 1, 3)) \
                     OR NOT EXISTS (SELECT 1 FROM turns WHERE id = ?1 AND state = 3)",
            )?
            .query_row([turn.0], |row| row.get(0))?;
        if open {
            return Ok(None);
        }
        let lost: bool = self
            .conn
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM parts WHERE turn = ?1 AND kind = 0 AND state = 4)",
            )?
            .query_row([turn.0], |row| row.get(0))?;
        let (ending, conversation, chat, topic): (i64, i64, i64, i64) = self
            .conn
            .prepare_cached(
                "SELECT t.ending, c.id, c.chat, c.topic FROM turns AS t \
                 JOIN conversations AS c ON c.id = t.conversation WHERE t.id = ?1",
            )?
            .query_row([turn.0], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?;
        let outcome = if lost {
            Outcome::Undeliverable
        } else {
            Outcome::from_code(ending).ok_or_else(|| unknown_code("outcome", ending))?
        };
        self.settle(turn, outcome)?;
        let due = Due {
            conversation: ConversationId(conversation),
            chat: ChatId(chat),
            topic: (topic != 0).then_some(topic),
            after: Duration::ZERO,
        };
        Ok(Some((turn, due, outcome)))
    }
}
