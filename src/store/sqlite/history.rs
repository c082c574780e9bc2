//! History: what was seen. Inputs of settled turns, and answers that were
//! delivered, within the boundary set by `/new`.

use rusqlite::{OptionalExtension, params};

use super::Tx;
use crate::domain::ids::TurnId;
use crate::domain::turn::{Claim, Outcome};
use crate::store::{Past, Result};

/// Turns of history looked at, at the most.
const MOST: i64 = 500;

impl Tx<'_> {
    /// The turns before this one, latest first, until they hold `chars`.
    pub(super) fn history(&self, claim: &Claim, chars: usize) -> Result<Vec<Past>> {
        // Its own boundary: a turn sealed before `/new` still sees what it saw.
        let (seal_no, after): (i64, i64) = self
            .conn
            .prepare_cached("SELECT seal_no, history_from FROM turns WHERE id = ?1")?
            .query_row([claim.turn.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let earlier: Vec<(i64, i64, Option<i64>)> = self
            .conn
            .prepare_cached(
                "SELECT id, outcome, varies FROM turns \
                 WHERE conversation = ?1 AND seal_no < ?2 AND seal_no > ?3 \
                   AND state = 4 AND outcome <> ?4 \
                 ORDER BY seal_no DESC LIMIT ?5",
            )?
            .query_map(
                params![
                    claim.conversation.0,
                    seal_no,
                    after,
                    Outcome::Superseded.code(),
                    MOST
                ],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )?
            .collect::<rusqlite::Result<_>>()?;
        let mut past = Vec::new();
        let mut held = 0;
        for (turn, outcome, varies) in earlier {
            let seen = [Outcome::Answered, Outcome::Cancelled]
                .map(Outcome::code)
                .contains(&outcome);
            let Some(inputs) = self.inputs(TurnId(turn))? else {
                tracing::warn!(turn.id = turn, "a turn of the history cannot be read");
                continue;
            };
            let mut answer = if seen { self.answer_of(turn)? } else { None };
            if let (None, Some(varies)) = (&answer, varies) {
                // Another answer was wanted and did not come: what stands on the
                // screen is the one before.
                answer = self.answer_of(varies)?;
            }
            let turn = Past {
                turn: TurnId(turn),
                inputs,
                answer,
            };
            if turn.inputs.is_empty() {
                continue;
            }
            held += turn.inputs.iter().map(|m| m.text.len()).sum::<usize>()
                + turn.answer.as_ref().map_or(0, String::len);
            past.push(turn);
            if held > chars {
                break;
            }
        }
        Ok(past)
    }

    pub(super) fn answer_of(&self, turn: i64) -> Result<Option<String>> {
        Ok(self
            .conn
            .prepare_cached("SELECT text FROM answers WHERE turn = ?1")?
            .query_row([turn], |row| row.get(0))
            .optional()?)
    }
}
