//! Fencing: a superseded claim can write nothing, whatever superseded it.

use std::time::Duration;

use bytes::Bytes;
use lastword::domain::admission::Busy;
use lastword::domain::part::Payload;
use lastword::domain::turn::{Blame, Claim, Standing};
use lastword::store::StoreError;

use super::stage::{Stage, plain_answer, stores};
use super::talk::{edited, press, private};

/// Tries every write a claim allows; none may succeed or leave a trace.
async fn can_write_nothing(stage: &Stage, claim: &Claim) {
    let store = &stage.store;
    let before = (stage.turns().await, stage.books().await);
    let request = store.keep_request(claim, Bytes::from_static(b"x")).await;
    let placeholder = store.plan_placeholder(claim, Payload::plain("…")).await;
    let answer = store.answer(claim, plain_answer("late")).await;
    let notice = Some(Payload::plain("wait"));
    let defer = store
        .defer(claim, Duration::ZERO, Blame::Turn, notice)
        .await;
    let park = store.park(claim).await;
    for result in [request, placeholder, answer, defer, park] {
        assert_eq!(result, Err(StoreError::Fenced));
    }
    assert_eq!(store.standing(claim).await, Ok(Standing::Lost));
    let mut after = (stage.turns().await, stage.books().await);
    for (line, was) in after.0.iter_mut().zip(&before.0) {
        line.age_ms = was.age_ms;
    }
    assert_eq!(after, before);
}

#[tokio::test]
async fn after_an_interrupt() {
    for mut stage in stores() {
        stage.policy.busy = Busy::Interrupt;
        let conversation = stage.hears(private(7, 1, "a")).await;
        let claim = stage.claim(conversation).await.claim;
        let accepted = stage.accept(&[private(7, 2, "b")]).await;
        assert_eq!(accepted.cut, [claim.turn]);
        can_write_nothing(&stage, &claim).await;
        let next = stage.claim(conversation).await.claim;
        can_write_nothing(&stage, &claim).await;
        assert_eq!(stage.store.standing(&next).await, Ok(Standing::Ours));
    }
}

#[tokio::test]
async fn after_an_edit() {
    for stage in stores() {
        let said = private(7, 1, "a");
        let conversation = stage.hears(said.clone()).await;
        let claim = stage.claim(conversation).await.claim;
        stage.accept(&[edited(&said, "b")]).await;
        can_write_nothing(&stage, &claim).await;
    }
}

#[tokio::test]
async fn after_forgetting() {
    for stage in stores() {
        let conversation = stage.hears(private(7, 1, "a")).await;
        let claim = stage.claim(conversation).await.claim;
        let accepted = stage.accept(&[press(7, 7, 9, "forget:yes")]).await;
        assert_eq!(accepted.cut, [claim.turn]);
        can_write_nothing(&stage, &claim).await;
    }
}

#[tokio::test]
async fn after_being_taken_for_dead() {
    for stage in stores() {
        let heir = stage.another().lives("running").await;
        let conversation = stage.hears(private(7, 1, "a")).await;
        let dead = stage.another().lives("running").await;
        let claim = dead.claim(conversation).await.claim;
        drop(dead);
        heir.store.reap(heir.me).await.unwrap();
        can_write_nothing(&stage, &claim).await;
        heir.claim(conversation).await;
        can_write_nothing(&stage, &claim).await;
    }
}

#[tokio::test]
async fn after_its_own_end() {
    for stage in stores() {
        let a = stage.hears(private(7, 1, "a")).await;
        let parked = stage.claim(a).await.claim;
        stage.store.park(&parked).await.unwrap();
        can_write_nothing(&stage, &parked).await;
        let answered = stage.claim(a).await.claim;
        stage.answer(&answered, "once").await;
        can_write_nothing(&stage, &answered).await;
        stage.deliver(answered.chat).await;
        can_write_nothing(&stage, &answered).await;
    }
}

#[tokio::test]
async fn by_the_right_number_in_the_wrong_hands() {
    for stage in stores() {
        let conversation = stage.hears(private(7, 1, "a")).await;
        let claim = stage.claim(conversation).await.claim;
        let owner = stage.another().me;
        can_write_nothing(&stage, &Claim { owner, ..claim }).await;
    }
}
