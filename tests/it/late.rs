//! Everyday situations: what a person means as one thing is answered as one,
//! also when its last piece comes late; and whatever comes when, it is answered
//! exactly once.
//!
//! The model of most tests thinks for a while: nothing is on the screen yet.

use std::time::Duration;

use lastword::playground::bot_api::{Act, ChatKind, Medium, Place};
use lastword::playground::offline::{Fault, Offline};
use serde_json::{Value, json};

use crate::house::{House, assert_balanced};
use crate::neighbours::{outcomes, pass};
use crate::scribe::Scribe;

/// A model that says its first word after so many seconds.
fn thinks(seconds: u64) -> (House, Scribe) {
    let model = Offline::echo();
    model.change(|now| now.pace.first = Duration::from_secs(seconds));
    let mut house = House::with(model);
    let scribe = house.scribe();
    (house, scribe)
}

/// What the last request asks, all of it.
fn asked(scribe: &Scribe) -> String {
    let requests = scribe.requests();
    let messages = requests.last().map(|request| request["messages"].clone());
    let last = messages.and_then(|all| all.as_array().and_then(|all| all.last().cloned()));
    last.unwrap_or_default()["content"].to_string()
}

/// One answer, and this is what it was asked.
async fn one_answer(house: &House, scribe: &Scribe, person: i64) -> String {
    house.until_heard(person, 1).await;
    pass(60_000).await;
    assert_eq!(house.heard(person).len(), 1);
    asked(scribe)
}

#[tokio::test(start_paused = true)]
async fn a_photo_and_its_question_three_seconds_later_are_one() {
    let (mut house, scribe) = thinks(5);
    let life = house.start();
    let ann = house.person("Ann");
    house.send(ann, Medium::Photo, "", 1);
    pass(3_000).await;
    house.say(ann, "What plant is this?");
    let asked = one_answer(&house, &scribe, ann).await;
    assert!(asked.contains("image_url") && asked.contains("What plant is this?"));
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn three_quick_thoughts_are_one() {
    let (mut house, scribe) = thinks(1);
    let _life = house.start();
    let ann = house.person("Ann");
    for thought in ["I was thinking", "about the trip", "is March too early?"] {
        house.say(ann, thought);
        pass(1_500).await;
    }
    let asked = one_answer(&house, &scribe, ann).await;
    assert!(asked.contains("thinking") && asked.contains("trip") && asked.contains("March"));
    assert_eq!(scribe.bytes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_correction_with_a_star_changes_what_is_asked() {
    let (mut house, scribe) = thinks(6);
    let _life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "Write that I can't come on Thursday");
    pass(5_000).await;
    house.say(ann, "*Tuesday");
    let asked = one_answer(&house, &scribe, ann).await;
    assert!(asked.contains("Thursday") && asked.contains("*Tuesday"));
    assert_eq!(scribe.bytes().len(), 2, "the first run was cut");
}

#[tokio::test(start_paused = true)]
async fn a_long_paste_and_its_question_are_one() {
    let (mut house, scribe) = thinks(8);
    let _life = house.start();
    let ann = house.person("Ann");
    house.say(ann, &"lorem ".repeat(2_000));
    // The window waits four seconds after a long piece; a phone is slower.
    pass(7_000).await;
    house.say(ann, "Sum this up in one sentence.");
    let asked = one_answer(&house, &scribe, ann).await;
    assert!(asked.matches("lorem").count() == 2_000 && asked.contains("one sentence"));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_paste_that_got_stuck_on_its_way_is_not_torn_off() {
    let (mut house, scribe) = thinks(30);
    let _life = house.start();
    let ann = house.person("Ann");
    house.say(ann, &"x".repeat(4_096));
    pass(24_000).await;
    house.say(ann, "its end");
    let asked = one_answer(&house, &scribe, ann).await;
    assert!(asked.contains("xxxx") && asked.contains("its end"));
}

fn forward(house: &House, person: i64, texts: &[&str]) {
    house.act(Act::Forward {
        place: Place::private(person),
        texts: texts.iter().map(|text| (*text).to_owned()).collect(),
    });
}

#[tokio::test(start_paused = true)]
async fn a_forwarded_thread_and_the_question_about_it_are_one() {
    let (mut house, scribe) = thinks(5);
    let _life = house.start();
    let ann = house.person("Ann");
    forward(&house, ann, &["Dinner at eight?", "Only if it's not fish"]);
    pass(4_000).await;
    house.say(ann, "What do they mean?");
    let asked = one_answer(&house, &scribe, ann).await;
    for words in ["Dinner", "not fish", "What do they mean?", "Somebody Else"] {
        assert!(asked.contains(words), "{asked}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_comment_and_the_forwards_that_follow_it_are_one_however_slowly_they_come() {
    let (mut house, scribe) = thinks(20);
    let _life = house.start();
    let ann = house.person("Ann");
    // Telegram sends the comment first.
    house.say(ann, "Who is right here?");
    forward(&house, ann, &["Cats are better"]);
    pass(3_000).await;
    forward(&house, ann, &["No, dogs", "Both of you are wrong"]);
    pass(12_000).await;
    forward(&house, ann, &["Fish!"]);
    let asked = one_answer(&house, &scribe, ann).await;
    for words in ["Who is right", "Cats", "dogs", "Both", "Fish!"] {
        assert!(asked.contains(words), "{asked}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_voice_message_and_how_to_answer_it_are_one() {
    let (mut house, _scribe) = thinks(5);
    let life = house.start();
    let ann = house.person("Ann");
    house.send(ann, Medium::Voice, "", 1);
    pass(1_500).await;
    house.say(ann, "In English, please");
    house.until_heard(ann, 1).await;
    pass(60_000).await;
    assert_eq!(house.heard(ann).len(), 1);
    assert_eq!(outcomes(&life.books().await), [("answered", 1)]);
}

/// One more piece of the album that a person has sent.
fn straggler(house: &House, person: i64, first: i64, id: i64) {
    let post = house.post(person, first);
    let mut message = json!({
        "message_id": id,
        "date": post.sent / 1_000,
        "chat": {"id": person, "type": "private", "first_name": "Ann"},
        "from": {"id": person, "is_bot": false, "first_name": "Ann"},
    });
    for (name, value) in &post.extra {
        message[name] = value.clone();
    }
    house.act(Act::Inject {
        update: json!({ "message": message }),
    });
}

#[tokio::test(start_paused = true)]
async fn every_picture_of_an_album_is_in_its_answer_however_late_it_comes() {
    let (mut house, scribe) = thinks(40);
    let life = house.start();
    let ann = house.person("Ann");
    let album = house.send(ann, Medium::Photo, "Which one is sharpest?", 3);
    let first = album.message_ids[0];
    pass(15_000).await;
    straggler(&house, ann, first, 9_000_001);
    pass(20_000).await;
    straggler(&house, ann, first, 9_000_002);
    let asked = one_answer(&house, &scribe, ann).await;
    assert_eq!(asked.matches("\"image_url\":{").count(), 5, "{asked}");
    assert!(asked.contains("sharpest"));
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn an_album_larger_than_a_window_or_than_a_minute_is_not_torn() {
    let (mut house, scribe) = thinks(5);
    house.config.access.per_minute = 4;
    house.config.chat.window_messages = 3;
    let _life = house.start();
    let ann = house.person("Ann");
    house.send(ann, Medium::Photo, "all of these", 10);
    house
        .until("an answer", |house| {
            house.heard(ann).iter().any(|text| text.starts_with("echo"))
        })
        .await;
    assert_eq!(scribe.bytes().len(), 1);
    assert_eq!(asked(&scribe).matches("\"image_url\":{").count(), 10);
}

#[tokio::test(start_paused = true)]
async fn what_is_written_once_a_word_is_seen_is_the_next_question() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    model.change(|now| now.fault = Fault::HoldAfter(8));
    house.say(ann, "first question");
    house
        .until("a word", |house| {
            house
                .drafts(ann)
                .iter()
                .any(|text| text.starts_with("echo"))
        })
        .await;
    house.say(ann, "and another one");
    pass(5_000).await;
    assert_eq!(scribe.bytes().len(), 1, "what is on the screen goes on");
    model.change(|now| now.fault = Fault::Sound);
    let heard = house.until_heard(ann, 2).await;
    assert_eq!(heard, ["echo: first question", "echo: and another one"]);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_thought_that_comes_much_later_waits_for_its_turn() {
    let (mut house, scribe) = thinks(20);
    let _life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "first");
    pass(12_000).await;
    house.say(ann, "second");
    let heard = house.until_heard(ann, 2).await;
    assert_eq!(heard, ["echo: first", "echo: second"]);
    assert_eq!(scribe.bytes().len(), 2, "nothing was begun twice");
}

#[tokio::test(start_paused = true)]
async fn thoughts_cut_a_run_three_times_and_not_for_ever() {
    let (mut house, scribe) = thinks(60);
    house.config.chat.window_max = Duration::from_secs(120);
    let life = house.start();
    let ann = house.person("Ann");
    for n in 0..8 {
        house.say(ann, &format!("thought {n}"));
        pass(4_000).await;
    }
    assert_eq!(scribe.bytes().len(), 4);
    house.until_heard(ann, 2).await;
    let all = house.heard(ann).join("\n");
    for n in 0..8 {
        let words = format!("thought {n}");
        assert_eq!(all.matches(&words).count(), 1, "{all}");
    }
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn commands_act_at_once_and_nothing_joins_across_them() {
    let (mut house, scribe) = thinks(6);
    let life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "old matter");
    pass(3_000).await;
    let begun = house.clock.now();
    house.say(ann, "/new");
    house.until_heard(ann, 1).await;
    assert!(house.clock.now() - begun < 500, "it waited");
    house.say(ann, "new matter");
    house.until_heard(ann, 3).await;
    assert!(!asked(&scribe).contains("old matter"), "{}", asked(&scribe));
    assert_eq!(scribe.said().len(), 1, "a fresh start knows nothing");
    let stopped = house.clock.now();
    house.say(ann, "never mind");
    pass(2_500).await;
    house.say(ann, "/stop");
    house.until_heard(ann, 4).await;
    assert!(house.clock.now() - stopped < 3_500, "it waited");
    house.say(ann, "something else");
    let heard = house.until_heard(ann, 5).await;
    assert_eq!(heard[4], "echo: something else");
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn in_a_group_a_late_thought_overtakes_nobody() {
    let (mut house, scribe) = thinks(6);
    house.config.chat.groups = lastword::config::Groups::Always;
    let _life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    let group = house.group(ChatKind::Supergroup, &[ann, ben]);
    house.say_in(group, ann, "one");
    pass(3_000).await;
    house.say_in(group, ben, "two");
    pass(500).await;
    house.say_in(group, ann, "three");
    house
        .until("three answers", |house| house.heard(group).len() == 3)
        .await;
    pass(60_000).await;
    let asked: Vec<String> = scribe
        .requests()
        .iter()
        .map(|request| {
            request["messages"]
                .as_array()
                .expect("a list")
                .last()
                .expect("one")
                .clone()
        })
        .map(|last: Value| last["content"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(asked, ["Ann: one", "Ben: two", "Ann: three"]);
}

/// Every moment of a turn, a quarter of a second apart: gathering, closed,
/// asked, thinking, its first word, growing, stored, delivered.
#[tokio::test(start_paused = true)]
async fn whenever_a_second_message_comes_each_is_answered_exactly_once_and_in_order() {
    let model = Offline::echo();
    model.change(|now| {
        now.pace.first = Duration::from_millis(2_500);
        now.pace.between = Duration::from_millis(700);
        now.pace.words = 1;
    });
    let mut house = House::with(model);
    let life = house.start();
    let people: Vec<i64> = (0..48).map(|n| house.person(&format!("P{n}"))).collect();
    for (n, person) in people.iter().enumerate() {
        house.say(*person, &format!("alpha{n} and some words"));
    }
    for (n, person) in people.iter().enumerate() {
        house.say(*person, &format!("beta{n}"));
        pass(250).await;
    }
    house
        .until("everything is answered", |house| {
            people.iter().enumerate().all(|(n, person)| {
                let all = house.heard(*person).join("\n");
                all.contains(&format!("alpha{n}")) && all.contains(&format!("beta{n}"))
            })
        })
        .await;
    pass(60_000).await;
    let mut joined = 0;
    for (n, person) in people.iter().enumerate() {
        let heard = house.heard(*person);
        let all = heard.join("\n");
        for word in [format!("alpha{n}"), format!("beta{n}")] {
            assert_eq!(all.matches(&word).count(), 1, "{n}: {heard:?}");
        }
        assert!(all.find("alpha") < all.find("beta"), "{n}: {heard:?}");
        joined += usize::from(heard.len() == 1);
        // What was on a screen is what was sent: nobody saw a word vanish.
        let words = house.drafts(*person);
        let shown = words.iter().find(|text| text.starts_with("echo"));
        if heard.len() == 1 && n > 8 {
            assert!(
                shown.is_none_or(|text| heard[0].starts_with(text.trim())),
                "{n}"
            );
        }
    }
    assert!((10..30).contains(&joined), "{joined} of 48 joined");
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(books.messages, 96);
}

/// The same, while the daemon stops in the middle and another begins.
#[tokio::test(start_paused = true)]
async fn a_late_piece_and_a_stop_meet_at_every_moment_and_nothing_is_lost_or_doubled() {
    for stop_at in (0..10).map(|n| n * 600) {
        let model = Offline::echo();
        model.change(|now| now.pace.first = Duration::from_millis(2_500));
        let mut house = House::with(model);
        let people: Vec<i64> = (0..8).map(|n| house.person(&format!("P{n}"))).collect();
        let mut life = Some(house.start());
        for (n, person) in people.iter().enumerate() {
            house.say(*person, &format!("alpha{n}"));
        }
        for step in 0..24_u64 {
            if let Some(n) = (step % 3 == 0).then_some(step / 3) {
                let person = people[usize::try_from(n).expect("few")];
                house.say(person, &format!("beta{n}"));
            }
            if step * 250 >= stop_at
                && let Some(running) = life.take()
            {
                // Twice: what runs is cut and parked.
                running.shutdown.stop(lastword::shutdown::Cause::Terminate);
                pass(10).await;
                running.stop().await;
            }
            pass(250).await;
        }
        let life = house.start();
        house
            .until("everything is answered", |house| {
                people.iter().enumerate().all(|(n, person)| {
                    let all = house.heard(*person).join("\n");
                    all.contains(&format!("alpha{n}")) && all.contains(&format!("beta{n}"))
                })
            })
            .await;
        pass(30_000).await;
        for (n, person) in people.iter().enumerate() {
            let all = house.heard(*person).join("\n");
            for word in [format!("alpha{n}"), format!("beta{n}")] {
                assert_eq!(all.matches(&word).count(), 1, "{stop_at} {n}: {all}");
            }
        }
        let books = life.books().await;
        assert_balanced(&books);
        assert_eq!(books.messages, 16);
    }
}
