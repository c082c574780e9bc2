//! Accepting, and setting going what was accepted.
//!
//! The store commits first; only then are grouper, outbox and running turns
//! woken. A wake that is lost costs time, never a message.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{Notify, watch};

use crate::bell::Bell;
use crate::clock::Clock;
use crate::domain::admission::Policy;
use crate::domain::ids::InstanceId;
use crate::domain::metric;
use crate::domain::operator::alarm::Cause;
use crate::domain::phase::Phase;
use crate::domain::update::Connection;
use crate::grouper::Grouper;
use crate::intake::{Accept, IntakeState, Met, Refusal};
use crate::ops::health::Role;
use crate::ops::status;
use crate::pulse::{Organ, Pulse};
use crate::reply::sender::Sender;
use crate::shutdown::{Kind, Shutdown, Tasks};
use crate::store::{Accepted, Availability, PressReply, Store};
use crate::telegram::{Telegram, methods};
use crate::turn::Runner;

mod vitals;

use vitals::Vitals;

/// What the intake works with.
pub(super) struct Parts {
    pub(super) instance: InstanceId,
    pub(super) store: Arc<dyn Store>,
    pub(super) telegram: Arc<dyn Telegram>,
    pub(super) grouper: Grouper,
    pub(super) sender: Sender,
    pub(super) runner: Runner,
    pub(super) tasks: Tasks,
    pub(super) shutdown: Shutdown,
    pub(super) pulse: Pulse,
    pub(super) buffer: u64,
    pub(super) clock: Clock,
    /// Rings for operators.
    pub(super) bell: Bell,
    /// Counts up when something may look different.
    pub(super) changes: Arc<watch::Sender<u64>>,
}

/// Makes updates durable and wakes whoever goes on with them.
pub struct Intake {
    parts: Parts,
    policy: watch::Sender<Option<Arc<Policy>>>,
    /// Messages accepted since the backlog was counted, and that count.
    accepted: AtomicU64,
    backlog: AtomicU64,
    /// Whether another live instance takes over; `None` while nobody knows.
    successor: watch::Sender<Option<bool>>,
    /// The store does not take what is written.
    store_away: AtomicBool,
    vitals: Vitals,
    /// An operator has ordered something that the daemon has a part in, or a
    /// broadcast: hints, each for the one who waits for it.
    pub(super) orders: Notify,
    pub(super) broadcasts: Notify,
}

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake").finish_non_exhaustive()
    }
}

impl Intake {
    pub(super) fn new(parts: Parts) -> Self {
        Self {
            parts,
            policy: watch::Sender::new(None),
            accepted: AtomicU64::new(0),
            backlog: AtomicU64::new(0),
            successor: watch::Sender::new(None),
            store_away: AtomicBool::new(false),
            vitals: Vitals::default(),
            orders: Notify::new(),
            broadcasts: Notify::new(),
        }
    }

    /// From now on updates are judged by this policy.
    pub(super) fn judge_by(&self, policy: Policy) {
        self.policy.send_replace(Some(Arc::new(policy)));
    }

    /// Who we are, once that is known.
    pub(super) fn bot(&self) -> Option<crate::domain::address::BotUser> {
        self.policy
            .borrow()
            .as_ref()
            .map(|policy| policy.bot.clone())
    }

    /// Whether another live instance takes over what still arrives here.
    pub(super) fn is_succeeded(&self, successor: bool) {
        self.successor.send_replace(Some(successor));
    }

    /// Pauses or goes on with the store.
    pub(super) fn store_is(&self, availability: Availability) {
        let away = availability == Availability::Unavailable;
        self.store_away.store(away, Ordering::Release);
    }

    /// Counts what waits unclaimed; called now and then, for the count is too
    /// dear for every batch.
    pub(super) async fn recount(&self) {
        let since = self.accepted.swap(0, Ordering::AcqRel);
        if since == 0 && self.backlog.load(Ordering::Acquire) == 0 {
            return;
        }
        match self.parts.store.backlog(self.parts.buffer + 1).await {
            Ok(waiting) => {
                self.backlog.store(waiting, Ordering::Release);
                let full = if waiting >= self.parts.buffer {
                    1.0
                } else {
                    0.0
                };
                metrics::gauge!(metric::INTAKE_PAUSED, "reason" => "full").set(full);
            }
            Err(error) => tracing::debug!(%error, "failed to count the backlog"),
        }
    }

    /// Stores what Telegram says of a business connection.
    pub(super) async fn connect(&self, connection: Connection) {
        let Some(policy) = self.policy.borrow().clone() else {
            return;
        };
        let parts = &self.parts;
        match parts
            .store
            .connect(parts.instance, connection, policy)
            .await
        {
            Ok(accepted) => self.wake(accepted),
            Err(error) => tracing::debug!(%error, "failed to keep a connection"),
        }
    }

    /// Messages that wait unclaimed, as counted lately.
    pub(super) fn waiting(&self) -> u64 {
        self.backlog.load(Ordering::Acquire) + self.accepted.load(Ordering::Acquire)
    }

    /// How updates come in.
    pub(super) fn vitals(&self, transport: &str, role: Role, phase: Phase) -> status::Intake {
        let paused = match (self.state(), role, phase) {
            (IntakeState::Draining { .. }, ..) => Some("draining"),
            (_, _, Phase::Starting) => Some("starting"),
            (_, Role::Standby, _) => Some("standby"),
            _ if self.bot().is_none() => Some("identity"),
            (IntakeState::Unavailable, ..) => Some("store"),
            (IntakeState::Full, ..) => Some("full"),
            (IntakeState::Open, ..) => None,
        };
        self.vitals.told(transport, paused)
    }

    fn wake(&self, accepted: Accepted) {
        let parts = &self.parts;
        parts.changes.send_modify(|count| *count += 1);
        for turn in accepted.cut {
            parts.runner.cut(turn);
        }
        for due in accepted.due {
            parts.grouper.touch(due);
        }
        if accepted.ordered {
            self.orders.notify_one();
            self.broadcasts.notify_one();
        }
        for chat in accepted.outbox {
            parts.sender.touch(chat);
        }
        for press in accepted.presses {
            self.acknowledge(press);
        }
        if let Some(person) = accepted.claimed_by {
            tracing::info!(user.id = person.0, "the bot was claimed");
        }
    }

    /// Ends the waiting sign of a pressed button. Nothing depends on it.
    fn acknowledge(&self, press: PressReply) {
        let telegram = Arc::clone(&self.parts.telegram);
        self.parts.tasks.spawn(Kind::Typing, "press", async move {
            let answer = methods::answer_callback_query(&press.query_id, press.text.as_deref());
            if let Err(error) = telegram.call(answer).await {
                tracing::debug!(%error, "failed to acknowledge a button");
            }
        });
    }
}

#[async_trait]
impl Accept for Intake {
    async fn accept(&self, batch: Vec<Bytes>) -> Result<(), Refusal> {
        let Some(policy) = self.policy.borrow().clone() else {
            return Err(Refusal::Draining);
        };
        let begun = tokio::time::Instant::now();
        let sent_at = batch.last().and_then(vitals::sent_at);
        let stored = {
            let _busy = self.parts.pulse.busy(Organ::Store);
            self.parts
                .store
                .accept(self.parts.instance, batch, policy)
                .await
        };
        let accepted = match stored {
            Ok(accepted) => {
                self.vitals.stored(sent_at, self.parts.clock.now());
                accepted
            }
            Err(error) => {
                metrics::counter!(metric::STORE_ERRORS, "class" => "accept").increment(1);
                return Err(error.into());
            }
        };
        metrics::histogram!(metric::ACCEPT_SECONDS).record(begun.elapsed().as_secs_f64());
        for lag in &accepted.lags {
            metrics::histogram!(metric::INTAKE_LAG_SECONDS).record(lag.as_secs_f64());
        }
        metrics::counter!(metric::UPDATES_DUPLICATE).increment(accepted.duplicates as u64);
        metrics::counter!(metric::UPDATES_UNPARSED).increment(accepted.unparsed as u64);
        self.accepted
            .fetch_add(accepted.stored as u64, Ordering::AcqRel);
        self.wake(accepted);
        Ok(())
    }

    fn state(&self) -> IntakeState {
        if self.parts.shutdown.is_stopping() {
            return IntakeState::Draining {
                successor: *self.successor.borrow() == Some(true),
            };
        }
        if self.store_away.load(Ordering::Acquire) {
            return IntakeState::Unavailable;
        }
        if self.waiting() >= self.parts.buffer {
            return IntakeState::Full;
        }
        IntakeState::Open
    }

    async fn has_successor(&self) -> bool {
        let mut successor = self.successor.subscribe();
        // Never fails: the sender is ours.
        let known = successor.wait_for(Option::is_some).await;
        known.is_ok_and(|known| *known == Some(true))
    }

    fn met(&self, what: Met) {
        self.vitals.met(what);
        let bell = &self.parts.bell;
        match what {
            Met::Answer => bell.calm(Cause::Token),
            Met::Conflict => bell.ring(Cause::Conflict, 1),
            Met::TokenRefused => bell.ring(Cause::Token, 1),
            Met::Missing(updates) => bell.ring(Cause::Gap, updates),
        }
    }
}
