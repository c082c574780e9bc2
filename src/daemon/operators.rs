//! Operators in Telegram, as far as the daemon has a part in it: orders that
//! need its own state, notices of its life, alerts, and broadcasts on their way.
//!
//! Everything is stored before it is said, and said through the outbox. Nothing
//! here holds up a stop: what is not said in time is said by the successor.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use super::Daemon;
use crate::bell::Heard;
use crate::config::{Alerts, Notices};
use crate::domain::ids::ChatId;
use crate::domain::operator::alarm::Cause;
use crate::domain::operator::life::{End, Farewell, Heir};
use crate::domain::part::Payload;
use crate::shutdown::{ExitCode, Kind};
use crate::store::operators::{Audience, Hearing};
use crate::store::{Availability, Result};

mod disk;
mod status;

pub use disk::{Disk, Room};

/// Between two looks for orders that nobody was woken for.
const ORDERS: Duration = Duration::from_secs(5);

/// Between two steps of a broadcast, and two looks for one.
const STEP: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_secs(30);

/// Between two looks at what has to be said.
const TICK: Duration = Duration::from_secs(10);

/// How long the model's endpoint fails before operators hear of it.
const BREAKER: Duration = Duration::from_secs(300);

/// A store that was away for less is not worth a word.
const AWAY: Duration = Duration::from_secs(10);

/// The good-bye is stored within this, and waited for at most as long as that.
const STORED: Duration = Duration::from_millis(500);
const SENT: Duration = Duration::from_secs(1);

/// Starts everything.
pub(super) fn start(daemon: &Arc<Daemon>) {
    let obeying = Arc::clone(daemon);
    daemon.tasks.keep(Kind::Sweep, "orders", move || {
        carry_out(Arc::clone(&obeying))
    });
    let telling = Arc::clone(daemon);
    daemon.tasks.keep(Kind::Sweep, "operators", move || {
        look_after(Arc::clone(&telling))
    });
    let spreading = Arc::clone(daemon);
    daemon.tasks.keep(Kind::Sweep, "broadcast", move || {
        spread(Arc::clone(&spreading))
    });
}

/// Waits until this instance is the active one; false when the stop comes first.
async fn is_active(daemon: &Daemon) -> bool {
    tokio::select! {
        biased;
        () = daemon.shutdown.intake().cancelled() => false,
        () = daemon.standing.risen() => true,
    }
}

/// Carries out what only a running daemon can, also while it drains.
async fn carry_out(daemon: Arc<Daemon>) {
    if !is_active(&daemon).await {
        return;
    }
    loop {
        // A control at work: a drain waits for it, and for what it has planned.
        let at_work = Arc::clone(&daemon);
        let obeyed = daemon.tasks.spawn(Kind::Control, "order", async move {
            obey(&at_work).await;
        });
        let _ = obeyed.await;
        tokio::select! {
            biased;
            () = daemon.shutdown.work().cancelled() => return,
            ordered = woken(&daemon.intake.orders, ORDERS) => if ordered {
                // A resume, a replay: what waits may begin.
                daemon.wake_all_waiting().await;
            }
        }
    }
}

/// Waits for an order, or for this long; true for an order.
async fn woken(ordered: &Notify, long: Duration) -> bool {
    timeout(long, ordered.notified()).await.is_ok()
}

/// Replies to what was ordered, and drains if that was.
pub(super) async fn obey(daemon: &Daemon) {
    let orders = match daemon.store.take_orders(daemon.instance).await {
        Ok(orders) => orders,
        Err(error) => return tracing::debug!(%error, "failed to look for orders"),
    };
    for order in orders.status {
        let text = status::text(&daemon.helm.status().await);
        let payload = Payload::plain(text);
        match daemon.store.reply(order, payload, daemon.instance).await {
            Ok(Some(chat)) => daemon.sender.touch(chat),
            Ok(None) => {}
            // It is owed still.
            Err(error) => tracing::debug!(%error, "failed to reply to an order"),
        }
    }
    if orders.drain {
        tracing::info!("an operator asks for a drain");
        daemon.helm.drain();
    }
}

/// Plans the messages of a broadcast, a few at a time.
async fn spread(daemon: Arc<Daemon>) {
    if !is_active(&daemon).await {
        return;
    }
    loop {
        if !daemon.reach.is_there() {
            tokio::select! {
                biased;
                () = daemon.shutdown.intake().cancelled() => return,
                () = sleep(STEP) => continue,
            }
        }
        let pause = match daemon.store.spread(daemon.instance).await {
            Ok(spread) => {
                touch(&daemon, spread.chats);
                if spread.goes_on { STEP } else { LOOK }
            }
            Err(error) => {
                tracing::debug!(%error, "failed to go on with a broadcast");
                STEP
            }
        };
        tokio::select! {
            biased;
            () = daemon.shutdown.intake().cancelled() => return,
            () = sleep(STEP), if pause == STEP => {}
            _ = woken(&daemon.intake.broadcasts, pause), if pause != STEP => {}
        }
    }
}

fn touch(daemon: &Daemon, chats: Vec<ChatId>) {
    for chat in chats {
        daemon.sender.touch(chat);
    }
}

/// What is watched from tick to tick.
#[derive(Default)]
struct Watched {
    /// Since when the breaker is open, as seen here.
    breaker: Option<Instant>,
    /// Since when the store takes nothing.
    store: Option<Instant>,
}

/// Says that we are here, listens to the bell, and reminds.
async fn look_after(daemon: Arc<Daemon>) {
    if !is_active(&daemon).await {
        return;
    }
    let work = daemon.shutdown.work().clone();
    while let Err(error) = rise(&daemon).await {
        tracing::debug!(%error, "failed to note that this instance is active");
        tokio::select! {
            biased;
            () = daemon.shutdown.intake().cancelled() => return,
            () = sleep(STEP) => {}
        }
    }
    let mut available = daemon.store.availability();
    let mut watched = Watched::default();
    let mut next = Instant::now();
    loop {
        listen(&daemon).await;
        if Instant::now() >= next && !daemon.shutdown.is_stopping() {
            next = Instant::now() + TICK;
            tick(&daemon, &mut watched).await;
        }
        tokio::select! {
            biased;
            () = work.cancelled() => return,
            () = daemon.bell.rung() => {}
            Ok(()) = available.changed() => {
                let now = *available.borrow_and_update();
                store_is(&daemon, now, &mut watched).await;
            }
            () = tokio::time::sleep_until(next), if !daemon.shutdown.is_stopping() => {}
        }
    }
}

async fn rise(daemon: &Daemon) -> Result<()> {
    // Who died before us is known to be dead by then.
    daemon.take_over().await;
    let audience = notices(daemon, Notices::All);
    let version = env!("CARGO_PKG_VERSION");
    let chats = daemon.store.rise(daemon.instance, version, audience);
    touch(daemon, chats.await?);
    daemon.bell.recall(daemon.store.alarms().await?);
    Ok(())
}

/// Stores what the bell has told.
async fn listen(daemon: &Daemon) {
    for (cause, heard) in daemon.bell.take() {
        match heed(daemon, cause, &heard, Duration::ZERO).await {
            Ok(chats) => touch(daemon, chats),
            Err(error) => {
                tracing::debug!(%error, "failed to note a trouble");
                // Heard with the next tick.
                daemon.bell.put_back(cause, heard);
            }
        }
    }
}

async fn heed(daemon: &Daemon, cause: Cause, heard: &Heard, ago: Duration) -> Result<Vec<ChatId>> {
    let (store, me) = (&daemon.store, daemon.instance);
    let mut chats = Vec::new();
    if heard.times > 0 {
        let (times, detail) = (heard.times, heard.detail.clone());
        let alarm = store.alarm(cause, times, ago, detail, alerts(daemon), me);
        chats = alarm.await?;
    }
    if heard.is_over {
        chats.extend(store.calm(cause, alerts(daemon), me).await?);
    }
    Ok(chats)
}

async fn tick(daemon: &Daemon, watched: &mut Watched) {
    if daemon.live.breaker().is_open() {
        let since = *watched.breaker.get_or_insert_with(Instant::now);
        if since.elapsed() >= BREAKER {
            daemon.bell.ring(Cause::Breaker, 1);
        }
    } else {
        watched.breaker = None;
        daemon.bell.calm(Cause::Breaker);
    }
    match daemon.disk.room() {
        Some(room) if room.is_short() => {
            let detail = Some(room.to_string());
            daemon.bell.ring_with(Cause::Disk, 1, detail);
        }
        Some(room) if room.is_ample() => daemon.bell.calm(Cause::Disk),
        _ => {}
    }
    listen(daemon).await;
    let notices = notices(daemon, Notices::All);
    let reminded = daemon
        .store
        .remind(daemon.instance, notices, alerts(daemon));
    match reminded.await {
        Ok(chats) => touch(daemon, chats),
        Err(error) => tracing::debug!(%error, "failed to look what is to be told"),
    }
}

/// Tells of a time without a store once it is over: before, nothing can be
/// planned.
async fn store_is(daemon: &Daemon, now: Availability, watched: &mut Watched) {
    if now == Availability::Unavailable {
        watched.store.get_or_insert_with(Instant::now);
        return;
    }
    let Some(since) = watched.store else { return };
    let lasted = since.elapsed();
    if lasted >= AWAY {
        let over = Heard {
            times: 1,
            detail: None,
            is_over: true,
        };
        match heed(daemon, Cause::Store, &over, lasted).await {
            Ok(chats) => touch(daemon, chats),
            // Away again: then it is not over.
            Err(_) => return,
        }
    }
    watched.store = None;
}

/// Leaves what a stop does not wait for to whoever comes. Whether there is
/// anything else to be sent; also when nobody can say.
pub(super) async fn leave_errands(daemon: &Daemon) -> bool {
    let left = daemon.store.leave_errands(daemon.instance);
    match timeout(STORED, left).await {
        Ok(Ok(owes)) => owes,
        Ok(Err(error)) => {
            tracing::debug!(%error, "failed to leave notices to the successor");
            true
        }
        Err(_) => true,
    }
}

/// The last word of a drain. Waited for only where somebody is likely to hear.
pub(super) async fn bid_farewell(daemon: &Daemon, finished: bool, heir: Heir) {
    let report = daemon.shutdown.report();
    let farewell = Farewell {
        end: match report.exit_code() {
            ExitCode::Drained => End::Drained,
            _ => End::Early,
        },
        took: daemon.shutdown.since_signal(),
        answered: report.answers(),
        heir,
    };
    let audience = notices(daemon, Notices::Stop);
    let stored = daemon
        .store
        .bid_farewell(daemon.instance, farewell, audience);
    let chats = match timeout(STORED, stored).await {
        Ok(Ok(chats)) => chats,
        Ok(Err(error)) => return tracing::debug!(%error, "failed to store a good-bye"),
        Err(_) => return tracing::debug!("the store took no good-bye in time"),
    };
    let work = daemon.shutdown.work();
    if chats.is_empty() || !finished || work.is_cancelled() || !daemon.reach.is_there() {
        return;
    }
    touch(daemon, chats);
    let most = SENT.min(daemon.shutdown.left() / 2);
    tokio::select! {
        biased;
        () = work.cancelled() => {}
        _ = timeout(most, daemon.tasks.wait(&[Kind::Sender])) => {}
    }
}

/// Whom to tell of our own life.
fn notices(daemon: &Daemon, kind: Notices) -> Audience {
    let operators = daemon.live.operators();
    let told = operators.notices == Notices::All || operators.notices == kind;
    Audience {
        ids: operators.ids,
        hearing: if told && operators.notices != Notices::Off {
            Hearing::Told
        } else {
            Hearing::Withheld
        },
    }
}

/// Whom to alert.
fn alerts(daemon: &Daemon) -> Audience {
    let operators = daemon.live.operators();
    Audience {
        ids: operators.ids,
        hearing: match operators.alerts {
            Alerts::Told => Hearing::Told,
            Alerts::Withheld => Hearing::Withheld,
        },
    }
}
