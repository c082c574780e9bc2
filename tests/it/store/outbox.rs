//! The outbox: one part per chat in flight, in order, resent only when nothing
//! of it can still be on the way, and every end settles its turn.

use std::time::Duration;

use lastword::domain::ids::ChatId;
use lastword::domain::part::{Kind, OnUncertain, Payload, Sending, Sent};
use lastword::domain::turn::{Blame, Claim, Outcome};
use lastword::store::{Answer, Begin, StoreError};

use super::stage::{Stage, inline, of, parts_answer, pass, plain_answer, stores, text_of};
use super::talk::{GROUP, chatter, mention, migrated, private};

const CHAT: ChatId = ChatId(7);

async fn claimed(stage: &Stage) -> Claim {
    let conversation = stage.hears(private(7, 1, "a")).await;
    stage.claim(conversation).await.claim
}

async fn in_group(stage: &Stage) -> Claim {
    let conversation = stage.hears(mention(GROUP, 7, 1, "a")).await;
    stage.claim(conversation).await.claim
}

/// A turn with these parts, the first of which is being sent.
async fn sending(stage: &Stage, parts: &[&str]) -> Sending {
    let claim = claimed(stage).await;
    let answer = parts_answer(parts, Outcome::Answered);
    stage.store.answer(&claim, answer).await.expect("answers");
    stage.sending(CHAT).await
}

#[tokio::test]
async fn one_part_per_chat_is_in_flight_whoever_asks() {
    for stage in stores() {
        let other = stage.another();
        let first = sending(&stage, &["1", "2"]).await;
        other.accept(&[private(7, 2, "/help")]).await;
        for asks in [&stage, &other] {
            assert!(matches!(asks.begin(CHAT).await, Begin::Wait(_)));
        }
        // A chat that waits delays no other.
        other.accept(&[private(8, 2, "/help")]).await;
        assert_eq!(other.deliver(ChatId(8)).await, ["<help>"]);
        stage.finish(&first, Sent::Receipt(1)).await;
        let second = other.sending(CHAT).await;
        assert!(matches!(stage.begin(CHAT).await, Begin::Wait(_)));
        other.finish(&second, Sent::Receipt(2)).await;
        assert_eq!(stage.deliver(CHAT).await, ["2"]);
    }
}

#[tokio::test]
async fn parts_go_out_in_order_and_answers_before_notices() {
    for stage in stores() {
        let claim = claimed(&stage).await;
        stage.accept(&[private(7, 2, "/help")]).await;
        let answer = parts_answer(&["1", "2", "3"], Outcome::Answered);
        stage.store.answer(&claim, answer).await.unwrap();
        assert_eq!(stage.deliver(CHAT).await, ["1", "2", "3", "<help>"]);
    }
}

#[tokio::test]
async fn a_turn_is_settled_with_its_last_part() {
    for (outcome, name) in [
        (Outcome::Answered, "answered"),
        (Outcome::Failed, "failed"),
        (Outcome::Cancelled, "cancelled"),
    ] {
        for stage in stores() {
            let claim = claimed(&stage).await;
            let answer = parts_answer(&["1", "2"], outcome);
            stage.store.answer(&claim, answer).await.unwrap();
            let first = stage.sending(CHAT).await;
            let done = stage
                .store
                .finish_send(&first, Sent::Receipt(1))
                .await
                .unwrap();
            assert_eq!(done.settled, None);
            assert_eq!(stage.turn(claim.turn).await.outcome, None);
            let second = stage.sending(CHAT).await;
            let done = stage
                .store
                .finish_send(&second, Sent::Receipt(2))
                .await
                .unwrap();
            let (turn, due, how) = done.settled.unwrap();
            assert_eq!(
                (turn, due.conversation, how),
                (claim.turn, claim.conversation, outcome)
            );
            assert_eq!(stage.turn(claim.turn).await.outcome, Some(name));
            stage.books().await;
        }
    }
}

#[tokio::test]
async fn an_answer_without_parts_blocks_nothing() {
    for stage in stores() {
        let claim = claimed(&stage).await;
        let empty = Answer {
            parts: Vec::new(),
            ..plain_answer("")
        };
        stage.store.answer(&claim, empty).await.unwrap();
        assert_eq!(stage.turn(claim.turn).await.state, "settled");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_not_sent_is_sent_again_after_its_wait() {
    let stage = inline();
    let first = sending(&stage, &["1", "2"]).await;
    stage
        .finish(&first, Sent::NotSent { retry_in_ms: 5000 })
        .await;
    assert_eq!(stage.begin(CHAT).await, Begin::Wait(Duration::from_secs(5)));
    let unsent = stage.store.unsent(stage.me).await.unwrap();
    assert_eq!(
        unsent,
        [(CHAT, Duration::ZERO)],
        "asking early costs a look"
    );
    pass(5000).await;
    let again = stage.sending(CHAT).await;
    assert_eq!((again.part, again.resent), (first.part, false));
    assert!(again.send_no > first.send_no);
    let late = stage.store.finish_send(&first, Sent::Receipt(1)).await;
    assert_eq!(late, Err(StoreError::Fenced));
    assert_eq!(stage.books().await.resent, 0);
}

#[tokio::test(start_paused = true)]
async fn an_uncertain_part_waits_until_it_can_no_longer_be_on_its_way() {
    let stage = inline();
    let first = sending(&stage, &["1", "2"]).await;
    stage.finish(&first, Sent::Uncertain).await;
    assert_eq!(
        stage.begin(CHAT).await,
        Begin::Wait(Duration::from_secs(35))
    );
    pass(34_999).await;
    assert_eq!(
        stage.begin(CHAT).await,
        Begin::Wait(Duration::from_millis(1))
    );
    pass(1).await;
    let again = stage.sending(CHAT).await;
    assert_eq!((again.part, again.resent), (first.part, true));
    assert_eq!(stage.books().await.resent, 1);
    stage.finish(&again, Sent::Receipt(1)).await;
    assert_eq!(stage.deliver(CHAT).await, ["2"]);
    stage.books().await;
}

#[tokio::test(start_paused = true)]
async fn an_uncertain_part_can_be_left_as_it_is() {
    let stage = inline();
    let first = sending(&stage, &["1"]).await;
    stage.finish(&first, Sent::Uncertain).await;
    pass(35_000).await;
    let held = stage.begin_with(CHAT, 0, OnUncertain::Hold).await;
    assert_eq!(held, Begin::Idle);
    let books = stage.books().await;
    assert_eq!((books.resent, books.held), (0, 1));
    assert_eq!(of(&books.outcomes, "answered"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_send_that_nobody_finished_does_not_block_its_chat_for_ever() {
    let stage = inline();
    let lost = sending(&stage, &["1"]).await;
    assert!(matches!(stage.begin(CHAT).await, Begin::Wait(_)));
    let listed = stage.store.unsent(stage.me).await.unwrap();
    assert_eq!(listed, [(CHAT, Duration::from_secs(35))]);
    pass(35_000).await;
    let again = stage.sending(CHAT).await;
    assert!(again.resent);
    let late = stage.store.finish_send(&lost, Sent::Receipt(1)).await;
    assert_eq!(late, Err(StoreError::Fenced));
}

#[tokio::test(start_paused = true)]
async fn a_part_of_a_living_owner_is_not_touched() {
    let stage = inline();
    let heir = stage.another().lives("running").await;
    let owner = stage.another().lives("running").await;
    let conversation = stage.hears(private(7, 1, "a")).await;
    let claim = owner.claim(conversation).await.claim;
    owner.answer(&claim, "mine").await;
    let sending = owner.sending(CHAT).await;
    pass(600_000).await;
    heir.store.reap(heir.me).await.unwrap();
    assert!(matches!(heir.begin(CHAT).await, Begin::Wait(_)));
    owner.finish(&sending, Sent::Receipt(1)).await;
}

#[tokio::test]
async fn a_placeholder_becomes_the_answer() {
    for stage in stores() {
        let claim = in_group(&stage).await;
        for _ in 0..2 {
            stage
                .store
                .plan_placeholder(&claim, Payload::plain("…"))
                .await
                .unwrap();
        }
        assert_eq!(stage.store.placeholder(claim.turn).await.unwrap(), None);
        let shown = stage.sending(claim.chat).await;
        assert_eq!(shown.kind, Kind::Placeholder);
        stage.finish(&shown, Sent::Receipt(77)).await;
        assert_eq!(stage.store.placeholder(claim.turn).await.unwrap(), Some(77));
        let answer = parts_answer(&["1", "2"], Outcome::Answered);
        stage.store.answer(&claim, answer).await.unwrap();
        let first = stage.sending(claim.chat).await;
        assert_eq!((text_of(&first.payload), first.edit), ("1", Some(77)));
        stage.finish(&first, Sent::Receipt(77)).await;
        let second = stage.sending(claim.chat).await;
        assert_eq!((text_of(&second.payload), second.edit), ("2", None));
    }
}

#[tokio::test]
async fn a_placeholder_not_yet_sent_is_withdrawn() {
    for stage in stores() {
        let claim = in_group(&stage).await;
        stage
            .store
            .plan_placeholder(&claim, Payload::plain("…"))
            .await
            .unwrap();
        stage.answer(&claim, "done").await;
        assert_eq!(stage.deliver(claim.chat).await, ["done"]);
        assert_eq!(of(&stage.books().await.parts, "withdrawn"), 1);
    }
}

#[tokio::test]
async fn a_placeholder_answered_in_mid_flight_is_edited_or_dropped() {
    for (sent, edit) in [
        (Sent::Receipt(77), Some(77)),
        (Sent::NotSent { retry_in_ms: 0 }, None),
        (Sent::Undeliverable, None),
    ] {
        for stage in stores() {
            let claim = in_group(&stage).await;
            stage
                .store
                .plan_placeholder(&claim, Payload::plain("…"))
                .await
                .unwrap();
            let shown = stage.sending(claim.chat).await;
            stage.answer(&claim, "done").await;
            stage.finish(&shown, sent.clone()).await;
            let answer = stage.sending(claim.chat).await;
            assert_eq!((text_of(&answer.payload), answer.edit), ("done", edit));
            stage.finish(&answer, Sent::Receipt(78)).await;
            assert_eq!(stage.begin(claim.chat).await, Begin::Idle);
            assert_eq!(of(&stage.books().await.outcomes, "answered"), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_edit_of_our_own_message_is_never_doubled_nor_marked() {
    let stage = inline();
    let claim = in_group(&stage).await;
    stage
        .store
        .plan_placeholder(&claim, Payload::plain("…"))
        .await
        .unwrap();
    let shown = stage.sending(claim.chat).await;
    stage.finish(&shown, Sent::Receipt(77)).await;
    stage.answer(&claim, "done").await;
    let edit = stage.sending(claim.chat).await;
    stage.finish(&edit, Sent::Uncertain).await;
    pass(35_000).await;
    // Editing again changes nothing that is there already: also where
    // uncertain sends are held.
    let again = stage.begin_with(claim.chat, 64, OnUncertain::Hold).await;
    let Begin::Send(again) = again else {
        panic!("the edit is tried again: {again:?}");
    };
    assert_eq!((again.edit, again.resent), (Some(77), false));
    assert_eq!(stage.books().await.resent, 0);
}

#[tokio::test]
async fn when_the_placeholder_is_gone_the_answer_is_sent_anew() {
    for stage in stores() {
        let claim = in_group(&stage).await;
        stage
            .store
            .plan_placeholder(&claim, Payload::plain("…"))
            .await
            .unwrap();
        let shown = stage.sending(claim.chat).await;
        stage.finish(&shown, Sent::Receipt(77)).await;
        stage.answer(&claim, "done").await;
        let edit = stage.sending(claim.chat).await;
        stage.finish(&edit, Sent::TargetGone).await;
        assert_eq!(stage.sending(claim.chat).await.edit, None);
    }
}

#[tokio::test]
async fn a_replanned_part_keeps_its_place() {
    for stage in stores() {
        let plain = |texts: &[&str]| texts.iter().map(|t| Payload::plain(*t)).collect::<Vec<_>>();
        let first = sending(&stage, &["A", "B"]).await;
        stage
            .store
            .replan(&first, plain(&["a1", "a2", "a3"]))
            .await
            .unwrap();
        assert_eq!(
            stage.store.replan(&first, plain(&["x"])).await,
            Err(StoreError::Fenced)
        );
        // Refused again, in a yet safer form: still in its place.
        let a1 = stage.sending(CHAT).await;
        assert_eq!(text_of(&a1.payload), "a1");
        stage
            .store
            .replan(&a1, plain(&["a1x", "a1y", "a1z"]))
            .await
            .unwrap();
        let said = stage.deliver(CHAT).await;
        assert_eq!(said, ["a1x", "a1y", "a1z", "a2", "a3", "B"]);
        assert_eq!(of(&stage.books().await.outcomes, "answered"), 1);
    }
}

#[tokio::test]
async fn a_part_replanned_as_nothing_blocks_nothing() {
    for stage in stores() {
        let first = sending(&stage, &["A"]).await;
        stage.store.replan(&first, Vec::new()).await.unwrap();
        assert_eq!(stage.turn(first.turn.unwrap()).await.state, "settled");
    }
}

#[tokio::test]
async fn where_one_part_cannot_go_the_others_cannot_either() {
    for stage in stores() {
        let first = sending(&stage, &["1", "2", "3"]).await;
        let done = stage
            .store
            .finish_send(&first, Sent::Undeliverable)
            .await
            .unwrap();
        assert_eq!(done.settled.unwrap().2, Outcome::Undeliverable);
        assert_eq!(stage.begin(CHAT).await, Begin::Idle);
        let books = stage.books().await;
        assert_eq!(of(&books.parts, "undeliverable"), 3);
    }
}

#[tokio::test]
async fn what_has_arrived_stays_so_where_the_rest_cannot_go() {
    for stage in stores() {
        let first = sending(&stage, &["1", "2", "3"]).await;
        stage.finish(&first, Sent::Receipt(1)).await;
        let second = stage.sending(CHAT).await;
        stage.finish(&second, Sent::Undeliverable).await;
        let books = stage.books().await;
        let parts = ["sent", "undeliverable"].map(|state| of(&books.parts, state));
        assert_eq!(parts, [1, 2]);
    }
}

/// A notice waits behind the answer, or could not be delivered at all.
#[tokio::test]
async fn a_turn_ends_with_its_answer_whatever_becomes_of_a_notice() {
    for lost in [false, true] {
        for stage in stores() {
            let conversation = stage.hears(private(7, 1, "a")).await;
            let claim = stage.claim(conversation).await.claim;
            let notice = Some(Payload::plain("no credit"));
            let deferred = stage
                .store
                .defer(&claim, Duration::ZERO, Blame::World, notice);
            deferred.await.unwrap();
            if lost {
                let notice = stage.sending(CHAT).await;
                stage.finish(&notice, Sent::Undeliverable).await;
            }
            let claim = stage.claim(conversation).await.claim;
            stage.answer(&claim, "done").await;
            let answer = stage.sending(CHAT).await;
            assert_eq!(text_of(&answer.payload), "done");
            let done = stage.store.finish_send(&answer, Sent::Receipt(2)).await;
            let settled = done.unwrap().settled.expect("the turn has ended");
            assert_eq!(settled.2, Outcome::Answered, "{lost}");
            assert_eq!(stage.store.placeholder(claim.turn).await, Ok(None));
        }
    }
}

#[tokio::test]
async fn a_send_is_finished_once() {
    for stage in stores() {
        let first = sending(&stage, &["1"]).await;
        stage.finish(&first, Sent::Receipt(1)).await;
        for sent in [Sent::Receipt(2), Sent::Uncertain, Sent::Undeliverable] {
            let late = stage.store.finish_send(&first, sent).await;
            assert_eq!(late, Err(StoreError::Fenced));
        }
    }
}

#[tokio::test]
async fn a_group_that_moved_is_followed() {
    for stage in stores() {
        let (old, new) = (-500, GROUP);
        let mut said = mention(old, 7, 1, "a");
        said["message"]["chat"]["type"] = serde_json::json!("group");
        let conversation = stage.hears(said.clone()).await;
        let claim = stage.claim(conversation).await.claim;
        let answer = parts_answer(&["1", "2"], Outcome::Answered);
        stage.store.answer(&claim, answer).await.unwrap();
        let first = stage.sending(ChatId(old)).await;
        stage.finish(&first, Sent::Migrated(ChatId(new))).await;
        assert_eq!(stage.begin(ChatId(old)).await, Begin::Idle);
        assert_eq!(stage.deliver(ChatId(new)).await, ["1", "2"]);
        // The news may come as an update too, and the history goes along.
        stage
            .accept(&[migrated(old, new), chatter(new, 7, 2, "hm")])
            .await;
        let same = stage.hears(mention(new, 7, 3, "b")).await;
        assert_eq!(same, conversation);
        let next = stage.claim(same).await.claim;
        assert_eq!(next.chat, ChatId(new));
        assert_eq!(stage.store.history(&next, 1000).await.unwrap().len(), 1);
    }
}
