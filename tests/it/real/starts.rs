//! Stops and kills in the middle of a start, and at the moment of confirmation.

use std::sync::atomic::Ordering;
use std::time::Duration;

use lastword::domain::turn;
use lastword::playground::bot_api::{BotApi, Fault as Trouble, FaultRule, Outage, Place};
use lastword::playground::offline::Fault;
use rustix::process::Signal;

use super::verdict::Verdict;
use super::{Real, Transport, in_turn, within};

/// Promise P6: a signal before READY is clean within this.
const CLEAN: Duration = Duration::from_secs(2);

/// A store with a turn in every unsettled state a dead process can leave.
async fn unfinished() -> (Real, i64) {
    let real = Real::new(Transport::Polling).await;
    let ann = real.person("Ann");
    real.model.change(|now| now.fault = Fault::HoldAfter(0));
    let mut process = real.start().await;
    real.ask(&Place::private(ann));
    within("the model", real.model.until(|now| now.running == 1)).await;
    real.ask(&Place::private(ann));
    real.until("gathering", |b| in_turn(b, turn::State::Gathering) == 1)
        .await;
    process.kill().await;
    real.model.change(|now| now.fault = Fault::Sound);
    (real, ann)
}

async fn assert_a_start_answers(real: &Real, turns: u64) {
    real.let_cut_sends_expire().await;
    let mut process = real.start().await;
    let books = real.until_settled(turns).await;
    let verdict = real.verdict(&books);
    assert_eq!(verdict, Verdict::default());
    let exit = process.stop().await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_can_be_killed_anywhere() {
    let (real, _) = unfinished().await;
    for ms in (0..60).step_by(4) {
        let mut process = real.spawn();
        tokio::time::sleep(Duration::from_millis(ms)).await;
        process.signal(Signal::KILL);
        process.ended().await;
    }
    assert_a_start_answers(&real, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_start_can_be_killed_in_its_migration() {
    let real = Real::new(Transport::Polling).await;
    let ann = real.person("Ann");
    for ms in (0..60).step_by(4) {
        let mut process = real.spawn();
        tokio::time::sleep(Duration::from_millis(ms)).await;
        process.signal(Signal::KILL);
        process.ended().await;
    }
    let mut process = real.start().await;
    real.ask(&Place::private(ann));
    let books = real.until_settled(1).await;
    assert_eq!(real.verdict(&books), Verdict::default());
    assert_eq!(process.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_in_the_middle_of_a_start_is_clean() {
    let (real, _) = unfinished().await;
    for ms in (0..60).step_by(4) {
        let mut process = real.spawn();
        tokio::time::sleep(Duration::from_millis(ms)).await;
        process.signal(if ms % 8 == 0 {
            Signal::TERM
        } else {
            Signal::INT
        });
        let exit = process.ended().await;
        // Before `main` nobody is there to receive it.
        assert!(matches!(exit.code, Some(0) | None), "{exit:?}");
        assert!(exit.took < CLEAN, "{exit:?}");
        assert!(exit.code.is_none() || exit.line["lost"] == 0, "{exit:?}");
    }
    assert_a_start_answers(&real, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_while_telegram_hangs_at_the_start_is_clean() {
    let (real, _) = unfinished().await;
    real.telegram
        .fault(FaultRule::always("getMe", Trouble::HangBefore));
    let mut process = real.spawn();
    within("getMe", real.telegram.until(|t| t.hanging() == 1)).await;
    process.signal(Signal::TERM);
    let exit = process.ended().await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert!(exit.took < CLEAN, "{exit:?}");
    real.telegram.clear_faults();
    assert_a_start_answers(&real, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_while_another_process_migrates_is_clean() {
    let (real, _) = unfinished().await;
    let mut locks = real.store_path().into_os_string();
    locks.push(".locks/migration");
    let file = std::fs::File::options()
        .write(true)
        .open(locks)
        .expect("a start made it");
    file.lock().expect("nobody migrates");
    let mut process = real.spawn();
    // It says nothing there; any moment will do.
    tokio::time::sleep(Duration::from_millis(300)).await;
    process.signal(Signal::TERM);
    let exit = process.ended().await;
    assert_eq!(exit.code, Some(3), "{exit:?}");
    assert!(exit.took < CLEAN, "{exit:?}");
    drop(file);
    assert_a_start_answers(&real, 2).await;
}

/// Promise P8: a Telegram that does not answer keeps nobody from being ready.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_without_telegram_goes_on_when_it_is_back() {
    let (real, _) = unfinished().await;
    real.telegram.set_outage(Outage::Reset);
    let mut process = real.start().await;
    real.telegram.set_outage(Outage::None);
    let books = real.until_settled(2).await;
    assert_eq!(real.verdict(&books), Verdict::default());
    assert_eq!(process.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_at_the_moment_of_confirmation_loses_and_doubles_nothing() {
    for transport in [Transport::Polling, Transport::Webhook] {
        let real = Real::new(transport).await;
        let ann = real.person("Ann");
        let mut process = real.start().await;
        real.kill_at_confirmation
            .store(process.pid(), Ordering::Release);
        real.ask(&Place::private(ann));
        assert_eq!(process.ended().await.code, None);
        assert_a_start_answers(&real, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_between_storing_and_confirming_doubles_nothing() {
    let real = Real::new(Transport::Polling).await;
    let ann = real.person("Ann");
    let mut process = real.start().await;
    let polls = |t: &BotApi| t.counts().get("getUpdates").map_or(0, |n| n.calls);
    within("a poll", real.telegram.until(|t| polls(t) == 1)).await;
    // The poll after the one that brings the message never arrives.
    real.telegram
        .fault(FaultRule::always("getUpdates", Trouble::HangBefore));
    real.ask(&Place::private(ann));
    within("a hanging poll", real.telegram.until(|t| t.hanging() == 1)).await;
    process.kill().await;
    assert_eq!(real.telegram.pending(), 1, "it was not confirmed");
    real.telegram.clear_faults();
    assert_a_start_answers(&real, 1).await;
    assert_eq!(real.telegram.pending(), 0);
}
