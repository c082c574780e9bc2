//! The Continue button under an answer that reached its length limit, and what
//! operators hear of what only they can mend.

use std::time::Duration;

use lastword::config::{AccessMode, OnStop};
use lastword::domain::phase::Phase;
use lastword::llm::FinishReason;
use lastword::playground::bot_api::{Fault as Trouble, FaultRule, Place};
use lastword::playground::offline::{Fault, Offline};
use lastword::shutdown::{Cause, ExitCode};

use crate::access::claim_code;
use crate::house::{House, Life, assert_balanced};
use crate::neighbours::{buttons, outcomes, pass};
use crate::scribe::{Scribe, Twist};

#[tokio::test(start_paused = true)]
async fn continue_goes_on_once_and_is_told_what_was_said() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    scribe.twist(Twist::Say("The story begins", FinishReason::Length));
    house.say(ann, "a story");
    house.until_heard(ann, 1).await;
    let post = house.answers(ann).remove(0);
    let data = buttons(&post);
    assert_eq!(data.last().map(String::as_str), Some("continue:1"));
    let data = [data.last().cloned().expect("it can go on")];
    scribe.twist(Twist::Say("and ends", FinishReason::Stop));
    house.press(Place::private(ann), post.id, &data[0]);
    house.press(Place::private(ann), post.id, &data[0]);
    let heard = house.until_heard(ann, 2).await;
    assert_eq!(heard[1], "and ends");
    let asked = scribe.bytes();
    let last = String::from_utf8_lossy(&asked[1]);
    assert!(last.contains("The story begins") && last.contains("Continue exactly"));
    pass(60_000).await;
    assert_eq!(house.heard(ann).len(), 2);
    assert!(buttons(&house.post(ann, post.id)).is_empty());
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("answered", 2)]);
}

#[tokio::test(start_paused = true)]
async fn an_operator_is_alerted_once_an_hour_when_the_credit_is_used_up() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    house.config.access.mode = AccessMode::Claim;
    let ben = house.person("Ben");
    house.config.access.ids = [ben].into();
    let life = house.start();
    let ann = house.person("Ann");
    pass(1_000).await;
    let code = claim_code(&house).await;
    house.say(ann, &format!("/start {code}"));
    house.until_heard(ann, 1).await;
    let before = house.heard(ann).len();
    model.change(|now| now.fault = Fault::NoCredit);
    house.say(ben, "hello");
    house.until_heard(ann, before + 1).await;
    assert!(
        house.heard(ann)[before].contains("credit"),
        "{:?}",
        house.heard(ann)
    );
    pass(50 * 60_000).await;
    assert_eq!(house.heard(ann).len(), before + 1);
    pass(15 * 60_000).await;
    assert_eq!(house.heard(ann).len(), before + 2);
    assert_balanced(&life.books().await);
}

/// More conversations wait than one sweep wakes: a stop right after the start
/// answers them all the same.
#[tokio::test(start_paused = true)]
async fn a_stop_answers_also_those_that_no_sweep_has_come_to() {
    let mut house = House::new();
    house.config.intake.buffer = 5_000;
    house.config.access.per_minute = 1_000;
    house.config.shutdown.on_stop = OnStop::Park;
    let life = house.start();
    let people: Vec<i64> = (0..1_200).map(|n| house.person(&format!("P{n}"))).collect();
    for person in &people {
        house.say(*person, "hello");
    }
    while life.books().await.messages < 1_200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    life.stop().await;
    assert!(people.iter().all(|person| house.heard(*person).is_empty()));

    house.config.shutdown.on_stop = OnStop::Flush;
    let life = house.start();
    let mut phase = life.shutdown.phase();
    let running = phase.wait_for(|phase| *phase == Phase::Running).await;
    running.expect("it lives");
    assert_eq!(life.stop().await, ExitCode::Drained);
    let unanswered = people.iter().filter(|p| house.heard(**p).len() != 1);
    assert_eq!(unanswered.count(), 0);
}

/// A story that was cut, on the screen.
async fn cut_story(house: &mut House) -> (Scribe, Life, i64) {
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    scribe.twist(Twist::Say("The story begins", FinishReason::Length));
    house.say(ann, "a story");
    house.until_heard(ann, 1).await;
    (scribe, life, ann)
}

#[tokio::test(start_paused = true)]
async fn continue_goes_on_with_its_own_answer_whatever_was_typed_meanwhile() {
    let mut house = House::new();
    let (scribe, life, ann) = cut_story(&mut house).await;
    house.say(ann, "something else");
    pass(500).await;
    scribe.twist(Twist::Say("and ends", FinishReason::Stop));
    let post = house.answers(ann).remove(0).id;
    house.press(Place::private(ann), post, "continue:");
    let heard = house.until_heard(ann, 3).await;
    assert_eq!(heard[1..], ["and ends", "echo: something else"]);
    let asked = scribe.requests();
    let messages = asked[1]["messages"].as_array().expect("a list");
    let [.., before, last] = messages.as_slice() else {
        panic!("too few: {messages:?}");
    };
    assert_eq!(before["content"], "The story begins");
    let last = last["content"].as_str().expect("text");
    assert!(last.starts_with("Continue exactly"), "{last}");
    assert!(
        last.contains("language") && last.contains("fence"),
        "{last}"
    );
    pass(60_000).await;
    assert_eq!(house.heard(ann).len(), 3);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn after_new_there_is_nothing_to_continue() {
    let mut house = House::new();
    let (scribe, life, ann) = cut_story(&mut house).await;
    let post = house.answers(ann).remove(0).id;
    house.say(ann, "/new");
    // Before the button is gone.
    house.press(Place::private(ann), post, "continue:");
    house.until_heard(ann, 2).await;
    house
        .until("the toast", |house| house.toasts(ann).len() == 1)
        .await;
    assert!(house.toasts(ann)[0].contains("no longer"));
    pass(60_000).await;
    assert_eq!((house.heard(ann).len(), scribe.bytes().len()), (2, 1));
    assert_balanced(&life.books().await);
}

/// The answer is seen, nobody has told us that it is there; and the process may
/// end before anybody does.
#[tokio::test(start_paused = true)]
async fn continue_pressed_before_the_receipt_is_kept_until_then() {
    for killed in [false, true] {
        let mut house = House::new();
        let rule = FaultRule::once("sendRichMessage", Trouble::HangAfter);
        house.telegram.fault(rule);
        let (scribe, mut life, ann) = cut_story(&mut house).await;
        scribe.twist(Twist::Say("and ends", FinishReason::Stop));
        let post = house.answers(ann).remove(0).id;
        house.press(Place::private(ann), post, "continue:");
        house
            .until("the press is answered", |house| {
                house.toasts(ann).len() == 1
            })
            .await;
        assert_eq!(house.toasts(ann), [""]);
        pass(1_000).await;
        assert!(
            !buttons(&house.post(ann, post)).is_empty(),
            "it was taken away"
        );
        if killed {
            life.shutdown.stop(Cause::Terminate);
            pass(1).await;
            life.shutdown.stop(Cause::Terminate);
            life.ended().await;
            life = house.start();
        }
        let heard = house.until_heard(ann, 2).await;
        assert_eq!(heard[1], "and ends", "{killed}");
        pass(120_000).await;
        assert_eq!(house.heard(ann).len(), 2, "{killed}");
        assert!(buttons(&house.post(ann, post)).is_empty());
        let books = life.books().await;
        assert_balanced(&books);
        assert_eq!(
            (books.messages, outcomes(&books)),
            (2, vec![("answered", 2)])
        );
    }
}
