//! Edited messages: in time, too late, by setting; and what outlives the end of
//! the process. What an edit does to a turn that is not answered yet is in
//! `grouping.rs`, too.

use lastword::config::{AccessMode, Edits};
use lastword::domain::turn::MAX_INTERRUPTS;
use lastword::playground::bot_api::{Act, Fault as Trouble, FaultRule, Medium, Place};
use lastword::playground::offline::{Fault, Offline};
use lastword::shutdown::Cause;
use serde_json::json;

use crate::house::{House, Life, assert_balanced};
use crate::neighbours::{buttons, outcomes, pass};

async fn answered(edits: Edits) -> (House, Life, i64, i64) {
    let mut house = House::new();
    house.config.chat.edits = edits;
    let life = house.start();
    let ann = house.person("Ann");
    let question = house.say(ann, "what is a cta?");
    house.until_heard(ann, 1).await;
    pass(3_000).await;
    (house, life, ann, question)
}

fn labels(house: &House, chat: i64, nth: usize) -> Vec<String> {
    let post = house.answers(chat).remove(nth);
    let markup = post.content().markup.clone().unwrap_or_default();
    let rows = markup["inline_keyboard"].as_array().cloned();
    let rows = rows.unwrap_or_default();
    let buttons = rows.iter().filter_map(|row| row.as_array()).flatten();
    buttons
        .map(|button| button["text"].as_str().unwrap_or_default().to_owned())
        .collect()
}

async fn until_offered(house: &House, chat: i64, nth: usize) {
    house
        .until("another answer is offered", |house| {
            let labels = labels(house, chat, nth);
            labels.len() == 1 && labels[0].contains("Answer again")
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_edit_of_the_last_question_offers_to_answer_again() {
    let (house, life, ann, question) = answered(Edits::Offer).await;
    house.edit(ann, question, "what is a cat?");
    until_offered(&house, ann, 0).await;
    pass(60_000).await;
    assert_eq!(house.heard(ann).len(), 1, "no message is made for it");
    let answer = house.answers(ann)[0].id;
    house.press(Place::private(ann), answer, "again:");
    house.press(Place::private(ann), answer, "again:");
    assert_eq!(house.until_heard(ann, 2).await[1], "echo: what is a cat?");
    pass(60_000).await;
    assert_eq!(house.heard(ann).len(), 2);
    assert!(buttons(&house.post(ann, answer)).is_empty());
    assert_eq!(labels(&house, ann, 1).len(), 3);
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("answered", 1), ("superseded", 1)]);
}

#[tokio::test(start_paused = true)]
async fn an_edit_of_the_last_question_is_answered_at_once_where_that_is_wanted() {
    let (house, life, ann, question) = answered(Edits::Answer).await;
    house.edit(ann, question, "what is a cat?");
    assert_eq!(house.until_heard(ann, 2).await[1], "echo: what is a cat?");
    pass(60_000).await;
    assert_eq!(house.heard(ann).len(), 2);
    assert!(labels(&house, ann, 0).is_empty());
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("answered", 1), ("superseded", 1)]);
}

/// The answer is seen, nobody has told us that it is there: a press is kept.
#[tokio::test(start_paused = true)]
async fn what_was_pressed_outlives_an_edit_that_only_offers() {
    let mut house = House::new();
    let life = house.start();
    let ann = house.person("Ann");
    let rule = FaultRule::once("sendRichMessage", Trouble::HangAfter);
    house.telegram.fault(rule);
    let question = house.say(ann, "what is a cta?");
    house.until_heard(ann, 1).await;
    let answer = house.answers(ann)[0].id;
    house.press(Place::private(ann), answer, "again:");
    house.edit(ann, question, "what is a cat?");
    house.until_heard(ann, 2).await;
    pass(60_000).await;
    let heard = house.heard(ann);
    let new = heard.iter().filter(|text| text.contains("a cat?"));
    assert_eq!(new.count(), 1, "{heard:?}");
    assert_balanced(&life.books().await);
}

/// Each new answer costs a completion, like a message.
#[tokio::test(start_paused = true)]
async fn who_is_no_longer_let_in_gets_no_new_answer_by_editing() {
    for edits in [Edits::Offer, Edits::Answer] {
        let (mut house, life, ann, question) = answered(edits).await;
        let before = labels(&house, ann, 0);
        life.stop().await;
        house.config.access.mode = AccessMode::List;
        let life = house.start();
        house.edit(ann, question, "what is a cat?");
        pass(60_000).await;
        assert_eq!(house.heard(ann).len(), 1, "{edits:?}");
        assert_eq!(labels(&house, ann, 0), before, "{edits:?}");
        assert_balanced(&life.books().await);
    }
}

#[tokio::test(start_paused = true)]
async fn edits_are_let_be_where_that_is_wanted_and_remembered_all_the_same() {
    let (mut house, life, ann, question) = answered(Edits::Ignore).await;
    let before = labels(&house, ann, 0);
    house.edit(ann, question, "what is a cat?");
    pass(60_000).await;
    assert_eq!(house.heard(ann).len(), 1);
    assert_eq!(labels(&house, ann, 0), before);
    life.stop().await;
    let scribe = house.scribe();
    let _life = house.start();
    house.say(ann, "and a dog?");
    house.until_heard(ann, 2).await;
    assert_eq!(scribe.said()[0].1, "what is a cat?");
}

#[tokio::test(start_paused = true)]
async fn an_edit_of_an_older_question_changes_the_history_alone() {
    for edits in [Edits::Offer, Edits::Answer] {
        let (house, life, ann, question) = answered(edits).await;
        house.say(ann, "and a dog?");
        house.until_heard(ann, 2).await;
        pass(3_000).await;
        let before = labels(&house, ann, 1);
        house.edit(ann, question, "what is a cat?");
        pass(60_000).await;
        assert_eq!(house.heard(ann).len(), 2, "{edits:?}");
        assert_eq!(labels(&house, ann, 1), before);
        assert!(labels(&house, ann, 0).is_empty());
        assert_balanced(&life.books().await);
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_typed_offers_nothing_and_a_caption_is_typed() {
    let (house, _life, ann, question) = answered(Edits::Offer).await;
    let before = labels(&house, ann, 0);
    // The preview of a link was found.
    house.edit(ann, question, "what is a cta?");
    pass(30_000).await;
    assert_eq!(labels(&house, ann, 0), before);
    let photo = house.send(ann, Medium::Photo, "my cta", 1).message();
    house.until_heard(ann, 2).await;
    pass(3_000).await;
    house.act(Act::Edit {
        place: Place::private(ann),
        message_id: photo,
        text: "my cat".to_owned(),
    });
    until_offered(&house, ann, 1).await;
    let answer = house.answers(ann)[1].id;
    house.press(Place::private(ann), answer, "again:");
    let heard = house.until_heard(ann, 3).await;
    assert!(heard[2].contains("my cat"), "{heard:?}");
}

/// Begun anew only so often; the edit after that waits for the answer.
#[tokio::test(start_paused = true)]
async fn a_running_answer_is_begun_anew_three_times_and_then_another_is_offered() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    model.change(|now| now.fault = Fault::HoldAfter(3));
    let question = house.say(ann, "draft 0");
    model.until(|counts| counts.running == 1).await;
    let most = usize::try_from(MAX_INTERRUPTS).expect("a few");
    for n in 1..=most + 2 {
        house.edit(ann, question, &format!("draft {n}"));
        pass(5_000).await;
        assert_eq!(scribe.bytes().len(), 1 + n.min(most));
    }
    model.change(|now| now.fault = Fault::Sound);
    let heard = house.until_heard(ann, 1).await;
    assert_eq!(heard[0], format!("echo: draft {most}"));
    until_offered(&house, ann, 0).await;
    let answer = house.answers(ann)[0].id;
    house.press(Place::private(ann), answer, "again:");
    let heard = house.until_heard(ann, 2).await;
    assert_eq!(heard[1], format!("echo: draft {}", most + 2));
    assert_balanced(&life.books().await);
}

/// The end of the process between an edit and what it sets going.
#[tokio::test(start_paused = true)]
async fn an_edit_survives_the_end_of_the_process() {
    for edits in [Edits::Offer, Edits::Answer] {
        let (mut house, life, ann, question) = answered(edits).await;
        let accepted = life.books().await.messages;
        house.edit(ann, question, "what is a cat?");
        house
            .until("it is stored", |house| {
                let store = rusqlite::Connection::open(house.store_path()).expect("it exists");
                let edited = "SELECT count(*) FROM updates WHERE kind = 4";
                store
                    .query_row(edited, [], |row| row.get::<_, i64>(0))
                    .expect("the schema is known")
                    == 1
            })
            .await;
        life.shutdown.stop(Cause::Terminate);
        life.shutdown.stop(Cause::Terminate);
        life.ended().await;
        let life = house.start();
        match edits {
            Edits::Answer => {
                house.until_heard(ann, 2).await;
            }
            _ => until_offered(&house, ann, 0).await,
        }
        pass(120_000).await;
        let answers = if edits == Edits::Answer { 2 } else { 1 };
        assert_eq!(house.heard(ann).len(), answers, "{edits:?}");
        let books = life.books().await;
        assert_balanced(&books);
        assert_eq!(books.messages, accepted);
    }
}

/// Telegram tells of each step as of an edit, for as long as it is shared.
#[tokio::test(start_paused = true)]
async fn who_shares_a_live_location_has_edited_nothing() {
    for edits in [Edits::Offer, Edits::Answer] {
        let model = Offline::echo();
        let mut house = House::with(model.clone());
        house.config.chat.edits = edits;
        let scribe = house.scribe();
        let life = house.start();
        let ann = house.person("Ann");
        model.change(|now| now.fault = Fault::HoldAfter(3));
        let place =
            |latitude: f64| json!({"latitude": latitude, "longitude": 2.5, "live_period": 900});
        let shared = house.act(Act::Share {
            place: Place::private(ann),
            field: "location".to_owned(),
            content: place(48.0),
        });
        let walk = |latitude: f64| {
            let update = json!({"edited_message": {
                "message_id": shared.message(), "date": 1, "edit_date": 2,
                "chat": {"id": ann, "type": "private", "first_name": "Ann"},
                "from": {"id": ann, "is_bot": false, "first_name": "Ann"},
                "location": place(latitude),
            }});
            house.act(Act::Inject { update });
        };
        model.until(|counts| counts.running == 1).await;
        for step in 1..6 {
            walk(48.0 + f64::from(step) / 16.0);
            pass(2_000).await;
        }
        assert_eq!(scribe.bytes().len(), 1, "the answer was begun anew");
        model.change(|now| now.fault = Fault::Sound);
        house.until_heard(ann, 1).await;
        pass(3_000).await;
        let before = labels(&house, ann, 0);
        walk(49.5);
        pass(60_000).await;
        assert_eq!(house.heard(ann).len(), 1, "{edits:?}");
        assert_eq!(labels(&house, ann, 0), before, "{edits:?}");
        // Where they are now is known.
        house.say(ann, "how far is it?");
        house.until_heard(ann, 2).await;
        assert!(scribe.said()[0].1.contains("49.5"), "{:?}", scribe.said());
        assert_balanced(&life.books().await);
    }
}
