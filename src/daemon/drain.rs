//! The stop, rung by rung (see `shutdown/ladder.rs` for the limits).
//!
//! Nothing here can lose anything: whatever a rung does not finish in its time
//! is stored and left to the successor.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::receipts::{self, Left};
use super::{Daemon, Lines, notices, operators};
use crate::config::OnStop;
use crate::death::{self, Moment};
use crate::domain::operator::life::Heir;
use crate::domain::phase::Phase;
use crate::grouper::Closing;
use crate::shutdown::ladder::{self, Progress};
use crate::shutdown::{ExitCode, Kind, Ladder, Rung};

/// How often the service manager hears who is left.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// How often a drain looks for a successor.
const LOOK: Duration = Duration::from_millis(250);

/// How long the last webhook connections that are turned away may take.
const DOORMAN: Duration = Duration::from_millis(50);

/// What must have ended before the store may be closed.
const WORK: [Kind; 6] = [
    Kind::Timer,
    Kind::Turn,
    Kind::Sender,
    Kind::Preview,
    Kind::Typing,
    Kind::Control,
];

/// What of it can bring forth something to send.
const BEHIND_SENDERS: [Kind; 5] = [
    Kind::Timer,
    Kind::Turn,
    Kind::Preview,
    Kind::Typing,
    Kind::Control,
];

/// How often a drain looks whether senders have but notices left.
const ASK: Duration = Duration::from_millis(100);

/// How long it waits then for calls that are under way.
const UNDER_WAY: Duration = Duration::from_secs(1);

/// How long the replies to the last orders may take.
const ORDERED: Duration = Duration::from_secs(1);

/// Climbs the ladder and returns the code the process ends with.
pub(super) async fn run(daemon: &Daemon) -> ExitCode {
    let shutdown = &daemon.shutdown;
    let ladder = Ladder::new(shutdown.limits());
    let rung = |rung: Rung| {
        let since = shutdown.since_signal();
        shutdown.report().rung(rung, since);
        daemon.seeing.rung(rung, since);
        death::at(moment_of(rung));
    };

    daemon.systemd.stopping("draining");
    tracing::info!(cause = ?shutdown.cause(), "draining");
    let committed = daemon.store.set_phase(daemon.instance, "draining");
    let _ = timeout(ladder.limit(Rung::Signal), committed).await;
    rung(Rung::Signal);

    if let Err(error) = daemon.store.release_intake().await {
        tracing::warn!(%error, "failed to release the lease");
    }
    rung(Rung::Intake);

    // Webhook requests wait for this answer, so a busy store gets time for it:
    // a "no" would turn them away.
    let successor = timeout(
        ladder.limit(Rung::Feeders),
        daemon.store.successor(daemon.instance),
    )
    .await
    .is_ok_and(|answer| answer.unwrap_or(false));
    meet(daemon, successor);
    let feeders = timeout(
        ladder.limit(Rung::Feeders),
        daemon.tasks.wait(&[Kind::Feeder]),
    );
    let mut late = None;
    if successor {
        // What they still bring in is the successor's.
        late = Some(feeders);
    } else {
        let _ = feeders.await;
    }
    rung(Rung::Feeders);

    let park = successor || daemon.config.shutdown.on_stop == OnStop::Park;
    if park {
        // Those that wait for a slot too.
        daemon.runner.close();
    } else {
        let waking = daemon.wake_all_waiting();
        let _ = timeout(ladder.limit(Rung::Grouper), waking).await;
    }
    daemon
        .grouper
        .close(if park { Closing::Park } else { Closing::Flush });
    rung(Rung::Grouper);

    // Whoever comes need not wait for the end of this one.
    operators::leave_errands(daemon).await;
    let work = async {
        if let Some(feeders) = late {
            let _ = feeders.await;
        }
        at_rest(daemon).await;
    };
    let finished = tokio::select! {
        biased;
        () = work => true,
        () = shutdown.work().cancelled() => false,
        never = ladder::report_every(SAY_EVERY, || progress(daemon), |left| {
            daemon.systemd.going_on(&left.to_string(), SAY_EVERY * 2);
            tracing::info!("{left}");
        }) => match never {},
        never = watch_for_successor(daemon) => match never {},
        never = receipts::while_draining(daemon, left_by(park, successor)) => match never {},
    };
    if finished {
        // What was ordered last is replied to, too; where not, by the next.
        let _ = timeout(ORDERED, async {
            operators::obey(daemon).await;
            at_rest(daemon).await;
        })
        .await;
    }
    rung(Rung::Turns);

    if !finished {
        shutdown.report().early();
        daemon.runner.close();
        let _ = timeout(ladder.limit(Rung::Abort), daemon.tasks.wait(&WORK)).await;
        rung(Rung::Abort);
    }
    daemon.runner.close();
    let heir = match successor {
        true => Heir::Running,
        false => Heir::NextStart,
    };
    operators::bid_farewell(daemon, finished, heir).await;
    let cut = shutdown.work().is_cancelled();
    shutdown.work().cancel();

    shutdown.enter(Phase::Closing);
    receipts::last_look(daemon).await;
    daemon.keep_stop(ladder.limit(Rung::Signal)).await;
    notices::last_word(daemon).await;
    close(daemon, ladder.limit(Rung::Close), cut).await;
    daemon.seeing.close().await;
    // Whoever was accepted by the doorman gets his answer.
    let _ = timeout(DOORMAN, daemon.tasks.wait(&[Kind::Doorman])).await;
    rung(Rung::Close);
    if let Ok(report) = serde_json::to_value(shutdown.last_words()) {
        daemon.farewell.say(report).await;
    }
    daemon.tasks.close();
    let code = match daemon.lines {
        Lines::Printed => shutdown.finish(),
        Lines::Silent => {
            shutdown.enter(Phase::Stopped);
            shutdown.report().exit_code()
        }
    };
    tracing::info!(code = code.code(), "stopped");
    code
}

/// Waits until nothing is in work. What operators and other programs want to be
/// said is left to whoever comes: no stop waits for it, however long Telegram
/// wants it to wait, but for a call that is under way.
async fn at_rest(daemon: &Daemon) {
    let rest = daemon.tasks.wait(&WORK);
    let notices_left = async {
        loop {
            daemon.tasks.wait(&BEHIND_SENDERS).await;
            if !operators::leave_errands(daemon).await {
                let _ = timeout(UNDER_WAY, daemon.tasks.wait(&WORK)).await;
                // It may have brought forth more than its end.
                if !operators::leave_errands(daemon).await {
                    return;
                }
            }
            sleep(ASK).await;
        }
    };
    tokio::select! {
        biased;
        () = rest => {}
        () = notices_left => {}
    }
}

/// Whether somebody goes on with what this process leaves.
fn left_by(park: bool, successor: bool) -> Left {
    match (park, successor) {
        (true, false) => Left::ToNobodyYet,
        _ => Left::Looked,
    }
}

/// The fail point at the end of a rung.
fn moment_of(rung: Rung) -> Moment {
    match rung {
        Rung::Signal => Moment::DrainSignal,
        Rung::Intake => Moment::DrainIntake,
        Rung::Feeders => Moment::DrainFeeders,
        Rung::Grouper => Moment::DrainGrouper,
        Rung::Turns => Moment::DrainTurns,
        Rung::Abort => Moment::DrainAbort,
        Rung::Close => Moment::DrainClose,
    }
}

/// A successor may come while we drain, and one that is there may die: then what
/// arrives is kept for the next, which finds the rest in the store.
async fn watch_for_successor(daemon: &Daemon) -> Infallible {
    loop {
        sleep(LOOK).await;
        if let Ok(successor) = daemon.store.successor(daemon.instance).await {
            meet(daemon, successor);
        }
    }
}

/// With a successor what arrives is its own from now on; and it may cut what
/// runs here (a Stop, an edit), which the sweep, ended with the intake, no
/// longer finds out.
fn meet(daemon: &Daemon, successor: bool) {
    daemon.intake.is_succeeded(successor);
    if successor {
        daemon.others.send_replace(true);
    }
}

/// Frees what is still ours and writes the store back.
///
/// Where work was cut, what is left was left too early.
async fn close(daemon: &Daemon, limit: Duration, cut: bool) {
    match timeout(limit, daemon.store.leave(daemon.instance)).await {
        Ok(Ok(left)) => {
            daemon.shutdown.report().parked(left.parked);
            daemon.shutdown.report().uncertain(left.uncertain);
            // What Telegram paused beyond the end is left too early, too, and so
            // is a part of which nobody has found out whether it arrived.
            let cut_off = cut && left != crate::store::Left::default();
            if cut_off || left.unsent + left.uncertain > 0 {
                daemon.shutdown.report().early();
            }
            if left != crate::store::Left::default() {
                tracing::info!(
                    turns.parked = left.parked,
                    parts.unsent = left.unsent,
                    parts.uncertain = left.uncertain,
                    "left for the next instance"
                );
            }
        }
        // Everything is stored, but not as a drain leaves it: the next start
        // takes it over as from the dead.
        Ok(Err(error)) => {
            tracing::warn!(%error, "failed to free what was ours");
            daemon.shutdown.report().early();
        }
        Err(_) => {
            tracing::warn!("the store did not answer in time");
            daemon.shutdown.report().early();
        }
    }
    match timeout(limit, daemon.close.close()).await {
        Ok(Ok(())) => death::at(Moment::StoreClosed),
        Ok(Err(error)) => tracing::warn!(%error, "failed to write the store back"),
        Err(_) => tracing::warn!("the store was not written back in time"),
    }
}

fn progress(daemon: &Daemon) -> Progress {
    let (turns, oldest) = daemon.runner.census();
    Progress {
        turns,
        oldest,
        parts: daemon.sender.len(),
        left: daemon.shutdown.left(),
    }
}
