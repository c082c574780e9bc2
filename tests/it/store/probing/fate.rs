//! What becomes of parts that were probed: placeholders, answers of several
//! parts, what was forgotten meanwhile, groups that moved.

use lastword::domain::ids::ChatId;
use lastword::domain::part::{Kind, OnUncertain, Payload, Sent};
use lastword::domain::probe::{Probed, Resolution};
use lastword::domain::turn::Claim;
use lastword::store::Begin;

use super::{CHAT, KNOWN, OVER, answered, cut, cut_next};
use crate::store::stage::{Stage, inline, of, stores, text_of};
use crate::store::talk::{GROUP, after, chatter, mention, migrated, press};

/// A placeholder whose acknowledgement was cut, in a supergroup.
async fn cut_placeholder(stage: &Stage) -> Claim {
    let conversation = stage.hears(mention(GROUP, 7, KNOWN, "a")).await;
    let claim = stage.claim(conversation).await.claim;
    let words = Payload::plain("…");
    let planned = stage.store.plan_placeholder(&claim, words).await;
    planned.expect("a placeholder is planned");
    let shown = cut_next(stage, claim.chat).await;
    assert_eq!(shown.kind, Kind::Placeholder);
    claim
}

#[tokio::test]
async fn a_placeholder_that_is_found_becomes_the_answer() {
    for stage in stores() {
        let claim = cut_placeholder(&stage).await;
        stage.answer(&claim, "done").await;
        let stage = stage.later(OVER);
        let probing = stage.probing(claim.chat).await;
        assert_eq!(text_of(&probing.part.payload), "…");
        stage.probed(&probing, Probed::Found(101)).await;
        let answer = stage.sending(claim.chat).await;
        assert_eq!((text_of(&answer.payload), answer.edit), ("done", Some(101)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_placeholder_that_is_not_there_is_shown_while_it_is_of_use() {
    for is_answered in [false, true] {
        let stage = inline();
        let claim = cut_placeholder(&stage).await;
        if is_answered {
            stage.answer(&claim, "done").await;
        }
        stage.accept(&[chatter(GROUP, 7, 101, "hm")]).await;
        let late = stage.later(600_000);
        late.accept(&[after(chatter(GROUP, 7, 102, "hm"), 600)])
            .await;
        let done = late.resolved(claim.chat, OnUncertain::Resend).await;
        assert_eq!(done, Resolution::Absent);
        let next = late.sending(claim.chat).await;
        let words = if is_answered { "done" } else { "…" };
        assert_eq!((text_of(&next.payload), next.edit), (words, None));
        late.finish(&next, Sent::Receipt(103)).await;
        assert_eq!(late.deliver(claim.chat).await, [""; 0], "{words} was all");
    }
}

#[tokio::test(start_paused = true)]
async fn a_placeholder_of_which_nothing_is_proven_is_not_shown_twice() {
    for is_answered in [false, true] {
        let stage = inline();
        let claim = cut_placeholder(&stage).await;
        if is_answered {
            stage.answer(&claim, "done").await;
        }
        let stage = stage.later(OVER);
        let probing = stage.probing(claim.chat).await;
        stage.probed(&probing, Probed::Absent).await;
        let done = stage.resolved(claim.chat, OnUncertain::Resend).await;
        assert_eq!(done, Resolution::Held);
        assert_eq!(of(&stage.books().await.parts, "withdrawn"), 1);
        if is_answered {
            // The placeholder may stand there: the answer is not looked for.
            cut_next(&stage, claim.chat).await;
            let stage = stage.later(OVER);
            let done = stage.resolved(claim.chat, OnUncertain::Hold).await;
            assert_eq!(done, Resolution::Held);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_placeholder_proven_absent_is_in_no_ones_way() {
    let stage = inline();
    let claim = cut_placeholder(&stage).await;
    stage.answer(&claim, "done").await;
    let mut stage = stage.later(600_000);
    stage
        .accept(&[after(chatter(GROUP, 7, 103, "hm"), 600)])
        .await;
    for _ in 0..2 {
        let probing = stage.probing(claim.chat).await;
        stage.probed(&probing, Probed::Absent).await;
        stage = stage.later(5_000);
    }
    let done = stage.resolved(claim.chat, OnUncertain::Hold).await;
    assert_eq!(done, Resolution::Absent);
    let answer = cut_next(&stage, claim.chat).await;
    assert_eq!(text_of(&answer.payload), "done");
    let probing = stage.later(OVER).probing(claim.chat).await;
    assert_eq!(probing.ids[0], 104);
}

/// Nobody is left to finish the send, and what it said is gone.
#[tokio::test(start_paused = true)]
async fn what_the_dead_were_sending_while_it_was_forgotten_is_not_sent_again() {
    let stage = inline().lives("running").await;
    let dead = stage.another().lives("running").await;
    answered(&dead, &["hush"]).await;
    dead.sending(CHAT).await;
    dead.accept(&[press(7, 7, 80, "forget:yes")]).await;
    drop(dead);
    stage
        .store
        .reap(stage.me)
        .await
        .expect("the dead are found");
    let stage = stage.later(OVER);
    let done = stage.resolved(CHAT, OnUncertain::Resend).await;
    assert_eq!(done, Resolution::Held);
    assert_eq!(stage.deliver(CHAT).await, ["<forgotten>"]);
    assert_eq!(of(&stage.books().await.parts, "withdrawn"), 1);
}

#[tokio::test]
async fn what_is_forgotten_while_it_is_probed_is_not_sent_again() {
    for (probed, sent) in [
        (Probed::Found(101), true),
        (Probed::Absent, false),
        (Probed::Unproven { retry_in_ms: 0 }, false),
        (Probed::Useless, false),
    ] {
        for stage in stores() {
            cut(&stage, &["hush"]).await;
            let stage = stage.later(OVER);
            let probing = stage.probing(CHAT).await;
            stage.accept(&[press(7, 7, 80, "forget:yes")]).await;
            stage.probed(&probing, probed).await;
            assert_eq!(stage.deliver(CHAT).await, ["<forgotten>"], "{probed:?}");
            let books = stage.books().await;
            assert_eq!(of(&books.parts, "withdrawn"), u64::from(!sent));
            assert_eq!(of(&books.parts, "uncertain"), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn ids_of_a_group_that_moved_are_not_asked_in_the_new_one() {
    for while_probing in [false, true] {
        let stage = inline();
        let (old, new) = (ChatId(-500), ChatId(GROUP));
        let mut said = mention(old.0, 7, 1, "a");
        said["message"]["chat"]["type"] = serde_json::json!("group");
        let conversation = stage.hears(said).await;
        let claim = stage.claim(conversation).await.claim;
        stage.answer(&claim, "done").await;
        cut_next(&stage, old).await;
        let stage = stage.later(OVER);
        if while_probing {
            let probing = stage.probing(old).await;
            stage.probed(&probing, Probed::Migrated(new)).await;
        } else {
            stage.accept(&[migrated(old.0, new.0)]).await;
        }
        stage.accept(&[chatter(new.0, 7, 3, "hm")]).await;
        assert_eq!(
            stage.begin_with(old, 64, OnUncertain::Hold).await,
            Begin::Idle
        );
        let done = stage.resolved(new, OnUncertain::Resend).await;
        assert_eq!(done, Resolution::Resent);
        assert!(stage.sending(new).await.resent);
    }
}

/// Whatever is cut, an answer of several parts resumes at the first unsent one.
#[tokio::test(start_paused = true)]
async fn an_answer_cut_at_any_part_repeats_and_skips_none() {
    let parts = ["1", "2", "3"];
    for at in 0..parts.len() {
        for arrived in [true, false] {
            let stage = inline();
            answered(&stage, &parts).await;
            let mut said = Vec::new();
            for part in &parts[..at] {
                let sending = stage.sending(CHAT).await;
                assert_eq!(text_of(&sending.payload), *part);
                stage.finish(&sending, Sent::Receipt(stage.receipt())).await;
                said.push((*part).to_owned());
            }
            cut_next(&stage, CHAT).await;
            let stage = stage.later(OVER);
            let probing = stage.probing(CHAT).await;
            if arrived {
                let id = probing.ids[0];
                stage.probed(&probing, Probed::Found(id)).await;
                said.push(text_of(&probing.part.payload).to_owned());
            } else {
                stage.probed(&probing, Probed::Absent).await;
            }
            said.extend(stage.deliver(CHAT).await);
            assert_eq!(said, parts, "{at} {arrived}");
            assert_eq!(of(&stage.books().await.outcomes, "answered"), 1);
        }
    }
}
