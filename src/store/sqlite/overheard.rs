//! What was said in a group without being meant for the bot, and what the
//! messages of a turn point at.
//!
//! A short ring per conversation, written in the accept transaction: one insert
//! and one bounded delete. It is context and nothing else: no message in it is
//! in the books, and an hour later it is gone.

use rusqlite::{OptionalExtension, params};

use super::Tx;
use crate::clock::Millis;
use crate::domain::ids::{ConversationId, TurnId, UserId};
use crate::domain::part::{Content, Payload};
use crate::domain::turn::Claim;
use crate::domain::update::{Chat, Message};
use crate::store::{Author, Overheard, Pointed, Result, Surroundings};

/// How long it is kept.
pub(super) const KEPT_MS: Millis = 3_600_000;

/// Characters kept of one message.
const CHARS: usize = 500;

/// Rows of the ring that one step of pruning takes.
const STEP: u32 = 500;

impl Tx<'_> {
    /// Keeps a message that is not meant for the bot, and only the latest
    /// `most` of its conversation. In a group where the bot was never used by
    /// anybody it knows, nothing is kept.
    pub(super) fn overhear(&self, message: &Message, most: i64, admitted: bool) -> Result<()> {
        let Some(text) = gist(message).filter(|_| most > 0) else {
            return Ok(());
        };
        let place = self.talked_in(&message.chat, message.topic, admitted)?;
        let Some(conversation) = place else {
            return Ok(());
        };
        let last: i64 = self
            .conn
            .prepare_cached("SELECT coalesce(max(number), 0) FROM chatter WHERE conversation = ?1")?
            .query_row([conversation.0], |row| row.get(0))?;
        self.conn
            .prepare_cached(
                "INSERT INTO chatter (conversation, number, message_id, sender, name, text, at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                conversation.0,
                last + 1,
                message.id,
                message.sender.id.0,
                message.sender.name,
                text,
                self.now
            ])?;
        self.conn
            .prepare_cached("DELETE FROM chatter WHERE conversation = ?1 AND number <= ?2")?
            .execute(params![conversation.0, last + 1 - most])?;
        Ok(())
    }

    /// The conversation of a place that may be listened to.
    fn talked_in(
        &self,
        chat: &Chat,
        topic: Option<i64>,
        admitted: bool,
    ) -> Result<Option<ConversationId>> {
        if admitted {
            return self.conversation(chat, topic).map(Some);
        }
        self.find_conversation(chat.id, topic.unwrap_or(0))
    }

    /// What was overheard is what its author last made of it.
    pub(super) fn overhear_edit(
        &self,
        conversation: ConversationId,
        message: &Message,
    ) -> Result<()> {
        self.conn
            .prepare_cached(
                "UPDATE chatter SET text = ?3 WHERE conversation = ?1 AND message_id = ?2",
            )?
            .execute(params![
                conversation.0,
                message.id,
                gist(message).unwrap_or_default()
            ])?;
        Ok(())
    }

    pub(super) fn prune_overheard(&self) -> Result<u64> {
        Ok(self
            .conn
            .prepare_cached(
                "DELETE FROM chatter WHERE (conversation, number) IN \
                 (SELECT conversation, number FROM chatter WHERE at < ?1 ORDER BY at LIMIT ?2)",
            )?
            .execute(params![self.now - KEPT_MS, STEP])? as u64)
    }

    /// What stands round the messages of a turn.
    pub(super) fn surroundings(
        &self,
        claim: &Claim,
        points: &[i64],
        most: i64,
    ) -> Result<Surroundings> {
        let mut round = Surroundings {
            talk: self.overheard(claim, most)?,
            ..Surroundings::default()
        };
        for point in points {
            if let Some(pointed) = self.pointed_at(claim, *point)? {
                round.pointed.insert(*point, pointed);
            }
        }
        Ok(round)
    }

    /// What was said since the question before this one, oldest first: what is
    /// older was context of that one, and would now stand behind its answer.
    fn overheard(&self, claim: &Claim, most: i64) -> Result<Vec<Overheard>> {
        let (at, message) = self.question_before(claim)?.unwrap_or_default();
        let mut statement = self.conn.prepare_cached(
            "SELECT sender, name, text FROM chatter \
             WHERE conversation = ?1 AND at BETWEEN ?2 AND ?3 AND (at, message_id) > (?5, ?6) \
             ORDER BY number DESC LIMIT ?4",
        )?;
        let since = self.now - KEPT_MS;
        let among = params![claim.conversation.0, since, self.now, most, at, message];
        let rows = statement.query_map(among, |row| {
            Ok(Overheard {
                sender: UserId(row.get(0)?),
                name: row.get(1)?,
                text: row.get(2)?,
            })
        })?;
        let mut talk = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        talk.reverse();
        Ok(talk)
    }

    /// The last message of the turn that was settled last before this one: when
    /// it was accepted, and its id.
    fn question_before(&self, claim: &Claim) -> Result<Option<(Millis, i64)>> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT m.accepted_at, m.message_id FROM messages AS m WHERE m.turn = \
                    (SELECT t.id FROM turns AS t WHERE t.conversation = ?1 AND t.state = 4 \
                       AND t.seal_no < (SELECT seal_no FROM turns WHERE id = ?2) \
                       AND EXISTS (SELECT 1 FROM messages WHERE turn = t.id) \
                     ORDER BY t.seal_no DESC LIMIT 1) \
                 ORDER BY m.id DESC LIMIT 1",
            )?
            .query_row(params![claim.conversation.0, claim.turn.0], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?)
    }

    fn pointed_at(&self, claim: &Claim, message: i64) -> Result<Option<Pointed>> {
        if let Some(ours) = self.own_words(claim, message)? {
            return Ok(Some(ours));
        }
        let said: Option<(i64, Option<String>)> = self
            .conn
            .prepare_cached(
                "SELECT turn, body FROM messages WHERE conversation = ?1 AND message_id = ?2 \
                 ORDER BY id DESC LIMIT 1",
            )?
            .query_row(params![claim.conversation.0, message], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let theirs = said.and_then(|(turn, body)| {
            let message: Message = serde_json::from_str(&body?).ok()?;
            Some(Pointed {
                author: Author::Person,
                turn: Some(TurnId(turn)),
                text: message.written(),
            })
        });
        Ok(theirs)
    }

    /// What a message of ours says: the whole answer, where it went out as one.
    fn own_words(&self, claim: &Claim, message: i64) -> Result<Option<Pointed>> {
        let part: Option<(Option<i64>, String)> = self
            .conn
            .prepare_cached(
                "SELECT turn, payload FROM parts \
                 WHERE chat = ?2 AND message_id = ?3 AND bot = ?1 ORDER BY id DESC LIMIT 1",
            )?
            .query_row(params![self.bot.0, claim.chat.0, message], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let Some((turn, payload)) = part else {
            return Ok(None);
        };
        let payload: Option<Payload> = serde_json::from_str(&payload).ok();
        let said = payload.map(|payload| match payload.content {
            Content::Rich { markdown } => markdown,
            Content::Classic { text, .. } | Content::Plain { text } => text,
        });
        let text = match turn {
            Some(turn) if said.is_none() || self.is_whole(turn)? => self.answer_of(turn)?.or(said),
            _ => said,
        };
        Ok(text.map(|text| Pointed {
            author: Author::Bot,
            turn: turn.map(TurnId),
            text,
        }))
    }

    /// Whether the answer of a turn is one message.
    fn is_whole(&self, turn: i64) -> Result<bool> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT count(*) < 2 FROM parts WHERE turn = ?1 AND kind = 0 AND state IN (2, 3)",
            )?
            .query_row([turn], |row| row.get(0))?)
    }
}

/// What is kept of a message: its words, shortened, and the kind of what it
/// carries.
fn gist(message: &Message) -> Option<String> {
    let mut gist = message.media.as_ref().map_or(String::new(), |m| m.name());
    if !message.text.is_empty() {
        if !gist.is_empty() {
            gist.push(' ');
        }
        gist.extend(message.text.chars().take(CHARS));
        if message.text.chars().nth(CHARS).is_some() {
            gist.push('…');
        }
    }
    (!gist.is_empty()).then_some(gist)
}
