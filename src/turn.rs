//! Turns: who may run, who is running, and the way into the one linear
//! function that is a turn (`turn/run.rs`).
//!
//! Meets the outbox and the preview only through [`Speaker`] and the store.
//! A turn that panics has failed once; the daemon goes on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, watch};

use crate::bell::Bell;
use crate::clock::Clock;
use crate::config::{SystemPrompt, Voice};
use crate::domain::ids::{ChatId, InstanceId, TurnId};
use crate::domain::metric;
use crate::domain::part::Payload;
use crate::domain::preview::{Finale, Preview};
use crate::domain::turn::{Blame, Claim, Step};
use crate::domain::variant::Button;
use crate::domain::window::Rules;
use crate::llm::complete::Completer;
use crate::llm::request::Dialect;
use crate::media::Library;
use crate::pulse::{Organ, Pulse};
use crate::shutdown::{Ended, Gate, Kind, Shutdown, Tasks};
use crate::store::{Ask, Claimed, Company, Due, Flush, Next, Store, StoreError};
use crate::telegram::Telegram;
use crate::telemetry::traces::Traces;

mod administrators;
mod apology;
mod buttons;
mod conclude;
mod depict;
mod fate;
mod file;
mod guest;
mod line;
mod names;
mod pointed;
mod prompt;
mod recordings;
mod resume;
mod run;
mod views;

/// How soon to ask again when the store does not answer.
const STORE_AWAY: Duration = Duration::from_millis(500);

/// How often the owner looks after a claim that another instance may have cut.
const LOOK_AFTER: Duration = Duration::from_millis(400);

/// The same while no other instance lives: only a lost wake is found so.
const LOOK_SELDOM: Duration = Duration::from_secs(2);

/// What may change while the daemon runs; a turn keeps what it began with.
#[derive(Debug)]
pub struct Settings {
    /// What the model is told first.
    pub system_prompt: SystemPrompt,
    /// The model's name.
    pub model: String,
    /// What answers when it cannot.
    pub fallback_models: Vec<String>,
    /// How much of the conversation the model sees, in tokens.
    pub context_tokens: usize,
    /// The longest answer, in tokens.
    pub max_tokens: Option<u32>,
    /// What the endpoint understands.
    pub dialect: Dialect,
    /// Whether the requests of two turns may be equal.
    pub likeness: Likeness,
    /// Asks the model.
    pub completer: Arc<Completer>,
    /// When a window is due.
    pub rules: Rules,
    /// How long a message waits for an answer at the most.
    pub max_age: Duration,
    /// How recordings reach the model.
    pub voice: Voice,
    /// Photos of the history that are looked at again.
    pub photos_remembered: usize,
    /// The buttons under an answer, in private chats.
    pub buttons: Vec<Button>,
    /// The same in groups.
    pub group_buttons: Vec<Button>,
    /// How many messages of a group are shown to the model although they were
    /// not meant for it.
    pub overheard: i64,
    /// An answer of more characters than this is a file; 0 = none is.
    pub file_above: usize,
}

/// Whether the requests of two turns may be equal, byte for byte. A re-run of
/// the same turn after a crash always is: it sends the bytes that were kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// They may: equal questions are equal requests.
    Allowed,
    /// Never: something replays the answer to an equal request, and a person who
    /// asks again wants a new one. OpenRouter's cache goes by the whole body, so
    /// any field will do; `seed` is one that every provider takes or ignores.
    /// Source: openrouter.ai/docs/guides/features/response-caching.
    Avoided,
}

/// What a turn says its answer through.
pub trait Speaker: Send + Sync + std::fmt::Debug + 'static {
    /// The parts that say `markdown`, in the format in force. Never empty for
    /// a text that is not blank.
    fn plan(&self, markdown: &str) -> Vec<Payload>;

    /// The same parts with what the model thought folded away above them,
    /// where the operator wants that.
    fn with_thoughts(&self, claim: &Claim, parts: Vec<Payload>, thoughts: &str) -> Vec<Payload>;

    /// Shows what is being written, until the returned value ends.
    fn show(&self, claim: &Claim, preview: watch::Receiver<Preview>) -> Box<dyn Showing>;

    /// Shows that something is being done, until the returned value is
    /// dropped.
    fn busy(&self, claim: &Claim) -> Presence;

    /// Shows at which place of the line the next turn of a conversation is,
    /// until the returned value is dropped.
    fn line(&self, due: &Due, place: watch::Receiver<usize>) -> Presence;

    /// There is something to send in this chat.
    fn deliver(&self, chat: ChatId);
}

/// A sign of life in a chat; ends when dropped.
pub type Presence = Box<dyn std::any::Any + Send>;

/// A preview under way; ends when dropped.
pub trait Showing: Send {
    /// Ends it. What of it is still on its way, nothing sent in its chat
    /// overtakes.
    fn end(self: Box<Self>, finale: Finale);
}

/// What a runner works with.
#[derive(Debug)]
pub struct Parts {
    /// This process.
    pub instance: InstanceId,
    /// Everything durable.
    pub store: Arc<dyn Store>,
    /// How answers go out.
    pub speaker: Arc<dyn Speaker>,
    /// Who knows the administrators of groups.
    pub telegram: Arc<dyn Telegram>,
    /// Where media come from.
    pub library: Arc<Library>,
    /// What may change.
    pub settings: watch::Receiver<Arc<Settings>>,
    /// Whether other instances live, which may cut our turns.
    pub others: watch::Receiver<bool>,
    /// The time.
    pub clock: Clock,
    /// The stop.
    pub shutdown: Shutdown,
    /// Spawns.
    pub tasks: Tasks,
    /// Shows that turns move.
    pub pulse: Pulse,
    /// Where the course of a turn is shown.
    pub traces: Traces,
    /// Rings for operators.
    pub bell: Bell,
    /// Turns that may run at once.
    pub max_concurrent: usize,
}

/// Runs turns; clones are the same runner.
#[derive(Debug, Clone)]
pub struct Runner(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    parts: Parts,
    slots: Arc<Semaphore>,
    line: line::Line,
    gate: Gate,
    running: Mutex<HashMap<TurnId, Running>>,
}

#[derive(Debug)]
struct Running {
    cut: Arc<Notify>,
    since: tokio::time::Instant,
}

impl Runner {
    /// A runner of turns.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner {
            slots: Arc::new(Semaphore::new(parts.max_concurrent)),
            line: line::Line::default(),
            gate: Gate::new(),
            running: Mutex::default(),
            parts,
        }))
    }

    /// Claims and runs the next turn of a conversation. A sign of life that is
    /// shown already is taken over; whoever waits for a slot keeps it.
    ///
    /// # Cancel safety
    /// A claimed turn runs in a task of its own; dropping this future leaves
    /// it running, or leaves a claim that [`crate::store::Leases::leave`]
    /// frees.
    pub async fn advance(&self, due: Due, flush: Flush, mut presence: Option<Presence>) -> Step {
        let Some(_pass) = self.0.gate.try_enter() else {
            return Step::Rest;
        };
        let slots = &self.0.slots;
        // In the order of asking: a chat that has much to say queues behind
        // everybody else after each of its turns.
        let Some(slot) = self.in_line(due, &mut presence).await else {
            return Step::Rest;
        };
        let step = match self.claim(due, flush, Company::Others).await {
            Ok(Next::NeedsAlone) => None,
            other => Some(self.follow(due.chat, other, presence.take()).await),
        };
        drop(slot);
        match step {
            Some(step) => step,
            None => {
                let all = u32::try_from(self.0.parts.max_concurrent).unwrap_or(u32::MAX);
                let Ok(_alone) = slots.acquire_many(all).await else {
                    return Step::Rest;
                };
                let next = self.claim(due, flush, Company::Alone).await;
                self.follow(due.chat, next, presence).await
            }
        }
    }

    /// The owner of this turn must look at its claim again.
    pub fn cut(&self, turn: TurnId) {
        if let Some(running) = self.running().get(&turn) {
            running.cut.notify_one();
        }
        // What was forgotten is not to lie in a folder.
        self.0.parts.library.sweep_soon();
    }

    /// Admits no turn any more, nor those that wait for a slot; those that run
    /// are not touched.
    pub fn close(&self) {
        self.0.gate.close();
        self.0.slots.close();
    }

    /// How many turns run and since when the oldest does.
    #[must_use]
    pub fn census(&self) -> (usize, Option<Duration>) {
        let running = self.running();
        let oldest = running.values().map(|r| r.since.elapsed()).max();
        (running.len(), oldest)
    }

    async fn claim(&self, due: Due, flush: Flush, company: Company) -> crate::store::Result<Next> {
        let parts = &self.0.parts;
        let rules = parts.settings.borrow().rules;
        let _busy = parts.pulse.busy(Organ::Turns);
        parts
            .store
            .claim(Ask {
                conversation: due.conversation,
                owner: parts.instance,
                flush,
                company,
                rules,
            })
            .await
    }

    async fn follow(
        &self,
        chat: ChatId,
        next: crate::store::Result<Next>,
        presence: Option<Presence>,
    ) -> Step {
        match next {
            Ok(Next::Run(claimed)) => {
                self.run_guarded(*claimed, presence).await;
                Step::Ran
            }
            Ok(Next::Wait(wait)) => Step::Wait(wait),
            Ok(Next::Busy) => {
                // A Stop found its turn without an owner: its end may be ready
                // to be sent.
                self.0.parts.speaker.deliver(chat);
                Step::Rest
            }
            Ok(Next::Idle | Next::NeedsAlone) => Step::Rest,
            Err(error) => {
                if error.is_passing() {
                    tracing::debug!(%error, "failed to claim a turn");
                } else {
                    tracing::error!(%error, "failed to claim a turn");
                }
                Step::AskAgain(STORE_AWAY)
            }
        }
    }

    /// Runs a turn in a task of its own, so that neither a panic nor the end
    /// of the caller takes anything else with it.
    async fn run_guarded(&self, claimed: Claimed, presence: Option<Presence>) {
        if claimed.claim.no > 1 {
            metrics::counter!(metric::RETRIES, "stage" => "turn").increment(1);
        }
        let presence = presence.unwrap_or_else(|| self.0.parts.speaker.busy(&claimed.claim));
        let (claim, failures) = (claimed.claim, claimed.failures);
        let cut = Arc::new(Notify::new());
        // Whatever cut it between the claim and this found nobody to wake.
        cut.notify_one();
        self.running().insert(
            claim.turn,
            Running {
                cut: Arc::clone(&cut),
                since: tokio::time::Instant::now(),
            },
        );
        let inner = Arc::clone(&self.0);
        let parts_of = Arc::clone(&self.0);
        let task = self.0.parts.tasks.spawn(Kind::Turn, "turn", async move {
            // Whatever way the turn ends, it is not running any more.
            let _listed = Listed {
                inner: &inner,
                turn: claim.turn,
                cut: Arc::clone(&cut),
            };
            run::Turn::new(&inner.parts, claimed, cut)
                .run(presence)
                .await
        });
        let (delay, blame) = match task.await {
            Ok(Ended::Done(Concluded::Yes)) => return,
            // Once it is freed the store works again.
            Ok(Ended::Done(Concluded::StoreAway) | Ended::Cut) | Err(_) => {
                (STORE_AWAY, Blame::World)
            }
            Ok(Ended::Done(Concluded::Refused)) => (fate::after_failure(failures), Blame::Turn),
            Ok(Ended::Panicked) => {
                metrics::counter!(metric::TURNS_PANICKED).increment(1);
                (fate::after_failure(failures), Blame::Turn)
            }
        };
        parts_of.free(&claim, delay, blame).await;
    }

    fn running(&self) -> MutexGuard<'_, HashMap<TurnId, Running>> {
        self.0.running()
    }
}

impl Inner {
    /// Frees a turn whose end could not be stored, however long the store is
    /// away: nobody else looks after a claim of an instance that lives.
    async fn free(&self, claim: &Claim, delay: Duration, blame: Blame) {
        loop {
            let error = match self.parts.store.defer(claim, delay, blame, None).await {
                Ok(()) | Err(StoreError::Fenced) => return,
                Err(error) => error,
            };
            tracing::warn!(turn.id = claim.turn.0, %error, "failed to free a turn");
            // The end of the process frees it, too.
            if self.parts.shutdown.work().is_cancelled() {
                return;
            }
            // What stays claimed by a process that lives, nobody takes up.
            tokio::time::sleep(STORE_AWAY).await;
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<TurnId, Running>> {
        // Plain data: usable after a panic elsewhere.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the end of a run was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Concluded {
    /// It was, or is somebody else's to store.
    Yes,
    /// The store was away.
    StoreAway,
    /// The store cannot take it.
    Refused,
}

/// Takes a run off the list of running turns when dropped; not the next run of
/// the same turn, which an edit may have begun already.
struct Listed<'a> {
    inner: &'a Inner,
    turn: TurnId,
    cut: Arc<Notify>,
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        let mut running = self.inner.running();
        let listed = running.get(&self.turn);
        if listed.is_some_and(|listed| Arc::ptr_eq(&listed.cut, &self.cut)) {
            running.remove(&self.turn);
        }
    }
}
