//! Clocks that are wrong, set, or stood still while a process did: no absence is
//! proven by them.

use lastword::domain::ids::ChatId;
use lastword::domain::part::{OnUncertain, Sent};
use lastword::domain::probe::Reach;
use lastword::store::Begin;

use super::{CHAT, OVER, answered, cut};
use crate::store::stage::inline;
use crate::store::talk::{after, private};

/// What was noted in the time of before is ahead of the clock that was set back,
/// and no upper bound of what was sent later.
#[tokio::test(start_paused = true)]
async fn a_clock_set_back_proves_no_absence() {
    let stage = inline();
    stage.accept(&[private(8, 50, "/help")]).await;
    // Begun above 100; arrives as 102.
    cut(&stage, &["1"]).await;
    let soon = stage.later(1_000);
    let elsewhere = soon.sending(ChatId(8)).await;
    soon.finish(&elsewhere, Sent::Receipt(101)).await;

    let back = stage.later(-3_600_000);
    let waits = back.begin_with(CHAT, 64, OnUncertain::Resend).await;
    assert!(matches!(waits, Begin::Wait(_)), "{waits:?}");
    let probing = back.later(OVER).probing(CHAT).await;
    assert_eq!(probing.reach, Reach::Open);
    assert!(probing.ids.contains(&102), "{:?}", probing.ids);
}

/// The process stood still between the intent and the call: what was written
/// meanwhile is no upper bound.
#[tokio::test(start_paused = true)]
async fn a_call_that_was_made_late_is_not_proven_absent() {
    let stage = inline();
    answered(&stage, &["1"]).await;
    let sending = stage.sending(CHAT).await;
    let woken = stage.later(150_000);
    // Given 101 in the pause; our call, made only now, got 102.
    woken.accept(&[after(private(9, 101, "hm"), 140)]).await;
    woken.finish(&sending, Sent::Uncertain).await;

    let waits = woken.begin_with(CHAT, 64, OnUncertain::Resend).await;
    assert!(matches!(waits, Begin::Wait(_)), "{waits:?}");
    let probing = woken.later(OVER).probing(CHAT).await;
    assert_eq!(probing.reach, Reach::Open);
    assert!(probing.ids.contains(&102), "{:?}", probing.ids);
}

/// Telegram's dates lie in the future: our clock is behind, and what a message
/// was written before nobody can say.
#[tokio::test(start_paused = true)]
async fn a_clock_that_is_behind_proves_no_absence() {
    let stage = inline();
    cut(&stage, &["1"]).await;
    let back = stage.later(180_000);
    // Written before the part was sent, as 101; the part is 102.
    back.accept(&[after(private(9, 101, "hm"), 3_599)]).await;
    let probing = back.probing(CHAT).await;
    assert_eq!(probing.reach, Reach::Open);
    assert!(probing.ids.contains(&102), "{:?}", probing.ids);
}
