//! What a message or an edit does while a turn runs.

use bytes::Bytes;
use lastword::domain::admission::Busy;
use lastword::domain::part::Payload;
use lastword::store::{Flush, Next};

use super::stage::{Stage, inline, stores, texts};
use super::talk::{GROUP, edited, mention, private};

fn interrupting() -> Vec<Stage> {
    let mut stages = stores();
    for stage in &mut stages {
        stage.policy.busy = Busy::Interrupt;
    }
    stages
}

#[tokio::test]
async fn an_interrupt_joins_the_running_turn_and_drops_its_request() {
    for stage in interrupting() {
        let conversation = stage.hears(private(7, 1, "a")).await;
        let first = stage.claim(conversation).await.claim;
        stage
            .store
            .keep_request(&first, Bytes::from_static(b"old"))
            .await
            .unwrap();
        let accepted = stage.accept(&[private(7, 2, "b")]).await;
        assert_eq!(accepted.cut, [first.turn]);
        let again = stage.claim(conversation).await;
        assert_eq!(again.claim.turn, first.turn);
        assert_eq!(texts(&again), ["a", "b"]);
        assert_eq!(again.request, None);
        assert_eq!(stage.books().await.messages, 2);
    }
}

#[tokio::test]
async fn after_three_interrupts_messages_queue() {
    for stage in interrupting() {
        let conversation = stage.hears(private(7, 0, "0")).await;
        for id in 1..=3 {
            let claim = stage.claim(conversation).await.claim;
            let accepted = stage.accept(&[private(7, id, "x")]).await;
            assert_eq!(accepted.cut, [claim.turn]);
        }
        let last = stage.claim(conversation).await;
        assert_eq!(last.inputs.len(), 4);
        let accepted = stage.accept(&[private(7, 4, "waits")]).await;
        assert!(accepted.cut.is_empty());
        stage.answer(&last.claim, "at last").await;
        stage.deliver(last.claim.chat).await;
        assert_eq!(texts(&stage.claim(conversation).await), ["waits"]);
    }
}

#[tokio::test]
async fn an_interrupt_overtakes_nothing_that_waits() {
    for stage in interrupting() {
        let conversation = stage.hears(mention(GROUP, 7, 1, "a")).await;
        let running = stage.claim(conversation).await.claim;
        // Somebody else's turn is sealed behind the running one.
        let twenty_one: Vec<_> = (0..21).map(|id| mention(GROUP, 8, 10 + id, "b")).collect();
        stage.accept(&twenty_one).await;
        let accepted = stage.accept(&[mention(GROUP, 7, 50, "more")]).await;
        assert!(accepted.cut.is_empty());
        stage.answer(&running, "a").await;
        stage.deliver(running.chat).await;
        assert_eq!(stage.claim(conversation).await.inputs[0].sender.id.0, 8);
    }
}

#[tokio::test]
async fn others_do_not_interrupt_in_groups() {
    for stage in interrupting() {
        let conversation = stage.hears(mention(GROUP, 7, 1, "a")).await;
        stage.claim(conversation).await;
        let accepted = stage.accept(&[mention(GROUP, 8, 2, "b")]).await;
        assert!(accepted.cut.is_empty());
    }
}

#[tokio::test]
async fn an_answered_turn_is_not_interrupted() {
    for stage in interrupting() {
        let conversation = stage.hears(private(7, 1, "a")).await;
        let claim = stage.claim(conversation).await.claim;
        stage.answer(&claim, "stored").await;
        let accepted = stage.accept(&[private(7, 2, "b")]).await;
        assert!(accepted.cut.is_empty());
        assert_eq!(stage.ask(conversation, Flush::All).await, Next::Busy);
        assert_eq!(stage.deliver(claim.chat).await, ["stored"]);
        assert_eq!(texts(&stage.claim(conversation).await), ["b"]);
    }
}

#[tokio::test]
async fn an_interrupted_turn_keeps_its_placeholder() {
    for stage in interrupting() {
        let conversation = stage.hears(mention(GROUP, 7, 1, "a")).await;
        let claim = stage.claim(conversation).await.claim;
        stage
            .store
            .plan_placeholder(&claim, Payload::plain("…"))
            .await
            .unwrap();
        stage.deliver(claim.chat).await;
        stage.accept(&[mention(GROUP, 7, 2, "b")]).await;
        let again = stage.claim(conversation).await;
        assert!(again.has_placeholder);
        stage
            .store
            .plan_placeholder(&again.claim, Payload::plain("…"))
            .await
            .unwrap();
        assert!(stage.deliver(claim.chat).await.is_empty());
    }
}

#[tokio::test]
async fn an_edit_changes_what_is_not_answered_yet() {
    for stage in stores() {
        let said = private(7, 1, "first");
        let conversation = stage.hears(said.clone()).await;
        // Gathering.
        stage.accept(&[edited(&said, "second")]).await;
        let claimed = stage.claim(conversation).await;
        assert_eq!(texts(&claimed), ["second"]);
        stage.shows(&claimed.claim).await;
        // Claimed: the run begins again, in the same place.
        stage
            .store
            .keep_request(&claimed.claim, Bytes::from_static(b"old"))
            .await
            .unwrap();
        let accepted = stage
            .accept(&[private(7, 2, "next"), edited(&said, "third")])
            .await;
        assert_eq!(accepted.cut, [claimed.claim.turn]);
        assert_eq!(accepted.due.len(), 1);
        let again = stage.claim(conversation).await;
        assert_eq!((texts(&again), &again.request), (vec!["third"], &None));
        // Sealed, with a request of an earlier run.
        stage
            .store
            .keep_request(&again.claim, Bytes::from_static(b"old"))
            .await
            .unwrap();
        stage.store.park(&again.claim).await.unwrap();
        stage.accept(&[edited(&said, "fourth")]).await;
        let again = stage.claim(conversation).await;
        assert_eq!((texts(&again), &again.request), (vec!["fourth"], &None));
        // Answered: too late.
        stage.answer(&again.claim, "ok").await;
        let late = stage.accept(&[edited(&said, "fifth")]).await;
        assert!(late.cut.is_empty() && late.due.is_empty());
        stage.deliver(again.claim.chat).await;
        stage.accept(&[edited(&said, "sixth")]).await;
        let next = stage.claim(conversation).await;
        let past = stage.store.history(&next.claim, 1000).await.unwrap();
        // The history reads as the chat does.
        assert_eq!(past[0].inputs[0].text, "sixth");
    }
}

#[tokio::test(start_paused = true)]
async fn an_edit_starts_no_quiet_period() {
    let stage = inline();
    let said = private(7, 1, "a");
    let conversation = stage.hears(said.clone()).await;
    super::stage::pass(1900).await;
    stage.accept(&[edited(&said, "b")]).await;
    super::stage::pass(100).await;
    assert!(matches!(
        stage.ask(conversation, Flush::Due).await,
        Next::Run(_)
    ));
}

#[tokio::test]
async fn what_follows_new_does_not_join_what_ran_before_it() {
    for stage in interrupting() {
        let conversation = stage.hears(private(7, 1, "old")).await;
        let running = stage.claim(conversation).await.claim;
        let accepted = stage
            .accept(&[private(7, 2, "/new first"), private(7, 3, "second")])
            .await;
        assert!(accepted.cut.is_empty());
        stage.answer(&running, "to old").await;
        stage.deliver(running.chat).await;
        let fresh = stage.claim(conversation).await;
        assert_eq!(texts(&fresh), ["first", "second"]);
        assert_eq!(stage.store.history(&fresh.claim, 1000).await.unwrap(), []);
        assert_eq!(stage.books().await.messages, 3);
    }
}
