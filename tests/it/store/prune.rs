//! Pruning: by age since settling, in small steps, nothing unsettled ever.

use std::time::Duration;

use lastword::domain::ids::ChatId;
use lastword::domain::turn::Outcome;
use lastword::store::Retention;

use super::stage::{Stage, inline, numbered, of, parts_answer, pass, texts};
use super::talk::private;

const DAY: u64 = 24 * 3600 * 1000;

fn keep() -> Retention {
    let days = |n: u64| Duration::from_secs(n * 24 * 3600);
    Retention {
        updates: days(7),
        requests: days(1),
        failed: days(30),
    }
}

/// Prunes until nothing more goes; says how much went.
async fn prune(stage: &Stage, step: u32) -> u64 {
    let mut gone = 0;
    loop {
        match stage.store.prune(keep(), step).await.expect("prunes") {
            0 => return gone,
            more => gone += more,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_young_or_unsettled_goes() {
    let stage = inline();
    let gathering = numbered(&private(7, 1, "waits"), 1);
    stage.accept_raw(vec![gathering.clone()]).await;
    let claimed = stage.hears(private(8, 1, "runs")).await;
    let claim = stage.claim(claimed).await.claim;
    let body = bytes::Bytes::from_static(b"request");
    stage
        .store
        .keep_request(&claim, body.clone())
        .await
        .unwrap();
    let answered = stage.hears(private(9, 1, "answered")).await;
    let answer = stage.claim(answered).await.claim;
    stage.answer(&answer, "not sent yet").await;
    pass(400 * DAY).await;
    assert_eq!(prune(&stage, 10).await, 0);
    assert_eq!(stage.accept_raw(vec![gathering]).await.duplicates, 1);
    stage.store.park(&claim).await.unwrap();
    assert_eq!(stage.claim(claimed).await.request, Some(body));
    assert_eq!(stage.deliver(ChatId(9)).await, ["not sent yet"]);
    // Settled only now: its age begins now.
    pass(6 * DAY).await;
    assert_eq!(prune(&stage, 10).await, 0);
}

#[tokio::test(start_paused = true)]
async fn updates_are_known_for_a_week_after_settling() {
    let stage = inline();
    let update = numbered(&private(7, 1, "a"), 1);
    let conversation = stage.accept_raw(vec![update.clone()]).await.due[0].conversation;
    stage.converse(conversation, "to a").await;
    pass(7 * DAY - 1).await;
    prune(&stage, 10).await;
    assert_eq!(stage.accept_raw(vec![update]).await.duplicates, 1);
    pass(2).await;
    assert!(prune(&stage, 10).await > 0);
    // History lives on.
    stage.accept(&[private(7, 2, "b")]).await;
    let claim = stage.claim(conversation).await.claim;
    let past = stage.store.history(&claim, 1000).await.unwrap();
    assert_eq!(past[0].answer.as_deref(), Some("to a"));
    stage.books().await;
}

#[tokio::test(start_paused = true)]
async fn inputs_of_failed_turns_go_after_a_month_those_of_others_stay() {
    let stage = inline();
    let conversation = stage.hears(private(7, 1, "good")).await;
    stage.converse(conversation, "ok").await;
    stage.accept(&[private(7, 2, "bad")]).await;
    let claim = stage.claim(conversation).await.claim;
    let failed = parts_answer(&["sorry"], Outcome::Failed);
    stage.store.answer(&claim, failed).await.unwrap();
    stage.deliver(claim.chat).await;
    for (wait, inputs) in [(29, vec!["bad", "good"]), (2, vec!["good"])] {
        pass(wait * DAY).await;
        prune(&stage, 1).await;
        stage.accept(&[private(7, 3, "now")]).await;
        let now = stage.claim(conversation).await;
        assert!(texts(&now).contains(&"now"));
        let past = stage.store.history(&now.claim, 1000).await.unwrap();
        let past: Vec<_> = past.iter().map(|p| p.inputs[0].text.as_str()).collect();
        assert_eq!(past, inputs);
        stage.store.park(&now.claim).await.unwrap();
    }
    assert_eq!(stage.books().await.messages, 4);
}

#[tokio::test(start_paused = true)]
async fn steps_are_small_and_reach_everything() {
    let stage = inline();
    for id in 0..40 {
        let conversation = stage.hears(private(7 + id % 5, id, "a")).await;
        let claim = stage.claim(conversation).await.claim;
        let body = bytes::Bytes::from_static(b"request");
        stage.store.keep_request(&claim, body).await.unwrap();
        stage.answer(&claim, "b").await;
        stage.deliver(claim.chat).await;
        pass(10).await;
    }
    stage.accept(&[private(7, 99, "/help")]).await;
    stage.deliver(ChatId(7)).await;
    pass(8 * DAY).await;
    let mut most = 0;
    let mut total = 0;
    loop {
        let gone = stage.store.prune(keep(), 3).await.unwrap();
        if gone == 0 {
            break;
        }
        (most, total) = (most.max(gone), total + gone);
    }
    // Updates, notices, texts of parts and requests: four kinds a step.
    assert!(most <= 4 * 4, "{most}");
    assert!(total >= 41 + 40 + 40, "{total}");
    let books = stage.books().await;
    assert_eq!(books.messages, 40);
    assert_eq!(of(&books.outcomes, "answered"), 40);
    assert_eq!(prune(&stage, 3).await, 0);
}

#[tokio::test(start_paused = true)]
async fn the_number_of_a_pruned_update_is_nobody_elses() {
    let stage = inline();
    let hers = stage.hears(private(7, 1, "long ago")).await;
    stage.converse(hers, "answered").await;
    pass(8 * DAY).await;
    prune(&stage, 10).await;
    stage.hears(private(8, 1, "somebody else's")).await;
    stage
        .accept(&[super::talk::press(7, 7, 80, "forget:yes")])
        .await;
    let file = rusqlite::Connection::open(stage.path()).expect("the store opens");
    let kept: bool = file
        .query_row(
            "SELECT raw IS NOT NULL FROM updates WHERE chat = 8",
            [],
            |row| row.get(0),
        )
        .expect("it is there");
    assert!(kept, "forgetting one person erased another's words");
}
