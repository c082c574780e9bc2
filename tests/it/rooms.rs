//! Where others talk: what messages point at, what was said before, who speaks,
//! and in whose name the bot answers.

use lastword::config::Groups;
use lastword::playground::bot_api::{Act, ChatKind, Identity, Medium, Place};

use crate::house::{House, assert_balanced};
use crate::neighbours::pass;
use crate::scribe::Scribe;

mod business;
mod context;
mod guests;
mod identities;

/// The last thing the model was told.
fn last(scribe: &Scribe) -> String {
    scribe.said().pop().expect("the model was asked").1
}

async fn until_says(house: &House, chat: i64, words: &str) {
    let what = format!("somebody says {words}");
    house
        .until(&what, |house| {
            house.heard(chat).iter().any(|text| text.contains(words))
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_to_an_answer_carries_its_whole_text_also_out_of_the_history() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    let long = "word ".repeat(60);
    house.say(ann, &format!("**first** {long}end of it"));
    house.until_heard(ann, 1).await;
    let answer = house.answers(ann).remove(0).id;
    house.say_at(Place::private(ann).reply_to(answer), "in the history");
    house.until_heard(ann, 2).await;
    let said = last(&scribe);
    assert!(
        said.starts_with("[In reply to your message: \"echo: **first** word"),
        "{said}"
    );
    assert!(!said.contains("end of it"), "said twice at length: {said}");
    house.say(ann, "/new");
    house.until_heard(ann, 3).await;
    house.say_at(Place::private(ann).reply_to(answer), "out of it");
    house.until_heard(ann, 4).await;
    assert_eq!(scribe.said().len(), 1);
    let said = last(&scribe);
    assert!(said.contains("**first**"), "Markdown is kept: {said}");
    assert!(said.ends_with("end of it\"]\nout of it"), "{said}");
    // A reply to what a person wrote herself.
    let own = house.say(ann, "mine");
    house.until_heard(ann, 5).await;
    house.say(ann, "/new");
    house.until_heard(ann, 6).await;
    house.say_at(Place::private(ann).reply_to(own), "about that");
    house.until_heard(ann, 7).await;
    assert_eq!(last(&scribe), "[In reply to Ann: \"mine\"]\nabout that");
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_picked_part_is_marked_and_a_long_quote_is_cut() {
    let mut house = House::new();
    let scribe = house.scribe();
    let _life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    let group = house.group(ChatKind::Supergroup, &[ann, ben]);
    let said = house.say_in(group, ben, "tea or coffee or milk?");
    house.act(Act::Quote {
        place: Place::group(ann, group).reply_to(said),
        part: "coffee".to_owned(),
        text: "@lastword_bot is this healthy?".to_owned(),
    });
    until_says(&house, group, "healthy").await;
    let told = last(&scribe);
    let line = "[In reply to Ben: \"tea or coffee or milk?\", of it: \"coffee\"]\n\
                Ann: is this healthy?";
    assert!(told.ends_with(line), "{told}");
    // What stands elsewhere is known by its quoted words only.
    let elsewhere = serde_json::json!({"message": {
        "message_id": 900, "date": 1,
        "chat": {"id": ann, "type": "private", "first_name": "Ann"},
        "from": {"id": ann, "is_bot": false, "first_name": "Ann"},
        "text": "and this?",
        "external_reply": {
            "origin": {"type": "channel", "chat": {"id": -1009, "type": "channel", "title": "News"}},
            "message_id": 5,
            "chat": {"id": -1009, "type": "channel", "title": "News"},
        },
        "quote": {"text": "x".repeat(5_000), "position": 0},
    }});
    house.act(Act::Inject { update: elsewhere });
    pass(60_000).await;
    let told = last(&scribe);
    assert!(told.starts_with("[In reply to News: \"xxx"), "{told}");
    assert!(told.ends_with("xxx…\"]\nand this?"), "{told}");
    assert!(told.chars().count() < 4_100);
}

#[tokio::test(start_paused = true)]
async fn a_reply_to_a_picture_carries_the_picture() {
    let mut house = House::new();
    let scribe = house.scribe();
    let _life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    let group = house.group(ChatKind::Supergroup, &[ann, ben]);
    let photo = house.act(Act::Send {
        place: Place::group(ben, group),
        medium: Medium::Photo,
        caption: "the roof".to_owned(),
        count: 1,
        base64: None,
    });
    pass(10_000).await;
    house.say_at(
        Place::group(ann, group).reply_to(photo.message()),
        "@lastword_bot what is broken here?",
    );
    until_says(&house, group, "what is broken").await;
    let request = scribe.requests().pop().expect("a request").to_string();
    assert!(request.contains("data:image/"), "{request}");
    let told = last(&scribe);
    assert!(
        told.contains("[In reply to Ben [photo]: \"the roof\"]"),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn each_setting_for_groups_answers_what_it_says() {
    for (groups, answered) in [
        (Groups::Command, 1),
        (Groups::Reply, 2),
        (Groups::Mention, 3),
        (Groups::Always, 4),
    ] {
        let mut house = House::new();
        house.config.chat.groups = groups;
        let scribe = house.scribe();
        let life = house.start();
        let ann = house.person("Ann");
        let group = house.group(ChatKind::Supergroup, &[ann]);
        house.say_in(group, ann, "/ask@lastword_bot by command");
        until_says(&house, group, "by command").await;
        assert_eq!(last(&scribe), "Ann: by command");
        pass(20_000).await;
        let answer = house.answers(group).remove(0).id;
        house.say_at(Place::group(ann, group).reply_to(answer), "by reply");
        pass(20_000).await;
        house.say_in(group, ann, "@lastword_bot, by mention");
        pass(20_000).await;
        house.say_in(group, ann, "to nobody");
        pass(20_000).await;
        assert_eq!(house.heard(group).len(), answered, "{groups:?}");
        if answered >= 3 {
            let said = scribe.said();
            let by_mention = said
                .iter()
                .any(|(_, text)| text.ends_with("Ann: by mention"));
            assert!(by_mention, "the mention only calls: {said:?}");
        }
        assert_balanced(&life.books().await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_to_a_picture_in_another_chat_carries_the_picture() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    let group = house.group(ChatKind::Supergroup, &[ann, ben]);
    let photo = house.act(Act::Send {
        place: Place::group(ben, group),
        medium: Medium::Photo,
        caption: String::new(),
        count: 1,
        base64: None,
    });
    let photo = house.post(group, photo.message()).extra["photo"].clone();
    let reply = |id: i64, text: &str, photo: Option<&serde_json::Value>| {
        let mut elsewhere = serde_json::json!({
            "origin": {"type": "channel", "chat": {"id": -1009, "type": "channel", "title": "News"}},
            "message_id": 5,
        });
        if let Some(photo) = photo {
            elsewhere["photo"] = photo.clone();
        }
        let update = serde_json::json!({"message": {
            "message_id": id, "date": 1, "text": text,
            "chat": {"id": ann, "type": "private", "first_name": "Ann"},
            "from": {"id": ann, "is_bot": false, "first_name": "Ann"},
            "external_reply": elsewhere,
        }});
        house.act(Act::Inject { update });
    };
    house.say(ann, "/start");
    house.until_heard(ann, 1).await;
    reply(900, "what is this?", Some(&photo));
    house.until_heard(ann, 2).await;
    let request = scribe.requests().pop().expect("a request").to_string();
    assert_eq!(request.matches("image_url\":{").count(), 1, "{request}");
    assert!(last(&scribe).starts_with("[In reply to News [photo]]\n"));
    // Two of them cannot be told apart: neither is shown in the other's place.
    reply(910, "and these?", Some(&photo));
    reply(911, "I mean both", None);
    house.until_heard(ann, 3).await;
    let request = scribe.requests().pop().expect("a request").to_string();
    assert!(!request.contains("image_url\":{"), "{request}");
    assert_balanced(&life.books().await);
}
