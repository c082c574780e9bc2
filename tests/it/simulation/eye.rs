//! The eye that looks on: through a connection of its own it checks at each
//! seam, at that very moment, what the promises say about it.
//!
//! Confirmed is stored; sent has an intent; a completion has one owner and is
//! paid once for each death.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use lastword::store::Left;
use lastword::telegram::Call;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::mortal::Mortal;
use super::world::World;

/// What became of a finished completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paid {
    /// By this life; its answer is not stored yet.
    By(u32),
    /// Its answer is stored.
    Stored,
    /// Its life ended, was cut or could not store it first.
    Lost,
}

/// Looks on.
#[derive(Debug)]
pub(super) struct Eye(Mutex<Sight>);

#[derive(Debug)]
struct Sight {
    store: Connection,
    /// Completions under way: the life and the request.
    running: Vec<(u32, u64)>,
    /// Finished completions by request, with their turn.
    paid: BTreeMap<u64, (i64, Paid)>,
    ended: BTreeSet<u32>,
    met_successor: BTreeSet<u32>,
    left: BTreeMap<u32, Left>,
    excused: u64,
}

impl Eye {
    pub(super) fn open(path: &Path) -> Self {
        let store = Connection::open(path).expect("the store exists");
        store.set_prepared_statement_cache_capacity(64);
        // Planted defects leave behind what no honest writer could.
        store
            .execute_batch("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF")
            .expect("a connection can be set up");
        Self(Mutex::new(Sight {
            store,
            running: Vec::new(),
            paid: BTreeMap::new(),
            ended: BTreeSet::new(),
            met_successor: BTreeSet::new(),
            left: BTreeMap::new(),
            excused: 0,
        }))
    }

    fn sight(&self) -> MutexGuard<'_, Sight> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks something up.
    pub(super) fn with<T>(&self, look: impl FnOnce(&Connection) -> T) -> T {
        look(&self.sight().store)
    }

    /// One number.
    pub(super) fn count(&self, sql: &str, of: &[i64]) -> i64 {
        let sight = self.sight();
        let mut statement = sight
            .store
            .prepare_cached(sql)
            .expect("the schema is known");
        statement
            .query_row(rusqlite::params_from_iter(of), |row| row.get(0))
            .expect("the schema is known")
    }

    /// How many answers were given before this turn's and are still on the screen,
    /// by their person's wish for another.
    pub(super) fn varied(&self, turn: i64) -> u64 {
        let count = self.count(
            "WITH RECURSIVE earlier(id) AS (SELECT varies FROM turns WHERE id = ?1 \
                UNION SELECT varies FROM turns JOIN earlier USING (id)) \
             SELECT count(*) FROM earlier WHERE id IS NOT NULL",
            &[turn],
        );
        count.unsigned_abs()
    }

    /// What is open, for a message.
    pub(super) fn open_turns(&self) -> String {
        self.with(|store| {
            let mut statement = store
                .prepare_cached(
                    "SELECT t.id, c.chat, t.state, t.owner, t.due_at, t.not_before, t.deaths \
                     FROM turns AS t JOIN conversations AS c ON c.id = t.conversation \
                     WHERE t.state < 4",
                )
                .expect("the schema is known");
            let rows = statement.query_map([], |row| {
                Ok(format!(
                    "turn {} in {}: state {}, owner {:?}, due {}, not before {}, deaths {}; ",
                    row.get::<_, i64>(0)?,
                    row.get::<_, i64>(1)?,
                    row.get::<_, i64>(2)?,
                    row.get::<_, Option<i64>>(3)?,
                    row.get::<_, i64>(4)?,
                    row.get::<_, i64>(5)?,
                    row.get::<_, i64>(6)?,
                ))
            });
            let rows = rows.expect("the schema is known");
            rows.collect::<rusqlite::Result<String>>()
                .expect("the schema is known")
        })
    }

    /// Completions that were paid a second time because of a death or a cut.
    pub(super) fn excused(&self) -> u64 {
        self.sight().excused
    }

    /// What Telegram forgets by our will must be stored.
    pub(super) fn confirmed(&self, updates: &[i64]) -> Vec<i64> {
        let unstored = |id: &&i64| {
            self.count("SELECT count(*) FROM updates WHERE update_id = ?1", &[**id]) == 0
        };
        updates.iter().filter(unstored).copied().collect()
    }

    /// Exactly this message must be on record as being sent, by this life.
    pub(super) fn sends(&self, world: &World, mortal: &Mortal, call: &Call) {
        let chat = call.body["chat_id"].as_i64().unwrap_or(0);
        let words = call.body["text"]
            .as_str()
            .or_else(|| call.body["rich_message"]["markdown"].as_str())
            .unwrap_or_default();
        let intents: Vec<String> = self.with(|store| {
            let mut statement = store
                .prepare_cached(
                    "SELECT payload FROM parts WHERE chat = ?1 AND owner = ?2 AND state = 1 \
                     AND state IN (0, 1, 3)",
                )
                .expect("the schema is known");
            let rows = statement.query_map([chat, mortal.instance], |row| row.get(0));
            rows.expect("the schema is known")
                .collect::<rusqlite::Result<_>>()
                .expect("the schema is known")
        });
        let said = |payload: &String| {
            let payload: serde_json::Value = serde_json::from_str(payload).unwrap_or_default();
            let content = &payload["content"];
            let stored = content["text"]
                .as_str()
                .or_else(|| content["markdown"].as_str());
            stored.is_some_and(|stored| words.contains(stored))
        };
        if intents.len() != 1 || !intents.iter().all(said) {
            world.wrong(
                Some(chat),
                format!("sent without an intent: {words:?}, on record: {intents:?}"),
            );
        }
    }

    /// A completion is asked for: by the one owner of its turn, while the turn
    /// has no answer. Says which turn it is and where.
    pub(super) fn completion_begins(
        &self,
        world: &World,
        mortal: &Mortal,
        request: &Bytes,
        number: u64,
    ) -> (i64, i64) {
        let sight = self.sight();
        let found: Option<(i64, i64, Option<i64>, i64)> = sight
            .store
            .prepare_cached(
                "SELECT t.id, t.state, t.owner, c.chat FROM requests AS r \
                 JOIN turns AS t ON t.id = r.turn \
                 JOIN conversations AS c ON c.id = t.conversation \
                 WHERE r.body = ?1 AND t.state < 4 ORDER BY t.id DESC LIMIT 1",
            )
            .expect("the schema is known")
            .query_row(params![&request[..]], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()
            .expect("the schema is known");
        // An edit has just dropped it: its owner is about to notice.
        let Some((turn, state, owner, chat)) = found else {
            return (0, 0);
        };
        // The same request: after an edit the old one is a little slow to end.
        let others: Vec<u32> = sight
            .running
            .iter()
            .filter(|(life, asked)| *asked == number && !sight.ended.contains(life))
            .map(|(life, _)| *life)
            .collect();
        drop(sight);
        if state >= 3 {
            world.wrong(
                Some(chat),
                format!("turn {turn} has an answer and asks for another"),
            );
        }
        if state == 2 && owner != Some(mortal.instance) {
            world.wrong(
                Some(chat),
                format!("turn {turn} is asked for by who does not own it"),
            );
        }
        if !others.is_empty() {
            world.wrong(
                Some(chat),
                format!("turn {turn} runs in lives {others:?}, too"),
            );
        }
        (turn, chat)
    }

    pub(super) fn completion_runs(&self, life: u32, request: u64) {
        self.sight().running.push((life, request));
    }

    pub(super) fn completion_over(&self, life: u32, request: u64) {
        let running = &mut self.sight().running;
        if let Some(at) = running.iter().position(|one| *one == (life, request)) {
            running.swap_remove(at);
        }
    }

    /// The last word of a completion was said: it is paid for.
    pub(super) fn completion_finished(
        &self,
        world: &World,
        mortal: &Mortal,
        turn: i64,
        request: u64,
    ) {
        let mut sight = self.sight();
        let before = sight.paid.insert(request, (turn, Paid::By(mortal.number)));
        match before {
            None => {}
            // Its person has asked for it again, in a turn of its own.
            Some((earlier, _)) if earlier != turn => {}
            Some((_, Paid::Lost)) => sight.excused += 1,
            Some((_, paid)) => {
                drop(sight);
                let chat = self.chat_of(turn);
                world.wrong(
                    chat,
                    format!("turn {turn} is paid twice, the first time {paid:?}"),
                );
            }
        }
    }

    fn chat_of(&self, turn: i64) -> Option<i64> {
        self.with(|store| {
            store
                .query_row(
                    "SELECT c.chat FROM turns AS t JOIN conversations AS c \
                     ON c.id = t.conversation WHERE t.id = ?1",
                    [turn],
                    |row| row.get(0),
                )
                .optional()
                .expect("the schema is known")
        })
    }

    /// The turn has its answer: whatever was paid for it is not lost.
    pub(super) fn answer_stored(&self, turn: i64) {
        for (of, paid) in self.sight().paid.values_mut() {
            if *of == turn {
                *paid = Paid::Stored;
            }
        }
    }

    /// What this life has paid for and not stored is lost.
    pub(super) fn completions_lost(&self, life: u32) {
        for (_, paid) in self.sight().paid.values_mut() {
            if *paid == Paid::By(life) {
                *paid = Paid::Lost;
            }
        }
    }

    pub(super) fn life_ended(&self, life: u32, _how: &'static str) {
        self.completions_lost(life);
        self.sight().ended.insert(life);
    }

    pub(super) fn successor_seen(&self, life: u32) {
        self.sight().met_successor.insert(life);
    }

    /// What a life left behind when it went in order.
    pub(super) fn left(&self, life: u32, left: Left) {
        self.sight().left.insert(life, left);
    }

    pub(super) fn parts_left(&self, life: u32) -> u64 {
        let left = self.sight().left.get(&life).copied().unwrap_or_default();
        left.unsent + left.uncertain
    }

    pub(super) fn met_successor(&self, life: u32) -> bool {
        self.sight().met_successor.contains(&life)
    }
}
