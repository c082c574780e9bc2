//! Parts of unknown arrival: which ids are asked, what the answers prove, and
//! that no probe can reach another message of ours.

use lastword::domain::ids::ChatId;
use lastword::domain::part::{OnUncertain, Payload, Sending, Sent};
use lastword::domain::probe::{Probed, Probing, Reach, Resolution};
use lastword::domain::turn::{Claim, Outcome};
use lastword::store::Begin;

use super::stage::{BASE, Stage, inline, of, parts_answer, stores, text_of};
use super::talk::{GROUP, after, chatter, mention, private};

mod clocks;
mod fate;
mod ghosts;
mod owners;
mod time;

const CHAT: ChatId = ChatId(7);

/// When a cut send and what it is given to appear are over.
const OVER: i64 = 35_000;

/// The id of what the person said: the highest that is known.
const KNOWN: i64 = 100;

/// A turn in the private chat with these parts.
async fn answered(stage: &Stage, parts: &[&str]) -> Claim {
    let conversation = stage.hears(private(7, KNOWN, "a")).await;
    let claim = stage.claim(conversation).await.claim;
    let answer = parts_answer(parts, Outcome::Answered);
    stage.store.answer(&claim, answer).await.expect("answers");
    claim
}

/// The first part of such a turn, its acknowledgement cut.
async fn cut(stage: &Stage, parts: &[&str]) -> Sending {
    answered(stage, parts).await;
    cut_next(stage, CHAT).await
}

async fn cut_next(stage: &Stage, chat: ChatId) -> Sending {
    let sending = stage.sending(chat).await;
    stage.finish(&sending, Sent::Uncertain).await;
    sending
}

impl Stage {
    /// A round of probing with the default range, which there must be.
    async fn probing(&self, chat: ChatId) -> Probing {
        match self.begin_with(chat, 64, OnUncertain::Resend).await {
            Begin::Probe(probing) => *probing,
            other => panic!("nothing to probe: {other:?}"),
        }
    }

    async fn probed(&self, probing: &Probing, probed: Probed) -> Option<Resolution> {
        let done = self.store.finish_probe(probing, probed).await;
        done.expect("a round is finished").resolved
    }

    /// How a part of unknown arrival is resolved without a round.
    async fn resolved(&self, chat: ChatId, otherwise: OnUncertain) -> Resolution {
        match self.ask_for(chat, 64, otherwise).await {
            Begin::Resolved(finished) => finished.resolved.expect("it was of unknown arrival"),
            other => panic!("not resolved: {other:?}"),
        }
    }

    /// People write in the same sequence, so late that it bounds what was cut.
    async fn hears_later(&self, id: i64) {
        self.accept(&[after(private(9, id, "hm"), 600)]).await;
    }
}

#[tokio::test]
async fn what_is_found_is_bound_and_the_conversation_goes_on() {
    for stage in stores() {
        let first = cut(&stage, &["1", "2"]).await;
        let stage = stage.later(OVER);
        let probing = stage.probing(CHAT).await;
        assert_eq!(probing.part.part, first.part);
        assert_eq!(probing.part.payload, first.payload);
        assert_eq!(probing.ids[..2], [KNOWN + 1, KNOWN + 2]);
        let found = stage.probed(&probing, Probed::Found(KNOWN + 1)).await;
        assert_eq!(found, Some(Resolution::Bound));
        // Resumes at the first unsent part.
        assert_eq!(stage.deliver(CHAT).await, ["2"]);
        let books = stage.books().await;
        assert_eq!((books.bound, books.resent), (1, 0));
        assert_eq!(of(&books.outcomes, "answered"), 1);
    }
}

#[tokio::test]
async fn the_last_part_that_is_found_settles_its_turn_at_once() {
    for stage in stores() {
        cut(&stage, &["1"]).await;
        let stage = stage.later(OVER);
        let probing = stage.probing(CHAT).await;
        let done = stage.store.finish_probe(&probing, Probed::Found(101)).await;
        assert!(done.expect("it is finished").settled.is_some());
    }
    for otherwise in [OnUncertain::Hold, OnUncertain::Resend] {
        for stage in stores() {
            cut(&stage, &["1"]).await;
            let done = stage.later(OVER).ask_for(CHAT, 0, otherwise).await;
            let Begin::Resolved(done) = done else {
                panic!("not resolved: {done:?}");
            };
            assert_eq!(done.settled.is_some(), otherwise == OnUncertain::Hold);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_before_the_send_can_no_longer_be_carried_out() {
    let stage = inline();
    cut(&stage, &["1"]).await;
    let early = stage.later(OVER - 1);
    let wait = early.begin_with(CHAT, 64, OnUncertain::Resend).await;
    assert!(matches!(wait, Begin::Wait(_)), "{wait:?}");
    stage.later(OVER).probing(CHAT).await;
}

#[tokio::test]
async fn only_ids_above_the_known_one_that_nobody_has_are_asked() {
    for stage in stores() {
        // Another private chat, and a basic group, share the sequence.
        answered(&stage, &["1"]).await;
        let sending = stage.sending(CHAT).await;
        stage.accept(&[private(8, 101, "/help")]).await;
        let elsewhere = stage.sending(ChatId(8)).await;
        stage.finish(&elsewhere, Sent::Receipt(103)).await;
        let mut joined = chatter(-500, 8, 105, "");
        joined["message"]["new_chat_members"] = serde_json::json!([{"id": 9}]);
        // A supergroup has ids of its own.
        stage.accept(&[joined, chatter(GROUP, 8, 102, "hm")]).await;
        stage.finish(&sending, Sent::Uncertain).await;
        let probing = stage.later(OVER).probing(CHAT).await;
        assert_eq!(probing.ids[..4], [102, 104, 106, 107]);
        assert_eq!((probing.ids.len(), probing.reach), (64, Reach::Open));
    }
}

#[tokio::test(start_paused = true)]
async fn the_ids_of_a_crowd_are_remembered_and_not_asked() {
    let stage = inline();
    cut(&stage, &["1"]).await;
    let crowd: Vec<_> = (102..=320).map(|id| private(9, id, "hm")).collect();
    stage.accept(&crowd).await;
    let probing = stage.later(OVER).probing(CHAT).await;
    assert_eq!(probing.ids[..3], [101, 321, 322]);
}

#[tokio::test]
async fn nothing_is_asked_where_the_operator_wants_no_probing() {
    for stage in stores() {
        cut(&stage, &["1"]).await;
        let stage = stage.later(OVER);
        let asked = stage.ask_for(CHAT, 0, OnUncertain::Resend).await;
        let Begin::Resolved(done) = asked else {
            panic!("not resolved: {asked:?}");
        };
        assert_eq!(done.resolved, Some(Resolution::Resent));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_found_in_an_open_reach_is_not_proven_absent() {
    for (otherwise, resolution) in [
        (OnUncertain::Resend, Resolution::Resent),
        (OnUncertain::Hold, Resolution::Held),
    ] {
        let stage = inline();
        cut(&stage, &["1"]).await;
        let stage = stage.later(OVER);
        let probing = stage.probing(CHAT).await;
        assert_eq!(probing.reach, Reach::Open);
        assert_eq!(stage.probed(&probing, Probed::Absent).await, None);
        assert_eq!(stage.resolved(CHAT, otherwise).await, resolution);
        let books = stage.books().await;
        let held = u64::from(otherwise == OnUncertain::Hold);
        assert_eq!((books.resent, books.held), (1 - held, held));
    }
}

#[tokio::test(start_paused = true)]
async fn absence_is_proven_by_two_rounds_over_all_ids_and_leaves_no_mark() {
    let stage = inline();
    cut(&stage, &["1", "2"]).await;
    let stage = stage.later(600_000);
    stage.hears_later(300).await;
    stage.hears_later(104).await;
    let first = stage.probing(CHAT).await;
    assert_eq!((&first.ids[..], first.round), (&[101, 102, 103][..], 0));
    assert_eq!(first.reach, Reach::Whole);
    assert_eq!(stage.probed(&first, Probed::Absent).await, None);
    // Not at once: what is carried out late must have had the time.
    let wait = stage.begin_with(CHAT, 64, OnUncertain::Resend).await;
    assert_eq!(wait, Begin::Wait(std::time::Duration::from_secs(5)));
    let stage = stage.later(5_000);
    let second = stage.probing(CHAT).await;
    assert_eq!((&second.ids[..], second.round), (&[101, 102, 103][..], 1));
    assert_eq!(stage.probed(&second, Probed::Absent).await, None);
    let done = stage.resolved(CHAT, OnUncertain::Hold).await;
    assert_eq!(done, Resolution::Absent);
    let again = stage.sending(CHAT).await;
    assert_eq!((text_of(&again.payload), again.resent), ("1", false));
    let books = stage.books().await;
    assert_eq!((books.absent, books.resent, books.held), (1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_second_round_still_finds_what_the_first_one_missed() {
    let stage = inline();
    cut(&stage, &["1"]).await;
    let stage = stage.later(600_000);
    stage.hears_later(104).await;
    let first = stage.probing(CHAT).await;
    stage.probed(&first, Probed::Absent).await;
    // The second one asks the same ids, whatever has been written since.
    stage.hears_later(190).await;
    let stage = stage.later(5_000);
    let second = stage.probing(CHAT).await;
    assert_eq!(second.ids, [101, 102, 103]);
    let found = stage.probed(&second, Probed::Found(102)).await;
    assert_eq!(found, Some(Resolution::Bound));
}

/// So many ids are given between the rounds that those of the first one are
/// remembered no more.
#[tokio::test(start_paused = true)]
async fn a_busy_bot_proves_absence_over_the_same_ids() {
    let stage = inline();
    cut(&stage, &["1"]).await;
    let stage = stage.later(600_000);
    stage.hears_later(104).await;
    let first = stage.probing(CHAT).await;
    stage.probed(&first, Probed::Absent).await;
    stage.hears_later(64 * 100).await;
    let second = stage.later(5_000).probing(CHAT).await;
    assert_eq!((second.ids, second.reach), (first.ids, Reach::Whole));
}

/// Only an id given when the send could no longer be carried out is above the
/// part's: not what was merely heard of then.
#[tokio::test(start_paused = true)]
async fn an_id_bounds_only_if_it_was_given_late_enough() {
    for (written, heard, bounds) in [
        // Written while the send may have been under way, heard of much later.
        (0, 600_000, false),
        (30, 600_000, false),
        // Our clock may differ from Telegram's by a minute.
        (90, 600_000, false),
        (95, 600_000, true),
        // From the future: our clock is behind, and nothing is proven.
        (9_000, OVER, false),
        (9_000, OVER + 60_000, false),
    ] {
        let stage = inline();
        cut(&stage, &["1"]).await;
        let stage = stage.later(heard);
        let late = after(private(9, 110, "hm"), written);
        stage.accept(&[late]).await;
        let probing = stage.probing(CHAT).await;
        let reach = if bounds { Reach::Whole } else { Reach::Open };
        assert_eq!(probing.reach, reach, "{written} {heard}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_bounds_if_its_send_was_begun_late_enough_whenever_it_came() {
    for begun in [OVER - 1, OVER] {
        let stage = inline();
        stage.accept(&[private(8, 50, "/help")]).await;
        cut(&stage, &["1"]).await;
        let later = stage.later(begun);
        let elsewhere = later.sending(ChatId(8)).await;
        let later = stage.later(OVER + 10_000);
        later.finish(&elsewhere, Sent::Receipt(108)).await;
        let probing = later.probing(CHAT).await;
        let whole = begun == OVER;
        assert_eq!(probing.reach == Reach::Whole, whole, "{begun}");
    }
}

/// The id of an edited message is older than the edit.
#[tokio::test(start_paused = true)]
async fn an_edit_bounds_nothing() {
    let stage = inline();
    let group = -500;
    let mut said = mention(group, 7, KNOWN, "a");
    said["message"]["chat"]["type"] = serde_json::json!("group");
    let conversation = stage.hears(said).await;
    let claim = stage.claim(conversation).await.claim;
    let placeholder = Payload::plain("…");
    stage
        .store
        .plan_placeholder(&claim, placeholder)
        .await
        .unwrap();
    let shown = stage.sending(claim.chat).await;
    cut(&stage, &["1"]).await;
    stage.finish(&shown, Sent::Receipt(120)).await;
    stage.answer(&claim, "done").await;
    let later = stage.later(OVER);
    let edit = later.sending(claim.chat).await;
    assert_eq!(edit.edit, Some(120));
    later.finish(&edit, Sent::Receipt(120)).await;
    assert_eq!(later.probing(CHAT).await.reach, Reach::Open);
}

#[tokio::test(start_paused = true)]
async fn a_range_too_large_is_asked_in_part_and_proves_no_absence() {
    let stage = inline();
    cut(&stage, &["1"]).await;
    let stage = stage.later(600_000);
    stage.hears_later(200).await;
    let probing = stage.probing(CHAT).await;
    assert_eq!((probing.ids.len(), probing.reach), (64, Reach::Open));
    stage.probed(&probing, Probed::Absent).await;
    let done = stage.resolved(CHAT, OnUncertain::Resend).await;
    assert_eq!(done, Resolution::Resent);
}

#[tokio::test(start_paused = true)]
async fn a_range_just_as_large_as_may_be_asked_is_the_whole() {
    for (top, reach) in [(165, Reach::Whole), (166, Reach::Open)] {
        let stage = inline();
        cut(&stage, &["1"]).await;
        let stage = stage.later(600_000);
        stage.hears_later(top).await;
        let probing = stage.probing(CHAT).await;
        assert_eq!((probing.ids.len(), probing.reach), (64, reach));
    }
}

#[tokio::test(start_paused = true)]
async fn where_others_have_every_id_nothing_is_asked() {
    let stage = inline();
    cut(&stage, &["1"]).await;
    stage.accept(&[private(9, 101, "hm")]).await;
    let stage = stage.later(600_000);
    stage.hears_later(102).await;
    let done = stage.resolved(CHAT, OnUncertain::Hold).await;
    assert_eq!(done, Resolution::Absent);
}

#[tokio::test(start_paused = true)]
async fn what_proves_nothing_is_asked_again_within_bounds() {
    let stage = inline();
    cut(&stage, &["1"]).await;
    let mut stage = stage.later(OVER);
    for n in 0..5 {
        let probing = stage.probing(CHAT).await;
        let retry_in_ms = if n == 4 { 100_000 } else { 0 };
        let unproven = Probed::Unproven { retry_in_ms };
        assert_eq!(stage.probed(&probing, unproven).await, None);
        let pause = (5_000 << n).max(retry_in_ms);
        let early = stage.later(pause - 1);
        let wait = early.begin_with(CHAT, 64, OnUncertain::Resend).await;
        assert!(matches!(wait, Begin::Wait(_)), "{wait:?}");
        stage = stage.later(pause);
    }
    let done = stage.resolved(CHAT, OnUncertain::Resend).await;
    assert_eq!(done, Resolution::Resent);
}

#[tokio::test(start_paused = true)]
async fn a_telegram_that_cannot_be_asked_decides_nothing() {
    let stage = inline();
    cut(&stage, &["1"]).await;
    let mut stage = stage.later(OVER);
    for _ in 0..50 {
        let probing = stage.probing(CHAT).await;
        let unreached = Probed::Unreached { retry_in_ms: 2_000 };
        stage.probed(&probing, unreached).await;
        let early = stage.later(1_999);
        let wait = early.begin_with(CHAT, 64, OnUncertain::Resend).await;
        assert!(matches!(wait, Begin::Wait(_)), "{wait:?}");
        stage = stage.later(2_000);
    }
    let probing = stage.probing(CHAT).await;
    stage.probed(&probing, Probed::Useless).await;
    let done = stage.resolved(CHAT, OnUncertain::Hold).await;
    assert_eq!(done, Resolution::Held);
}

#[test]
fn the_base_of_these_tests_is_when_people_write() {
    assert_eq!(BASE, 1_790_000_000 * 1_000);
}
