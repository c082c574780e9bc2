//! The outbox: an intent before each send, a receipt after it.
//!
//! At most one part per chat is in flight or unresolved; `begin_send` is where
//! that is enforced, across instances. What becomes of a part whose arrival is
//! not known is in `uncertain.rs`.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};

use super::uncertain::SETTLE_MS;
use super::{SqliteStore, Tx, parts, unknown_code};
use crate::clock::{self, Millis};
use crate::domain::ids::{ChatId, ConversationId, InstanceId, PartId, TurnId};
use crate::domain::part::{Kind, Payload, Sending, Sent, State, Touch};
use crate::domain::probe::{Probed, Probing, Resolving};
use crate::domain::turn::Outcome;
use crate::store::{Begin, Due, Finished, Outbox, Result, StoreError};

/// No `not_before` of a part lies further off; one that does was stored before
/// the clock was set back.
const FURTHEST_MS: Millis = 3_600_000;

/// No `expires_at` lies further off: no call may take longer.
pub(super) const LONGEST_CALL_MS: Millis = 120_000;

#[async_trait]
impl Outbox for SqliteStore {
    async fn begin_send(
        &self,
        chat: ChatId,
        owner: InstanceId,
        within: Duration,
        resolving: Resolving,
    ) -> Result<Begin> {
        let begin = move |tx: &Tx<'_>| match tx.resolve(chat, owner, resolving)? {
            Some(first) => Ok(first),
            None => tx.begin(chat, owner, within),
        };
        self.run_or_take_back("outbox.begin_send", begin, |begun| match begun {
            Begin::Send(sending) => Some(parts::not_begun(sending)),
            // A round of which nobody was told is over when its time is.
            _ => None,
        })
        .await
    }

    async fn finish_send(&self, sending: &Sending, sent: Sent) -> Result<Finished> {
        let sending = sending.clone();
        self.run("outbox.finish_send", move |tx| tx.finish(&sending, &sent))
            .await
    }

    async fn finish_probe(&self, probing: &Probing, probed: Probed) -> Result<Finished> {
        let probing = probing.clone();
        self.run("outbox.finish_probe", move |tx| {
            tx.finish_probe(&probing, probed)
        })
        .await
    }

    async fn replan(&self, sending: &Sending, parts: Vec<Payload>) -> Result<Finished> {
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

    async fn touches(&self) -> Result<Vec<ChatId>> {
        self.run("outbox.touches", |tx| tx.touches()).await
    }

    async fn begin_touch(&self, chat: ChatId, within: Duration) -> Result<Option<Touch>> {
        self.run("outbox.begin_touch", move |tx| tx.begin_touch(chat, within))
            .await
    }

    async fn finish_touch(&self, touch: &Touch, again: Option<Duration>) -> Result<()> {
        let touch = touch.clone();
        self.run("outbox.finish_touch", move |tx| {
            tx.finish_touch(&touch, again)
        })
        .await
    }

    async fn unsent(&self, owner: InstanceId) -> Result<Vec<(ChatId, Duration)>> {
        self.run("outbox.unsent", move |tx| {
            let mut statement = tx.conn.prepare_cached(
                "SELECT chat, min(CASE WHEN created_at > ?3 OR expires_at - ?4 > ?3 THEN 0 \
                                       WHEN state = 0 THEN not_before ELSE expires_at + ?2 END) \
                 FROM parts WHERE owner = ?1 AND state IN (0, 1, 3) GROUP BY chat",
            )?;
            let among = params![owner.0, SETTLE_MS, tx.now, LONGEST_CALL_MS];
            let rows = statement.query_map(among, |row| {
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

impl Tx<'_> {
    fn begin(&self, chat: ChatId, owner: InstanceId, within: Duration) -> Result<Begin> {
        let Some(next) = self.next_part(chat, owner)? else {
            return Ok(match self.keyboard_wait(chat)? {
                Some(wait) => Begin::Touch(wait),
                None => Begin::Idle,
            });
        };
        if next.dies_at.is_some_and(|at| at <= self.now) || self.is_called_off(next.errand)? {
            self.end_part(next.id, State::Withdrawn, None)?;
            return Ok(Begin::Resolved(Finished {
                expired: true,
                ..Finished::default()
            }));
        }
        let wait = next.not_before - self.now;
        if wait > 0 && wait <= FURTHEST_MS && next.set_at <= self.now {
            return Ok(Begin::Wait(clock::duration(wait)));
        }
        let Some((kind, payload)) = next.readable() else {
            return Ok(Begin::Resolved(self.give_up_unreadable(&next)?));
        };
        let file = match (&payload.document, next.turn) {
            (Some(_), Some(turn)) => match self.answer_of(turn)? {
                Some(text) => Some(text),
                // It will not come back.
                None => return Ok(Begin::Resolved(self.give_up_unreadable(&next)?)),
            },
            _ => None,
        };
        self.conn
            .prepare_cached(
                "UPDATE parts SET state = 1, send_no = send_no + 1, high_water = ?2, \
                        expires_at = ?3, begun_at = coalesce(begun_at, ?4) WHERE id = ?1",
            )?
            .execute(params![
                next.id,
                self.high_water(chat)?,
                self.now.saturating_add(clock::millis(within)),
                self.now
            ])?;
        Ok(Begin::Send(Box::new(Sending {
            part: PartId(next.id),
            turn: next.turn.map(TurnId),
            kind,
            chat,
            topic: (next.topic != 0).then_some(next.topic),
            payload,
            file,
            edit: self.message_of(next.target)?,
            send_no: next.send_no + 1,
            owner,
            resent: next.resent > 0,
            begun_at: self.now,
        })))
    }

    /// The message of a placeholder that was sent.
    pub(super) fn message_of(&self, part: Option<i64>) -> Result<Option<i64>> {
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
            Sent::Uncertain if self.is_forgotten(sending)? => {
                self.end_part(sending.part.0, State::Withdrawn, None)?;
            }
            Sent::NotSent { .. } | Sent::TargetGone if self.is_forgotten(sending)? => {
                self.withdraw_unsent(sending)?;
            }
            Sent::Receipt(message_id) => {
                // The id of an edited message is older than its edit.
                if sending.edit.is_none() {
                    self.saw_message(sending.chat, *message_id, sending.begun_at)?;
                    self.lay_ghosts(sending.chat, sending.begun_at)?;
                }
                self.end_part(sending.part.0, State::Sent, Some(*message_id))?;
                self.keyboard_shown(sending, *message_id)?;
            }
            Sent::NotSent { retry_in_ms } => {
                // A placeholder is worth sending only while nothing better is.
                let superseded =
                    sending.kind == Kind::Placeholder && self.is_answered(sending.turn)?;
                if superseded {
                    self.withdraw_unsent(sending)?;
                } else {
                    self.plan_again(sending, self.now.saturating_add(*retry_in_ms))?;
                }
            }
            Sent::Uncertain => {
                // Its call was under way until now, whatever the clock has done.
                self.conn
                    .prepare_cached(
                        "UPDATE parts SET state = ?2, expires_at = max(expires_at, ?3) WHERE id = ?1",
                    )?
                    .execute(params![
                        sending.part.0,
                        State::Uncertain.code(),
                        self.now
                    ])?;
            }
            Sent::Undeliverable | Sent::ChatGone => {
                self.end_part(sending.part.0, State::Undeliverable, None)?;
                // Where a topic is gone, the chat need not be.
                if *sent == Sent::ChatGone && sending.topic.is_none() {
                    self.is_gone(sending.chat, true)?;
                }
                if sending.kind == Kind::Answer {
                    self.give_up_rest(sending.turn)?;
                }
            }
            Sent::Migrated(to) => {
                if self.is_forgotten(sending)? {
                    self.withdraw_unsent(sending)?;
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
        self.finished(sending.turn)
    }

    /// What the end of a part has set going.
    pub(super) fn finished(&self, turn: Option<TurnId>) -> Result<Finished> {
        Ok(Finished {
            settled: match turn {
                Some(turn) => self.settle_delivered(turn)?,
                None => None,
            },
            ..Finished::default()
        })
    }

    /// Takes back a part that is known not to have been sent.
    pub(super) fn withdraw_unsent(&self, sending: &Sending) -> Result<()> {
        self.end_part(sending.part.0, State::Withdrawn, None)?;
        self.is_no_ghost(sending.chat, sending.part.0)
    }

    pub(super) fn end_part(&self, part: i64, state: State, message_id: Option<i64>) -> Result<()> {
        self.conn
            .prepare_cached(
                "UPDATE parts SET state = ?2, message_id = ?3, settled_at = ?4 WHERE id = ?1",
            )?
            .execute(params![part, state.code(), message_id, self.now])?;
        Ok(())
    }

    fn plan_again(&self, sending: &Sending, not_before: Millis) -> Result<()> {
        self.conn
            .prepare_cached("UPDATE parts SET state = 0, not_before = ?2 WHERE id = ?1")?
            .execute(params![sending.part.0, not_before])?;
        Ok(())
    }

    /// Where one part of a turn cannot be delivered, the others cannot either.
    pub(super) fn give_up_rest(&self, turn: Option<TurnId>) -> Result<()> {
        if let Some(turn) = turn {
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

    pub(super) fn is_answered(&self, turn: Option<TurnId>) -> Result<bool> {
        let Some(turn) = turn else {
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
        self.settled_last(ConversationId(conversation), turn)?;
        let due = Due {
            conversation: ConversationId(conversation),
            chat: ChatId(chat),
            topic: (topic != 0).then_some(topic),
            after: Duration::ZERO,
        };
        Ok(Some((turn, due, outcome)))
    }
}
