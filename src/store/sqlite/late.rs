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
use crate::domain::window::{Bond, Closed, Open, Others, Rules};
use crate::store::Result;

/// A closed turn that a late piece may join.
pub(super) struct Late {
    pub(super) turn: TurnId,
    /// Whether somebody runs it.
    pub(super) runs: bool,
    pub(super) bond: Bond,
    closed: Closed,
}

impl Tx<'_> {
    /// The closed turn that this message still joins.
    pub(super) fn late(
        &self,
        rules: &Rules,
        conversation: ConversationId,
        key: i64,
        message: &Message,
    ) -> Result<Option<Late>> {
        let Some((turn, runs, closed)) = self.closed(conversation, key)? else {
            return Ok(None);
        };
        let bond = self.bond(turn, &closed.window, message)?;
        let weight = message.weight();
        let counted = Closed {
            window: self.counted(rules, turn, &closed.window, bond, weight)?,
            ..closed
        };
        let joins = rules.joins_late(bond, &counted, weight, self.now);
        Ok(joins.then_some(Late {
            turn,
            runs,
            bond,
            closed,
        }))
    }

    /// Opens the turn again. The cap on time goes on for a thought, and begins
    /// anew for what belongs to it by its form.
    pub(super) fn reopen(&self, late: &Late) -> Result<(TurnId, Open)> {
        let before = late.closed.window;
        let opened_at = match late.bond {
            Bond::Near => before.opened_at,
            Bond::Piece | Bond::Album => self.now,
        };
        self.conn
            .prepare_cached(
                "UPDATE turns SET state = 0, owner = NULL, claim_no = claim_no + 1, alone = 0, \
                        interrupts = interrupts + 1, opened_at = ?2 WHERE id = ?1",
            )?
            .execute(params![late.turn.0, opened_at])?;
        self.drop_request(late.turn)?;
        Ok((
            late.turn,
            Open {
                opened_at,
                ..before
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
    /// stands behind it; and whether somebody runs it.
    fn closed(
        &self,
        conversation: ConversationId,
        key: i64,
    ) -> Result<Option<(TurnId, bool, Closed)>> {
        Ok(self
            .conn
            .prepare_cached(
                // Id 0: a press on a button, which nobody goes on writing.
                "SELECT t.id, t.opened_at, t.messages, t.chars, t.last_was_long, t.state = 2, \
                        t.interrupts, (SELECT max(accepted_at) FROM messages WHERE turn = t.id), \
                        EXISTS (SELECT 1 FROM turns AS other WHERE other.conversation = ?1 \
                                AND other.state = 0 AND other.state < 4) \
                 FROM turns AS t \
                 WHERE t.conversation = ?1 AND t.state IN (1, 2) AND t.state < 4 AND t.sender = ?2 \
                   AND t.shown = 0 AND t.variant = 0 AND t.stop_requested = 0 AND t.deaths < ?3 \
                   AND t.seal_no > (SELECT boundary FROM conversations WHERE id = ?1) \
                   AND EXISTS (SELECT 1 FROM messages WHERE turn = t.id) \
                   AND NOT EXISTS (SELECT 1 FROM messages WHERE turn = t.id AND message_id <= 0) \
                   AND NOT EXISTS (SELECT 1 FROM turns AS behind \
                        WHERE behind.conversation = ?1 AND behind.state IN (1, 2, 3) \
                          AND behind.state < 4 AND behind.seal_no > t.seal_no) \
                 ORDER BY t.seal_no DESC LIMIT 1",
            )?
            .query_row(params![conversation.0, key, DEATHS_BEFORE_ALONE], |row| {
                let window = Open {
                    opened_at: row.get(1)?,
                    messages: row.get(2)?,
                    chars: row.get(3)?,
                    last_was_long: row.get(4)?,
                };
                let closed = Closed {
                    window,
                    reopened: row.get(6)?,
                    last_at: row.get(7)?,
                    others: match row.get(8)? {
                        true => Others::Writing,
                        false => Others::Silent,
                    },
                };
                Ok((TurnId(row.get(0)?), row.get(5)?, closed))
            })
            .optional()?)
    }
}
