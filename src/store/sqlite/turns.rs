//! Turns: answer, defer, park; every write fenced by the claim. Which turn is
//! next is in `claim.rs`.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::{OptionalExtension, params};
use tokio::sync::mpsc;

use super::{SqliteStore, Tx, claim};
use crate::clock;
use crate::domain::ids::{ChatId, ConversationId, InstanceId, TurnId};
use crate::domain::language::Language;
use crate::domain::part::{self, Kind, Payload};
use crate::domain::turn::{Blame, Claim, Outcome, Standing, Told};
use crate::domain::update::Message;
use crate::store::{
    Answer, Ask, Books, Due, Ending, Next, Past, Result, StoreError, Surroundings, TurnLine, Turns,
};
use crate::texts::Texts;

#[async_trait]
impl Turns for SqliteStore {
    async fn claim(&self, ask: Ask) -> Result<Next> {
        self.run_or_take_back(
            "turns.claim",
            move |tx| tx.claim(&ask),
            |next| match next {
                Next::Run(claimed) => Some(claim::release(claimed.claim)),
                _ => None,
            },
        )
        .await
    }

    async fn history(&self, claim: &Claim, chars: usize) -> Result<Vec<Past>> {
        let claim = *claim;
        self.run("turns.history", move |tx| tx.history(&claim, chars))
            .await
    }

    async fn surroundings(
        &self,
        claim: &Claim,
        points: Vec<i64>,
        talk: i64,
    ) -> Result<Surroundings> {
        let claim = *claim;
        self.run("turns.surroundings", move |tx| {
            tx.surroundings(&claim, &points, talk)
        })
        .await
    }

    async fn keep_request(&self, claim: &Claim, body: Bytes) -> Result<()> {
        let claim = *claim;
        self.run("turns.keep_request", move |tx| {
            tx.fence(&claim)?;
            tx.conn
                .prepare_cached("INSERT OR REPLACE INTO requests (turn, body) VALUES (?1, ?2)")?
                .execute(params![claim.turn.0, &body[..]])?;
            tx.conn
                .prepare_cached("UPDATE turns SET asked_at = ?2 WHERE id = ?1")?
                .execute(params![claim.turn.0, tx.now])?;
            Ok(())
        })
        .await
    }

    async fn keep_words(&self, claim: &Claim, message: i64, words: &str) -> Result<()> {
        let (claim, words) = (*claim, words.to_owned());
        self.run("turns.keep_words", move |tx| {
            tx.fence(&claim)?;
            tx.keep_words(claim.turn, message, &words)
        })
        .await
    }

    async fn settled(&self, turns: Vec<TurnId>) -> Result<Vec<TurnId>> {
        self.run("turns.settled", move |tx| tx.settled(turns)).await
    }

    async fn plan_placeholder(&self, claim: &Claim, payload: Payload) -> Result<()> {
        let claim = *claim;
        self.run("turns.plan_placeholder", move |tx| {
            tx.fence(&claim)?;
            if tx.has_placeholder(claim.turn)? {
                return Ok(());
            }
            tx.plan_part(&claim, Kind::Placeholder, -1, &payload, None)
        })
        .await
    }

    async fn answer(&self, claim: &Claim, answer: Answer) -> Result<()> {
        let claim = *claim;
        self.run("turns.answer", move |tx| tx.answer(&claim, &answer))
            .await
    }

    async fn defer(
        &self,
        claim: &Claim,
        delay: Duration,
        blame: Blame,
        notice: Option<Payload>,
    ) -> Result<()> {
        let claim = *claim;
        self.run("turns.defer", move |tx| {
            tx.fence(&claim)?;
            let told_before: bool = tx
                .conn
                .prepare_cached("SELECT told FROM turns WHERE id = ?1")?
                .query_row([claim.turn.0], |row| row.get(0))?;
            let failed = i64::from(blame == Blame::Turn);
            let told = i64::from(notice.is_some());
            tx.conn
                .prepare_cached(
                    // A Stop that came meanwhile waits for nothing.
                    "UPDATE turns SET state = 1, owner = NULL, alone = 0, \
                            not_before = CASE WHEN stop_requested THEN 0 ELSE ?2 END, \
                            failures = failures + ?3, told = max(told, ?4) WHERE id = ?1",
                )?
                .execute(params![
                    claim.turn.0,
                    tx.now.saturating_add(clock::millis(delay)),
                    failed,
                    told
                ])?;
            if let Some(payload) = notice.filter(|_| !told_before) {
                tx.plan_notice(claim.chat, claim.topic, Kind::Notice, &payload, claim.owner)?;
            }
            Ok(())
        })
        .await
    }

    async fn park(&self, claim: &Claim) -> Result<()> {
        let claim = *claim;
        self.run("turns.park", move |tx| {
            tx.fence(&claim)?;
            tx.conn
                .prepare_cached(
                    "UPDATE turns SET state = 1, owner = NULL, alone = 0 WHERE id = ?1",
                )?
                .execute([claim.turn.0])?;
            Ok(())
        })
        .await
    }

    async fn standing(&self, claim: &Claim) -> Result<Standing> {
        let claim = *claim;
        self.run("turns.standing", move |tx| match tx.fence(&claim) {
            Ok(()) => Ok(if tx.stop_requested(claim.turn)? {
                Standing::StopRequested
            } else {
                Standing::Ours
            }),
            Err(StoreError::Fenced) => Ok(Standing::Lost),
            Err(other) => Err(other),
        })
        .await
    }

    async fn waiting(&self, limit: u32) -> Result<Vec<Due>> {
        self.run("turns.waiting", move |tx| tx.waiting(limit)).await
    }

    async fn keep_administrators(&self, chat: ChatId, ids: Vec<i64>) -> Result<()> {
        self.run("turns.keep_administrators", move |tx| {
            let ids = serde_json::to_string(&ids).expect("numbers are always JSON");
            tx.conn.execute(
                "INSERT OR REPLACE INTO administrators (bot, chat, asked, ids) VALUES (?1, ?2, ?3, ?4)",
                params![tx.bot.0, chat.0, tx.now, ids],
            )?;
            Ok(())
        })
        .await
    }

    async fn administrators_older_than(&self, chat: ChatId, age: Duration) -> Result<bool> {
        self.run("turns.administrators_age", move |tx| {
            let asked: Option<i64> = tx
                .conn
                .prepare_cached("SELECT asked FROM administrators WHERE bot = ?1 AND chat = ?2")?
                .query_row(params![tx.bot.0, chat.0], |row| row.get(0))
                .optional()?;
            Ok(asked.is_none_or(|at| at > tx.now || tx.now - at > clock::millis(age)))
        })
        .await
    }

    async fn recent(&self, limit: u32) -> Result<Vec<TurnLine>> {
        self.run("turns.recent", move |tx| tx.recent(limit)).await
    }

    async fn open_turns(&self) -> Result<BTreeMap<&'static str, u64>> {
        self.run("turns.open", |tx| tx.open_turns()).await
    }

    fn endings(&self) -> Option<mpsc::Receiver<Ending>> {
        self.0.endings.take()
    }

    async fn books(&self) -> Result<Books> {
        self.run("turns.books", |tx| tx.books()).await
    }
}

impl Tx<'_> {
    /// Fails with [`StoreError::Fenced`] unless the claim is the latest.
    pub(super) fn fence(&self, claim: &Claim) -> Result<()> {
        let holds: bool = self
            .conn
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM turns \
                 WHERE id = ?1 AND claim_no = ?2 AND owner = ?3 AND state = 2)",
            )?
            .query_row(params![claim.turn.0, claim.no, claim.owner.0], |row| {
                row.get(0)
            })?;
        if holds {
            Ok(())
        } else {
            Err(StoreError::Fenced)
        }
    }

    pub(super) fn stop_requested(&self, turn: TurnId) -> Result<bool> {
        Ok(self
            .conn
            .prepare_cached("SELECT stop_requested FROM turns WHERE id = ?1")?
            .query_row([turn.0], |row| row.get(0))?)
    }

    pub(super) fn end_stopped(&self, turn: TurnId, owner: InstanceId) -> Result<()> {
        let language = Language::told(self.language(turn)?.as_deref());
        let words = Payload::plain(Texts::of(language).stopped);
        self.end_unclaimed(turn, Outcome::Cancelled, &words, owner)
    }

    /// Gives a turn that nobody runs its visible end.
    pub(super) fn end_unclaimed(
        &self,
        turn: TurnId,
        outcome: Outcome,
        payload: &Payload,
        owner: InstanceId,
    ) -> Result<()> {
        let (conversation, chat, topic, no): (i64, i64, i64, i64) = self
            .conn
            .prepare_cached(
                "UPDATE turns SET state = 2, owner = ?2, claim_no = claim_no + 1 WHERE id = ?1 \
                 RETURNING conversation, \
                    (SELECT chat FROM conversations AS c WHERE c.id = conversation), \
                    (SELECT topic FROM conversations AS c WHERE c.id = conversation), claim_no",
            )?
            .query_row(params![turn.0, owner.0], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?;
        let claim = Claim {
            turn,
            conversation: ConversationId(conversation),
            chat: ChatId(chat),
            topic: (topic != 0).then_some(topic),
            no,
            owner,
            language: Language::default(),
        };
        self.answer(
            &claim,
            &Answer {
                text: None,
                outcome,
                spent: None,
                told: Told::default(),
                parts: vec![crate::store::Planned {
                    kind: Kind::Answer,
                    payload: payload.clone(),
                }],
            },
        )
    }

    fn answer(&self, claim: &Claim, answer: &Answer) -> Result<()> {
        self.fence(claim)?;
        let spent = answer.spent.clone().unwrap_or_default();
        self.conn
            .prepare_cached(
                "UPDATE turns SET state = 3, ending = ?2, answered_at = ?3, owner = NULL, alone = 0, \
                        prompt_tokens = ?4, completion_tokens = ?5, cost = ?6, model = ?7, \
                        attempts = ?8, request_id = ?9, first_token_ms = ?10, completion_ms = ?11 \
                 WHERE id = ?1",
            )?
            .execute(params![
                claim.turn.0,
                answer.outcome.code(),
                self.now,
                spent.prompt_tokens,
                spent.completion_tokens,
                spent.cost,
                spent.model,
                answer.told.attempts,
                answer.told.request,
                answer.told.first_token.map(clock::millis),
                answer.told.completion.map(clock::millis)
            ])?;
        if let Some(text) = &answer.text {
            self.conn
                .prepare_cached("INSERT OR REPLACE INTO answers (turn, text) VALUES (?1, ?2)")?
                .execute(params![claim.turn.0, text])?;
        }
        let mut target = self.answerable_placeholder(claim.turn)?;
        for (part, seq) in answer.parts.iter().zip(0..) {
            let target = target.take();
            self.plan_part(claim, part.kind, seq, &part.payload, target)?;
        }
        // With nothing to deliver nobody else would ever settle it.
        self.settle_delivered(claim.turn)?;
        Ok(())
    }

    /// The placeholder the answer is to replace; one not yet sent is
    /// withdrawn.
    fn answerable_placeholder(&self, turn: TurnId) -> Result<Option<i64>> {
        self.conn
            .prepare_cached(
                "UPDATE parts SET state = ?2, settled_at = ?3 \
                 WHERE turn = ?1 AND kind = 1 AND state = 0",
            )?
            .execute(params![turn.0, part::State::Withdrawn.code(), self.now])?;
        Ok(self
            .conn
            .prepare_cached(
                "SELECT id FROM parts WHERE turn = ?1 AND kind = 1 AND state IN (1, 2, 3) LIMIT 1",
            )?
            .query_row([turn.0], |row| row.get(0))
            .optional()?)
    }

    /// The messages of a turn; `None` when one of them cannot be read.
    pub(super) fn inputs(&self, turn: TurnId) -> Result<Option<Vec<Message>>> {
        let bodies: Vec<Option<Message>> = self
            .conn
            .prepare_cached(
                "SELECT body FROM messages WHERE turn = ?1 AND body IS NOT NULL ORDER BY id",
            )?
            .query_map([turn.0], |row| {
                let body = row.get_ref(0)?.as_bytes().unwrap_or_default();
                Ok(serde_json::from_slice(body).ok())
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(bodies.into_iter().collect())
    }
}

/// A message as it is stored.
pub(super) fn body_of(message: &Message) -> String {
    serde_json::to_string(message).expect("a message is always JSON")
}
