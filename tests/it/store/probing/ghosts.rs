//! Messages of ours under ids that nobody knows: no probe reaches back to them.

use lastword::domain::ids::ChatId;
use lastword::domain::part::{OnUncertain, Payload, Sent};
use lastword::domain::probe::{Probed, Reach, Resolution};
use lastword::domain::turn::Outcome;

use super::{CHAT, OVER, answered, cut, cut_next};
use crate::store::stage::{inline, parts_answer, text_of};
use crate::store::talk::{GROUP, mention, private};

/// A send that was held may stand in the chat under an id that nobody knows:
/// the next part must not be looked for there.
#[tokio::test(start_paused = true)]
async fn no_probe_reaches_back_to_a_message_that_was_given_up() {
    for bounded in [false, true] {
        let stage = inline();
        cut(&stage, &["1", "2"]).await;
        let stage = stage.later(OVER);
        let probing = stage.probing(CHAT).await;
        stage.probed(&probing, Probed::Useless).await;
        let done = stage.resolved(CHAT, OnUncertain::Hold).await;
        assert_eq!(done, Resolution::Held);
        let stage = stage.later(600_000);
        if bounded {
            // Given after the held one could be carried out: it lies below.
            stage.hears_later(150).await;
        }
        let second = cut_next(&stage, CHAT).await;
        assert_eq!(text_of(&second.payload), "2");
        let stage = stage.later(OVER);
        if bounded {
            assert_eq!(stage.probing(CHAT).await.ids[0], 151);
        } else {
            let done = stage.resolved(CHAT, OnUncertain::Hold).await;
            assert_eq!(done, Resolution::Held);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_lays_the_ghosts_of_its_chat() {
    let stage = inline();
    cut(&stage, &["1", "2", "3"]).await;
    let stage = stage.later(OVER);
    let probing = stage.probing(CHAT).await;
    stage.probed(&probing, Probed::Useless).await;
    stage.resolved(CHAT, OnUncertain::Hold).await;
    let second = stage.sending(CHAT).await;
    stage.finish(&second, Sent::Receipt(104)).await;
    cut_next(&stage, CHAT).await;
    let stage = stage.later(OVER);
    assert_eq!(stage.probing(CHAT).await.ids[0], 105);
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_leaves_no_ghost() {
    let stage = inline();
    answered(&stage, &["1"]).await;
    let refused = stage.sending(CHAT).await;
    let pieces = vec![Payload::plain("a"), Payload::plain("b")];
    stage.store.replan(&refused, pieces).await.unwrap();
    let piece = cut_next(&stage, CHAT).await;
    assert_eq!(text_of(&piece.payload), "a");
    stage.later(OVER).probing(CHAT).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_again_and_cut_again_is_probed_as_it_was_sent() {
    let stage = inline();
    cut(&stage, &["1"]).await;
    let stage = stage.later(OVER);
    let first = stage.probing(CHAT).await;
    stage.probed(&first, Probed::Absent).await;
    stage.resolved(CHAT, OnUncertain::Resend).await;
    let again = cut_next(&stage, CHAT).await;
    assert!(again.resent);
    let stage = stage.later(OVER);
    let second = stage.probing(CHAT).await;
    assert!(second.part.resent, "the mark was sent along");
    assert_eq!(second.round, 0);
    assert_ne!(second.executed_by, first.executed_by);
    let found = stage.probed(&second, Probed::Found(102)).await;
    assert_eq!(found, Some(Resolution::Bound));
}

/// The copy that was given up may stand there, even though the next one was
/// refused.
#[tokio::test(start_paused = true)]
async fn what_was_refused_when_it_was_sent_again_still_leaves_a_ghost() {
    let stage = inline();
    cut(&stage, &["1"]).await;
    let stage = stage.later(OVER);
    let probing = stage.probing(CHAT).await;
    stage.probed(&probing, Probed::Useless).await;
    let done = stage.resolved(CHAT, OnUncertain::Resend).await;
    assert_eq!(done, Resolution::Resent);
    let again = stage.sending(CHAT).await;
    let pieces = vec![Payload::plain("a"), Payload::plain("b")];
    stage.store.replan(&again, pieces).await.unwrap();
    cut_next(&stage, CHAT).await;
    let stage = stage.later(OVER);
    let done = stage.resolved(CHAT, OnUncertain::Hold).await;
    assert_eq!(done, Resolution::Held);
}

/// It would be changed to what the next part says.
#[tokio::test(start_paused = true)]
async fn no_probe_reaches_a_message_that_was_found() {
    let stage = inline();
    cut(&stage, &["1", "2"]).await;
    let stage = stage.later(OVER);
    let probing = stage.probing(CHAT).await;
    stage.probed(&probing, Probed::Found(103)).await;
    cut_next(&stage, CHAT).await;
    let next = stage.later(OVER).probing(CHAT).await;
    assert_eq!(text_of(&next.part.payload), "2");
    assert_eq!(next.ids[0], 104);
}

/// When a message was found says nothing of when it was sent: what was cut
/// together with it may lie above.
#[tokio::test(start_paused = true)]
async fn a_message_that_was_found_bounds_nothing() {
    let stage = inline();
    cut(&stage, &["1"]).await;
    stage.accept(&[private(8, 102, "/help")]).await;
    cut_next(&stage, ChatId(8)).await;
    let stage = stage.later(600_000);
    let probing = stage.probing(CHAT).await;
    stage.probed(&probing, Probed::Found(104)).await;
    let other = stage.probing(ChatId(8)).await;
    assert_eq!(
        (other.ids[..2].to_vec(), other.reach),
        (vec![103, 105], Reach::Open)
    );
}

/// What lies above the first of them says nothing of the second.
#[tokio::test(start_paused = true)]
async fn no_probe_reaches_back_to_the_last_of_those_that_were_given_up() {
    let stage = inline();
    cut(&stage, &["1", "2", "3"]).await;
    let mut stage = stage.later(OVER);
    for first in [101, 151] {
        let probing = stage.probing(CHAT).await;
        assert_eq!(probing.ids[0], first);
        stage.probed(&probing, Probed::Useless).await;
        stage.resolved(CHAT, OnUncertain::Hold).await;
        stage = stage.later(600_000);
        if first == 101 {
            stage.hears_later(150).await;
        }
        cut_next(&stage, CHAT).await;
        stage = stage.later(OVER);
    }
    let done = stage.resolved(CHAT, OnUncertain::Hold).await;
    assert_eq!(done, Resolution::Held);
}

#[tokio::test(start_paused = true)]
async fn what_was_given_up_in_one_chat_is_in_the_way_there_and_nowhere_else() {
    let stage = inline();
    let group = ChatId(GROUP);
    let conversation = stage.hears(mention(GROUP, 8, 50, "b")).await;
    let claim = stage.claim(conversation).await.claim;
    let parts = parts_answer(&["1", "2"], Outcome::Answered);
    stage.store.answer(&claim, parts).await.expect("answers");
    cut_next(&stage, group).await;
    answered(&stage, &["1", "2"]).await;
    let stage = stage.later(OVER);
    stage.ask_for(group, 0, OnUncertain::Hold).await;
    cut_next(&stage, group).await;
    cut_next(&stage, CHAT).await;
    let stage = stage.later(OVER);
    let probing = stage.probing(CHAT).await;
    assert_eq!(probing.ids[0], 101);
    stage.probed(&probing, Probed::Found(101)).await;
    let second = stage.sending(CHAT).await;
    stage.finish(&second, Sent::Receipt(102)).await;
    let done = stage.resolved(group, OnUncertain::Hold).await;
    assert_eq!(done, Resolution::Held);
}

/// A message may be heard of late: it lowers nothing.
#[tokio::test(start_paused = true)]
async fn only_ids_above_the_highest_that_was_ever_known_are_asked() {
    let stage = inline();
    stage
        .accept(&[private(9, 200, "hm"), private(9, 90, "hm")])
        .await;
    cut(&stage, &["1"]).await;
    assert_eq!(stage.later(OVER).probing(CHAT).await.ids[0], 201);
}
