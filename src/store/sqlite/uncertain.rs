//! Parts of which nobody knows whether they arrived: their acknowledgement was
//! cut, or whoever sent them is gone.
//!
//! Nothing is done before the send can no longer be carried out (`expires_at`
//! and 5 s). Then it is probed, if it can be: each id that it may have been
//! given is asked, by an edit with the payload it was sent with, which touches
//! only messages of ours and changes nothing in the right one. Found: bound.
//! Not found twice among *all* the ids that it may have: it is not there, and
//! is sent as if for the first time. All the ids there are is known only if one
//! that was given later than the send can have been carried out is known (see
//! `sequence.rs`), and if they are no more than the range. Where nothing can be
//! proven, the operator has decided: again with a mark, or not at all.
//!
//! A round of probing is begun and fenced like a send and is `sending`
//! meanwhile: a crash in the middle leaves a part of unknown arrival again, and
//! nothing else is sent in the chat before the round's calls have expired.

use std::time::Duration;

use rusqlite::{OptionalExtension, params};

use super::Tx;
use super::outbox::LONGEST_CALL_MS;
use crate::clock::{self, Millis};
use crate::domain::ids::{ChatId, InstanceId, PartId, TurnId};
use crate::domain::part::{Kind, OnUncertain, Payload, Sending, State};
use crate::domain::probe::{Probed, Probing, Reach, Resolution, Resolving};
use crate::store::{Begin, Finished, Result};

/// How long after its `expires_at` a cut call is still given to be carried out.
pub(super) const SETTLE_MS: Millis = 5_000;

/// How soon to look again at a chat that another send blocks.
const BLOCKED: Duration = Duration::from_millis(250);

/// Rounds over all the ids of a part that prove its absence.
const ROUNDS: u32 = 2;

/// Rounds that prove nothing before the operator's word decides. The waits
/// between them double: about a minute in all.
const TRIES: u32 = 5;

/// A part of which nobody knows yet whether it arrived.
struct Unresolved {
    part: i64,
    state: i64,
    kind: i64,
    topic: i64,
    owner: Option<i64>,
    expires_at: Millis,
    turn: Option<TurnId>,
    target: Option<i64>,
    payload: String,
    high_water: i64,
    send_no: i64,
    resent: bool,
}

/// What is known of a part by the rounds so far.
#[derive(Debug, Clone, Copy)]
struct Known {
    executed_by: Millis,
    top: Option<i64>,
    rounds: u32,
    looked: bool,
    tries: u32,
}

/// What to do next about a part of unknown arrival.
enum Verdict {
    Ask(Known, Vec<i64>, Reach),
    Absent,
    Unknown,
}

impl Tx<'_> {
    /// What must be done about the part of unknown arrival of a chat, if there
    /// is one, before anything else is sent there.
    pub(super) fn resolve(
        &self,
        chat: ChatId,
        owner: InstanceId,
        resolving: Resolving,
    ) -> Result<Option<Begin>> {
        let Some(open) = self.unresolved(chat)? else {
            return Ok(None);
        };
        if let Some(wait) = self.blocks(&open, owner, resolving.within)? {
            return Ok(Some(Begin::Wait(wait)));
        }
        let edits = self.message_of(open.target)?.is_some();
        let verdict = if open.payload.is_empty() || edits {
            Verdict::Unknown
        } else {
            self.weigh(&open, chat, resolving)?
        };
        let absent = match verdict {
            Verdict::Ask(known, ids, reach) => {
                let asked = self.begin_probe(&open, chat, owner, resolving.within, known)?;
                if let Some(part) = asked {
                    return Ok(Some(Begin::Probe(Box::new(Probing {
                        part,
                        ids,
                        reach,
                        round: known.rounds,
                        executed_by: known.executed_by,
                    }))));
                }
                false
            }
            Verdict::Absent => true,
            Verdict::Unknown => false,
        };
        let kind = Kind::from_code(open.kind);
        let (next, resolution) = match (kind, resolving.otherwise) {
            _ if open.payload.is_empty() => (State::Withdrawn, Some(Resolution::Held)),
            // An edit of our own message changes nothing the second time.
            _ if edits => (State::Planned, None),
            // A placeholder is worth sending only while nothing better is.
            (Some(Kind::Placeholder), _) if absent && self.is_answered(open.turn)? => {
                (State::Withdrawn, Some(Resolution::Absent))
            }
            _ if absent => (State::Planned, Some(Resolution::Absent)),
            // A second one helps nobody; the answer comes anyway.
            (Some(Kind::Placeholder), _) => (State::Withdrawn, Some(Resolution::Held)),
            (_, OnUncertain::Hold) => (State::Sent, Some(Resolution::Held)),
            (_, OnUncertain::Resend) => (State::Planned, Some(Resolution::Resent)),
        };
        self.decide(&open, chat, owner, next, resolution)
            .map(|finished| Some(Begin::Resolved(finished)))
    }

    fn unresolved(&self, chat: ChatId) -> Result<Option<Unresolved>> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT id, state, kind, topic, owner, coalesce(expires_at, 0), turn, target, payload, \
                        coalesce(high_water, 0), send_no, resent > 0 \
                 FROM parts \
                 WHERE bot = ?1 AND chat = ?2 AND state IN (1, 3) AND state IN (0, 1, 3) LIMIT 1",
            )?
            .query_row(params![self.bot.0, chat.0], |row| {
                Ok(Unresolved {
                    part: row.get(0)?,
                    state: row.get(1)?,
                    kind: row.get(2)?,
                    topic: row.get(3)?,
                    owner: row.get(4)?,
                    expires_at: row.get(5)?,
                    turn: row.get::<_, Option<i64>>(6)?.map(TurnId),
                    target: row.get(7)?,
                    payload: row.get(8)?,
                    high_water: row.get(9)?,
                    send_no: row.get(10)?,
                    resent: row.get(11)?,
                })
            })
            .optional()?)
    }

    /// How long nothing can be done about it.
    fn blocks(
        &self,
        open: &Unresolved,
        owner: InstanceId,
        within: Duration,
    ) -> Result<Option<Duration>> {
        let ours = open.owner.is_none_or(|by| by == owner.0);
        let mut left = open.expires_at.saturating_add(SETTLE_MS) - self.now;
        if ours && left > LONGEST_CALL_MS + SETTLE_MS {
            // The clock was set back: it is given its time once more, for it
            // may still be under way.
            let expires_at = self.now.saturating_add(clock::millis(within));
            self.conn
                .prepare_cached("UPDATE parts SET expires_at = ?2 WHERE id = ?1")?
                .execute(params![open.part, expires_at])?;
            self.distrust_stamps()?;
            left = expires_at + SETTLE_MS - self.now;
        }
        let settling = left > 0;
        // Our own send may still be under way; once it cannot be any more,
        // whoever was to finish it is gone.
        if !ours || (settling && open.state == State::Sending.code()) {
            return Ok(Some(BLOCKED));
        }
        Ok(settling.then(|| clock::duration(left)))
    }

    /// What the rounds so far, and the ids that are known, say of a part.
    fn weigh(&self, open: &Unresolved, chat: ChatId, resolving: Resolving) -> Result<Verdict> {
        let mut known = self.known(open)?;
        if known.rounds >= ROUNDS {
            return Ok(Verdict::Absent);
        }
        let range = resolving.range as usize;
        // There an edit may change what the account's owner wrote: "business
        // messages that were not sent by the bot […] can only be edited within
        // 48 hours" (Bot API, editMessageText).
        if chat.is_relayed()
            || range == 0
            || known.tries >= TRIES
            // Nothing to begin from, or a message of ours might be in the way.
            || open.high_water == 0
            || self.is_haunted(chat, open.part, open.high_water)?
        {
            return Ok(Verdict::Unknown);
        }
        let after = known.executed_by.saturating_add(SETTLE_MS);
        let top = match known.top {
            Some(top) => Some(top),
            None => self.given_after(chat, open.high_water, after)?,
        };
        let mut ids = self.unknown_ids(chat, open.high_water, top, range + 1)?;
        if top.is_some() && ids.is_empty() {
            return Ok(Verdict::Absent);
        }
        if top.is_some() && ids.len() <= range {
            known.top = top;
            return Ok(Verdict::Ask(known, ids, Reach::Whole));
        }
        if known.looked {
            return Ok(Verdict::Unknown);
        }
        ids.truncate(range);
        Ok(Verdict::Ask(known, ids, Reach::Open))
    }

    fn known(&self, open: &Unresolved) -> Result<Known> {
        // Rounds about an earlier send of the part say nothing of this one.
        let known = self
            .conn
            .prepare_cached(
                "SELECT executed_by, top, rounds, looked, tries FROM probes \
                 WHERE part = ?1 AND send_no = ?2",
            )?
            .query_row(params![open.part, open.send_no], |row| {
                Ok(Known {
                    executed_by: row.get(0)?,
                    top: row.get(1)?,
                    rounds: row.get(2)?,
                    looked: row.get(3)?,
                    tries: row.get(4)?,
                })
            })
            .optional()?;
        Ok(known.unwrap_or(Known {
            executed_by: open.expires_at,
            top: None,
            rounds: 0,
            looked: false,
            tries: 0,
        }))
    }

    /// Begins a round; `None` when the part cannot be read.
    fn begin_probe(
        &self,
        open: &Unresolved,
        chat: ChatId,
        owner: InstanceId,
        within: Duration,
        known: Known,
    ) -> Result<Option<Sending>> {
        let payload: Option<Payload> = serde_json::from_str(&open.payload).ok();
        let Some((payload, kind)) = payload.zip(Kind::from_code(open.kind)) else {
            return Ok(None);
        };
        let send_no = open.send_no + 1;
        self.conn
            .prepare_cached(
                "UPDATE parts SET state = 1, owner = ?2, send_no = ?3, expires_at = ?4 WHERE id = ?1",
            )?
            .execute(params![
                open.part,
                owner.0,
                send_no,
                self.now.saturating_add(clock::millis(within))
            ])?;
        self.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO probes \
                 (part, send_no, executed_by, top, rounds, looked, tries) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                open.part,
                send_no,
                known.executed_by,
                known.top,
                known.rounds,
                known.looked,
                known.tries
            ])?;
        Ok(Some(Sending {
            part: PartId(open.part),
            turn: open.turn,
            kind,
            chat,
            topic: (open.topic != 0).then_some(open.topic),
            payload,
            // Asked for by its caption.
            file: None,
            edit: None,
            send_no,
            owner,
            resent: open.resent,
            begun_at: self.now,
        }))
    }

    /// Gives a part of unknown arrival its fate.
    fn decide(
        &self,
        open: &Unresolved,
        chat: ChatId,
        owner: InstanceId,
        next: State,
        resolution: Option<Resolution>,
    ) -> Result<Finished> {
        let is = |one: Resolution| i64::from(resolution == Some(one));
        self.conn
            .prepare_cached(
                "UPDATE parts SET state = ?2, owner = ?3, resent = resent + ?4, \
                        absent = absent + ?5, held = held + ?6, \
                        settled_at = CASE WHEN ?2 = 0 THEN NULL ELSE ?7 END WHERE id = ?1",
            )?
            .execute(params![
                open.part,
                next.code(),
                owner.0,
                is(Resolution::Resent),
                is(Resolution::Absent),
                is(Resolution::Held),
                self.now
            ])?;
        if resolution == Some(Resolution::Absent) {
            self.is_no_ghost(chat, open.part)?;
        }
        self.forget_probes(open.part)?;
        Ok(Finished {
            resolved: resolution,
            ..self.finished(open.turn)?
        })
    }

    fn forget_probes(&self, part: i64) -> Result<()> {
        self.conn
            .prepare_cached("DELETE FROM probes WHERE part = ?1")?
            .execute([part])?;
        Ok(())
    }

    pub(super) fn finish_probe(&self, probing: &Probing, probed: Probed) -> Result<Finished> {
        let sending = &probing.part;
        self.fence_send(sending)?;
        let part = sending.part.0;
        match probed {
            Probed::Found(id) => return self.bind(probing, id),
            // Its words are gone: it is not sent again.
            _ if self.is_forgotten(sending)? => {
                self.end_part(part, State::Withdrawn, None)?;
                self.forget_probes(part)?;
                return self.finished(sending.turn);
            }
            Probed::Absent => match probing.reach {
                Reach::Whole => {
                    self.learn(part, "rounds = rounds + 1")?;
                    let last = probing.round + 1 >= ROUNDS;
                    self.look_again(part, if last { 0 } else { SETTLE_MS })?;
                }
                Reach::Open => {
                    self.learn(part, "looked = 1")?;
                    self.look_again(part, 0)?;
                }
            },
            Probed::Unproven { retry_in_ms } => {
                let tries = self.learn(part, "tries = tries + 1")?;
                let pause = SETTLE_MS << (tries - 1).clamp(0, 10);
                self.look_again(part, pause.max(retry_in_ms))?;
            }
            Probed::Unreached { retry_in_ms } => self.look_again(part, retry_in_ms)?,
            Probed::Useless => {
                self.learn(part, "tries = 1000")?;
                self.look_again(part, 0)?;
            }
            Probed::Migrated(to) => {
                self.look_again(part, 0)?;
                self.migrate_chat(sending.chat, to)?;
            }
        }
        Ok(Finished::default())
    }

    fn bind(&self, probing: &Probing, id: i64) -> Result<Finished> {
        let sending = &probing.part;
        self.saw_message(sending.chat, id, 0)?;
        self.end_part(sending.part.0, State::Sent, Some(id))?;
        self.keyboard_shown(sending, id)?;
        self.conn
            .prepare_cached("UPDATE parts SET bound = bound + 1 WHERE id = ?1")?
            .execute([sending.part.0])?;
        self.forget_probes(sending.part.0)?;
        if sending.resent {
            // Which of its copies this is nobody can say; the other may be there.
            self.fear_ghost(
                sending.chat,
                sending.part.0,
                probing.executed_by + SETTLE_MS,
            )?;
        }
        Ok(Finished {
            resolved: Some(Resolution::Bound),
            ..self.finished(sending.turn)?
        })
    }

    /// Notes what a round has shown; returns how many proved nothing.
    fn learn(&self, part: i64, change: &str) -> Result<i64> {
        Ok(self
            .conn
            .prepare_cached(&format!(
                "UPDATE probes SET {change} WHERE part = ?1 RETURNING tries"
            ))?
            .query_row([part], |row| row.get(0))?)
    }

    /// It is looked at again after this pause: not before its calls can no
    /// longer be carried out.
    fn look_again(&self, part: i64, pause: Millis) -> Result<()> {
        // A longer one would be taken for a clock that was set back; if Telegram
        // asked for it, Telegram will say so again.
        let pause = pause.min(LONGEST_CALL_MS);
        self.conn
            .prepare_cached("UPDATE parts SET state = 3, expires_at = ?2 WHERE id = ?1")?
            .execute(params![part, self.now.saturating_add(pause) - SETTLE_MS])?;
        Ok(())
    }
}
