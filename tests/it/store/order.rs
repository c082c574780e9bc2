//! Order: the turns of a conversation run one at a time, as they were sealed,
//! whoever asks.

use std::time::Duration;

use lastword::domain::turn::Blame;
use lastword::store::{Flush, Next};

use super::stage::{inline, pass, stores, texts};
use super::talk::{GROUP, mention, private};

#[tokio::test]
async fn turns_run_one_at_a_time_in_the_order_they_were_sealed() {
    for stage in stores() {
        let other = stage.another();
        let batch: Vec<_> = (0..60).map(|id| private(7, id, &format!("{id}"))).collect();
        let conversation = stage.accept(&batch).await.due[0].conversation;
        let mut seen = Vec::new();
        for turn in 0..3 {
            let (asks, waits) = if turn % 2 == 0 {
                (&stage, &other)
            } else {
                (&other, &stage)
            };
            let claimed = asks.claim(conversation).await;
            seen.extend(texts(&claimed).iter().map(|t| t.parse::<i64>().unwrap()));
            assert_eq!(waits.ask(conversation, Flush::All).await, Next::Busy);
            asks.answer(&claimed.claim, "ok").await;
            assert_eq!(waits.ask(conversation, Flush::All).await, Next::Busy);
            asks.deliver(claimed.claim.chat).await;
        }
        assert_eq!(seen, (0..60).collect::<Vec<_>>());
        assert_eq!(stage.ask(conversation, Flush::All).await, Next::Idle);
    }
}

#[tokio::test]
async fn conversations_do_not_wait_for_each_other() {
    for stage in stores() {
        let a = stage.hears(private(7, 1, "a")).await;
        let b = stage.hears(private(8, 1, "b")).await;
        stage.claim(a).await;
        stage.claim(b).await;
    }
}

#[tokio::test]
async fn two_instances_never_run_one_turn() {
    for stage in stores() {
        let other = stage.another();
        let conversation = stage.hears(private(7, 1, "a")).await;
        let both = tokio::join!(
            stage.ask(conversation, Flush::All),
            other.ask(conversation, Flush::All)
        );
        let runs = [&both.0, &both.1];
        let runs = runs.iter().filter(|n| matches!(n, Next::Run(_))).count();
        assert_eq!(runs, 1, "{both:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deferred_turn_holds_back_those_behind_it() {
    let stage = inline();
    let conversation = stage.hears(private(7, 1, "first")).await;
    let first = stage.claim(conversation).await;
    stage.shows(&first.claim).await;
    stage.accept(&[private(7, 2, "second")]).await;
    let minute = Duration::from_secs(60);
    stage
        .store
        .defer(&first.claim, minute, Blame::World, None)
        .await
        .unwrap();
    pass(30_000).await;
    let half = Next::Wait(Duration::from_secs(30));
    assert_eq!(stage.ask(conversation, Flush::Due).await, half);
    assert_eq!(stage.ask(conversation, Flush::All).await, half);
    let listed = stage.store.waiting(5).await.unwrap();
    assert_eq!(listed[0].conversation, conversation);
    pass(30_000).await;
    let Next::Run(again) = stage.ask(conversation, Flush::Due).await else {
        panic!("the delay is over");
    };
    assert_eq!(texts(&again), ["first"]);
    assert_eq!(again.failures, 0);
}

#[tokio::test(start_paused = true)]
async fn a_parked_turn_keeps_its_place_and_its_request() {
    let stage = inline();
    let conversation = stage.hears(private(7, 1, "first")).await;
    let first = stage.claim(conversation).await;
    let body = bytes::Bytes::from_static(b"{\"exact\": true}");
    stage
        .store
        .keep_request(&first.claim, body.clone())
        .await
        .unwrap();
    stage.shows(&first.claim).await;
    stage.accept(&[private(7, 2, "second")]).await;
    stage.store.park(&first.claim).await.unwrap();
    let again = stage.another().claim(conversation).await;
    assert_eq!(texts(&again), ["first"]);
    assert_eq!(again.request, Some(body));
    assert_eq!(again.failures, 0);
    assert!(again.claim.no > first.claim.no);
}

#[tokio::test]
async fn what_a_turn_did_itself_is_counted() {
    for stage in stores() {
        let conversation = stage.hears(private(7, 1, "a")).await;
        for failures in 0..3 {
            let claimed = stage.claim(conversation).await;
            assert_eq!(claimed.failures, failures);
            let blame = Blame::Turn;
            let now = Duration::ZERO;
            stage
                .store
                .defer(&claimed.claim, now, blame, None)
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn in_a_group_turns_of_different_people_are_serial() {
    for stage in stores() {
        let conversation = stage.hears(mention(GROUP, 7, 1, "a")).await;
        stage.accept(&[mention(GROUP, 8, 2, "b")]).await;
        let first = stage.claim(conversation).await;
        assert_eq!(first.inputs[0].sender.id.0, 7);
        assert_eq!(stage.ask(conversation, Flush::All).await, Next::Busy);
        stage.store.park(&first.claim).await.unwrap();
        let again = stage.claim(conversation).await;
        assert_eq!(again.claim.turn, first.claim.turn);
    }
}
