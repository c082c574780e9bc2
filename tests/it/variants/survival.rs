//! What a press has begun, and the buttons that have to go: over the end of the
//! process, in the middle of whatever Telegram does, and in nobody's way.

use lastword::playground::bot_api::{ChatKind, Fault as Trouble, FaultRule};
use lastword::playground::offline::{Fault, Offline};
use lastword::shutdown::Cause;

use super::{ALL, answered, press, shown, until_shown};
use crate::house::{House, assert_balanced};
use crate::neighbours::{outcomes, pass};

/// The end of the process at every state of a turn that gives another answer:
/// the press counts, once.
#[tokio::test(start_paused = true)]
async fn a_press_survives_the_end_of_the_process_at_every_state() {
    for held in [None, Some("model"), Some("send before"), Some("send after")] {
        let model = Offline::echo();
        let mut house = House::with(model.clone());
        let life = house.start();
        let ann = house.person("Ann");
        house.say(ann, "why?");
        house.until_heard(ann, 1).await;
        pass(5_000).await;
        match held {
            Some("model") => model.change(|now| now.fault = Fault::HoldAfter(2)),
            Some("send before") => house
                .telegram
                .fault(FaultRule::once("sendRichMessage", Trouble::HangBefore)),
            Some(_) => house
                .telegram
                .fault(FaultRule::once("sendRichMessage", Trouble::HangAfter)),
            None => {}
        }
        press(&house, ann, ann, "again:");
        match held {
            Some("model") => model.until(|counts| counts.running == 1).await,
            Some(_) => {
                house
                    .until("it is being sent", |house| house.telegram.hanging() == 1)
                    .await;
            }
            None => {
                house
                    .until("it is accepted", |house| !house.toasts(ann).is_empty())
                    .await
            }
        }
        life.shutdown.stop(Cause::Terminate);
        pass(1).await;
        life.shutdown.stop(Cause::Terminate);
        life.ended().await;
        house.telegram.clear_faults();
        house.telegram.release();
        model.change(|now| now.fault = Fault::Sound);
        let life = house.start();
        let heard = house.until_heard(ann, 2).await;
        assert_eq!(heard, ["echo: why?", "echo: why?"], "{held:?}");
        until_shown(&house, ann, &[&[], &ALL]).await;
        pass(120_000).await;
        assert_eq!(house.heard(ann).len(), 2, "{held:?}");
        let books = life.books().await;
        assert_balanced(&books);
        assert_eq!(outcomes(&books), [("answered", 1), ("superseded", 1)]);
    }
}

/// The edit that takes buttons away outlives the process that was to make it,
/// whatever became of it there, and nothing of it can keep an answer waiting.
#[tokio::test(start_paused = true)]
async fn buttons_that_have_to_go_are_gone_after_the_next_start() {
    for trouble in [
        Trouble::HangBefore,
        Trouble::HangAfter,
        Trouble::CutBefore,
        Trouble::CutAfter,
    ] {
        let mut house = House::new();
        let (_, life, ann) = answered(&mut house).await;
        let rule = FaultRule::always("editMessageReplyMarkup", trouble.clone());
        house.telegram.fault(rule);
        house.say(ann, "next");
        house.until_heard(ann, 2).await;
        house
            .until("the edit was tried", |house| {
                let counts = house.telegram.counts();
                counts.contains_key("editMessageReplyMarkup") || house.telegram.hanging() > 0
            })
            .await;
        // What hangs is in nobody's way.
        house.say(ann, "and next");
        let begun = house.clock.now();
        house.until_heard(ann, 3).await;
        assert!(
            house.clock.now() - begun < 5_000,
            "an answer waited: {trouble:?}"
        );
        life.shutdown.stop(Cause::Terminate);
        let begun = house.clock.now();
        life.ended().await;
        assert!(
            house.clock.now() - begun < 1_000,
            "a stop waited: {trouble:?}"
        );
        house.telegram.clear_faults();
        house.telegram.release();
        let life = house.start();
        until_shown(&house, ann, &[&[], &[], &ALL]).await;
        let edits = house.telegram.counts()["editMessageReplyMarkup"].calls;
        pass(600_000).await;
        let later = house.telegram.counts()["editMessageReplyMarkup"].calls;
        assert!(later <= edits + 1, "it is edited for ever");
        assert_balanced(&life.books().await);
    }
}

/// Taking buttons away counts like a message: it must not delay answers.
#[tokio::test(start_paused = true)]
async fn in_a_busy_group_buttons_go_when_there_is_time() {
    let mut house = House::new();
    house.telegram.configure(|server| server.limits = true);
    let life = house.start();
    let people: Vec<i64> = (0..4).map(|n| house.person(&format!("P{n}"))).collect();
    let group = house.group(ChatKind::Supergroup, &people);
    for (n, person) in people.iter().cycle().take(6).enumerate() {
        house.say_in(group, *person, &format!("@lastword_bot question {n}"));
        pass(3_000).await;
    }
    house
        .until("all are answered", |house| {
            let heard = house.heard(group);
            heard.len() == 6 && heard.iter().all(|text| !text.ends_with('…'))
        })
        .await;
    house
        .until("only the last shows a button", |house| {
            let shown = shown(house, group);
            shown.iter().filter(|row| !row.is_empty()).count() == 1
        })
        .await;
    assert_eq!(shown(&house, group)[5], ["again"]);
    assert_balanced(&life.books().await);
}
