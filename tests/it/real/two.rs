//! Two processes over one store: the roll, the standby, the orphans.

use std::time::Duration;

use lastword::domain::turn;
use lastword::playground::bot_api::{BotApi, Place};
use lastword::playground::offline::Fault;
use rustix::process::Signal;

use super::verdict::Verdict;
use super::{Process, Real, Transport, in_turn, within};

/// Promise P9 says 1 s; the debug build on a busy machine gets more.
const HAND_OVER: Duration = Duration::from_secs(5);

struct Pair {
    real: Real,
    old: Process,
    new: Process,
    ann: i64,
}

/// The old one is at a long completion, the new one stands by.
async fn pair(transport: Transport) -> Pair {
    let real = Real::new(transport).await;
    let ann = real.person("Ann");
    let old = real.start().await;
    old.says("running").await;
    real.model.fail_next(1, Fault::HoldAfter(0));
    real.ask(&Place::private(ann));
    within("the model", real.model.until(|now| now.running == 1)).await;
    real.until("claimed", |b| in_turn(b, turn::State::Claimed) == 1)
        .await;
    let new = real.start().await;
    Pair {
        real,
        old,
        new,
        ann,
    }
}

async fn until_heard(real: &Real, chat: i64) {
    let heard = |t: &BotApi| t.chat(chat).is_some_and(|c| !c.bot_texts().is_empty());
    within("an answer", real.telegram.until(heard)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_takes_over_while_the_old_one_still_answers() {
    for transport in [Transport::Polling, Transport::Webhook] {
        let mut pair = pair(transport).await;
        pair.old.signal(Signal::TERM);
        let signalled = tokio::time::Instant::now();
        let bob = pair.real.person("Bob");
        pair.real.ask(&Place::private(bob));
        until_heard(&pair.real, bob).await;
        let gap = signalled.elapsed();
        assert!(gap < HAND_OVER, "{gap:?}");
        assert!(pair.real.heard(pair.ann).is_empty(), "still at it");
        pair.real.model.release();
        let exit = pair.old.ended().await;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        assert_eq!(exit.line["turns"]["answered"], 1, "{exit:?}");
        assert_eq!(pair.real.heard(pair.ann).len(), 1);
        let books = pair.real.until_settled(2).await;
        assert_eq!(pair.real.verdict(&books), Verdict::default());
        assert!(pair.real.telegram.conflicts() <= 1);
        assert_eq!(pair.real.model.counts().paid_twice(), 0);
        assert_eq!(pair.new.stop().await.code, Some(0));
    }
}

/// What the old one had gathered, and what waits behind its turn, is the new
/// one's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_behind_the_old_ones_turn_is_answered_by_the_new_one() {
    let mut pair = pair(Transport::Polling).await;
    pair.real.ask(&Place::private(pair.ann));
    pair.real.until("accepted", |b| b.messages == 2).await;
    pair.old.signal(Signal::TERM);
    pair.new.says("running").await;
    pair.real.model.release();
    let exit = pair.old.ended().await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let books = pair.real.until_settled(2).await;
    assert_eq!(pair.real.verdict(&books), Verdict::default());
    assert_eq!(pair.new.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_orphans_of_a_killed_instance_are_taken_over_at_once() {
    for transport in [Transport::Polling, Transport::Webhook] {
        let mut pair = pair(transport).await;
        pair.old.kill().await;
        let killed = tokio::time::Instant::now();
        until_heard(&pair.real, pair.ann).await;
        let gap = killed.elapsed();
        assert!(gap < HAND_OVER, "{gap:?}");
        let books = pair.real.until_settled(1).await;
        assert_eq!(pair.real.verdict(&books), Verdict::default());
        assert_eq!(pair.new.stop().await.code, Some(0));
    }
}

/// Also one that waits for an address that the other still holds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_can_be_stopped_and_killed_without_the_other_noticing() {
    for transport in [Transport::Polling, Transport::Webhook] {
        let mut pair = pair(transport).await;
        let exit = pair.new.stop().await;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        assert!(exit.took < Duration::from_secs(2), "{exit:?}");
        pair.new = pair.real.start().await;
        pair.new.kill().await;
        pair.real.model.release();
        let books = pair.real.until_settled(1).await;
        assert_eq!(pair.real.verdict(&books), Verdict::default());
        let exit = pair.old.stop().await;
        assert_eq!(exit.code, Some(0), "{exit:?}");
    }
}

/// A successor that comes only when the old one drains already.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_successor_that_comes_during_the_drain_takes_over() {
    for transport in [Transport::Polling, Transport::Webhook] {
        let mut pair = pair(transport).await;
        assert_eq!(pair.new.stop().await.code, Some(0));
        pair.old.signal(Signal::TERM);
        pair.old.says("draining").await;
        pair.new = pair.real.start().await;
        let bob = pair.real.person("Bob");
        pair.real.ask(&Place::private(bob));
        until_heard(&pair.real, bob).await;
        pair.real.model.release();
        let exit = pair.old.ended().await;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        let books = pair.real.until_settled(2).await;
        assert_eq!(pair.real.verdict(&books), Verdict::default());
        assert_eq!(pair.new.stop().await.code, Some(0));
    }
}

/// Both directions, several times, with people writing all the while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rolling_again_and_again_doubles_nothing() {
    for transport in [Transport::Polling, Transport::Webhook] {
        let real = Real::new(transport).await;
        let people: Vec<i64> = (0..4).map(|n| real.person(&format!("P{n}"))).collect();
        let mut old = real.start().await;
        for _ in 0..4 {
            for person in &people {
                real.ask(&Place::private(*person));
            }
            let new = real.start().await;
            let exit = old.stop().await;
            assert_eq!(exit.code, Some(0), "{exit:?}");
            old = new;
        }
        let asked = 16;
        real.until("accepted", |b| b.messages == asked).await;
        let books = real.until_settled(4).await;
        assert_eq!(real.verdict(&books), Verdict::default());
        assert_eq!(old.stop().await.code, Some(0));
    }
}
