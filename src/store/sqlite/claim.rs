//! Which turn of a conversation is next, and taking it.
//!
//! The earliest sealed turn, else the window that is due; nothing while one is
//! claimed or answered. Here order is made; nobody else may claim.

use std::time::Duration;

use bytes::Bytes;
use rusqlite::{OptionalExtension, params};

use super::{Tx, unknown_code};
use crate::clock;
use crate::domain::ids::{ChatId, ConversationId, TurnId};
use crate::domain::turn::{Claim, DEATHS_BEFORE_ALONE, Outcome, State};
use crate::store::{Ask, Claimed, Company, Due, Flush, Next, Result};

/// The head of a conversation's queue.
struct Head {
    turn: TurnId,
    state: State,
    not_before: i64,
    deaths: i64,
}

impl Tx<'_> {
    pub(super) fn claim(&self, ask: &Ask) -> Result<Next> {
        loop {
            let head = match self.head(ask.conversation)? {
                Some(head) => head,
                None => match self.close_due(ask)? {
                    Ok(head) => head,
                    Err(next) => return Ok(next),
                },
            };
            if head.state != State::Sealed {
                return Ok(Next::Busy);
            }
            // A time further off than any wait we set was stored before the
            // clock was set back.
            let wait = head.not_before - self.now;
            if wait > 0 && wait <= clock::millis(Duration::from_secs(24 * 3600)) {
                return Ok(Next::Wait(clock::duration(wait)));
            }
            if self.stop_requested(head.turn)? {
                // Its owner died between the Stop and the end it makes.
                self.end_stopped(head.turn, ask.owner)?;
                return Ok(Next::Busy);
            }
            if self.inputs(head.turn)?.is_empty() {
                // Everything in it was forgotten.
                self.settle(head.turn, Outcome::Cancelled)?;
                continue;
            }
            if head.deaths >= DEATHS_BEFORE_ALONE && ask.company == Company::Others {
                return Ok(Next::NeedsAlone);
            }
            return self.take(ask, head.turn).map(|c| Next::Run(Box::new(c)));
        }
    }

    fn head(&self, conversation: ConversationId) -> Result<Option<Head>> {
        self.conn
            .prepare_cached(
                "SELECT id, state, not_before, deaths FROM turns \
                 WHERE conversation = ?1 AND state IN (1, 2, 3) AND state < 4 \
                 ORDER BY state DESC, seal_no LIMIT 1",
            )?
            .query_row([conversation.0], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()?
            .map(|(id, state, not_before, deaths)| {
                Ok(Head {
                    turn: TurnId(id),
                    state: State::from_code(state).ok_or_else(|| unknown_code("state", state))?,
                    not_before,
                    deaths,
                })
            })
            .transpose()
    }

    /// Closes the earliest window when it is due; else says when to ask again.
    fn close_due(&self, ask: &Ask) -> Result<std::result::Result<Head, Next>> {
        let earliest: Option<(i64, i64, i64)> = self
            .conn
            .prepare_cached(
                "SELECT id, due_at, not_before FROM turns \
                 WHERE conversation = ?1 AND state = 0 AND state < 4 \
                 ORDER BY max(due_at, not_before), id LIMIT 1",
            )?
            .query_row([ask.conversation.0], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let Some((id, due_at, not_before)) = earliest else {
            return Ok(Err(Next::Idle));
        };
        let turn = TurnId(id);
        if ask.flush == Flush::Due {
            if not_before > self.now {
                return Ok(Err(Next::Wait(clock::duration(not_before - self.now))));
            }
            if !ask.rules.is_due(due_at, self.now) {
                return Ok(Err(Next::Wait(clock::duration(due_at - self.now))));
            }
        }
        self.seal(ask.conversation, turn)?;
        Ok(Ok(Head {
            turn,
            state: State::Sealed,
            not_before: 0,
            deaths: 0,
        }))
    }

    fn take(&self, ask: &Ask, turn: TurnId) -> Result<Claimed> {
        let alone = i64::from(ask.company == Company::Alone);
        let (no, opened_at, failures, told): (i64, i64, i64, bool) = self
            .conn
            .prepare_cached(
                "UPDATE turns SET state = 2, owner = ?2, claim_no = claim_no + 1, claimed_at = ?3, \
                        alone = ?4, not_before = 0 \
                 WHERE id = ?1 RETURNING claim_no, opened_at, failures, told",
            )?
            .query_row(params![turn.0, ask.owner.0, self.now, alone], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?;
        let (chat, topic, title): (i64, i64, String) = self
            .conn
            .prepare_cached("SELECT chat, topic, title FROM conversations WHERE id = ?1")?
            .query_row([ask.conversation.0], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        let request: Option<Vec<u8>> = self
            .conn
            .prepare_cached("SELECT body FROM requests WHERE turn = ?1")?
            .query_row([turn.0], |row| row.get(0))
            .optional()?;
        Ok(Claimed {
            claim: Claim {
                turn,
                conversation: ask.conversation,
                chat: ChatId(chat),
                topic: (topic != 0).then_some(topic),
                no,
                owner: ask.owner,
            },
            title,
            inputs: self.inputs(turn)?,
            request: request.map(Bytes::from),
            failures,
            age: clock::duration(self.now - opened_at),
            told,
            has_placeholder: self.has_placeholder(turn)?,
        })
    }

    pub(super) fn waiting(&self, limit: u32) -> Result<Vec<Due>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT t.conversation, c.chat, c.topic, \
                    min(CASE t.state WHEN 0 THEN max(t.due_at, t.not_before) ELSE t.not_before END) AS at \
             FROM turns AS t JOIN conversations AS c ON c.id = t.conversation \
             WHERE t.state < 4 AND t.bot = ?1 \
             GROUP BY t.conversation HAVING max(t.state) < 2 \
             ORDER BY at LIMIT ?2",
        )?;
        let rows = statement.query_map(params![self.bot.0, limit], |row| {
            let topic: i64 = row.get(2)?;
            let at: i64 = row.get(3)?;
            Ok(Due {
                conversation: ConversationId(row.get(0)?),
                chat: ChatId(row.get(1)?),
                topic: (topic != 0).then_some(topic),
                after: clock::duration(at - self.now),
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
