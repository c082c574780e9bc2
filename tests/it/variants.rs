//! The buttons under the last answer: another one, a shorter, a longer. What a
//! press begins, who may press, where the buttons are, and that none of it is
//! lost or doubled when the process ends in between.

use lastword::config::{Busy, Button};
use lastword::llm::{FinishReason, LlmError};
use lastword::playground::bot_api::{ChatKind, Fault as Trouble, FaultRule, Place};
use lastword::playground::offline::{Fault, Offline};

use crate::house::{House, Life, assert_balanced};
use crate::neighbours::{buttons, outcomes, pass};
use crate::scribe::{Scribe, Twist};

mod survival;

const ALL: [&str; 3] = ["again", "shorter", "longer"];

/// A person whose question has its answer.
async fn answered(house: &mut House) -> (Scribe, Life, i64) {
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    scribe.twist(Twist::Say("The first answer", FinishReason::Stop));
    house.say(ann, "why?");
    house.until_heard(ann, 1).await;
    (scribe, life, ann)
}

/// Which of a chat's messages show buttons, and which.
fn shown(house: &House, chat: i64) -> Vec<Vec<String>> {
    let kind = |data: String| data.split(':').next().unwrap_or_default().to_owned();
    let kinds = |data: Vec<String>| data.into_iter().map(kind).collect();
    house
        .answers(chat)
        .iter()
        .map(|post| kinds(buttons(post)))
        .collect()
}

async fn until_shown(house: &House, chat: i64, wanted: &[&[&str]]) {
    house
        .until(&format!("the buttons are {wanted:?}"), |house| {
            shown(house, chat) == wanted
        })
        .await;
}

/// The text of the last message under which there are buttons, pressed.
fn press(house: &House, chat: i64, person: i64, data: &str) {
    let place = match chat == person {
        true => Place::private(person),
        false => Place::group(person, chat),
    };
    let post = house.answers(chat).pop().expect("an answer");
    house.press(place, post.id, data);
}

#[tokio::test(start_paused = true)]
async fn each_button_begins_one_other_answer_in_place_of_the_last() {
    for (data, instruction) in [
        ("again", None),
        ("shorter", Some("much shorter")),
        ("longer", Some("in more detail")),
    ] {
        let mut house = House::new();
        let (scribe, life, ann) = answered(&mut house).await;
        until_shown(&house, ann, &[&ALL]).await;
        scribe.twist(Twist::Say("The second answer", FinishReason::Stop));
        press(&house, ann, ann, data);
        // And a second time, before the first had any effect on the screen.
        press(&house, ann, ann, data);
        let heard = house.until_heard(ann, 2).await;
        assert_eq!(heard, ["The first answer", "The second answer"]);
        until_shown(&house, ann, &[&[], &ALL]).await;
        pass(60_000).await;
        assert_eq!(house.heard(ann).len(), 2, "pressed twice, answered once");
        let said = scribe.said();
        match instruction {
            // The same question, as if for the first time.
            None => assert_eq!(said, [("user".to_owned(), "why?".to_owned())]),
            Some(words) => {
                assert_eq!(said.len(), 3, "{said:?}");
                assert_eq!(said[0].1, "why?");
                assert_eq!(said[1], ("assistant".to_owned(), "The first answer".into()));
                assert!(said[2].1.contains(words), "{said:?}");
            }
        }
        let books = life.books().await;
        assert_balanced(&books);
        assert_eq!(outcomes(&books), [("answered", 1), ("superseded", 1)]);
        // The history knows the new answer only.
        house.say(ann, "and then?");
        house.until_heard(ann, 3).await;
        let said: Vec<String> = scribe.said().into_iter().map(|(_, text)| text).collect();
        assert_eq!(said, ["why?", "The second answer", "and then?"]);
        until_shown(&house, ann, &[&[], &[], &ALL]).await;
        assert_balanced(&life.books().await);
    }
}

#[tokio::test(start_paused = true)]
async fn another_answer_can_be_varied_again_and_again() {
    let mut house = House::new();
    let (scribe, life, ann) = answered(&mut house).await;
    for (round, data) in ["again", "shorter", "shorter", "longer", "again"]
        .iter()
        .enumerate()
    {
        let text: &'static str = ["A", "B", "C", "D", "E"][round];
        scribe.twist(Twist::Say(text, FinishReason::Stop));
        press(&house, ann, ann, data);
        house.until_heard(ann, round + 2).await;
        let said = scribe.said();
        if *data != "again" {
            let before = ["The first answer", "A", "B", "C"][round];
            assert_eq!(said[1].1, before, "it varies the latest");
        }
    }
    pass(30_000).await;
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("answered", 1), ("superseded", 5)]);
    assert_eq!(books.messages, 1);
}

#[tokio::test(start_paused = true)]
async fn only_the_last_answer_has_buttons_and_an_older_one_says_so() {
    let mut house = House::new();
    let (_, life, ann) = answered(&mut house).await;
    let first = house.answers(ann)[0].id;
    // Pressed on what is no longer the last, before its buttons are gone.
    house.telegram.fault(FaultRule::once(
        "editMessageReplyMarkup",
        Trouble::CutBefore,
    ));
    house.say(ann, "next");
    house.until_heard(ann, 2).await;
    house.press(Place::private(ann), first, "again:");
    house
        .until("the toast", |house| house.toasts(ann).len() == 1)
        .await;
    assert!(house.toasts(ann)[0].contains("no longer"));
    until_shown(&house, ann, &[&[], &ALL]).await;
    pass(60_000).await;
    assert_eq!(house.heard(ann).len(), 2);
    assert_eq!(outcomes(&life.books().await), [("answered", 2)]);
}

#[tokio::test(start_paused = true)]
async fn in_a_group_only_who_asked_and_administrators_may_press() {
    let mut house = House::new();
    house.config.reply.group_buttons = vec![Button::Regenerate, Button::Shorter];
    let life = house.start();
    let people = ["Olga", "Ann", "Ben"].map(|name| house.person(name));
    let [owner, ann, ben] = people;
    let group = house.group(ChatKind::Supergroup, &people);
    let question = house.say_in(group, ann, "@lastword_bot why?");
    house.until_heard(group, 1).await;
    until_shown(&house, group, &[&["again", "shorter"]]).await;
    press(&house, group, ben, "shorter:");
    house
        .until("the toast", |house| house.toasts(group).len() == 1)
        .await;
    assert!(house.toasts(group)[0].contains("administrator"));
    pass(30_000).await;
    assert_eq!(house.heard(group).len(), 1, "a stranger had it answered");
    assert_eq!(shown(&house, group), [["again", "shorter"]]);
    for (round, person) in [(2, ann), (3, owner)] {
        press(&house, group, person, "again:");
        house
            .until("another answer", |house| {
                let heard = house.heard(group);
                heard.len() == round && !heard[round - 1].ends_with('…')
            })
            .await;
        let posts = house.answers(group);
        assert_eq!(posts[round - 1].reply_to, Some(question));
        pass(30_000).await;
    }
    let none: [&str; 0] = [];
    assert_eq!(
        shown(&house, group),
        [&none[..], &none[..], &["again", "shorter"][..]]
    );
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn settings_decide_which_buttons_there_are() {
    let mut house = House::new();
    house.config.reply.buttons = vec![Button::Longer, Button::Regenerate];
    let life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "why?");
    house.until_heard(ann, 1).await;
    assert_eq!(shown(&house, ann), [["longer", "again"]]);
    life.stop().await;
    house.config.reply.buttons = Vec::new();
    let life = house.start();
    house.say(ann, "and now?");
    house.until_heard(ann, 2).await;
    until_shown(&house, ann, &[&[], &[]]).await;
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn what_was_stopped_in_the_middle_can_be_varied_and_gone_on_with() {
    for data in ["again", "shorter", "continue"] {
        let model = Offline::echo();
        let mut house = House::with(model.clone());
        let scribe = house.scribe();
        let life = house.start();
        let ann = house.person("Ann");
        model.change(|now| now.fault = Fault::HoldAfter(20));
        house.say(ann, "one two three four five six");
        house
            .until("a draft shows words", |house| {
                house.drafts(ann).iter().any(|text| text.contains("one"))
            })
            .await;
        house.say(ann, "/stop");
        house
            .until("it is stopped", |house| {
                house.heard(ann).iter().any(|text| text.contains('⏹'))
            })
            .await;
        until_shown(&house, ann, &[&["again", "shorter", "continue"]]).await;
        model.change(|now| now.fault = Fault::Sound);
        scribe.twist(Twist::Say("All of it", FinishReason::Stop));
        press(&house, ann, ann, data);
        assert_eq!(house.until_heard(ann, 2).await[1], "All of it");
        let said = scribe.said();
        let earlier = said.iter().any(|(role, _)| role == "assistant");
        assert_eq!(earlier, data != "again", "{said:?}");
        assert_balanced(&life.books().await);
    }
}

#[tokio::test(start_paused = true)]
async fn another_answer_that_fails_can_be_tried_again_and_the_old_one_is_remembered() {
    let mut house = House::new();
    let (scribe, life, ann) = answered(&mut house).await;
    let refusal = || {
        Twist::Refuse(LlmError::Status {
            code: 400,
            message: "no such thing".to_owned(),
            retry_after: None,
        })
    };
    scribe.twist(refusal());
    press(&house, ann, ann, "shorter:");
    assert!(house.until_heard(ann, 2).await[1].contains("sorry"));
    // Nothing came of it: what stands on the screen is what was said.
    house.say(ann, "never mind");
    house.until_heard(ann, 3).await;
    let said: Vec<String> = scribe.said().into_iter().map(|(_, text)| text).collect();
    assert_eq!(said, ["why?", "The first answer", "never mind"]);
    let apology = house.answers(ann)[1].id;
    scribe.twist(Twist::Say("Short", FinishReason::Stop));
    house.press(Place::private(ann), apology, "retry:");
    assert_eq!(house.until_heard(ann, 4).await[3], "Short");
    let said = scribe.said();
    assert!(
        said.last()
            .is_some_and(|(_, text)| text.contains("much shorter"))
    );
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("answered", 2), ("superseded", 2)]);
}

#[tokio::test(start_paused = true)]
async fn whoever_writes_on_is_answered_after_the_other_answer() {
    let mut house = House::new();
    let (scribe, life, ann) = answered(&mut house).await;
    house.say(ann, "next question");
    pass(500).await;
    scribe.twist(Twist::Say("Short", FinishReason::Stop));
    press(&house, ann, ann, "shorter:");
    let heard = house.until_heard(ann, 3).await;
    assert_eq!(heard[1], "Short");
    assert_eq!(heard[2], "echo: next question");
    until_shown(&house, ann, &[&[], &[], &ALL]).await;
    assert_eq!(
        outcomes(&life.books().await),
        [("answered", 2), ("superseded", 1)]
    );
}

/// What is written while another answer is on its way is a question of its own.
#[tokio::test(start_paused = true)]
async fn whoever_goes_on_writing_after_a_press_does_not_change_what_was_asked_for() {
    for busy in [Busy::Queue, Busy::Interrupt] {
        let mut house = House::new();
        house.config.chat.busy = busy;
        let (scribe, life, ann) = answered(&mut house).await;
        scribe.twist(Twist::Say("Short", FinishReason::Stop));
        press(&house, ann, ann, "shorter:");
        pass(100).await;
        house.say(ann, "next question");
        let heard = house.until_heard(ann, 3).await;
        assert_eq!(heard[1..], ["Short", "echo: next question"], "{busy:?}");
        assert_balanced(&life.books().await);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_put_aside_or_forgotten_offers_nothing_any_more() {
    for command in ["/new", "/forget"] {
        let mut house = House::new();
        let (_, life, ann) = answered(&mut house).await;
        house.say(ann, command);
        house.until_heard(ann, 2).await;
        if command == "/forget" {
            let question = house.answers(ann)[1].id;
            house.press(Place::private(ann), question, "forget:yes");
            house.until_heard(ann, 3).await;
        }
        house
            .until("no button is left", |house| {
                shown(house, ann).iter().all(Vec::is_empty)
            })
            .await;
        assert_balanced(&life.books().await);
    }
}

/// The old answer comes after the fresh start: nothing of it can be gone on with.
#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_after_new_has_no_buttons() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let life = house.start();
    let ann = house.person("Ann");
    model.change(|now| now.fault = Fault::HoldAfter(3));
    house.say(ann, "old matter");
    model.until(|counts| counts.running == 1).await;
    house.say(ann, "/new");
    house.until_heard(ann, 1).await;
    model.change(|now| now.fault = Fault::Sound);
    let heard = house.until_heard(ann, 2).await;
    assert_eq!(heard[1], "echo: old matter");
    until_shown(&house, ann, &[&[], &[]]).await;
    pass(60_000).await;
    until_shown(&house, ann, &[&[], &[]]).await;
    house.say(ann, "new matter");
    house.until_heard(ann, 3).await;
    until_shown(&house, ann, &[&[], &[], &ALL]).await;
    assert_balanced(&life.books().await);
}
