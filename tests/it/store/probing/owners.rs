//! Whose a round of probing is: one at a time, and nothing for the superseded.

use lastword::domain::ids::ChatId;
use lastword::domain::part::{OnUncertain, Sent};
use lastword::domain::probe::{Probed, Resolution};
use lastword::store::{Begin, StoreError};

use super::{CHAT, KNOWN, OVER, cut, cut_next};
use crate::store::stage::{inline, stores};
use crate::store::talk::private;

#[tokio::test]
async fn a_superseded_prober_can_write_nothing() {
    for stage in stores() {
        let sending = cut(&stage, &["1", "2"]).await;
        let stage = stage.later(OVER);
        let lost = stage.probing(CHAT).await;
        // While it asks, nobody begins anything in the chat.
        let wait = stage.begin_with(CHAT, 64, OnUncertain::Resend).await;
        assert!(matches!(wait, Begin::Wait(_)), "{wait:?}");
        let late = stage.store.finish_send(&sending, Sent::Receipt(101)).await;
        assert_eq!(late, Err(StoreError::Fenced));
        // Its round must be over before it begins again: 10 s, and 5.
        let early = stage.later(14_000);
        let wait = early.begin_with(CHAT, 64, OnUncertain::Resend).await;
        assert!(matches!(wait, Begin::Wait(_)), "{wait:?}");
        let stage = stage.later(15_000);
        let again = stage.probing(CHAT).await;
        assert_eq!((again.ids, again.round), (lost.ids.clone(), lost.round));
        for probed in [
            Probed::Found(101),
            Probed::Absent,
            Probed::Useless,
            Probed::Unproven { retry_in_ms: 0 },
        ] {
            let late = stage.store.finish_probe(&lost, probed).await;
            assert_eq!(late, Err(StoreError::Fenced));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_heir_goes_on_where_the_dead_have_probed() {
    let stage = inline();
    let dead = stage.another().lives("running").await;
    let conversation = dead.hears(private(7, KNOWN, "a")).await;
    let claim = dead.claim(conversation).await.claim;
    dead.answer(&claim, "said").await;
    cut_next(&dead, CHAT).await;
    let asking = dead.later(OVER);
    let lost = asking.probing(CHAT).await;
    let heir = asking.another().lives("running").await;
    drop((dead, asking));
    let reaped = heir.store.reap(heir.me).await.unwrap();
    assert_eq!(reaped.uncertain, 1);
    let later = heir.later(15_000);
    let again = later.probing(CHAT).await;
    assert_eq!((again.ids, again.executed_by), (lost.ids, lost.executed_by));
}

/// Who left has freed it: whoever asks first resolves it, and owns it then.
#[tokio::test(start_paused = true)]
async fn what_was_left_uncertain_belongs_to_whoever_resolves_it() {
    for found in [true, false] {
        let stage = inline();
        let gone = stage.another().lives("running").await;
        cut(&gone, &["1", "2"]).await;
        gone.store.leave(gone.me).await.expect("it leaves");
        drop(gone);
        let heir = stage.another().lives("running").await.later(OVER);
        if found {
            let probing = heir.probing(CHAT).await;
            let done = heir.probed(&probing, Probed::Found(101)).await;
            assert_eq!(done, Some(Resolution::Bound));
        } else {
            let again = heir.sending(CHAT).await;
            assert!(again.resent);
            assert_eq!(again.owner, heir.me);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_rounds_about_one_part_have_shown_says_nothing_of_another() {
    let stage = inline();
    cut(&stage, &["1"]).await;
    stage.accept(&[private(8, 102, "/help")]).await;
    cut_next(&stage, ChatId(8)).await;
    let stage = stage.later(600_000);
    stage.hears_later(110).await;
    let first = stage.probing(CHAT).await;
    stage.probed(&first, Probed::Absent).await;
    let other = stage.probing(ChatId(8)).await;
    assert_eq!((other.round, other.ids[0]), (0, 103));
}
