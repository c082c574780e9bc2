//! One turn for an operator: its receipt, and the wish to stop it.

use rusqlite::{OptionalExtension, params};

use super::{Tx, unknown_code};
use crate::domain::ids::{ChatId, ConversationId, InstanceId, TurnId};
use crate::domain::part::{self, Kind};
use crate::domain::turn::{Outcome, State};
use crate::domain::update::Message;
use crate::store::Result;
use crate::store::desk::{Cancel, Shown, ShownMessage, ShownPart, Texts};

/// Nobody: no instance has this id.
const NOBODY: InstanceId = InstanceId(0);

impl Tx<'_> {
    pub(super) fn shown(&self, turn: TurnId, texts: Texts) -> Result<Option<Shown>> {
        let among = format!("t.id = {}", turn.0);
        let Some(listed) = self.listed_among(&among, 1)?.pop() else {
            return Ok(None);
        };
        let mut shown = self
            .conn
            .prepare_cached(
                "SELECT CASE WHEN state > 0 THEN sealed_at END, claimed_at, claim_no, owner, \
                        asked_at, answered_at, settled_at, interrupts, told, model, \
                        prompt_tokens, completion_tokens, cost, attempts, request_id, first_token_ms \
                 FROM turns WHERE id = ?1",
            )?
            .query_row([turn.0], |row| {
                Ok(Shown {
                    listed,
                    gathered_at: row.get(0)?,
                    claimed_at: row.get(1)?,
                    claim: row.get(2)?,
                    owner: row
                        .get::<_, Option<i64>>(3)?
                        .map(|owner| format!("{owner:016x}")),
                    generating_at: row.get(4)?,
                    answered_at: row.get(5)?,
                    settled_at: row.get(6)?,
                    interrupts: row.get(7)?,
                    told: row.get(8)?,
                    model: row.get(9)?,
                    prompt_tokens: row.get(10)?,
                    completion_tokens: row.get(11)?,
                    credits: row.get(12)?,
                    attempts: row.get(13)?,
                    request: row.get(14)?,
                    first_token_ms: row.get(15)?,
                    inputs: Vec::new(),
                    answer: None,
                    parts: Vec::new(),
                })
            })?;
        shown.inputs = self.shown_messages(turn, texts)?;
        shown.parts = self.shown_parts(turn)?;
        if texts == Texts::Shown {
            shown.answer = self.answer_of(turn.0)?;
        }
        Ok(Some(shown))
    }

    fn shown_messages(&self, turn: TurnId, texts: Texts) -> Result<Vec<ShownMessage>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT message_id, sender, accepted_at, body FROM messages \
             WHERE turn = ?1 ORDER BY id",
        )?;
        let mut rows = statement.query([turn.0])?;
        let mut shown = Vec::new();
        while let Some(row) = rows.next()? {
            let text = match texts {
                Texts::Withheld => None,
                Texts::Shown => {
                    let body = row.get_ref(3)?.as_bytes().unwrap_or_default();
                    let message: Option<Message> = serde_json::from_slice(body).ok();
                    message.map(|message| message.text)
                }
            };
            shown.push(ShownMessage {
                message: row.get(0)?,
                sender: row.get(1)?,
                received_at: row.get(2)?,
                text,
            });
        }
        Ok(shown)
    }

    fn shown_parts(&self, turn: TurnId) -> Result<Vec<ShownPart>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT kind, state, created_at, begun_at, settled_at, message_id, send_no, resent \
             FROM parts WHERE turn = ?1 ORDER BY kind DESC, seq, id",
        )?;
        let mut rows = statement.query([turn.0])?;
        let mut shown = Vec::new();
        while let Some(row) = rows.next()? {
            let (kind, state): (i64, i64) = (row.get(0)?, row.get(1)?);
            shown.push(ShownPart {
                kind: Kind::from_code(kind)
                    .ok_or_else(|| unknown_code("kind", kind))?
                    .as_str(),
                state: part::State::from_code(state)
                    .ok_or_else(|| unknown_code("part", state))?
                    .as_str(),
                planned_at: row.get(2)?,
                sending_at: row.get(3)?,
                settled_at: row.get(4)?,
                message: row.get(5)?,
                sends: row.get(6)?,
                resent: row.get(7)?,
            });
        }
        Ok(shown)
    }

    pub(super) fn cancel(&self, turn: TurnId, by: Option<InstanceId>) -> Result<Cancel> {
        let found: Option<(i64, Option<i64>, i64, i64)> = self
            .conn
            .prepare_cached(
                "SELECT t.state, t.outcome, t.conversation, c.chat FROM turns AS t \
                 JOIN conversations AS c ON c.id = t.conversation WHERE t.id = ?1 AND t.bot = ?2",
            )?
            .query_row(params![turn.0, self.bot.0], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()?;
        let Some((code, outcome, conversation, chat)) = found else {
            return Ok(Cancel::Unknown);
        };
        let chat = ChatId(chat);
        match State::from_code(code).ok_or_else(|| unknown_code("state", code))? {
            State::Gathering => {
                // Cancelled, too, it has its place: Retry finds it there.
                self.seal(ConversationId(conversation), turn)?;
                self.stop_waiting(turn, by)?;
                Ok(Cancel::Stopped(chat))
            }
            State::Sealed => {
                self.stop_waiting(turn, by)?;
                Ok(Cancel::Stopped(chat))
            }
            State::Claimed => {
                self.conn
                    .prepare_cached("UPDATE turns SET stop_requested = 1 WHERE id = ?1")?
                    .execute([turn.0])?;
                Ok(Cancel::Stopping(chat))
            }
            State::Answered => Ok(Cancel::Answered),
            State::Settled => Ok(Cancel::Ended(
                outcome
                    .and_then(Outcome::from_code)
                    .map_or("settled", Outcome::as_str),
            )),
        }
    }

    /// Ends a turn that nobody runs, visibly: nobody pressed anything in its
    /// chat who would know why it stays silent.
    fn stop_waiting(&self, turn: TurnId, by: Option<InstanceId>) -> Result<()> {
        self.end_stopped(turn, by.unwrap_or(NOBODY))?;
        // What is nobody's, whoever lives takes over.
        self.conn
            .prepare_cached(
                "UPDATE parts SET owner = NULL \
                 WHERE turn = ?1 AND owner = ?2 AND state IN (0, 1, 3)",
            )?
            .execute(params![turn.0, NOBODY.0])?;
        Ok(())
    }
}
