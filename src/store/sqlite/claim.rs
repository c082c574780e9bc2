//! Which turn of a conversation is next, and taking it.
//!
//! The earliest sealed turn, else the window that is due; nothing while one is
//! claimed or answered. Here order is made; nobody else may claim.

use bytes::Bytes;
use rusqlite::{OptionalExtension, params};

use super::engine::TakeBack;
use super::place::RATE_WINDOW_MS;
use super::{Tx, unknown_code};
use crate::clock::{self, Millis};
use crate::domain::ids::{ChatId, ConversationId, TurnId};
use crate::domain::language::Language;
use crate::domain::part::Payload;
use crate::domain::turn::{Claim, DEATHS_BEFORE_ALONE, Outcome, State};
use crate::domain::update::Message;
use crate::store::{Ask, Claimed, Company, Due, Flush, Next, Result};
use crate::texts::Texts;

/// The longest a turn is ever made to wait.
const LONGEST_WAIT_MS: Millis = 24 * 3600 * 1000;

/// Frees a claim of which nobody was told: its turn waits again.
pub(super) fn release(claim: Claim) -> TakeBack {
    Box::new(move |conn| {
        conn.execute(
            "UPDATE turns SET state = 1, owner = NULL, alone = 0 \
             WHERE id = ?1 AND claim_no = ?2 AND owner = ?3 AND state = 2",
            params![claim.turn.0, claim.no, claim.owner.0],
        )?;
        Ok(())
    })
}

/// The head of a conversation's queue.
struct Head {
    turn: TurnId,
    state: State,
    not_before: i64,
    /// The latest time that was read while it was made to wait.
    set_at: i64,
    deaths: i64,
}

impl Tx<'_> {
    pub(super) fn claim(&self, ask: &Ask) -> Result<Next> {
        let pause = self.pause_number()?;
        loop {
            let head = match self.head(ask.conversation)? {
                Some(head) => head,
                None => match self.close_due(ask, pause)? {
                    Ok(head) => head,
                    Err(next) => return Ok(next),
                },
            };
            if head.state != State::Sealed {
                return Ok(Next::Busy);
            }
            // A time further off than any wait we set was stored before the
            // clock was set back; so was one set at a time still to come.
            let wait = head.not_before - self.now;
            if wait > 0 && wait <= LONGEST_WAIT_MS && head.set_at <= self.now {
                return Ok(Next::Wait(clock::duration(wait)));
            }
            if self.stop_requested(head.turn)? {
                // Its owner died between the Stop and the end it makes.
                self.end_stopped(head.turn, ask.owner)?;
                return Ok(Next::Busy);
            }
            if let Some(pause) = pause {
                return self.hold_back(ask, head.turn, pause);
            }
            let Some(inputs) = self.inputs(head.turn)? else {
                // It will not become readable: asking again and again would
                // only keep the conversation from going on.
                tracing::error!(turn.id = head.turn.0, "a stored message cannot be read");
                let language = Language::told(self.language(head.turn)?.as_deref());
                let words = Payload::plain(Texts::of(language).damaged);
                self.end_unclaimed(head.turn, Outcome::Failed, &words, ask.owner)?;
                return Ok(Next::Busy);
            };
            if inputs.is_empty() {
                // Everything in it was forgotten.
                self.settle(head.turn, Outcome::Cancelled)?;
                continue;
            }
            if head.deaths >= DEATHS_BEFORE_ALONE && ask.company == Company::Others {
                return Ok(Next::NeedsAlone);
            }
            let claimed = self.take(ask, head.turn, inputs)?;
            return Ok(Next::Run(Box::new(claimed)));
        }
    }

    fn head(&self, conversation: ConversationId) -> Result<Option<Head>> {
        self.conn
            .prepare_cached(
                "SELECT id, state, not_before, deaths, max(opened_at, coalesce(claimed_at, 0)) \
                 FROM turns \
                 WHERE conversation = ?1 AND state IN (1, 2, 3) AND state < 4 \
                 ORDER BY state DESC, seal_no LIMIT 1",
            )?
            .query_row([conversation.0], |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                ))
            })
            .optional()?
            .map(|(id, state, not_before, deaths, set_at)| {
                Ok(Head {
                    turn: TurnId(id),
                    state: State::from_code(state).ok_or_else(|| unknown_code("state", state))?,
                    not_before,
                    set_at,
                    deaths,
                })
            })
            .transpose()
    }

    /// Closes the earliest window when it is due; else says when to ask again.
    /// During a pause none is closed: what comes meanwhile joins it.
    fn close_due(&self, ask: &Ask, pause: Option<i64>) -> Result<std::result::Result<Head, Next>> {
        let earliest = self
            .conn
            .prepare_cached(
                "SELECT id, due_at, not_before, deaths FROM turns \
                 WHERE conversation = ?1 AND state = 0 AND state < 4 ORDER BY id",
            )?
            .query_map([ask.conversation.0], |row| {
                let (due_at, not_before): (i64, i64) = (row.get(1)?, row.get(2)?);
                Ok((
                    self.opens_at(ask, due_at, not_before),
                    row.get(0)?,
                    row.get(3)?,
                ))
            })?
            .collect::<rusqlite::Result<Vec<(Millis, i64, i64)>>>()?
            .into_iter()
            .min();
        let Some((at, id, deaths)) = earliest else {
            return Ok(Err(Next::Idle));
        };
        if ask.flush == Flush::Due && at > self.now {
            return Ok(Err(Next::Wait(clock::duration(at - self.now))));
        }
        let turn = TurnId(id);
        if let Some(pause) = pause {
            return Ok(Err(self.hold_back(ask, turn, pause)?));
        }
        self.seal(ask.conversation, turn)?;
        Ok(Ok(Head {
            turn,
            state: State::Sealed,
            not_before: 0,
            set_at: 0,
            deaths,
        }))
    }

    /// When a window may be closed. A time further off than any that is ever
    /// set was stored before the clock was set back: it delays nobody, or what
    /// it belongs to would be overtaken for ever.
    fn opens_at(&self, ask: &Ask, due_at: Millis, not_before: Millis) -> Millis {
        let due_at = if ask.rules.is_due(due_at, self.now) {
            due_at.min(self.now)
        } else {
            due_at
        };
        if not_before - self.now > RATE_WINDOW_MS {
            return due_at;
        }
        due_at.max(not_before)
    }

    fn take(&self, ask: &Ask, turn: TurnId, inputs: Vec<Message>) -> Result<Claimed> {
        let (no, opened_at, failures, deaths, told): (i64, i64, i64, i64, bool) = self
            .conn
            .prepare_cached(
                // Only a death in quarantine counts: without company alone,
                // every innocent turn of a quiet bot would be blamed.
                "UPDATE turns SET state = 2, owner = ?2, claim_no = claim_no + 1, claimed_at = ?3, \
                        alone = (?4 AND deaths >= ?5), not_before = 0 \
                 WHERE id = ?1 RETURNING claim_no, opened_at, failures, deaths, told",
            )?
            .query_row(
                params![
                    turn.0,
                    ask.owner.0,
                    self.now,
                    ask.company == Company::Alone,
                    DEATHS_BEFORE_ALONE
                ],
                |row| {
                    Ok((
                        row.get(0)?,
                        row.get(1)?,
                        row.get(2)?,
                        row.get(3)?,
                        row.get(4)?,
                    ))
                },
            )?;
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
        let (variant, earlier) = self.varied_answer(turn)?;
        Ok(Claimed {
            claim: Claim {
                turn,
                conversation: ask.conversation,
                chat: ChatId(chat),
                topic: (topic != 0).then_some(topic),
                no,
                owner: ask.owner,
                language: Language::told(self.language(turn)?.as_deref()),
            },
            title,
            inputs,
            request: request.map(Bytes::from),
            failures,
            deaths,
            age: clock::duration(self.now - opened_at),
            told,
            has_placeholder: self.has_placeholder(turn)?,
            variant,
            earlier,
        })
    }

    pub(super) fn waiting(&self, limit: u32) -> Result<Vec<Due>> {
        let mut statement = self.conn.prepare_cached(
            // Through what is open, in this order: with statistics the planner
            // would rather walk over all conversations.
            // Opened or claimed in the future: the clock was set back, ask now.
            // During a pause only those whose people were not told of it.
            "SELECT t.conversation, c.chat, c.topic, \
                    min(CASE WHEN t.opened_at > ?3 OR coalesce(t.claimed_at, 0) > ?3 \
                               OR t.not_before > ?3 + ?4 THEN 0 \
                             WHEN t.state = 0 THEN max(t.due_at, t.not_before) \
                             ELSE t.not_before END) AS at \
             FROM turns AS t INDEXED BY turns_open \
             CROSS JOIN conversations AS c ON c.id = t.conversation \
             WHERE t.state < 4 AND t.bot = ?1 \
               AND NOT EXISTS (SELECT 1 FROM pauses AS p \
                    WHERE p.bot = ?1 AND p.number = c.pause_told) \
             GROUP BY t.conversation HAVING max(t.state) < 2 \
             ORDER BY at LIMIT ?2",
        )?;
        let among = params![self.bot.0, limit, self.now, LONGEST_WAIT_MS];
        let rows = statement.query_map(among, |row| {
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
