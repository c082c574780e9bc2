//! The drain matrix with the real binary: every state of a turn × first signal
//! × second signal × deadline reached or not × flush or park × polling or
//! webhook × private chat or group.
//!
//! The cases and what each must come to are those of `drain.rs`, so that a new
//! state or signal is tried here, too. Plain `cargo test` tries a spread of
//! them; `LASTWORD_IT_DRAINS=all` tries all 480.

use std::sync::Arc;
use std::time::Duration;

use lastword::config::OnStop;
use lastword::domain::turn;
use lastword::shutdown::Cause;
use rustix::process::Signal;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::kills::{self, Moment};
use super::{Transport, note, within};
use crate::books::{self, Ledger};
use crate::drain::{self, Case, Obstacle};

/// Worlds at once; they mostly wait.
const AT_ONCE: usize = 6;

/// Every which case plain `cargo test` tries; prime to every number of choices,
/// so that each choice is met with each.
const EVERY: usize = 11;

/// How long what is in the way stays after the signal, when it passes.
const PASSES: Duration = Duration::from_millis(200);

fn signal_of(cause: Cause) -> Signal {
    match cause {
        Cause::Terminate => Signal::TERM,
        Cause::Interrupt => Signal::INT,
        other => unreachable!("no signal: {other:?}"),
    }
}

/// The shortest grace where the deadline is to be reached, else a long one.
fn grace(case: Case) -> &'static str {
    match (case.obstacle, case.second) {
        (Obstacle::Stays, None) => "5s",
        _ => "30s",
    }
}

async fn drain_once(case: Case, transport: Transport) -> Ledger {
    let room = match case.room {
        drain::Room::Private => kills::Room::Private,
        drain::Room::Group => kills::Room::Group,
    };
    let on_stop = match case.on_stop {
        OnStop::Flush => "flush",
        OnStop::Park => "park",
    };
    let settings = [
        ("LASTWORD_SHUTDOWN__GRACE", grace(case)),
        ("LASTWORD_SHUTDOWN__ON_STOP", on_stop),
    ];
    let moment = Moment::Turn(case.state);
    let mut scene = kills::scene_with(transport, room, moment, &settings).await;
    if case.state == turn::State::Gathering {
        scene.hold_model();
    }
    let expected = kills::reach(&scene, moment).await;

    scene.process.signal(signal_of(case.first));
    until_draining(&scene).await;
    if let Some(second) = case.second {
        scene.process.signal(signal_of(second));
    } else if case.obstacle == Obstacle::Passes {
        tokio::time::sleep(PASSES).await;
        scene.real.telegram.clear_faults();
        scene.free_model();
    }
    let exit = scene.process.ended().await;
    let (code, answered) = drain::expected(case);
    let code = i32::from(code.code());
    assert!(
        exit.code == Some(code) || comes_too_late(case) && exit.code == Some(0),
        "{case:?} {exit:?}"
    );
    assert_eq!(exit.line["lost"], 0, "{case:?} {exit:?}");
    let books = scene.real.until("told", |_| true).await;
    let before = super::in_turn(&books, turn::State::Settled);
    assert_eq!(before, answered as u64, "{case:?} {books:?}");

    scene.real.telegram.clear_faults();
    scene.free_model();
    scene.real.let_cut_sends_expire().await;
    scene.process = scene.real.start().await;
    let books = scene.real.until_settled(expected.settled).await;
    let mut ledger = scene.real.ledger("drain matrix", &books);
    ledger.drains = 1;
    ledger.judge();
    assert_eq!(ledger.uncertain_resent, 0, "{case:?}");
    assert_eq!(ledger.paid_twice, 0, "{case:?}");
    let exit = scene.process.stop().await;
    assert_eq!(exit.code, Some(0), "{case:?} {exit:?}");
    ledger
}

/// Whether a second signal can find everything left already: windows that are
/// parked keep nobody.
fn comes_too_late(case: Case) -> bool {
    case.state == turn::State::Gathering && case.on_stop == OnStop::Park
}

/// Until the signal was heard; signals that come too soon after each other are
/// one. An idle process may be gone by then.
async fn until_draining(scene: &kills::Scene) {
    let others = "SELECT count(*) FROM instances WHERE phase <> 'draining'";
    within("draining", async {
        while scene.real.count(others) != Some(0) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_with_real_signals_loses_and_doubles_nothing() {
    let begun = books::now();
    let all = std::env::var("LASTWORD_IT_DRAINS").is_ok_and(|text| text == "all");
    let cases: Vec<(Case, Transport)> = drain::cases()
        .into_iter()
        .flat_map(|case| [Transport::Polling, Transport::Webhook].map(|t| (case, t)))
        .step_by(if all { 1 } else { EVERY })
        .collect();
    let count = cases.len();
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for (case, transport) in cases {
        let slots = Arc::clone(&slots);
        running.spawn(async move {
            let _slot = slots.acquire_owned().await.expect("it is never closed");
            let drained = std::panic::AssertUnwindSafe(drain_once(case, transport));
            let judged = futures_util::FutureExt::catch_unwind(drained).await;
            judged.map_err(|_| format!("{case:?} {transport:?}"))
        });
    }
    let mut sum = Ledger::of("drain matrix");
    let mut failed = Vec::new();
    while let Some(ended) = running.join_next().await {
        match ended.expect("panics are caught inside") {
            Ok(ledger) => sum += &ledger,
            Err(case) => failed.push(case),
        }
    }
    for case in &failed {
        note(&format!("FAILED: {case}"));
    }
    note(&format!("{count} drains"));
    sum.close(begun);
    assert!(failed.is_empty(), "{} of {count} cases", failed.len());
}
