//! How long a cut send is waited for: all its time, whatever the clock does,
//! and not for ever.

use std::time::Duration;

use lastword::domain::part::{OnUncertain, Sent};
use lastword::domain::probe::Resolving;
use lastword::store::Begin;

use super::{CHAT, OVER, answered, cut};
use crate::store::stage::{BASE, PROBE_WITHIN, Stage, inline};

const HOUR: i64 = 3_600_000;

async fn waits(stage: &Stage) -> Duration {
    match stage.begin_with(CHAT, 64, OnUncertain::Resend).await {
        Begin::Wait(wait) => wait,
        other => panic!("it is not waited for: {other:?}"),
    }
}

/// By the clock before, it would be looked for in an hour only.
#[tokio::test(start_paused = true)]
async fn a_clock_set_back_gives_a_cut_send_its_time_once_more_and_no_longer() {
    let stage = inline();
    cut(&stage, &["1"]).await;
    let mut back = stage.with_clock(BASE - HOUR);
    back.me = stage.me;
    assert_eq!(waits(&back).await, PROBE_WITHIN + Duration::from_secs(5));
    back.later(15_000).probing(CHAT).await;
}

/// Whose clock is wrong must not shorten what a living owner is waiting for.
#[tokio::test(start_paused = true)]
async fn the_clock_of_another_instance_shortens_nothing() {
    let stage = inline().lives("running").await;
    cut(&stage, &["1"]).await;
    let other = stage.with_clock(BASE - HOUR).lives("running").await;
    waits(&other).await;
    assert_eq!(
        waits(&stage.later(OVER - 1)).await,
        Duration::from_millis(1)
    );
    stage.later(OVER).probing(CHAT).await;
}

#[tokio::test(start_paused = true)]
async fn the_longest_call_there_is_gets_all_its_time() {
    let stage = inline();
    answered(&stage, &["1"]).await;
    let resolving = Resolving {
        range: 64,
        within: PROBE_WITHIN,
        otherwise: OnUncertain::Resend,
    };
    let longest = Duration::from_secs(120);
    let begun = stage.store.begin_send(CHAT, stage.me, longest, resolving);
    let Ok(Begin::Send(sending)) = begun.await else {
        panic!("there is something to send");
    };
    stage.finish(&sending, Sent::Uncertain).await;
    assert_eq!(waits(&stage).await, longest + Duration::from_secs(5));
    assert_eq!(waits(&stage.later(124_999)).await, Duration::from_millis(1));
}

/// Whoever asks meanwhile is not kept waiting until it might be over.
#[tokio::test(start_paused = true)]
async fn what_is_under_way_is_looked_at_again_soon() {
    let stage = inline();
    answered(&stage, &["1", "2"]).await;
    stage.sending(CHAT).await;
    assert_eq!(waits(&stage).await, Duration::from_millis(250));
}
