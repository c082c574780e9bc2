//! Deaths in the middle of a hand-over: the survivor, or a fresh start, goes on.

use std::time::Duration;

use futures_util::future::join_all;
use lastword::playground::bot_api::Place;
use lastword::playground::offline::Fault;
use rustix::process::Signal;
use tokio::net::TcpStream;

use super::verdict::Verdict;
use super::{Process, Real, Transport, note, within};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Old,
    New,
    Both,
}

/// Milliseconds after the signal of the roll: before, while and after the lease
/// moves (100 ms at the latest when nothing else runs).
const MOMENTS: [u64; 7] = [0, 5, 20, 50, 90, 130, 250];

/// Ann's answer is under way at the old one; the new one stands by.
async fn roll(transport: Transport) -> (Real, Process, Process, i64) {
    let real = Real::new(transport).await;
    let ann = real.person("Ann");
    let old = real.start().await;
    old.says("running").await;
    real.model.change(|now| now.fault = Fault::HoldAfter(0));
    real.ask(&Place::private(ann));
    within("the model", real.model.until(|now| now.running == 1)).await;
    let new = real.start().await;
    (real, old, new, ann)
}

async fn death(transport: Transport, victim: Victim, after_ms: u64) {
    let case = format!("{transport:?} {victim:?} {after_ms} ms");
    let (real, mut old, mut new, ann) = roll(transport).await;
    let bob = real.person("Bob");
    old.signal(Signal::TERM);
    real.ask(&Place::private(bob));
    tokio::time::sleep(Duration::from_millis(after_ms)).await;
    if victim != Victim::New {
        old.kill().await;
    }
    if victim != Victim::Old {
        new.kill().await;
    }
    real.ask(&Place::private(ann));
    if victim != Victim::Old {
        new = real.start().await;
    }
    real.model.change(|now| now.fault = Fault::Sound);
    real.until("accepted", |b| b.messages == 3).await;
    let books = real.until_settled(3).await;
    assert_eq!(real.verdict(&books), Verdict::default(), "{case}");
    assert_eq!(real.model.counts().paid_twice(), 0, "{case}");
    if victim == Victim::New {
        let exit = old.ended().await;
        assert_eq!(exit.code, Some(0), "{case}: {exit:?}");
    }
    let exit = new.stop().await;
    assert_eq!(exit.code, Some(0), "{case}: {exit:?}");
    note(&case);
}

async fn deaths(transport: Transport) {
    for victim in [Victim::Old, Victim::New, Victim::Both] {
        for some in MOMENTS.chunks(3) {
            join_all(some.iter().map(|ms| death(transport, victim, *ms))).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_dies_in_a_hand_over_nothing_is_lost_when_polling() {
    deaths(Transport::Polling).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_dies_in_a_hand_over_nothing_is_lost_with_a_webhook() {
    deaths(Transport::Webhook).await;
}

/// The old one is killed while the new one still starts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_one_that_dies_while_the_new_one_starts_is_taken_over() {
    for ms in (0..40).step_by(5) {
        let (real, mut old, mut spare, _) = roll(Transport::Polling).await;
        spare.kill().await;
        let mut new = real.spawn();
        tokio::time::sleep(Duration::from_millis(ms)).await;
        old.kill().await;
        real.model.change(|now| now.fault = Fault::Sound);
        let books = real.until_settled(1).await;
        assert_eq!(real.verdict(&books), Verdict::default());
        assert_eq!(new.stop().await.code, Some(0));
    }
}

/// The successor dies while the old one still drains: connections find the
/// socket all the same, and the next start has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_successor_that_dies_leaves_the_socket_to_the_next() {
    let (real, mut old, mut new, ann) = roll(Transport::Webhook).await;
    let address = real.env["LASTWORD_TELEGRAM__WEBHOOK__LISTEN"].clone();
    old.signal(Signal::TERM);
    new.says("running").await;
    new.kill().await;
    for _ in 0..20 {
        let there = TcpStream::connect(&address).await;
        assert!(there.is_ok(), "{there:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    real.ask(&Place::private(ann));
    new = real.start().await;
    real.until("accepted", |b| b.messages == 2).await;
    real.model.change(|now| now.fault = Fault::Sound);
    let books = real.until_settled(2).await;
    assert_eq!(real.verdict(&books), Verdict::default());
    assert_eq!(old.ended().await.code, Some(0));
    assert_eq!(new.stop().await.code, Some(0));
}

/// A standby holds the socket already: not even a `kill -9` of the one that
/// serves refuses a connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_beside_a_standby_refuses_no_connection() {
    let (real, mut old, mut new, _) = roll(Transport::Webhook).await;
    let address = real.env["LASTWORD_TELEGRAM__WEBHOOK__LISTEN"].clone();
    old.kill().await;
    for _ in 0..50 {
        let there = TcpStream::connect(&address).await;
        assert!(there.is_ok(), "{there:?}");
    }
    real.model.change(|now| now.fault = Fault::Sound);
    let books = real.until_settled(1).await;
    assert_eq!(real.verdict(&books), Verdict::default());
    assert_eq!(new.stop().await.code, Some(0));
}
