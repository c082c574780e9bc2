//! Late pieces: what belongs to a turn that is closed already but of which
//! nobody has seen a word.
//!
//! The turn is opened again, in its place: the claim of whoever runs it holds
//! no longer, so its answer can be stored no more. Never touches a turn that is
//! answered, was stopped, has another behind it, or lies before a `/new`.

use rusqlite::{OptionalExtension, params};

use super::Tx;
use crate::domain::ids::{ConversationId, TurnId};
use crate::domain::turn::DEATHS_BEFORE_ALONE;
use crate::domain::update::Message;
use crate::domain::window::{Bond, Open, Rules};
use crate::store::Result;

/// A closed turn that a late piece may join.
pub(super) struct Closed {
    pub(super) turn: TurnId,
    pub(super) open: Open,
    /// Whether somebody runs it.
    pub(super) runs: bool,
    /// How often it was opened again.
    reopened: i64,
    /// When its last message was accepted.
    last_at: i64,
}

impl Tx<'_> {
    /// The closed turn that this message still joins, and by what.
    pub(super) fn late(
        &self,
        rules: &Rules,
        conversation: ConversationId,
        key: i64,
        message: &Message,
    ) -> Result<Option<(Closed, Bond)>> {
        let Some(closed) = self.closed(conversation, key)? else {
            return Ok(None);
        };
        let bond = self.bond(closed.turn, &closed.open, message)?;
        let joins = rules.joins_late(
            bond,
            &closed.open,
            message.weight(),
            self.now - closed.last_at,
            closed.reopened,
        );
        Ok(joins.then_some((closed, bond)))
    }

    /// Opens the turn again.
    pub(super) fn reopen(&self, closed: &Closed) -> Result<(TurnId, Open)> {
        self.conn
            .prepare_cached(
                "UPDATE turns SET state = 0, owner = NULL, claim_no = claim_no + 1, alone = 0, \
                        interrupts = interrupts + 1, opened_at = ?2 WHERE id = ?1",
            )?
            .execute(params![closed.turn.0, self.now])?;
        self.drop_request(closed.turn)?;
        Ok((
            closed.turn,
            Open {
                // The cap on time begins anew with the window.
                opened_at: self.now,
                ..closed.open
            },
        ))
    }

    /// What ties a message to what its sender wrote before it.
    pub(super) fn bond(&self, turn: TurnId, open: &Open, message: &Message) -> Result<Bond> {
        if message.album.is_some() {
            let inputs = self.inputs(turn)?.unwrap_or_default();
            if inputs.iter().any(|input| input.album == message.album) {
                return Ok(Bond::Album);
            }
        }
        Ok(
            match open.last_was_long || message.forwarded_from.is_some() {
                true => Bond::Piece,
                false => Bond::Near,
            },
        )
    }

    /// The last turn of this sender, while it is closed, unseen and nothing
    /// stands behind it.
    fn closed(&self, conversation: ConversationId, key: i64) -> Result<Option<Closed>> {
        Ok(self
            .conn
            .prepare_cached(
                // Id 0: a press on a button, which nobody goes on writing.
                "SELECT t.id, t.opened_at, t.messages, t.chars, t.last_was_long, t.state = 2, \
                        t.interrupts, (SELECT max(accepted_at) FROM messages WHERE turn = t.id) \
                 FROM turns AS t \
                 WHERE t.conversation = ?1 AND t.state IN (1, 2) AND t.state < 4 AND t.sender = ?2 \
                   AND t.shown = 0 AND t.stop_requested = 0 AND t.deaths < ?3 \
                   AND t.seal_no > (SELECT boundary FROM conversations WHERE id = ?1) \
                   AND EXISTS (SELECT 1 FROM messages WHERE turn = t.id) \
                   AND NOT EXISTS (SELECT 1 FROM messages WHERE turn = t.id AND message_id <= 0) \
                   AND NOT EXISTS (SELECT 1 FROM turns AS behind \
                        WHERE behind.conversation = ?1 AND behind.state IN (1, 2, 3) \
                          AND behind.state < 4 AND behind.seal_no > t.seal_no) \
                 ORDER BY t.seal_no DESC LIMIT 1",
            )?
            .query_row(params![conversation.0, key, DEATHS_BEFORE_ALONE], |row| {
                Ok(Closed {
                    turn: TurnId(row.get(0)?),
                    open: Open {
                        opened_at: row.get(1)?,
                        messages: row.get(2)?,
                        chars: row.get(3)?,
                        last_was_long: row.get(4)?,
                    },
                    runs: row.get(5)?,
                    reopened: row.get(6)?,
                    last_at: row.get(7)?,
                })
            })
            .optional()?)
    }
}
