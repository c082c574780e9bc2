//! Trouble with the model, as the person sees it.

use std::time::Duration;

use lastword::domain::language::Language;
use lastword::llm::LlmError;
use lastword::playground::bot_api::Place;
use lastword::playground::offline::{Fault, Offline};
use lastword::texts::Texts;

use crate::house::{House, assert_balanced};
use crate::neighbours::{buttons, labels, outcomes, pass};
use crate::scribe::Twist;

const MINUTE_MS: u64 = 60_000;

#[tokio::test(start_paused = true)]
async fn a_short_outage_is_not_noticed() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let life = house.start();
    let ann = house.person("Ann");
    model.fail_next(2, Fault::Outage);
    house.say(ann, "hello");
    assert_eq!(house.until_heard(ann, 1).await, ["echo: hello"]);
    pass(MINUTE_MS).await;
    assert_eq!(house.heard(ann).len(), 1);
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("answered", 1)]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_longer_than_all_patience_ends_in_an_apology_with_retry() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let life = house.start();
    let ann = house.person("Ann");
    model.change(|now| now.fault = Fault::Outage);
    let begun = house.clock.now();
    house.say(ann, "hello");
    house.until_heard(ann, 1).await;
    let waited = house.clock.now() - begun;
    assert!(waited < 120_000, "{waited} ms of silence");
    pass(30 * MINUTE_MS).await;
    let heard = house.heard(ann);
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(heard[0].contains("sorry"), "{heard:?}");
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("failed", 1)]);
    model.change(|now| now.fault = Fault::Sound);
    let apology = house.answers(ann)[0].id;
    assert_eq!(buttons(&house.post(ann, apology)).len(), 1);
    house.press(Place::private(ann), apology, "retry:");
    assert_eq!(house.until_heard(ann, 2).await[1], "echo: hello");
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn whoever_writes_into_a_long_pause_is_told_once_and_answered_later() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    model.change(|now| now.fault = Fault::Outage);
    house.say(ann, "opens the breaker");
    pass(20_000).await;
    house.say(ben, "hello");
    assert!(house.until_heard(ben, 1).await[0].contains("can't reach my model"));
    model.change(|now| now.fault = Fault::Sound);
    let heard = house.until_heard(ben, 2).await;
    assert_eq!(heard[1], "echo: hello");
    pass(10 * MINUTE_MS).await;
    assert_eq!(house.heard(ben).len(), 2);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn one_request_that_no_model_bears_does_not_silence_everybody() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    scribe.poison("arsenic");
    house.say(ann, "arsenic");
    house.until_heard(ann, 1).await;
    assert!(house.heard(ann)[0].contains("sorry"));
    let begun = house.clock.now();
    house.say(ben, "hello");
    house
        .until("Ben is answered", |house| {
            house.heard(ben).iter().any(|text| text == "echo: hello")
        })
        .await;
    let waited = house.clock.now() - begun;
    assert!(waited < 90_000, "{waited}");
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("answered", 1), ("failed", 1)]);
}

#[tokio::test(start_paused = true)]
async fn without_credit_the_person_is_told_once_and_answered_when_there_is_some() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let life = house.start();
    let ann = house.person("Ann");
    model.change(|now| now.fault = Fault::NoCredit);
    house.say(ann, "hello");
    assert!(house.until_heard(ann, 1).await[0].contains("can't reach my model"));
    pass(120 * MINUTE_MS).await;
    house.say(ann, "anybody?");
    pass(120 * MINUTE_MS).await;
    assert_eq!(house.heard(ann).len(), 1);
    model.change(|now| now.fault = Fault::Sound);
    let heard = house.until_heard(ann, 3).await;
    assert_eq!(heard[1..], ["echo: hello", "echo: anybody?"]);
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("answered", 2)]);
}

#[tokio::test(start_paused = true)]
async fn nothing_waits_longer_for_the_operator_than_a_message_may() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    house.config.intake.max_age = Duration::from_secs(3_600);
    let life = house.start();
    let ann = house.person("Ann");
    model.change(|now| now.fault = Fault::NoCredit);
    house.say(ann, "hello");
    pass(55 * MINUTE_MS).await;
    assert_eq!(house.heard(ann).len(), 1);
    pass(10 * MINUTE_MS).await;
    let heard = house.heard(ann);
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert!(heard[1].contains("sorry"), "{heard:?}");
    assert_eq!(outcomes(&life.books().await), [("failed", 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_cut_or_stalled_answer_is_never_shown_as_finished() {
    for fault in [
        Fault::CutAfter(9),
        Fault::ErrorAfter(9),
        Fault::StallAfter(9),
        Fault::StallAfter(0),
    ] {
        let model = Offline::echo();
        let mut house = House::with(model.clone());
        let life = house.start();
        let ann = house.person("Ann");
        model.fail_next(2, fault);
        house.say(ann, "tell me everything about it");
        let heard = house.until_heard(ann, 1).await;
        assert_eq!(heard, ["echo: tell me everything about it"], "{fault:?}");
        pass(10 * MINUTE_MS).await;
        assert_eq!(house.heard(ann).len(), 1);
        assert_balanced(&life.books().await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_is_waited_for() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let life = house.start();
    let ann = house.person("Ann");
    model.fail_next(1, Fault::RateLimited(Duration::from_secs(40)));
    let begun = house.clock.now();
    house.say(ann, "hello");
    assert_eq!(house.until_heard(ann, 1).await, ["echo: hello"]);
    assert!(house.clock.now() - begun >= 42_000);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_turn_is_one_failure_of_that_turn() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    scribe.twist(Twist::Panic);
    house.say(ann, "hello");
    assert_eq!(house.until_heard(ann, 1).await, ["echo: hello"]);
    for _ in 0..20 {
        scribe.twist(Twist::Panic);
    }
    house.say(ann, "boom");
    let heard = house.until_heard(ann, 2).await;
    assert!(heard[1].contains("sorry"), "{heard:?}");
    assert_eq!(scribe.bytes().len(), 5, "three panics are enough");
    for _ in 3..20 {
        // The rest of them meets Ben, who is patient.
        pass(1).await;
    }
    house.say(ben, "me");
    house.until_heard(ben, 1).await;
    pass(10 * MINUTE_MS).await;
    assert_eq!(house.heard(ann).len(), 2);
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("answered", 1), ("failed", 2)]);
    life.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_group_leaves_one_message_and_no_task_behind() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    let group = house.group(lastword::playground::bot_api::ChatKind::Supergroup, &[ann]);
    for _ in 0..3 {
        scribe.twist(Twist::Panic);
    }
    house.say_in(group, ann, "@lastword_bot boom");
    house
        .until("an apology", |house| {
            house.heard(group).iter().any(|text| text.contains("sorry"))
        })
        .await;
    pass(MINUTE_MS).await;
    assert_eq!(house.heard(group).len(), 1);
    let begun = house.clock.now();
    life.stop().await;
    assert!(house.clock.now() - begun < 2_000, "a task was left behind");
}

#[tokio::test(start_paused = true)]
async fn each_way_of_failing_is_told_in_a_sentence_of_its_own_with_a_button_to_try_again() {
    let texts = Texts::of(Language::Portuguese);
    let status = |code, message: &str| LlmError::Status {
        code,
        message: message.to_owned(),
        retry_after: None,
    };
    for (way, refusal, age_s, sentences) in [
        ("down", status(500, "x"), 86_400, vec![texts.model_away]),
        (
            "moderated",
            status(403, "flagged"),
            86_400,
            vec![texts.content_filter],
        ),
        ("too long", status(413, "x"), 86_400, vec![texts.too_long]),
        ("not taken", status(400, "x"), 86_400, vec![texts.failed]),
        (
            "no credit, until it is too late",
            status(402, "x"),
            600,
            vec![texts.operator_problem, texts.too_late],
        ),
    ] {
        let mut house = House::new();
        house.config.intake.max_age = Duration::from_secs(age_s);
        let scribe = house.scribe();
        let life = house.start();
        let ann = house.person("Ann");
        house
            .telegram
            .speak(ann, Some("pt-br"))
            .expect("she exists");
        scribe.always("hello", Twist::Refuse(refusal));
        house.say(ann, "hello");
        pass(30 * MINUTE_MS).await;
        assert_eq!(house.heard(ann), sentences, "{way}");
        let apology = house.answers(ann).pop().expect("an apology");
        assert_eq!(labels(&apology), [texts.retry_button], "{way}");
        assert_eq!(outcomes(&life.books().await), [("failed", 1)], "{way}");
        scribe.never();
        house.press(Place::private(ann), apology.id, "retry:");
        let heard = house.until_heard(ann, sentences.len() + 1).await;
        assert_eq!(
            heard.last().map(String::as_str),
            Some("echo: hello"),
            "{way}"
        );
        assert_balanced(&life.books().await);
    }
}
