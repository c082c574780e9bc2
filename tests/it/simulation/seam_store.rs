//! The store as one life sees it: every operation is a point to die at, before
//! its commit and between the commit and its answer.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use lastword::daemon::Closable;
use lastword::domain::admission::Policy;
use lastword::domain::ids::{ChatId, InstanceId, TurnId};
use lastword::domain::part::{Payload, Sending, Sent, Touch};
use lastword::domain::probe::{Probed, Probing, Resolving};
use lastword::domain::turn::{Blame, Claim, Standing};
use lastword::store::sqlite::SqliteStore;
use lastword::store::{
    Accepted, Answer, Ask, Availability, Begin, Books, Due, Ending, Finished, Inbox, Next, Outbox,
    Past, Result, Retention, StoreError, Surroundings, TurnLine, Turns,
};
use std::collections::BTreeMap;
use tokio::sync::{mpsc, watch};

use super::defect::Defect;
use super::mortal::{Mortal, Point, When};
use super::trace::About;

/// The store of one life.
#[derive(Debug, Clone)]
pub(super) struct Storing(pub(super) Arc<Mortal>);

impl Storing {
    /// One operation, with the points before and after it.
    pub(super) async fn op<T, F>(
        &self,
        name: &'static str,
        chat: i64,
        run: impl FnOnce(SqliteStore) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let mortal = &self.0;
        if mortal.ends_at(Point::Store(When::Before), name) {
            return pending().await;
        }
        let Some(store) = mortal.store() else {
            return pending().await;
        };
        let world = &mortal.world;
        if world.faults().store_is_away(name) {
            world.trace.add(
                mortal.number,
                "store",
                name,
                About {
                    chat,
                    number: 0,
                    end: "away",
                },
            );
            return Err(StoreError::Unavailable {
                reason: "the disk is full".to_owned(),
            });
        }
        // The store is inline: it never waits, and must not be taken for doing
        // so by the scheduler's budget, or a commit and its answer would come
        // apart in ways that no crash explains.
        let result = tokio::task::unconstrained(run(store)).await;
        let end = match &result {
            Ok(_) => "ok",
            Err(StoreError::Fenced) => "fenced",
            Err(_) => "failed",
        };
        world.trace.add(
            mortal.number,
            "store",
            name,
            About {
                chat,
                number: 0,
                end,
            },
        );
        if let Err(error @ (StoreError::Defect { .. } | StoreError::Refused { .. })) = &result {
            world.wrong(
                (chat != 0).then_some(chat),
                format!("store.{name} failed: {error}"),
            );
        }
        if mortal.ends_at(Point::Store(When::After), name) {
            return pending().await;
        }
        result
    }
}

#[async_trait]
impl Closable for Storing {
    async fn close(&self) -> Result<()> {
        self.op("close", 0, |store| async move { store.close().await })
            .await
    }
}

#[async_trait]
impl Inbox for Storing {
    fn availability(&self) -> watch::Receiver<Availability> {
        match self.0.store() {
            Some(store) => store.availability(),
            // The dead learn nothing new.
            None => watch::Sender::new(Availability::Available).subscribe(),
        }
    }

    async fn accept(
        &self,
        instance: InstanceId,
        batch: Vec<Bytes>,
        policy: Arc<Policy>,
    ) -> Result<Accepted> {
        if let Some(Defect::ConfirmsUnstored(n)) = self.0.world.defect
            && self.0.world.strikes(n)
        {
            return Ok(Accepted::default());
        }
        self.op("accept", 0, |store| async move {
            store.accept(instance, batch, policy).await
        })
        .await
    }

    async fn backlog(&self, limit: u64) -> Result<u64> {
        self.op(
            "backlog",
            0,
            |store| async move { store.backlog(limit).await },
        )
        .await
    }

    async fn prune(&self, keep: Retention, step: u32) -> Result<u64> {
        self.op(
            "prune",
            0,
            |store| async move { store.prune(keep, step).await },
        )
        .await
    }
}

#[async_trait]
impl Turns for Storing {
    fn endings(&self) -> Option<mpsc::Receiver<Ending>> {
        self.0.store()?.endings()
    }

    async fn claim(&self, ask: Ask) -> Result<Next> {
        if self.0.world.defect == Some(Defect::OvertakesTurns) {
            self.0.world.eye().swap_turns(ask.conversation.0);
        }
        let next = self
            .op("claim", 0, |store| async move { store.claim(ask).await })
            .await?;
        if let Next::Run(claimed) = &next {
            let claim = &claimed.claim;
            self.0.world.trace.add(
                self.0.number,
                "turn",
                "claimed",
                About {
                    chat: claim.chat.0,
                    number: claim.turn.0.unsigned_abs(),
                    end: "",
                },
            );
        }
        Ok(next)
    }

    async fn history(&self, claim: &Claim, chars: usize) -> Result<Vec<Past>> {
        self.op("history", claim.chat.0, |store| async move {
            store.history(claim, chars).await
        })
        .await
    }

    async fn surroundings(
        &self,
        claim: &Claim,
        points: Vec<i64>,
        talk: i64,
    ) -> Result<Surroundings> {
        self.op("surroundings", claim.chat.0, |store| async move {
            store.surroundings(claim, points, talk).await
        })
        .await
    }

    async fn keep_request(&self, claim: &Claim, body: Bytes) -> Result<()> {
        self.op("keep_request", claim.chat.0, |store| async move {
            store.keep_request(claim, body).await
        })
        .await
    }

    async fn keep_words(&self, claim: &Claim, message: i64, words: &str) -> Result<()> {
        self.op("keep_words", claim.chat.0, |store| async move {
            store.keep_words(claim, message, words).await
        })
        .await
    }

    async fn settled(&self, turns: Vec<TurnId>) -> Result<Vec<TurnId>> {
        self.op(
            "settled",
            0,
            |store| async move { store.settled(turns).await },
        )
        .await
    }

    async fn plan_placeholder(&self, claim: &Claim, payload: Payload) -> Result<()> {
        self.op("plan_placeholder", claim.chat.0, |store| async move {
            store.plan_placeholder(claim, payload).await
        })
        .await
    }

    async fn answer(&self, claim: &Claim, answer: Answer) -> Result<()> {
        let turn = claim.turn.0;
        let stored = self
            .op("answer", claim.chat.0, |store| async move {
                let stored = store.answer(claim, answer).await;
                if stored.is_ok() {
                    self.0.world.eye().answer_stored(turn);
                }
                stored
            })
            .await;
        if let Some(Defect::SettlesUnsent(n)) = self.0.world.defect
            && self.0.world.strikes(n)
        {
            self.0.world.eye().settle_unsent(turn);
        }
        stored
    }

    async fn defer(
        &self,
        claim: &Claim,
        delay: Duration,
        blame: Blame,
        notice: Option<Payload>,
    ) -> Result<()> {
        self.op("defer", claim.chat.0, |store| async move {
            store.defer(claim, delay, blame, notice).await
        })
        .await
    }

    async fn park(&self, claim: &Claim) -> Result<()> {
        self.op("park", claim.chat.0, |store| async move {
            store.park(claim).await
        })
        .await
    }

    async fn standing(&self, claim: &Claim) -> Result<Standing> {
        self.op("standing", claim.chat.0, |store| async move {
            store.standing(claim).await
        })
        .await
    }

    async fn waiting(&self, limit: u32) -> Result<Vec<Due>> {
        self.op(
            "waiting",
            0,
            |store| async move { store.waiting(limit).await },
        )
        .await
    }

    async fn keep_administrators(&self, chat: ChatId, ids: Vec<i64>) -> Result<()> {
        self.op("keep_administrators", chat.0, |store| async move {
            store.keep_administrators(chat, ids).await
        })
        .await
    }

    async fn administrators_older_than(&self, chat: ChatId, age: Duration) -> Result<bool> {
        self.op("administrators_older_than", chat.0, |store| async move {
            store.administrators_older_than(chat, age).await
        })
        .await
    }

    async fn recent(&self, limit: u32) -> Result<Vec<TurnLine>> {
        self.op(
            "recent",
            0,
            |store| async move { store.recent(limit).await },
        )
        .await
    }

    async fn open_turns(&self) -> Result<BTreeMap<&'static str, u64>> {
        self.op(
            "open_turns",
            0,
            |store| async move { store.open_turns().await },
        )
        .await
    }

    async fn books(&self) -> Result<Books> {
        self.op("books", 0, |store| async move { store.books().await })
            .await
    }
}

#[async_trait]
impl Outbox for Storing {
    async fn begin_send(
        &self,
        chat: ChatId,
        owner: InstanceId,
        within: Duration,
        resolving: Resolving,
    ) -> Result<Begin> {
        if self.0.world.defect == Some(Defect::ResendsBlindly) {
            self.0.world.eye().plan_again(chat.0, self.0.instance);
        }
        let begun = self
            .op("begin_send", chat.0, |store| async move {
                store.begin_send(chat, owner, within, resolving).await
            })
            .await;
        if let (Some(Defect::ForgetsIntent(n)), Ok(Begin::Send(sending))) =
            (self.0.world.defect, &begun)
            && self.0.world.strikes(n)
        {
            self.0.world.eye().forget_intent(sending.part.0);
        }
        begun
    }

    async fn finish_send(&self, sending: &Sending, sent: Sent) -> Result<Finished> {
        self.op("finish_send", sending.chat.0, |store| async move {
            store.finish_send(sending, sent).await
        })
        .await
    }

    async fn finish_probe(&self, probing: &Probing, probed: Probed) -> Result<Finished> {
        self.op("finish_probe", probing.part.chat.0, |store| async move {
            store.finish_probe(probing, probed).await
        })
        .await
    }

    async fn replan(&self, sending: &Sending, parts: Vec<Payload>) -> Result<Finished> {
        self.op("replan", sending.chat.0, |store| async move {
            store.replan(sending, parts).await
        })
        .await
    }

    async fn placeholder(&self, turn: TurnId) -> Result<Option<i64>> {
        self.op("placeholder", 0, |store| async move {
            store.placeholder(turn).await
        })
        .await
    }

    async fn touches(&self) -> Result<Vec<ChatId>> {
        self.op("touches", 0, |store| async move { store.touches().await })
            .await
    }

    async fn begin_touch(&self, chat: ChatId, within: Duration) -> Result<Option<Touch>> {
        self.op("begin_touch", chat.0, |store| async move {
            store.begin_touch(chat, within).await
        })
        .await
    }

    async fn finish_touch(&self, touch: &Touch, again: Option<Duration>) -> Result<()> {
        self.op("finish_touch", touch.chat.0, |store| async move {
            store.finish_touch(touch, again).await
        })
        .await
    }

    async fn unsent(&self, owner: InstanceId) -> Result<Vec<(ChatId, Duration)>> {
        self.op(
            "unsent",
            0,
            |store| async move { store.unsent(owner).await },
        )
        .await
    }
}
