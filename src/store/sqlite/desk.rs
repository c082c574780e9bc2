//! The operator's desk: a visit to a store that may have a daemon in it.
//!
//! A visitor creates and migrates nothing, registers as no instance and holds
//! no lease. What it writes is one transaction like any other.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::params;

use super::{Schema, SqliteStore, Tx, engine, locks, unknown_code, writer};
use crate::clock::Clock;
use crate::domain::ids::{BotId, ChatId, InstanceId, TurnId};
use crate::domain::turn::{Outcome, State};
use crate::store::desk::{
    Cancel, Change, Desk, Known, Listed, Paused, Picture, Replay, Shown, Texts, Usage, Which,
};
use crate::store::{Result, StoreError};

impl SqliteStore {
    /// Visits the store at `path`: of `bot`, or of the only one that it is of.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when there is no store, it is of several bots,
    /// or this program cannot read it.
    pub fn visit(path: &Path, bot: Option<BotId>, clock: Clock) -> Result<Self> {
        let engine = engine::Engine::visit(path)?;
        let bots = engine.bots()?;
        let bot = match (bot, &bots[..]) {
            (Some(bot), _) if bots.contains(&bot) => bot,
            (None, [bot]) => *bot,
            (Some(bot), _) => {
                return Err(StoreError::Refused {
                    reason: format!("it holds nothing of the bot {bot}"),
                });
            }
            (None, []) => {
                return Err(StoreError::Refused {
                    reason: "it is empty: nobody has written yet".to_owned(),
                });
            }
            (None, _) => {
                let all: Vec<String> = bots.iter().map(ToString::to_string).collect();
                return Err(StoreError::Refused {
                    reason: format!("it is of several bots ({}): say which", all.join(", ")),
                });
            }
        };
        Self::with(
            bot,
            clock,
            engine,
            writer::Mode::Inline,
            locks::Locks::beside(path, bot),
            Schema::default(),
        )
    }
}

#[async_trait]
impl Desk for SqliteStore {
    async fn turns(&self, which: Which, limit: u32) -> Result<Vec<Listed>> {
        self.run("desk.turns", move |tx| tx.listed(which, limit))
            .await
    }

    async fn replay(&self, turn: TurnId) -> Result<Replay> {
        self.run("desk.replay", move |tx| tx.replay_failed(turn))
            .await
    }

    async fn show(&self, turn: TurnId, texts: Texts) -> Result<Option<Shown>> {
        self.run("desk.show", move |tx| tx.shown(turn, texts)).await
    }

    async fn cancel(&self, turn: TurnId, by: Option<InstanceId>) -> Result<Cancel> {
        self.run("desk.cancel", move |tx| tx.cancel(turn, by)).await
    }

    async fn pause(&self, reason: Option<String>) -> Result<Paused> {
        self.run("desk.pause", move |tx| tx.pause(reason.as_deref()))
            .await
    }

    async fn resume(&self) -> Result<Option<Paused>> {
        self.run("desk.resume", |tx| tx.resume()).await
    }

    async fn paused(&self) -> Result<Option<Paused>> {
        self.run("desk.paused", |tx| tx.paused()).await
    }

    async fn picture(&self) -> Result<Picture> {
        let mut picture = self.run("desk.picture", |tx| tx.picture()).await?;
        let locks = &self.0.locks;
        let mut living = Vec::new();
        for mut instance in std::mem::take(&mut picture.instances) {
            if locks.is_alive(instance.id)? {
                instance.pid = locks.process_of(instance.id);
                living.push(instance);
            }
        }
        picture.instances = living;
        Ok(picture)
    }

    async fn usage(&self, since: Duration) -> Result<Usage> {
        self.run("desk.usage", move |tx| tx.usage(since)).await
    }

    async fn allow(&self, id: i64) -> Result<Change> {
        self.run("desk.allow", move |tx| tx.allow(id)).await
    }

    async fn ban(&self, id: i64) -> Result<Change> {
        self.run("desk.ban", move |tx| tx.ban(id)).await
    }

    async fn unban(&self, id: i64) -> Result<Change> {
        self.run("desk.unban", move |tx| tx.unban(id)).await
    }

    async fn people(&self) -> Result<Vec<Known>> {
        self.run("desk.people", |tx| tx.known_people()).await
    }
}

impl Tx<'_> {
    pub(super) fn listed(&self, which: Which, limit: u32) -> Result<Vec<Listed>> {
        let among = match which {
            Which::All => "1",
            Which::Failed => "t.outcome IN (?2, ?3)",
            Which::Waiting => "t.state < 4",
        };
        self.listed_among(among, limit)
    }

    /// Those of which this condition holds, newest first.
    pub(super) fn listed_among(&self, among: &str, limit: u32) -> Result<Vec<Listed>> {
        let mut statement = self.conn.prepare(&format!(
            "SELECT t.id, c.chat, c.topic, t.state, t.outcome, t.messages, t.opened_at, \
                    CASE WHEN t.state = 0 THEN max(t.due_at, t.not_before) \
                         WHEN t.state = 1 THEN t.not_before ELSE 0 END, \
                    t.failures, t.deaths \
             FROM turns AS t JOIN conversations AS c ON c.id = t.conversation \
             WHERE t.bot = ?1 AND {among} ORDER BY t.id DESC LIMIT ?4"
        ))?;
        let mut rows = statement.query(params![
            self.bot.0,
            Outcome::Failed.code(),
            Outcome::Undeliverable.code(),
            limit
        ])?;
        let mut listed = Vec::new();
        while let Some(row) = rows.next()? {
            let (state, topic): (i64, i64) = (row.get(3)?, row.get(2)?);
            let outcome: Option<i64> = row.get(4)?;
            let (messages, at): (i64, i64) = (row.get(5)?, row.get(7)?);
            listed.push(Listed {
                turn: TurnId(row.get(0)?),
                chat: ChatId(row.get(1)?),
                topic: (topic != 0).then_some(topic),
                state: State::from_code(state)
                    .ok_or_else(|| unknown_code("state", state))?
                    .as_str(),
                outcome: outcome.and_then(Outcome::from_code).map(Outcome::as_str),
                messages: messages.unsigned_abs(),
                age_ms: self.now - row.get::<_, i64>(6)?,
                waits_ms: (at - self.now).max(0),
                failures: row.get(8)?,
                deaths: row.get(9)?,
                replayable: false,
            });
        }
        for line in &mut listed {
            line.replayable = self
                .tried_again(line.turn)?
                .is_some_and(|again| again.outcome != Outcome::Cancelled);
        }
        Ok(listed)
    }

    pub(super) fn replay_failed(&self, turn: TurnId) -> Result<Replay> {
        if let Some(again) = self.tried_again(turn)? {
            return Ok(match again.outcome {
                // The person stopped it: asking again is the person's.
                Outcome::Cancelled => Replay::Ended(again.outcome.as_str()),
                _ => Replay::Begun(self.try_again(turn, &again)?),
            });
        }
        let found = self
            .conn
            .prepare_cached("SELECT state, outcome FROM turns WHERE id = ?1 AND bot = ?2")?
            .query_map(params![turn.0, self.bot.0], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .next()
            .transpose()?;
        let Some((state, outcome)): Option<(i64, Option<i64>)> = found else {
            return Ok(Replay::Unknown);
        };
        Ok(match outcome.and_then(Outcome::from_code) {
            Some(Outcome::Superseded) => Replay::Before,
            Some(Outcome::Failed) => Replay::Erased,
            Some(outcome) => Replay::Ended(outcome.as_str()),
            None => Replay::Open(
                State::from_code(state)
                    .ok_or_else(|| unknown_code("state", state))?
                    .as_str(),
            ),
        })
    }
}
