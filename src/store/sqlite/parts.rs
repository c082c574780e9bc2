//! Planning parts: the rows of the outbox before anybody sends them.

use rusqlite::{OptionalExtension, params};

use super::Tx;
use super::engine::TakeBack;
use super::outbox::LONGEST_CALL_MS;
use crate::domain::ids::{ChatId, ConversationId, InstanceId, TurnId};
use crate::domain::part::{Kind, Payload, Sending, State};
use crate::domain::turn::Claim;
use crate::store::{Finished, Result};

/// A new row of the outbox.
pub(super) struct PartRow<'a> {
    pub(super) chat: ChatId,
    pub(super) topic: Option<i64>,
    pub(super) conversation: Option<ConversationId>,
    pub(super) turn: Option<TurnId>,
    pub(super) kind: Kind,
    pub(super) seq: i64,
    pub(super) payload: &'a Payload,
    pub(super) target: Option<i64>,
    pub(super) owner: InstanceId,
}

/// The next row of a chat, as it is stored.
pub(super) struct NextPart {
    pub(super) id: i64,
    pub(super) turn: Option<i64>,
    pub(super) topic: i64,
    pub(super) target: Option<i64>,
    pub(super) not_before: i64,
    pub(super) send_no: i64,
    pub(super) resent: i64,
    /// The latest time that was read while it was made to wait.
    pub(super) set_at: i64,
    /// From when on it is not worth being sent.
    pub(super) dies_at: Option<i64>,
    pub(super) errand: Option<i64>,
    kind: i64,
    payload: Vec<u8>,
}

impl NextPart {
    /// What it is and says; `None` when that cannot be read.
    pub(super) fn readable(&self) -> Option<(Kind, Payload)> {
        let payload = serde_json::from_slice(&self.payload).ok()?;
        Some((Kind::from_code(self.kind)?, payload))
    }
}

/// Takes back an intent to send of which nobody was told: nothing was written
/// to any socket.
pub(super) fn not_begun(sending: &Sending) -> TakeBack {
    let (part, owner, send_no) = (sending.part.0, sending.owner.0, sending.send_no);
    Box::new(move |conn| {
        conn.execute(
            "UPDATE parts SET state = CASE payload WHEN '' THEN 5 ELSE 0 END \
             WHERE id = ?1 AND owner = ?2 AND send_no = ?3 AND state = 1",
            params![part, owner, send_no],
        )?;
        Ok(())
    })
}

impl Tx<'_> {
    /// The next part of a chat that this owner may send.
    pub(super) fn next_part(&self, chat: ChatId, owner: InstanceId) -> Result<Option<NextPart>> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT id, turn, kind, topic, payload, target, not_before, send_no, resent, \
                        max(created_at, coalesce(expires_at, 0) - ?4), dies_at, errand \
                 FROM parts WHERE bot = ?1 AND chat = ?2 AND state = 0 AND state IN (0, 1, 3) \
                   AND owner = ?3 ORDER BY kind, turn, seq, id LIMIT 1",
            )?
            .query_row(
                params![self.bot.0, chat.0, owner.0, LONGEST_CALL_MS],
                |row| {
                    Ok(NextPart {
                        id: row.get(0)?,
                        turn: row.get(1)?,
                        kind: row.get(2)?,
                        topic: row.get(3)?,
                        payload: row.get_ref(4)?.as_bytes().unwrap_or_default().to_vec(),
                        target: row.get(5)?,
                        not_before: row.get(6)?,
                        send_no: row.get(7)?,
                        resent: row.get(8)?,
                        set_at: row.get(9)?,
                        dies_at: row.get(10)?,
                        errand: row.get(11)?,
                    })
                },
            )
            .optional()?)
    }

    /// Ends a part that will never be readable, and the rest of its answer: it
    /// would keep its chat from going on for ever.
    pub(super) fn give_up_unreadable(&self, part: &NextPart) -> Result<Finished> {
        tracing::error!(
            part.id = part.id,
            "a stored part cannot be read; it is given up"
        );
        let turn = part.turn.map(TurnId);
        self.end_part(part.id, State::Undeliverable, None)?;
        if part.kind == Kind::Answer.code() {
            self.give_up_rest(turn)?;
        }
        self.finished(turn)
    }

    pub(super) fn plan_part(
        &self,
        claim: &Claim,
        kind: Kind,
        seq: i64,
        payload: &Payload,
        target: Option<i64>,
    ) -> Result<()> {
        self.insert_part(&PartRow {
            chat: claim.chat,
            topic: claim.topic,
            conversation: Some(claim.conversation),
            turn: Some(claim.turn),
            kind,
            seq,
            payload,
            target,
            owner: claim.owner,
        })
    }

    pub(super) fn plan_notice(
        &self,
        chat: ChatId,
        topic: Option<i64>,
        kind: Kind,
        payload: &Payload,
        owner: InstanceId,
    ) -> Result<()> {
        if self.is_guest(chat)? {
            return Ok(());
        }
        self.insert_part(&PartRow {
            chat,
            topic,
            conversation: None,
            turn: None,
            kind,
            seq: 0,
            payload,
            target: None,
            owner,
        })
    }

    /// Visibly unfinished messages of a conversation's open turns.
    pub(super) fn placeholders_left(&self, conversation: ConversationId) -> Result<Vec<i64>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT p.id FROM turns AS t JOIN parts AS p ON p.turn = t.id \
             WHERE t.conversation = ?1 AND t.state < 4 AND p.kind = 1 AND p.state IN (1, 2)",
        )?;
        let rows = statement.query_map([conversation.0], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    pub(super) fn insert_part(&self, part: &PartRow<'_>) -> Result<()> {
        let payload = serde_json::to_string(part.payload).expect("a payload is always JSON");
        self.conn
            .prepare_cached(
                "INSERT INTO parts \
                 (bot, chat, topic, conversation, turn, kind, seq, state, payload, target, owner, created_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                self.bot.0,
                part.chat.0,
                part.topic.unwrap_or(0),
                part.conversation.map(|c| c.0),
                part.turn.map(|t| t.0),
                part.kind.code(),
                part.seq,
                payload,
                part.target,
                part.owner.0,
                self.now
            ])?;
        Ok(())
    }

    pub(super) fn has_placeholder(&self, turn: TurnId) -> Result<bool> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM parts \
                 WHERE turn = ?1 AND kind = 1 AND state IN (0, 1, 2, 3))",
            )?
            .query_row([turn.0], |row| row.get(0))?)
    }

    /// A group became a supergroup: everything of it goes to the new id, and
    /// what an operator decided about it holds there, too.
    pub(super) fn migrate_chat(&self, from: ChatId, to: ChatId) -> Result<()> {
        self.conn.execute(
            "UPDATE OR IGNORE conversations SET chat = ?3 WHERE bot = ?1 AND chat = ?2",
            params![self.bot.0, from.0, to.0],
        )?;
        self.conn.execute(
            // Its ids there are of another sequence: nothing is known of them.
            "UPDATE parts SET chat = ?3, high_water = NULL WHERE bot = ?1 AND chat = ?2 \
             AND state IN (0, 3) AND state IN (0, 1, 3)",
            params![self.bot.0, from.0, to.0],
        )?;
        // So that `/forget` finds them.
        self.conn.execute(
            "UPDATE updates SET chat = ?3 WHERE bot = ?1 AND chat = ?2 AND raw IS NOT NULL",
            params![self.bot.0, from.0, to.0],
        )?;
        for sql in [
            "INSERT INTO people (bot, id, operator, since) \
             SELECT bot, ?3, operator, since FROM people WHERE bot = ?1 AND id = ?2 \
             ON CONFLICT DO NOTHING",
            "INSERT INTO banned (bot, id, since) \
             SELECT bot, ?3, since FROM banned WHERE bot = ?1 AND id = ?2 \
             ON CONFLICT DO NOTHING",
        ] {
            let copied = params![self.bot.0, from.0, to.0];
            self.conn.prepare_cached(sql)?.execute(copied)?;
        }
        Ok(())
    }

    /// Puts others in the place of a part that Telegram refused as it was.
    pub(super) fn replan(&self, sending: &Sending, parts: &[Payload]) -> Result<Finished> {
        self.fence_send(sending)?;
        let (seq, conversation, mut target): (i64, Option<i64>, Option<i64>) = self
            .conn
            .prepare_cached("SELECT seq, conversation, target FROM parts WHERE id = ?1")?
            .query_row([sending.part.0], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        self.withdraw_unsent(sending)?;
        if self.is_forgotten(sending)? {
            return self.finished(sending.turn);
        }
        // Room for the pieces: what follows moves behind the last of them.
        self.conn
            .prepare_cached(
                "UPDATE parts SET seq = seq + ?4 \
                 WHERE turn = ?1 AND kind = ?2 AND state = 0 AND seq > ?3",
            )?
            .execute(params![
                sending.turn.map(|t| t.0),
                sending.kind.code(),
                seq,
                i64::try_from(parts.len()).unwrap_or(i64::MAX)
            ])?;
        for (payload, step) in parts.iter().zip(0..) {
            self.insert_part(&PartRow {
                chat: sending.chat,
                topic: sending.topic,
                conversation: conversation.map(ConversationId),
                turn: sending.turn,
                kind: sending.kind,
                seq: seq + step,
                payload,
                target: target.take(),
                owner: sending.owner,
            })?;
        }
        self.finished(sending.turn)
    }
}
