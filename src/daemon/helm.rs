//! The helm of this daemon: its picture, put together, and what an operator
//! does, stored and then told to whom it concerns. Holds no state of its own but
//! what saves the store from being asked too often.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::intake::Intake;
use super::live::Live;
use super::standing::Standing;
use crate::clock::Clock;
use crate::config::Mode;
use crate::domain::ids::{BotId, InstanceId, TurnId};
use crate::domain::phase::Phase;
use crate::grouper::Grouper;
use crate::ops::health::Role;
use crate::ops::helm::Helm;
use crate::ops::status::{self, Status};
use crate::reply::sender::Sender;
use crate::shutdown::{Cause, Shutdown};
use crate::store::desk::{Cancel, Crowd, Desk, Paused, Picture, Replay, Usage};
use crate::store::{Result, Store};
use crate::telemetry::troubles::Troubles;
use crate::turn::Runner;

/// How long a picture waits for the store.
const PATIENCE: Duration = Duration::from_secs(1);

/// What was spent today is added up anew after this long.
const ADD_UP: Duration = Duration::from_secs(5);

/// Troubles older than this are no news, and no more than this are told.
const NEWS: Duration = Duration::from_secs(24 * 3600);
const TROUBLES: usize = 16;

/// Conversations woken by a resume; the sweep finds the rest.
const WAITING: u32 = 1_000;

const DAY_MS: i64 = 24 * 3600 * 1000;

/// What the helm steers.
pub(super) struct Parts {
    pub(super) bot: BotId,
    pub(super) instance: InstanceId,
    pub(super) mode: Mode,
    pub(super) clock: Clock,
    pub(super) begun: Instant,
    pub(super) store: Arc<dyn Store>,
    pub(super) desk: Arc<dyn Desk>,
    pub(super) runner: Runner,
    pub(super) sender: Sender,
    pub(super) grouper: Grouper,
    pub(super) intake: Arc<Intake>,
    pub(super) live: Arc<Live>,
    pub(super) shutdown: Shutdown,
    pub(super) standing: Standing,
    pub(super) troubles: Troubles,
    pub(super) changes: Arc<watch::Sender<u64>>,
}

pub(super) struct AtTheHelm {
    parts: Parts,
    spent: Mutex<Option<(Instant, Usage)>>,
}

impl std::fmt::Debug for AtTheHelm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AtTheHelm").finish_non_exhaustive()
    }
}

impl AtTheHelm {
    pub(super) fn new(parts: Parts) -> Self {
        Self {
            parts,
            spent: Mutex::default(),
        }
    }

    fn changed(&self) {
        self.parts.changes.send_modify(|count| *count += 1);
    }

    /// What waits begins now, where this instance is the one that begins it.
    async fn wake(&self) {
        if !self.parts.standing.is_active() {
            return;
        }
        match self.parts.store.waiting(WAITING).await {
            Ok(waiting) => waiting.into_iter().for_each(|due| {
                self.parts.grouper.touch(due);
            }),
            Err(error) => tracing::debug!(%error, "failed to look for what is due"),
        }
    }

    async fn spent(&self) -> Result<Usage> {
        let known = *self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, usage)) = known
            && at.elapsed() < ADD_UP
        {
            return Ok(usage);
        }
        let today = self.parts.clock.now().rem_euclid(DAY_MS).unsigned_abs();
        let usage = self.parts.desk.usage(Duration::from_millis(today)).await?;
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        *spent = Some((Instant::now(), usage));
        Ok(usage)
    }

    async fn look(&self) -> Result<(Picture, Usage)> {
        Ok((self.parts.desk.picture().await?, self.spent().await?))
    }

    fn drain_of(&self, running: Crowd) -> Option<status::Drain> {
        let parts = &self.parts;
        parts.shutdown.is_stopping().then(|| status::Drain {
            turns: running.count,
            oldest_ms: running.oldest_ms,
            chats: parts.sender.len() as u64,
            deadline_in_ms: whole(parts.shutdown.left()),
        })
    }
}

#[async_trait]
impl Helm for AtTheHelm {
    async fn status(&self) -> Status {
        let parts = &self.parts;
        let looked = match timeout(PATIENCE, self.look()).await {
            Ok(Ok(looked)) => Some(looked),
            Ok(Err(_)) | Err(_) => None,
        };
        let fresh = looked.is_some();
        let (picture, today) = looked.unwrap_or_default();
        let role = parts.standing.role();
        let phase = *parts.shutdown.phase().borrow();
        let (running, oldest) = parts.runner.census();
        let running = Crowd {
            count: running as u64,
            oldest_ms: oldest.map_or(0, whole),
        };
        let retry_in = parts.live.breaker().retry_in(Instant::now());
        let part = |state: &str| picture.parts.get(state).copied().unwrap_or(0);
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            instance: name_of(parts.instance),
            bot: parts.bot.0,
            username: parts.intake.bot().map(|bot| bot.username),
            role,
            phase,
            uptime_ms: whole(parts.begun.elapsed()),
            store: *parts.store.availability().borrow(),
            fresh,
            outbox: status::Outbox {
                planned: part("planned"),
                sending: part("sending"),
                uncertain: part("uncertain"),
            },
            lease: lease(&picture, role, parts.instance),
            paused: picture.paused,
            oldest_waiting_ms: picture.oldest_waiting_ms,
            turns: picture
                .turns
                .into_iter()
                .map(|(state, crowd)| (state.to_owned(), crowd))
                .collect(),
            running,
            backlog: parts.intake.waiting(),
            intake: parts.intake.vitals(transport(parts.mode), role, phase),
            breaker: status::Breaker {
                open: parts.live.breaker().is_open(),
                retry_in_ms: retry_in.map(whole),
            },
            troubles: parts.troubles.latest(NEWS, TROUBLES),
            today,
            drain: self.drain_of(running),
            instances: picture.instances,
        }
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.parts.changes.subscribe()
    }

    fn desk(&self) -> Arc<dyn Desk> {
        Arc::clone(&self.parts.desk)
    }

    async fn replay(&self, turn: TurnId) -> Result<Replay> {
        let replayed = self.parts.desk.replay(turn).await?;
        if matches!(replayed, Replay::Begun(_)) {
            tracing::info!(turn.id = turn.0, "replayed by an operator");
            self.wake().await;
            self.changed();
        }
        Ok(replayed)
    }

    async fn cancel(&self, turn: TurnId) -> Result<Cancel> {
        let parts = &self.parts;
        let cancelled = parts.desk.cancel(turn, Some(parts.instance)).await?;
        match cancelled {
            Cancel::Stopped(chat) => parts.sender.touch(chat),
            // Where another instance owns it, that one looks by itself.
            Cancel::Stopping(_) => parts.runner.cut(turn),
            Cancel::Answered | Cancel::Ended(_) | Cancel::Unknown => return Ok(cancelled),
        }
        tracing::info!(turn.id = turn.0, "cancelled by an operator");
        self.changed();
        Ok(cancelled)
    }

    async fn pause(&self, reason: Option<String>) -> Result<Paused> {
        let paused = self.parts.desk.pause(reason).await?;
        tracing::info!("paused: no turn begins until it is resumed");
        self.changed();
        Ok(paused)
    }

    async fn resume(&self) -> Result<Option<Paused>> {
        let ended = self.parts.desk.resume().await?;
        if let Some(paused) = &ended {
            tracing::info!(pause.ms = paused.for_ms, "resumed");
        }
        // Also when there was no pause: somebody else may have ended it.
        self.wake().await;
        self.changed();
        Ok(ended)
    }

    fn drain(&self) {
        self.parts.shutdown.stop(Cause::Asked);
        self.changed();
    }
}

/// How an instance is written everywhere.
fn name_of(instance: InstanceId) -> String {
    format!("{:016x}", instance.0)
}

fn transport(mode: Mode) -> &'static str {
    match mode {
        Mode::Polling => "polling",
        Mode::Webhook => "webhook",
    }
}

/// Who holds the lease: we, or the one that says that it runs.
fn lease(picture: &Picture, role: Role, me: InstanceId) -> Option<String> {
    if role == Role::Active {
        return Some(name_of(me));
    }
    let running = |phase: &str| phase == Phase::Running.as_str();
    let holder = picture.instances.iter().find(|i| running(&i.phase));
    holder.map(|instance| name_of(instance.id))
}

fn whole(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
