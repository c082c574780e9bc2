//! A stateful stand-in for the Bot API: one bot, people and groups around it,
//! and everything that Telegram does between them.
//!
//! One pure core (`world`, time as an argument) wrapped twice: [`InMemory`] for
//! simulation on a paused clock, [`serve`] over HTTP for the playground and for
//! tests of the real binary. It behaves like Telegram in everything that
//! decides loss and doubling; what people saw stands in its transcript.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{Notify, watch};

use crate::clock::{Clock, Millis, duration};

mod acts;
mod answer;
mod business;
mod calls;
mod chats;
mod drafts;
mod edit;
mod entities;
mod faults;
mod files;
mod groups;
mod http;
mod identities;
mod info;
mod limits;
mod media;
mod memory;
mod methods;
mod observe;
mod params;
mod parse_mode;
mod people;
mod polling;
mod posts;
mod queue;
mod random;
mod send;
mod snapshot;
#[cfg(test)]
mod tests;
mod transcript;
mod webhook;
mod world;

pub use acts::{Act, Acted, Attachment, BusinessSide, Identity, Impossible, Medium, Place};
pub use answer::{Delivery, Outcome, Refusal, Ticket};
pub use chats::{ChatKind, ChatState, Person, Standing};
pub use drafts::Draft;
pub use faults::{Fault, FaultRule, Outage};
pub use http::{ServeError, control_router, router, serve, serve_with};
pub use memory::InMemory;
pub use posts::{Author, Content, Post, Rich, Version};
pub use snapshot::Snapshot;
pub use transcript::{CallRecord, ChatView, DraftEnd, Event, MethodCount, Seen};
pub use webhook::{ANSWER_TIMEOUT_MS, WebhookAnswer, WebhookRequest};
pub use world::{BotProfile, Settings};

use calls::{CallId, Progress};
use methods::DOWNLOAD;
use world::World;

/// Told the ids of updates at the moment Telegram forgets them by the client's
/// will: by offset, by a webhook's 2xx, or because it dropped what was pending.
pub type OnConfirm = Arc<dyn Fn(i64, &[i64]) + Send + Sync>;

/// The stand-in server, shared by both wrappings.
pub struct BotApi {
    world: Mutex<World>,
    /// The world's revision; whoever waits looks again when it grows.
    changed: watch::Sender<u64>,
    /// Wakes the calls under way, in the order in which they came to wait; a
    /// `watch` would wake them in an order of its own, and no run of a seed
    /// would be like another.
    woken: Notify,
    clock: Clock,
    on_confirm: Mutex<Option<OnConfirm>>,
    bot: BotProfile,
    /// Open connections: holders of a clone, beside this one.
    connected: Arc<()>,
}

impl std::fmt::Debug for BotApi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BotApi")
            .field("bot", &self.bot)
            .finish_non_exhaustive()
    }
}

impl BotApi {
    /// What a connection holds while it is open.
    fn connection(&self) -> Arc<()> {
        Arc::clone(&self.connected)
    }

    /// A server for one bot. The seed decides every id that is drawn.
    #[must_use]
    pub fn new(bot: BotProfile, settings: Settings, seed: u64, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            world: Mutex::new(World::new(bot.clone(), settings, seed)),
            changed: watch::Sender::new(0),
            woken: Notify::new(),
            clock,
            on_confirm: Mutex::new(None),
            connected: Arc::default(),
            bot,
        })
    }

    /// A server for [`BotProfile::sample`] with everything at its default.
    #[must_use]
    pub fn sample(clock: Clock) -> Arc<Self> {
        Self::new(BotProfile::sample(), Settings::default(), 1, clock)
    }

    /// What must outlive the process: hand it to [`BotApi::restore`] of the
    /// next one. Contains what people wrote, but no token.
    ///
    /// # Errors
    /// Never in practice; the types are plain data.
    pub fn save(&self) -> Result<Value, serde_json::Error> {
        self.with(|world, _| world.save())
    }

    /// Goes on from a snapshot, in place of everything that is here.
    pub fn restore(&self, saved: Snapshot) {
        self.with(|world, _| world.restore(saved));
    }

    /// The bot this server is for.
    #[must_use]
    pub fn bot(&self) -> &BotProfile {
        &self.bot
    }

    /// Sets the hook that looks when updates are confirmed. It runs before the
    /// confirming call is answered and must not call this server.
    pub fn on_confirm(&self, hook: impl Fn(i64, &[i64]) + Send + Sync + 'static) {
        *lock(&self.on_confirm) = Some(Arc::new(hook));
    }

    /// Executes one method at `now`, without faults and without waiting: the
    /// pure core itself. A poll that would wait says so and is over.
    #[must_use]
    pub fn handle(&self, method: &str, params: &Value, now: Millis) -> Outcome {
        self.with_at(now, |world, now| {
            let outcome = world.handle(method, params, now);
            if let Outcome::Wait(ticket) = outcome {
                world.poll_gone(ticket);
            }
            outcome
        })
    }

    /// Does what a person does.
    ///
    /// # Errors
    /// [`Impossible`] when there is no such person, chat, message or button.
    pub fn act(&self, act: Act) -> Result<Acted, Impossible> {
        self.with(|world, now| world.act(act, now))
    }

    /// Somebody new; their user id.
    ///
    /// # Panics
    /// Never: a person can always be added.
    pub fn add_person(&self, first_name: &str) -> i64 {
        let act = Act::AddPerson {
            id: None,
            first_name: first_name.to_owned(),
            username: None,
        };
        let acted = self.act(act).ok().and_then(|acted| acted.id);
        acted.expect("a person can always be added")
    }

    /// Somebody's client speaks another language from now on.
    ///
    /// # Errors
    /// As [`BotApi::act`].
    pub fn speak(&self, person: i64, language_code: Option<&str>) -> Result<Acted, Impossible> {
        let language_code = language_code.map(str::to_owned);
        self.act(Act::Speak {
            person,
            language_code,
        })
    }

    /// Somebody writes a text.
    ///
    /// # Errors
    /// As [`BotApi::act`].
    pub fn say(&self, place: Place, text: &str) -> Result<Acted, Impossible> {
        let text = text.to_owned();
        self.act(Act::Say { place, text })
    }

    /// Changes how the server behaves.
    pub fn configure(&self, change: impl FnOnce(&mut Settings)) {
        self.with(|world, _| change(&mut world.settings));
    }

    /// Lets something go wrong with calls to come.
    pub fn fault(&self, rule: FaultRule) {
        self.with(|world, _| world.faults.add(rule));
    }

    /// Forgets every fault that has not happened yet.
    pub fn clear_faults(&self) {
        self.with(|world, _| world.faults.clear());
    }

    /// Lets every hanging call go on; returns how many.
    pub fn release(&self) -> usize {
        self.with(World::release)
    }

    /// How many calls hang until [`BotApi::release`].
    #[must_use]
    pub fn hanging(&self) -> usize {
        self.with(|world, _| world.hanging())
    }

    /// Begins or ends an outage; calls in flight break at once.
    pub fn set_outage(&self, outage: Outage) {
        self.with(|world, _| {
            world.faults.outage = outage;
            world.touch();
        });
    }

    /// Whether the server can be reached.
    #[must_use]
    pub fn outage(&self) -> Outage {
        self.with(|world, _| world.faults.outage)
    }

    /// The webhook requests to make now; each is in flight until
    /// [`BotApi::webhook_answered`]. The HTTP wrapping does this by itself.
    #[must_use]
    pub fn webhook_due(&self) -> Vec<WebhookRequest> {
        self.with(World::webhook_due)
    }

    /// How long until the next webhook retry is due.
    #[must_use]
    pub fn webhook_wait(&self) -> Option<Duration> {
        self.with(|world, now| world.webhook_next(now).map(|at| duration(at - now)))
    }

    /// Tells how the bot answered a webhook request.
    pub fn webhook_answered(&self, request: &WebhookRequest, answer: WebhookAnswer) {
        let (generation, id) = (request.generation, request.update_id);
        self.with(|world, now| world.webhook_answered(generation, id, answer, now));
    }

    /// A receiver that changes whenever something happens.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Waits until `done` holds for this server, looking whenever something
    /// changes. Give it a deadline of your own.
    ///
    /// # Cancel safety
    /// Cancel-safe: it changes nothing.
    pub async fn until(&self, mut done: impl FnMut(&Self) -> bool) {
        let mut changed = self.watch();
        loop {
            changed.borrow_and_update();
            if done(self) {
                return;
            }
            let next = self.with(|world, _| world.next_tick());
            // Both are cancel-safe: a change is seen by its number, a sleep is
            // measured anew.
            tokio::select! {
                biased;
                _ = changed.changed() => {}
                () = self.sleep(next) => {}
            }
        }
    }

    /// Performs one call through whatever goes wrong.
    ///
    /// # Cancel safety
    /// Dropping it is a caller that goes away: what was executed stays, what
    /// hangs before its execution is executed when released.
    pub async fn perform(&self, method: &str, params: Value) -> Delivery {
        let id = self.with(|world, now| world.arrive(method, params, now));
        let mut guard = Caller {
            api: self,
            id: Some(id),
        };
        loop {
            // Listening before it looks: no change in between is missed.
            let mut woken = pin!(self.woken.notified());
            woken.as_mut().enable();
            match self.with(|world, now| world.advance(id, now)) {
                Progress::Done(delivery) => {
                    guard.id = None;
                    return delivery;
                }
                // Both are cancel-safe: the call is looked at again.
                Progress::Wait(until) => tokio::select! {
                    biased;
                    () = woken => {}
                    () = self.sleep(until) => {}
                },
            }
        }
    }

    /// Downloads a file, through whatever goes wrong (method `download`).
    pub async fn download(&self, path: &str) -> Delivered {
        let params = serde_json::json!({ "file_path": path });
        match self.perform(DOWNLOAD, params).await {
            Delivery::Answer(_) => match self.with(|world, _| world.files.by_path(path)) {
                Some(bytes) => Delivered::File(bytes),
                None => Delivered::Not(Delivery::Refused(Refusal::unknown_method())),
            },
            other => Delivered::Not(other),
        }
    }

    async fn sleep(&self, until: Option<Millis>) {
        match until {
            Some(at) => tokio::time::sleep(duration(at - self.clock.now())).await,
            None => std::future::pending().await,
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut World, Millis) -> T) -> T {
        self.with_at(self.clock.now(), act)
    }

    fn with_at<T>(&self, now: Millis, act: impl FnOnce(&mut World, Millis) -> T) -> T {
        let (result, confirmed, revision) = {
            let mut world = lock(&self.world);
            world.tick(now);
            let result = act(&mut world, now);
            (result, world.take_confirmed(), world.revision)
        };
        if !confirmed.is_empty() {
            // Outside the world's lock: the hook may take its time.
            let hook = lock(&self.on_confirm).clone();
            if let Some(hook) = hook {
                hook(self.bot.id, &confirmed);
            }
        }
        let grown = self.changed.send_if_modified(|seen| {
            let grown = revision > *seen;
            *seen = revision.max(*seen);
            grown
        });
        if grown {
            self.woken.notify_waiters();
        }
        result
    }
}

/// What became of a download.
#[derive(Debug, Clone, PartialEq)]
pub enum Delivered {
    /// The file.
    File(Bytes),
    /// No file.
    Not(Delivery),
}

/// Tells the core when a caller goes away in mid-call.
struct Caller<'a> {
    api: &'a BotApi,
    id: Option<CallId>,
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.api.with(|world, _| world.abandon(id));
        }
    }
}

/// A panic elsewhere (an assertion of a test's hook) must not hide behind a
/// poisoned lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
