//! Everything that looks after the daemon while it runs: the lease and the
//! feeder behind it, the sweep, reloads, the watchdog.
//!
//! Wherever a wait and the stop come at one moment, the stop is seen first.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::Rng as _;
use rand::distr::Alphanumeric;
use tokio::sync::watch;
use tokio::time::sleep;

use super::door::Door;
use super::{Daemon, identity, litter, notices, operators, receipts, recovery};
use crate::config::AccessMode;
use crate::domain::address::BotUser;
use crate::domain::metric;
use crate::domain::phase::Phase;
use crate::intake::gaps::Gaps;
use crate::intake::poller::Poller;
use crate::intake::{ALLOWED_UPDATES, registration};
use crate::ops::systemd::unit::Unit;
use crate::shutdown::{Grace, Kind};
use crate::store::Retention;

/// Between two looks at a lease that another instance holds.
const LEASE: Duration = Duration::from_millis(100);

/// Between two sweeps; the shorter one while other instances live, whose work
/// may become ours.
const SWEEP: Duration = Duration::from_secs(5);
const SWEEP_SHARED: Duration = Duration::from_millis(500);

/// Conversations woken by one sweep.
const WAITING: u32 = 1_000;

/// Between two steps of pruning, and rows of each step.
const PRUNE: Duration = Duration::from_secs(30);
const PRUNE_STEP: u32 = 500;

/// Between two counts of the backlog.
const RECOUNT: Duration = Duration::from_secs(1);

/// Starts them all.
pub(super) fn start(daemon: &Arc<Daemon>, known: Option<BotUser>, door: Option<Door>) {
    let life = Arc::clone(daemon);
    daemon.tasks.spawn(Kind::Ops, "watchdog", async move {
        life.systemd
            .feed_watchdog(&life.pulse, |stuck| {
                for organ in stuck {
                    metrics::counter!(metric::WATCHDOG_WITHHELD, "organ" => organ.as_str())
                        .increment(1);
                }
                tracing::error!(?stuck, "something does not move; the watchdog is not fed");
            })
            .await
    });
    if daemon.systemd.is_there() {
        let grace = Grace::new(daemon.config.shutdown.grace);
        daemon
            .tasks
            .spawn(Kind::Ops, "unit", async move { compare(grace).await });
    }
    let looking = Arc::clone(daemon);
    daemon
        .tasks
        .keep(Kind::Sweep, "sweep", move || sweep(Arc::clone(&looking)));
    let recovering = Arc::clone(daemon);
    daemon.tasks.keep(Kind::Sweep, "recovery", move || {
        recovery::watch(Arc::clone(&recovering))
    });
    let signing = Arc::clone(daemon);
    daemon.tasks.keep(Kind::Sweep, "receipts", move || {
        receipts::watch(Arc::clone(&signing))
    });
    let pruning = Arc::clone(daemon);
    daemon
        .tasks
        .keep(Kind::Sweep, "prune", move || prune(Arc::clone(&pruning)));
    let sweeping = Arc::clone(daemon);
    daemon.tasks.keep(Kind::Sweep, "litter", move || {
        litter::sweep(Arc::clone(&sweeping))
    });
    let importing = Arc::clone(daemon);
    daemon.tasks.keep(Kind::Sweep, "notices", move || {
        notices::watch(Arc::clone(&importing))
    });
    let reloading = Arc::clone(daemon);
    daemon.tasks.keep(Kind::Sweep, "reload", move || {
        reload(Arc::clone(&reloading))
    });
    operators::start(daemon);
    let (identified, identity) = watch::channel(false);
    let asking = Arc::clone(daemon);
    // Without it nothing is ever accepted: begun again after a panic.
    daemon.tasks.keep(Kind::Sweep, "identity", move || {
        identify(Arc::clone(&asking), known.clone(), identified.clone())
    });
    let feeding = Arc::clone(daemon);
    let door = Arc::new(tokio::sync::Mutex::new(door));
    // It holds the lease, which no other instance gets while we live: begun
    // again after a panic.
    daemon.tasks.keep(Kind::Feeder, "intake", move || {
        let (daemon, door) = (Arc::clone(&feeding), Arc::clone(&door));
        let mut identity = identity.clone();
        async move {
            let intake = daemon.shutdown.intake().clone();
            let known = tokio::select! {
                biased;
                () = intake.cancelled() => false,
                identified = identity.wait_for(|known| *known) => identified.is_ok(),
            };
            if known {
                // Free again when whoever had it panicked.
                feed(daemon, &mut *door.lock().await).await;
            }
        }
    });
}

/// Learns who we are, which is what updates are judged by.
async fn identify(daemon: Arc<Daemon>, known: Option<BotUser>, told: watch::Sender<bool>) {
    let user = match known {
        Some(user) => user,
        None => identity::insist(&daemon).await,
    };
    daemon.intake.judge_by(daemon.live.policy(&user));
    daemon.live.explain_privacy(&user);
    let _ = told.send(true);
    let introducing = Arc::clone(&daemon);
    daemon.tasks.spawn(Kind::Sweep, "introduction", async move {
        introduce(&introducing, &user).await;
    });
}

/// Tells Telegram and the operator what they should know; nothing waits for it.
async fn introduce(daemon: &Daemon, user: &BotUser) {
    if daemon.config.access.mode == AccessMode::Claim {
        offer_claim(daemon, user).await;
    }
    daemon.tell_commands().await;
}

/// Prints the link that makes its first opener the operator.
async fn offer_claim(daemon: &Daemon, user: &BotUser) {
    match daemon.store.has_operator().await {
        Ok(true) => return,
        Ok(false) => {}
        Err(error) => return tracing::warn!(%error, "failed to look for an operator"),
    }
    let fresh: String = rand::rng()
        .sample_iter(Alphanumeric)
        .take(24)
        .map(char::from)
        .collect();
    let key = format!("claim_code:{}", user.id);
    match daemon.store.value_or(&key, &fresh).await {
        Ok(code) => tracing::warn!(
            "nobody owns this bot yet: open https://t.me/{}?start={code} to make it yours",
            user.username
        ),
        Err(error) => tracing::warn!(%error, "failed to keep the claim code"),
    }
}

/// Waits for the lease, then brings updates in until the stop. The door is empty
/// where updates are polled for, and once its server has begun.
async fn feed(daemon: Arc<Daemon>, door: &mut Option<Door>) {
    let intake = daemon.shutdown.intake().clone();
    loop {
        if intake.is_cancelled() {
            return;
        }
        match daemon.store.take_intake().await {
            Ok(true) => break,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "failed to look at the lease"),
        }
        let wait = async {
            if let Some(door) = door.as_mut() {
                door.look_again(&daemon).await;
            }
            sleep(LEASE).await;
        };
        tokio::select! {
            biased;
            () = intake.cancelled() => return,
            () = wait => {}
        }
    }
    if intake.is_cancelled() {
        // The stop let go of the lease before we had it.
        let _ = daemon.store.release_intake().await;
        return;
    }
    daemon.become_active().await;
    if daemon.is_webhook() {
        if let Some(waiting) = door {
            let Some(listener) = waiting.open(&daemon).await else {
                return;
            };
            if let Some(door) = door.take() {
                door.server.start(listener);
            }
        }
        let registering = Arc::clone(&daemon);
        // Unregistered it would be deaf, too.
        let registered = daemon.tasks.keep(Kind::Feeder, "registration", move || {
            register(Arc::clone(&registering))
        });
        let _ = registered.await;
    } else {
        let polling = Arc::clone(&daemon);
        let gaps = Arc::default();
        // A panic must not make it deaf.
        let poller = daemon.tasks.keep(Kind::Feeder, "poller", move || {
            poll(Arc::clone(&polling), Arc::clone(&gaps))
        });
        let _ = poller.await;
    }
}

/// Tells Telegram where to deliver, until it has heard it.
async fn register(daemon: Arc<Daemon>) {
    let config = &daemon.config.telegram.webhook;
    let registered = async {
        match registration::webhook_secret(config, daemon.bot, &*daemon.store).await {
            Ok(secret) => {
                registration::register_webhook(
                    &*daemon.telegram,
                    config,
                    &secret,
                    ALLOWED_UPDATES,
                    daemon.seed(),
                )
                .await;
            }
            Err(error) => tracing::error!(%error, "failed to read the webhook's secret"),
        }
    };
    tokio::select! {
        biased;
        () = daemon.shutdown.intake().cancelled() => {}
        () = registered => {}
    }
}

/// Removes what a webhook would take away from us, then polls until the stop.
async fn poll(daemon: Arc<Daemon>, gaps: Arc<Mutex<Gaps>>) {
    tokio::select! {
        biased;
        () = daemon.shutdown.intake().cancelled() => return,
        () = registration::clear_webhook(&*daemon.telegram, daemon.seed()) => {}
    }
    Poller::new(
        Arc::clone(&daemon.telegram),
        Arc::clone(&daemon.intake) as _,
        &daemon.shutdown,
        &daemon.pulse,
        &gaps,
        daemon.seed(),
    )
    .run()
    .await;
}

/// Finds what is due and nobody is looking after, and what the dead have left.
async fn sweep(daemon: Arc<Daemon>) {
    let intake = daemon.shutdown.intake().clone();
    let mut last_count = tokio::time::Instant::now();
    loop {
        let shared = match daemon.store.others(daemon.instance).await {
            Ok(others) => !others.is_empty(),
            Err(_) => *daemon.others.borrow(),
        };
        daemon.others.send_if_modified(|known| {
            let changed = *known != shared;
            *known = shared;
            changed
        });
        // Also when nobody else is left: whoever went last may have left parts
        // that belong to nobody.
        daemon.take_over().await;
        if daemon.standing.is_active() {
            daemon.wake_waiting(WAITING).await;
            daemon.meet_connections().await;
        }
        daemon.wake_unsent().await;
        let period = if shared { SWEEP_SHARED } else { SWEEP };
        let until = tokio::time::Instant::now() + period;
        loop {
            if last_count.elapsed() >= RECOUNT {
                daemon.intake.recount().await;
                last_count = tokio::time::Instant::now();
            }
            let now = tokio::time::Instant::now();
            if now >= until {
                break;
            }
            tokio::select! {
                biased;
                () = intake.cancelled() => return,
                () = sleep((until - now).min(RECOUNT)) => {}
            }
        }
    }
}

async fn prune(daemon: Arc<Daemon>) {
    let keep = Retention {
        updates: daemon.config.store.keep_updates,
        requests: daemon.config.store.keep_requests,
        failed: daemon.config.store.keep_failed,
    };
    let intake = daemon.shutdown.intake().clone();
    loop {
        let pause = match daemon.store.prune(keep, PRUNE_STEP).await {
            // More to do: soon, but not at once, for people come first.
            Ok(gone) if gone >= u64::from(PRUNE_STEP) => Duration::from_millis(100),
            Ok(_) => PRUNE,
            Err(error) => {
                tracing::debug!(%error, "failed to prune");
                PRUNE
            }
        };
        tokio::select! {
            biased;
            () = intake.cancelled() => return,
            () = sleep(pause) => {}
        }
    }
}

/// Says once when the unit's limit and the grace disagree. The daemon asks for
/// more time while it drains, so nothing is cut; but a drain whose runtime hangs
/// cannot ask.
async fn compare(grace: Grace) {
    let Some(unit) = Unit::of_process() else {
        return;
    };
    if let Ok(limits) = unit.limits().await
        && let Some(disagreement) = limits.disagreement(grace)
    {
        tracing::warn!(unit = unit.name(), "{disagreement}");
    }
}

/// SIGHUP: takes over what may change and says what needs a restart.
async fn reload(daemon: Arc<Daemon>) {
    let mut asked = daemon.shutdown.reload();
    while asked.changed().await.is_ok() {
        daemon.systemd.reloading();
        // The phase, which a standby keeps, and what the operator should know.
        let phase = daemon.shutdown.phase().borrow().as_str();
        let Some(new) = daemon.reload.reload() else {
            let status = format!("{phase}; configuration not read anew, see the journal");
            daemon.systemd.ready(&status);
            continue;
        };
        let changes = daemon.live.adopt(&new);
        if let Some(user) = daemon.intake.bot() {
            daemon.intake.judge_by(daemon.live.policy(&user));
            daemon.tell_commands().await;
        }
        tracing::info!(
            bot.id = daemon.bot.0,
            applied = ?changes.applied_live,
            needs_restart = ?changes.needs_restart,
            "configuration read anew"
        );
        daemon.systemd.ready(phase);
    }
}

impl Daemon {
    async fn become_active(&self) {
        self.standing.rise();
        self.shutdown.enter(Phase::Running);
        if !self.shutdown.is_stopping() {
            if let Err(error) = self.store.set_phase(self.instance, "running").await {
                tracing::warn!(%error, "failed to store the phase");
            }
            self.systemd.status(Phase::Running.as_str());
        }
        tracing::info!("running");
        self.take_over().await;
        self.wake_waiting(WAITING).await;
    }

    /// Takes over what instances that died have left.
    pub(super) async fn take_over(&self) {
        if self.shutdown.is_stopping() {
            return;
        }
        match self.store.reap(self.instance).await {
            Ok(reaped) => {
                if reaped.unsent + reaped.uncertain + reaped.instances > 0 {
                    self.resume(&reaped).await;
                }
            }
            Err(error) => tracing::debug!(%error, "failed to look for the dead"),
        }
    }

    /// Wakes chats with something to send.
    pub(super) async fn wake_unsent(&self) {
        match self.store.unsent(self.instance).await {
            Ok(chats) => {
                // Those that wait longer are looked for again.
                for (chat, _) in chats.iter().filter(|(_, wait)| wait.is_zero()) {
                    self.sender.touch(*chat);
                }
            }
            Err(error) => tracing::debug!(%error, "failed to look into the outbox"),
        }
        if self.shutdown.is_stopping() {
            return;
        }
        match self.store.touches().await {
            Ok(chats) => chats.into_iter().for_each(|chat| self.sender.touch(chat)),
            Err(error) => tracing::debug!(%error, "failed to look for keyboards"),
        }
    }

    /// Wakes the conversations in which something waits, those too that no
    /// sweep has come to yet: the last chance before a drain runs what it finds.
    pub(super) async fn wake_all_waiting(&self) {
        if self.standing.is_active() {
            self.wake_waiting(u32::MAX).await;
        }
    }

    /// Wakes conversations in which something waits, at most so many.
    async fn wake_waiting(&self, limit: u32) {
        match self.store.waiting(limit).await {
            Ok(waiting) => {
                for due in waiting {
                    self.grouper.touch(due);
                }
            }
            Err(error) => tracing::debug!(%error, "failed to look for what is due"),
        }
    }
}
