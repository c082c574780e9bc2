//! Windows on a paused clock: the quiet period, its caps, and what a clock set
//! back does to them.

use std::time::Duration;

use lastword::domain::turn::Blame;
use lastword::store::{Flush, Next};

use super::stage::{BASE, inline, pass, texts};
use super::talk::{GROUP, mention, private};

fn wait(millis: u64) -> Next {
    Next::Wait(Duration::from_millis(millis))
}

#[tokio::test(start_paused = true)]
async fn each_message_restarts_the_quiet_period() {
    let stage = inline();
    let conversation = stage.hears(private(7, 1, "a")).await;
    pass(1500).await;
    let accepted = stage.accept(&[private(7, 2, "b")]).await;
    assert_eq!(accepted.due[0].after, Duration::from_secs(2));
    pass(1999).await;
    assert_eq!(stage.ask(conversation, Flush::Due).await, wait(1));
    pass(1).await;
    let Next::Run(claimed) = stage.ask(conversation, Flush::Due).await else {
        panic!("the window is due");
    };
    assert_eq!(texts(&claimed), ["a", "b"]);
    assert_eq!(claimed.age, Duration::from_millis(3500));
}

#[tokio::test(start_paused = true)]
async fn a_window_closes_after_ten_seconds_of_talking() {
    let stage = inline();
    let mut conversation = None;
    for id in 0..9 {
        conversation = Some(stage.hears(private(7, id, "x")).await);
        pass(1200).await;
    }
    // 10.8 s: every pause was shorter than the quiet period.
    let next = stage.ask(conversation.unwrap(), Flush::Due).await;
    assert!(matches!(next, Next::Run(c) if c.inputs.len() == 9));
}

#[tokio::test(start_paused = true)]
async fn a_window_takes_twenty_messages() {
    let stage = inline();
    let batch: Vec<_> = (0..45).map(|id| private(7, id, "x")).collect();
    let accepted = stage.accept(&batch).await;
    let conversation = accepted.due[0].conversation;
    let mut counts = Vec::new();
    for _ in 0..3 {
        let claimed = stage.claim(conversation).await;
        counts.push(claimed.inputs.len());
        stage.answer(&claimed.claim, "ok").await;
        stage.deliver(claimed.claim.chat).await;
    }
    assert_eq!(counts, [20, 20, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_window_takes_sixteen_thousand_characters() {
    let stage = inline();
    let long = "x".repeat(3900);
    let batch: Vec<_> = (0..5).map(|id| private(7, id, &long)).collect();
    let conversation = stage.accept(&batch).await.due[0].conversation;
    assert_eq!(stage.claim(conversation).await.inputs.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_split_paste_is_not_torn() {
    let stage = inline();
    let piece = "x".repeat(4096);
    let mut batch: Vec<_> = (0..8).map(|id| private(7, id, &piece)).collect();
    batch.push(private(7, 8, "its end"));
    let accepted = stage.accept(&batch).await;
    let conversation = accepted.due[0].conversation;
    assert_eq!(stage.claim(conversation).await.inputs.len(), 9);
}

#[tokio::test(start_paused = true)]
async fn a_long_piece_waits_longer_for_the_next() {
    let stage = inline();
    let conversation = stage.hears(private(7, 1, &"x".repeat(4000))).await;
    pass(3999).await;
    assert_eq!(stage.ask(conversation, Flush::Due).await, wait(1));
    stage.accept(&[private(7, 2, "end")]).await;
    pass(2000).await;
    let next = stage.ask(conversation, Flush::Due).await;
    assert!(matches!(next, Next::Run(c) if c.inputs.len() == 2));
}

#[tokio::test(start_paused = true)]
async fn even_a_paste_has_an_end() {
    let stage = inline();
    let piece = "x".repeat(4096);
    let batch: Vec<_> = (0..30).map(|id| private(7, id, &piece)).collect();
    let conversation = stage.accept(&batch).await.due[0].conversation;
    assert_eq!(stage.claim(conversation).await.inputs.len(), 100_000 / 4096);
}

#[tokio::test(start_paused = true)]
async fn in_groups_each_speaker_has_a_window() {
    let stage = inline();
    let conversation = stage.hears(mention(GROUP, 7, 1, "a")).await;
    pass(1500).await;
    stage.accept(&[mention(GROUP, 8, 2, "b")]).await;
    pass(500).await;
    // The other one still writes; the first need not wait for that.
    let Next::Run(first) = stage.ask(conversation, Flush::Due).await else {
        panic!("the first window is due");
    };
    assert_eq!(first.inputs[0].sender.id.0, 7);
    assert_eq!(first.inputs.len(), 1);
    stage.answer(&first.claim, "to a").await;
    stage.deliver(first.claim.chat).await;
    assert_eq!(stage.ask(conversation, Flush::Due).await, wait(1500));
    pass(1500).await;
    let Next::Run(second) = stage.ask(conversation, Flush::Due).await else {
        panic!("the second window is due");
    };
    assert_eq!(second.inputs[0].sender.id.0, 8);
}

#[tokio::test(start_paused = true)]
async fn while_a_turn_is_ahead_talking_on_splits_nothing() {
    let stage = inline();
    let conversation = stage.hears(private(7, 0, "first")).await;
    let running = stage.claim(conversation).await;
    for id in 1..16 {
        let accepted = stage.accept(&[private(7, id, "x")]).await;
        assert_eq!(accepted.due[0].after, Duration::from_secs(2));
        pass(1500).await;
    }
    assert_eq!(stage.ask(conversation, Flush::Due).await, Next::Busy);
    stage.answer(&running.claim, "done").await;
    stage.deliver(running.claim.chat).await;
    pass(500).await;
    let next = stage.ask(conversation, Flush::Due).await;
    assert!(matches!(next, Next::Run(c) if c.inputs.len() == 15));
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_delays_no_window() {
    let stage = inline();
    let conversation = stage.hears(private(7, 1, "a")).await;
    let earlier = stage.with_clock(BASE - 3_600_000);
    let listed = earlier.store.waiting(10).await.unwrap();
    assert_eq!(listed[0].after, Duration::ZERO);
    let next = earlier.ask(conversation, Flush::Due).await;
    assert!(matches!(next, Next::Run(_)), "{next:?}");
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_lets_nobody_be_overtaken_for_ever() {
    let stage = inline();
    let conversation = stage.hears(mention(GROUP, 7, 1, "a")).await;
    let earlier = stage.with_clock(BASE - 3_600_000);
    earlier.accept(&[mention(GROUP, 8, 2, "b")]).await;
    let Next::Run(first) = earlier.ask(conversation, Flush::Due).await else {
        panic!("the old window is due");
    };
    assert_eq!(first.inputs[0].sender.id.0, 7);
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_listed_with_its_time() {
    let stage = inline();
    let a = stage.hears(private(7, 1, "a")).await;
    pass(1000).await;
    let b = stage.hears(private(8, 1, "b")).await;
    let c = stage.hears(private(9, 1, "c")).await;
    stage.claim(c).await;
    let listed: Vec<_> = stage.store.waiting(10).await.unwrap();
    let listed: Vec<_> = listed.iter().map(|d| (d.conversation, d.after)).collect();
    let secs = Duration::from_secs;
    assert_eq!(listed, [(a, secs(1)), (b, secs(2))]);
    assert_eq!(stage.store.waiting(1).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_talks_on_holds_up_nobody_else() {
    let stage = inline();
    let conversation = stage.hears(mention(GROUP, 7, 1, "a")).await;
    pass(500).await;
    stage.accept(&[mention(GROUP, 8, 2, "b")]).await;
    pass(1000).await;
    stage.accept(&[mention(GROUP, 7, 3, "more")]).await;
    pass(1000).await;
    let Next::Run(first) = stage.ask(conversation, Flush::Due).await else {
        panic!("the second window is due");
    };
    assert_eq!(first.inputs[0].sender.id.0, 8);
}

/// Whose window was opened first, but is full only now, overtakes nobody.
#[tokio::test(start_paused = true)]
async fn turns_run_in_the_order_of_their_closing_not_of_their_opening() {
    let stage = inline();
    let conversation = stage.hears(mention(GROUP, 7, 1, "a")).await;
    stage.accept(&[mention(GROUP, 8, 2, "b")]).await;
    pass(1500).await;
    stage.accept(&[mention(GROUP, 7, 3, "more")]).await;
    pass(1000).await;
    let first = stage.claim(conversation).await;
    assert_eq!(first.inputs[0].sender.id.0, 8);
    let minute = Duration::from_secs(60);
    let deferred = stage.store.defer(&first.claim, minute, Blame::World, None);
    deferred.await.unwrap();
    let many: Vec<_> = (4..40).map(|id| mention(GROUP, 7, id, "x")).collect();
    stage.accept(&many).await;
    assert_eq!(stage.ask(conversation, Flush::All).await, wait(60_000));
    pass(60_000).await;
    let again = stage.claim(conversation).await;
    assert_eq!(again.claim.turn, first.claim.turn);
}
