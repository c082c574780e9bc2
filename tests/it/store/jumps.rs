//! Waits that were set by a clock which was wrong, then or now: they hold up
//! nothing once it is set back.

use std::time::Duration;

use lastword::domain::ids::ChatId;
use lastword::domain::part::Sent;
use lastword::domain::turn::Blame;
use lastword::store::{Begin, Flush, Next};

use super::stage::{BASE, Stage, inline};
use super::talk::private;

const CHAT: ChatId = ChatId(7);

const HALF_AN_HOUR: i64 = 1_800_000;

/// Longer than anything is ever made to wait.
const FAR: i64 = 50 * 2 * HALF_AN_HOUR;

/// A turn that is deferred by a clock so far ahead.
async fn deferred(stage: &Stage, claimed: i64, deferred: i64) -> Next {
    let conversation = stage.hears(private(7, 1, "a")).await;
    let claim = stage.later(claimed).claim(conversation).await.claim;
    let ahead = stage.later(deferred);
    let minute = Duration::from_secs(60);
    let done = ahead.store.defer(&claim, minute, Blame::World, None).await;
    done.expect("it is deferred");
    let listed = stage.store.waiting(1).await.expect("what waits is listed");
    assert_eq!(listed[0].after, Duration::ZERO);
    stage.ask(conversation, Flush::Due).await
}

#[tokio::test(start_paused = true)]
async fn a_turn_deferred_by_a_clock_that_was_set_back_goes_on() {
    for (claimed, at) in [(HALF_AN_HOUR, HALF_AN_HOUR), (0, FAR)] {
        let next = deferred(&inline(), claimed, at).await;
        assert!(matches!(next, Next::Run(_)), "{claimed} {at}: {next:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_put_off_by_a_clock_that_was_set_back_goes_out() {
    for (asked, finished) in [(-HALF_AN_HOUR, 0), (0, FAR)] {
        let stage = inline();
        stage.accept(&[private(7, 1, "/help")]).await;
        let sending = stage.sending(CHAT).await;
        let put_off = Sent::NotSent {
            retry_in_ms: 10_000,
        };
        stage.later(finished).finish(&sending, put_off).await;
        let mut back = stage.with_clock(BASE + asked);
        back.me = stage.me;
        let unsent = back.store.unsent(back.me).await;
        let unsent = unsent.expect("what is unsent is listed");
        assert_eq!(unsent, [(CHAT, Duration::ZERO)], "{asked} {finished}");
        let next = back.begin(CHAT).await;
        assert!(matches!(next, Begin::Send(_)), "{asked}: {next:?}");
    }
}
