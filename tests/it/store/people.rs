//! Who may talk: the claiming link, refusals, and the limit per minute.

use std::collections::BTreeSet;
use std::time::Duration;

use lastword::clock::Clock;
use lastword::domain::admission::{Access, Busy};
use lastword::domain::ids::{ChatId, UserId};
use lastword::store::desk::Desk as _;
use lastword::store::sqlite::SqliteStore;
use lastword::store::{Flush, Next};

use super::stage::{Stage, inline, pass, stores};
use super::talk::{GROUP, mention, migrated, press, private};

async fn unclaimed(stage: &mut Stage) {
    stage.policy.access = Access::Claim;
    let code = stage
        .store
        .value_or("claim_code:42", "s3cret")
        .await
        .expect("the store answers");
    assert_eq!(code, "s3cret");
    assert!(!stage.store.has_operator().await.expect("the store answers"));
}

#[tokio::test]
async fn whoever_opens_the_link_first_becomes_operator() {
    for mut stage in stores() {
        unclaimed(&mut stage).await;
        let wrong = stage
            .accept(&[private(8, 1, "/start wrong"), private(8, 2, "/start")])
            .await;
        assert_eq!(wrong.claimed_by, None);
        assert_eq!(stage.deliver(ChatId(8)).await, ["<claim invalid>"]);
        let first = stage.accept(&[private(7, 1, "/start s3cret")]).await;
        assert_eq!(first.claimed_by, Some(UserId(7)));
        assert_eq!(stage.deliver(ChatId(7)).await, ["<claimed>"]);
        assert!(stage.store.has_operator().await.unwrap());
        let second = stage.accept(&[private(9, 1, "/start s3cret")]).await;
        assert_eq!(second.claimed_by, None);
        assert_eq!(stage.deliver(ChatId(9)).await, ["<claim invalid>"]);
        let again = stage.accept(&[private(7, 2, "/start s3cret")]).await;
        assert_eq!(again.claimed_by, None);
        assert_eq!(stage.deliver(ChatId(7)).await, ["<greeting>"]);
        stage.hears(private(7, 3, "hello")).await;
        let stranger = stage.accept(&[private(9, 2, "hello")]).await;
        assert!(stranger.due.is_empty());
        assert_eq!(stage.books().await.messages, 1);
    }
}

#[tokio::test]
async fn two_claims_in_one_batch_make_one_operator() {
    for mut stage in stores() {
        unclaimed(&mut stage).await;
        let batch = [
            private(7, 1, "/start s3cret"),
            private(8, 1, "/start s3cret"),
        ];
        assert_eq!(stage.accept(&batch).await.claimed_by, Some(UserId(7)));
        assert_eq!(stage.deliver(ChatId(8)).await, ["<claim invalid>"]);
    }
}

#[tokio::test]
async fn a_value_is_stored_once() {
    for stage in stores() {
        assert_eq!(stage.store.value("k").await.unwrap(), None);
        assert_eq!(stage.store.value_or("k", "a").await.unwrap(), "a");
        assert_eq!(stage.another().store.value_or("k", "b").await.unwrap(), "a");
        assert_eq!(stage.store.value("k").await.unwrap().as_deref(), Some("a"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stranger_is_refused_once_a_day() {
    let mut stage = inline();
    stage.policy.access = Access::List;
    stage.policy.ids = BTreeSet::from([7]);
    let mut refusals = 0;
    for id in 0..50 {
        stage
            .accept(&[private(8, id, "let me in"), private(8, 100 + id, "/help")])
            .await;
        refusals += stage.deliver(ChatId(8)).await.len();
        pass(3_600_000).await;
    }
    assert_eq!(refusals, 3, "50 hours touch three days");
    assert_eq!(stage.books().await.messages, 0);
}

#[tokio::test]
async fn a_strangers_button_is_acknowledged_and_does_nothing() {
    for mut stage in stores() {
        let conversation = stage.hears(mention(GROUP, 7, 1, "a")).await;
        let claim = stage.claim(conversation).await.claim;
        stage.policy.access = Access::List;
        stage.policy.ids = BTreeSet::from([7]);
        let button = format!("stop:{}", claim.turn);
        let accepted = stage.accept(&[press(GROUP, 8, 9, &button)]).await;
        assert!(accepted.cut.is_empty());
        assert_eq!(accepted.presses.len(), 1);
    }
}

#[tokio::test]
async fn a_listed_chat_lets_its_people_in() {
    for mut stage in stores() {
        stage.policy.access = Access::List;
        stage.policy.ids = BTreeSet::from([GROUP]);
        stage.hears(mention(GROUP, 8, 1, "a")).await;
        assert!(stage.accept(&[private(8, 1, "b")]).await.due.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn over_the_limit_messages_wait_and_none_is_dropped() {
    let mut stage = inline();
    stage.policy.per_minute = 3;
    let conversation = stage.hears(private(7, 0, "x")).await;
    for id in 1..7 {
        pass(2500).await;
        stage.accept(&[private(7, id, "x")]).await;
        if let Next::Run(claimed) = stage.ask(conversation, Flush::Due).await {
            stage.answer(&claimed.claim, "ok").await;
            stage.deliver(ChatId(7)).await;
        }
    }
    let told = stage.deliver(ChatId(7)).await;
    assert!(told.len() <= 1, "{told:?}");
    // 15 s have passed: the rest waits for the end of the minute.
    let Next::Wait(wait) = stage.ask(conversation, Flush::Due).await else {
        panic!("the fourth message waits");
    };
    assert_eq!(wait, Duration::from_secs(45));
    let other = stage.hears(private(8, 1, "y")).await;
    pass(2000).await;
    assert!(matches!(stage.ask(other, Flush::Due).await, Next::Run(_)));
    pass(43_000).await;
    let mut heard = 0;
    while let Next::Run(claimed) = stage.ask(conversation, Flush::Due).await {
        heard += claimed.inputs.len();
        stage.answer(&claimed.claim, "ok").await;
        stage.deliver(ChatId(7)).await;
    }
    assert!(heard >= 4, "{heard}");
    assert_eq!(stage.books().await.messages, 8);
}

#[tokio::test(start_paused = true)]
async fn what_is_within_the_limit_does_not_wait_for_what_is_not() {
    let mut stage = inline();
    (stage.policy.per_minute, stage.policy.busy) = (2, Busy::Interrupt);
    let batch: Vec<_> = (0..5).map(|id| private(7, id, "x")).collect();
    let due = stage.accept(&batch).await.due[0];
    assert_eq!(due.after, Duration::ZERO);
    let conversation = due.conversation;
    let Next::Run(running) = stage.ask(conversation, Flush::Due).await else {
        panic!("two messages are within the limit");
    };
    assert_eq!(running.inputs.len(), 2);
    // Nor does it cut short what runs.
    assert!(stage.accept(&[private(7, 9, "x")]).await.cut.is_empty());
    stage.answer(&running.claim, "ok").await;
    stage.deliver(ChatId(7)).await;
    assert!(matches!(
        stage.ask(conversation, Flush::Due).await,
        Next::Wait(_)
    ));
    pass(60_000).await;
    let next = stage.ask(conversation, Flush::Due).await;
    assert!(matches!(next, Next::Run(c) if c.inputs.len() == 4));
}

#[tokio::test(start_paused = true)]
async fn who_is_too_fast_is_told_once_a_minute() {
    let mut stage = inline();
    stage.policy.per_minute = 2;
    let mut told = 0;
    for id in 0..120 {
        stage.accept(&[private(7, id, "x")]).await;
        told += stage.deliver(ChatId(7)).await.len();
        pass(1000).await;
    }
    assert_eq!(told, 2);
    assert_eq!(stage.books().await.messages, 120);
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_makes_nobody_wait_longer_than_the_minute() {
    let mut stage = inline();
    stage.policy.per_minute = 1;
    let conversation = stage.hears(private(7, 1, "a")).await;
    stage.accept(&[private(7, 2, "b")]).await;
    let earlier = stage.with_clock(super::stage::BASE - 3_600_000);
    for _ in 0..2 {
        let next = earlier.ask(conversation, Flush::Due).await;
        let Next::Run(claimed) = next else {
            panic!("it waits: {next:?}");
        };
        earlier.answer(&claimed.claim, "ok").await;
        earlier.deliver(claimed.claim.chat).await;
    }
}

#[tokio::test]
async fn a_group_that_becomes_a_supergroup_is_let_in_or_banned_as_before() {
    const OLD: i64 = -77;
    for mut stage in stores() {
        stage.hears(private(9, 1, "somebody")).await;
        stage.policy.access = Access::List;
        let desk = SqliteStore::visit(&stage.path(), None, Clock::system()).expect("a store");
        desk.allow(OLD).await.expect("it is let in");
        stage.hears(mention(OLD, 8, 1, "before")).await;
        let stranger = stage.accept(&[mention(GROUP, 8, 1, "not yet")]).await;
        assert!(stranger.due.is_empty());
        stage.accept(&[migrated(OLD, GROUP)]).await;
        stage.hears(mention(GROUP, 8, 2, "after")).await;
        // Told twice, as Telegram does, and banned.
        stage.policy.access = Access::Open;
        desk.ban(OLD).await.expect("it is banned");
        stage.accept(&[migrated(OLD, GROUP - 1)]).await;
        stage.accept(&[migrated(OLD, GROUP - 1)]).await;
        let banned = stage.accept(&[mention(GROUP - 1, 8, 3, "banned")]).await;
        assert!(banned.due.is_empty());
        stage.books().await;
    }
}
