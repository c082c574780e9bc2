//! The model as one life sees it: a point to die at before it is asked, among
//! what it says, and after its last word.

use std::future::pending;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use lastword::llm::{Delta, Deltas, Llm, LlmError};
use lastword::playground::offline::Offline;

use super::defect::Defect;
use super::mortal::{Mortal, Point, When};
use super::trace::{About, hash};

/// The model, for one life.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) mortal: Arc<Mortal>,
    pub(super) model: Offline,
}

/// A completion under way; dropped when it is over or hung up on.
struct Running {
    mortal: Arc<Mortal>,
    turn: i64,
    request: u64,
}

impl Drop for Running {
    fn drop(&mut self) {
        let eye = self.mortal.world.eye();
        eye.completion_over(self.mortal.number, self.request);
    }
}

impl Asking {
    async fn ask(&self, request: Bytes) -> Result<Deltas, LlmError> {
        let world = &self.mortal.world;
        if let Some(fault) = world.faults().of_completion() {
            world.trace.add(0, "world", "model_fault", About::NOTHING);
            self.model.fail_next(1, fault);
        }
        self.mortal.while_alive(self.model.open(request)).await
    }
}

#[async_trait]
impl Llm for Asking {
    async fn open(&self, request: Bytes) -> Result<Deltas, LlmError> {
        let mortal = Arc::clone(&self.mortal);
        if mortal.ends_at(Point::Model(When::Before), "open") {
            return pending().await;
        }
        let world = Arc::clone(&mortal.world);
        let number = hash(&request);
        let (turn, chat) = world
            .eye()
            .completion_begins(&world, &mortal, &request, number);
        let about = move |end| About { chat, number, end };
        world.trace.add(mortal.number, "model", "open", about(""));
        if let Some(Defect::PaysTwice(n)) = world.defect
            && world.strikes(n)
            && let Ok(mut wasted) = self.ask(request.clone()).await
        {
            while let Some(Ok(delta)) = wasted.next().await {
                if matches!(delta, Delta::Finish(_)) {
                    world
                        .eye()
                        .completion_finished(&world, &mortal, turn, number);
                }
            }
        }
        let deltas = match self.ask(request).await {
            Ok(deltas) => deltas,
            Err(error) => {
                world
                    .trace
                    .add(mortal.number, "model", "refused", about(""));
                return Err(error);
            }
        };
        world.eye().completion_runs(mortal.number, number);
        let running = Running {
            mortal,
            turn,
            request: number,
        };
        Ok(Box::pin(stream::unfold(
            (deltas, running),
            move |(mut deltas, running)| async move {
                let mortal = &running.mortal;
                let world = &mortal.world;
                let heard = tokio::select! {
                    biased;
                    () = mortal.dead.cancelled() => Err(()),
                    delta = deltas.next() => Ok(delta),
                };
                let Ok(delta) = heard else {
                    // The kernel hangs up.
                    drop(deltas);
                    drop(running);
                    return pending().await;
                };
                let delta = delta?;
                let what = match &delta {
                    Ok(Delta::Finish(_)) => "finish",
                    Ok(Delta::Usage(_)) => "usage",
                    Ok(Delta::KeepAlive) => "alive",
                    Ok(_) => "content",
                    Err(_) => "broken",
                };
                if what != "alive" {
                    world.trace.add(mortal.number, "model", what, about(""));
                }
                if what == "finish" {
                    world
                        .eye()
                        .completion_finished(world, mortal, running.turn, running.request);
                }
                if mortal.ends_at(Point::Model(When::After), what) {
                    drop(deltas);
                    drop(running);
                    return pending().await;
                }
                Some((delta, (deltas, running)))
            },
        )))
    }
}
