//! What is told of the turns that a transaction settles.
//!
//! Read in the transaction itself, for later the row may be gone; told after its
//! commit, and only then, whichever operation it was.

use std::sync::{Mutex, PoisonError};

use rusqlite::params;
use tokio::sync::mpsc;

use super::Tx;
use crate::clock;
use crate::domain::ids::{ChatId, TurnId};
use crate::domain::metric;
use crate::domain::part;
use crate::domain::turn::{Outcome, Spent, Told};
use crate::store::{Ending, Result};

/// Endings that wait to be told. The writer waits for nobody: what does not fit
/// is given up. It is more than a transaction can settle.
const QUEUE: usize = 4_096;

/// Where they go.
#[derive(Debug)]
pub(super) struct Endings {
    tell: mpsc::Sender<Ending>,
    /// Until somebody takes it.
    told: Mutex<Option<mpsc::Receiver<Ending>>>,
}

impl Default for Endings {
    fn default() -> Self {
        let (tell, told) = mpsc::channel(QUEUE);
        Self {
            tell,
            told: Mutex::new(Some(told)),
        }
    }
}

impl Endings {
    /// The other end, once.
    pub(super) fn take(&self) -> Option<mpsc::Receiver<Ending>> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.take()
    }

    /// Tells what a commit has settled.
    pub(super) fn tell(&self, ended: &mut Vec<Ending>) {
        for ending in ended.drain(..) {
            if self.tell.try_send(ending).is_err() {
                metrics::counter!(metric::TURNS_UNTOLD).increment(1);
            }
        }
    }
}

impl Tx<'_> {
    /// Remembers what is to be told of a turn that was just settled.
    pub(super) fn ends(&self, turn: TurnId, outcome: Outcome) -> Result<()> {
        let ending = self
            .conn
            .prepare_cached(
                "SELECT c.chat, t.messages, t.claim_no, t.failures, t.deaths, t.opened_at, \
                        t.sealed_at, t.claimed_at, t.answered_at, t.prompt_tokens, \
                        t.completion_tokens, t.cost, t.model, t.attempts, t.request_id, \
                        t.first_token_ms, t.completion_ms, \
                        (SELECT count(*) FROM parts AS p \
                         WHERE p.turn = t.id AND p.kind = 0 AND p.state = ?2) \
                 FROM turns AS t JOIN conversations AS c ON c.id = t.conversation \
                 WHERE t.id = ?1",
            )?
            .query_row(params![turn.0, part::State::Sent.code()], |row| {
                let span = |index: usize| -> rusqlite::Result<_> {
                    Ok(row.get::<_, Option<i64>>(index)?.map(clock::duration))
                };
                Ok(Ending {
                    turn,
                    chat: ChatId(row.get(0)?),
                    outcome,
                    messages: row.get(1)?,
                    // The settling has raised it, too.
                    claims: row.get::<_, i64>(2)? - 1,
                    failures: row.get(3)?,
                    deaths: row.get(4)?,
                    opened_at: row.get(5)?,
                    sealed_at: row.get(6)?,
                    claimed_at: row.get(7)?,
                    answered_at: row.get(8)?,
                    settled_at: self.now,
                    spent: Spent {
                        prompt_tokens: row.get::<_, Option<i64>>(9)?.unwrap_or(0),
                        completion_tokens: row.get::<_, Option<i64>>(10)?.unwrap_or(0),
                        cost: row.get(11)?,
                        model: row.get(12)?,
                    },
                    told: Told {
                        attempts: row.get(13)?,
                        request: row.get(14)?,
                        first_token: span(15)?,
                        completion: span(16)?,
                    },
                    parts: row.get(17)?,
                })
            })?;
        self.ended.borrow_mut().push(ending);
        Ok(())
    }
}
