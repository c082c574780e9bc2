//! What belongs together is answered together: windows in private chats, on
//! the paused clock.

use std::time::Duration;

use lastword::clock::Millis;
use lastword::config::Busy;
use lastword::playground::bot_api::{Act, Medium, Place};
use lastword::playground::offline::{Fault, Offline};

use crate::house::{House, assert_balanced};
use crate::neighbours::{outcomes, pass};

/// When the bot's message of this number was first seen.
fn when(house: &House, chat: i64, number: usize) -> Millis {
    house.answers(chat)[number].sent
}

#[tokio::test(start_paused = true)]
async fn quick_messages_get_one_answer_that_holds_them_all() {
    let mut house = House::new();
    let life = house.start();
    let ann = house.person("Ann");
    for text in ["first", "second", "third"] {
        house.say(ann, text);
        pass(700).await;
    }
    let heard = house.until_heard(ann, 1).await;
    for text in ["first", "second", "third"] {
        assert!(heard[0].contains(text), "{heard:?}");
    }
    pass(60_000).await;
    assert_eq!(house.heard(ann).len(), 1);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn each_message_begins_the_quiet_period_anew() {
    let mut house = House::new();
    let _life = house.start();
    let ann = house.person("Ann");
    let begun = house.clock.now();
    for text in ["one", "two", "three"] {
        house.say(ann, text);
        pass(1_800).await;
    }
    house.until_heard(ann, 1).await;
    let after = when(&house, ann, 0) - begun;
    assert!((5_600..6_200).contains(&after), "{after}");
}

#[tokio::test(start_paused = true)]
async fn a_long_piece_is_given_time_for_the_next() {
    let mut house = House::new();
    let scribe = house.scribe();
    let _life = house.start();
    let ann = house.person("Ann");
    let begun = house.clock.now();
    house.say(ann, &"x".repeat(4_000));
    pass(3_500).await;
    assert_eq!(scribe.bytes().len(), 0, "answered too soon");
    house.say(ann, "the rest");
    house.until_heard(ann, 1).await;
    let after = when(&house, ann, 0) - begun;
    assert!((5_500..6_200).contains(&after), "{after}");
    assert_eq!(scribe.bytes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_split_paste_is_one_turn_and_arrives_whole() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    let paste: String = (0..5_000).map(|n| format!("{n:05} ")).collect();
    let paste = paste.trim_end();
    assert!(paste.len() > 29_000);
    house.say(ann, paste);
    house.until_heard(ann, 1).await;
    pass(30_000).await;
    assert_eq!(scribe.bytes().len(), 1);
    let (_, text) = scribe.said().pop().expect("something was said");
    for n in 0..5_000 {
        assert!(text.contains(&format!("{n:05}")), "{n} was lost");
    }
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_window_ends_after_ten_seconds_however_much_is_written() {
    let mut house = House::new();
    let scribe = house.scribe();
    let _life = house.start();
    let ann = house.person("Ann");
    let begun = house.clock.now();
    for n in 0..12 {
        house.say(ann, &format!("m{n}"));
        pass(1_000).await;
    }
    house.until_heard(ann, 1).await;
    let after = when(&house, ann, 0) - begun;
    assert!((9_900..10_800).contains(&after), "{after}");
    house.until_heard(ann, 2).await;
    let said: String = scribe.said().into_iter().map(|(_, text)| text).collect();
    for n in 0..12 {
        assert!(said.contains(&format!("m{n}")), "m{n} was lost: {said}");
    }
}

#[tokio::test(start_paused = true)]
async fn twenty_messages_or_sixteen_thousand_characters_fill_a_window() {
    let mut house = House::new();
    house.config.access.per_minute = 1_000;
    let scribe = house.scribe();
    let life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    for n in 0..45 {
        house.say(ann, &format!("m{n}."));
    }
    for _ in 0..9 {
        house.say(ben, &"y".repeat(3_900));
    }
    house
        .until("both are answered", |house| {
            house.heard(ann).len() == 3 && house.heard(ben).len() == 3
        })
        .await;
    pass(60_000).await;
    let turns: Vec<usize> = scribe
        .requests()
        .iter()
        .map(|request| {
            let messages = request["messages"].as_array().expect("a list");
            let last = messages.last().expect("a message")["content"].clone();
            let last = last.as_str().expect("text").to_owned();
            last.matches('.').count() + last.matches("yy\nyy").count()
        })
        .collect();
    assert_eq!(turns.iter().filter(|n| **n == 20).count(), 2, "{turns:?}");
    assert_eq!(turns.iter().filter(|n| **n == 3).count(), 2, "{turns:?}");
    assert_eq!(scribe.bytes().len(), 6);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn an_album_and_a_burst_of_forwards_are_one_turn_each() {
    let mut house = House::new();
    let scribe = house.scribe();
    let _life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    house.send(ann, Medium::Photo, "our trip", 4);
    house.act(Act::Forward {
        place: Place::private(ben),
        texts: ["he said", "she said", "they said"]
            .map(str::to_owned)
            .to_vec(),
    });
    house.until_heard(ann, 1).await;
    house.until_heard(ben, 1).await;
    pass(30_000).await;
    assert_eq!(scribe.bytes().len(), 2);
    let album = scribe
        .requests()
        .into_iter()
        .find(|request| request.to_string().contains("our trip"))
        .expect("the album was asked about");
    assert_eq!(album.to_string().matches("image_url\":{").count(), 4);
    let heard = house.heard(ben);
    for text in ["he said", "she said", "they said", "Somebody Else"] {
        assert!(heard[0].contains(text), "{heard:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_chats_do_not_influence_each_other() {
    let mut house = House::new();
    let _life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    house.say(ann, "ann's");
    for n in 0..6 {
        pass(500).await;
        house.say(ben, &format!("ben's {n}"));
    }
    house.until_heard(ben, 1).await;
    let (first, second) = (when(&house, ann, 0), when(&house, ben, 0));
    assert!(first < second);
    assert!(!house.heard(ann)[0].contains("ben"));
    assert!(!house.heard(ben)[0].contains("ann"));
}

#[tokio::test(start_paused = true)]
async fn while_an_answer_is_written_messages_gather_into_one_next_turn() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    model.change(|now| now.fault = Fault::HoldAfter(3));
    house.say(ann, "begin");
    model.until(|counts| counts.running == 1).await;
    for n in 0..5 {
        house.say(ann, &format!("more {n}"));
        pass(5_000).await;
    }
    assert_eq!(scribe.bytes().len(), 1);
    model.change(|now| now.fault = Fault::Sound);
    let heard = house.until_heard(ann, 2).await;
    assert!(heard[0].contains("begin") && !heard[0].contains("more"));
    for n in 0..5 {
        assert!(heard[1].contains(&format!("more {n}")), "{heard:?}");
    }
    pass(60_000).await;
    assert_eq!(scribe.bytes().len(), 2);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_cuts_the_answer_and_gets_one_for_both_at_most_thrice() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    house.config.chat.busy = Busy::Interrupt;
    let life = house.start();
    let ann = house.person("Ann");
    model.change(|now| now.fault = Fault::HoldAfter(3));
    house.say(ann, "w0");
    for n in 1..=4 {
        model.until(|counts| counts.running == 1).await;
        let asked = model.counts().asked();
        assert_eq!(asked, n, "the running completion was not replaced");
        pass(10_000).await;
        house.say(ann, &format!("w{n}"));
        pass(if n < 4 { 2_500 } else { 10_000 }).await;
    }
    assert_eq!(model.counts().asked(), 4, "the fourth interrupt queues");
    model.change(|now| now.fault = Fault::Sound);
    let heard = house.until_heard(ann, 2).await;
    for n in 0..4 {
        assert!(heard[0].contains(&format!("w{n}")), "{heard:?}");
    }
    assert!(!heard[0].contains("w4") && heard[1].contains("w4"));
    pass(60_000).await;
    assert_eq!(house.heard(ann).len(), 2);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn an_edit_before_the_answer_counts_and_one_after_it_does_not() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    // While it gathers.
    let message = house.say(ann, "gathering wrogn");
    pass(500).await;
    house.edit(ann, message, "gathering right");
    assert_eq!(house.until_heard(ann, 1).await, ["echo: gathering right"]);
    house.edit(ann, message, "too late");
    pass(30_000).await;
    assert_eq!(scribe.bytes().len(), 1);
    // While it runs, and while another waits behind it.
    model.change(|now| now.fault = Fault::HoldAfter(3));
    let running = house.say(ann, "running wrogn");
    model.until(|counts| counts.running == 1).await;
    let waiting = house.say(ann, "waiting wrogn");
    pass(5_000).await;
    house.edit(ann, waiting, "waiting right");
    house.edit(ann, running, "running right");
    pass(1_000).await;
    assert_eq!(scribe.bytes().len(), 3, "the running answer begins anew");
    model.change(|now| now.fault = Fault::Sound);
    let heard = house.until_heard(ann, 3).await;
    assert_eq!(heard[1..], ["echo: running right", "echo: waiting right"]);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_changes_no_word_costs_no_second_completion() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let _life = house.start();
    let ann = house.person("Ann");
    model.change(|now| now.fault = Fault::HoldAfter(3));
    let message = house.say(ann, "see https://example.org");
    model.until(|counts| counts.running == 1).await;
    // Telegram tells of an edit when it has found the link's preview.
    house.edit(ann, message, "see https://example.org");
    pass(5_000).await;
    assert_eq!(model.counts().asked(), 1);
    model.change(|now| now.fault = Fault::Sound);
    house.until_heard(ann, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_flood_in_one_chat_delays_another_by_one_slot_at_the_most() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    house.config.turns.max_concurrent = 1;
    house.config.access.per_minute = 10_000;
    let scribe = house.scribe();
    let life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    model.change(|now| now.pace.first = Duration::from_secs(20));
    for n in 0..1_000 {
        house.say(ann, &format!("flood {n}"));
    }
    model.until(|counts| counts.running == 1).await;
    house.say(ben, "me too");
    let asked = scribe.bytes().len();
    house.until_heard(ben, 1).await;
    let before = scribe.bytes().len() - asked;
    assert!(before <= 2, "{before} turns began before Ben's ended");
    model.change(|now| now.pace.first = Duration::ZERO);
    house
        .until("everything is answered", |house| {
            house.heard(ann).len() == 50
        })
        .await;
    let all = house.heard(ann).join("\n");
    for n in [0, 19, 20, 500, 999] {
        assert!(all.contains(&format!("flood {n}")), "{n} was lost");
    }
    assert_balanced(&life.books().await);
}

fn forward(house: &House, person: i64, numbers: std::ops::Range<usize>) {
    house.act(Act::Forward {
        place: Place::private(person),
        texts: numbers
            .map(|n| format!("said{n:03} {}", "z".repeat(400)))
            .collect(),
    });
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_forwards_and_what_is_asked_about_it_get_one_answer() {
    for question_first in [true, false] {
        let mut house = House::new();
        let scribe = house.scribe();
        let life = house.start();
        let ann = house.person("Ann");
        if question_first {
            house.say(ann, "Who is right?");
        }
        // More than a window, and more than a minute allows.
        forward(&house, ann, 0..60);
        if !question_first {
            pass(1_000).await;
            house.say(ann, "Who is right?");
        }
        house.until_heard(ann, 1).await;
        pass(90_000).await;
        let requests = scribe.requests();
        assert_eq!(requests.len(), 1, "{question_first}");
        let asked = requests[0].to_string();
        assert!(asked.contains("Who is right?"));
        for n in 0..60 {
            assert!(asked.contains(&format!("said{n:03}")), "{n} was lost");
        }
        let (_, text) = scribe.said().pop().expect("something was said");
        let order: Vec<usize> = (0..60)
            .filter_map(|n| text.find(&format!("said{n:03}")))
            .collect();
        assert!(order.is_sorted());
        let heard = house.heard(ann).concat();
        assert!(!heard.contains("a lot at once"), "somebody was too fast");
        let books = life.books().await;
        assert_balanced(&books);
        assert_eq!(outcomes(&books), [("answered", 1)]);
        assert_eq!(books.messages, 61);
    }
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_burst_that_comes_late_is_not_torn_off() {
    let model = Offline::echo();
    model.change(|now| now.pace.first = Duration::from_secs(30));
    let mut house = House::with(model);
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    forward(&house, ann, 0..25);
    pass(12_000).await;
    assert_eq!(scribe.bytes().len(), 1);
    forward(&house, ann, 25..35);
    pass(4_000).await;
    house.say(ann, "What do they want?");
    house.until_heard(ann, 1).await;
    pass(90_000).await;
    assert_eq!(house.heard(ann).len(), 1);
    let asked = scribe.requests().pop().expect("a request").to_string();
    for n in 0..35 {
        assert!(asked.contains(&format!("said{n:03}")), "{n} was torn off");
    }
    assert!(asked.contains("What do they want?"));
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn however_long_a_paste_is_its_question_is_answered_with_it() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    house.say(ann, &"lorem ipsum ".repeat(6_000));
    pass(1_500).await;
    for question in ["Sum this up.", "In one sentence."] {
        house.say(ann, question);
        pass(500).await;
    }
    house.until_heard(ann, 1).await;
    pass(60_000).await;
    let requests = scribe.requests();
    assert_eq!(requests.len(), 1);
    let asked = requests[0].to_string();
    assert_eq!(asked.matches("lorem").count(), 6_000);
    assert!(asked.contains("Sum this up.") && asked.contains("In one sentence."));
    assert_balanced(&life.books().await);
}
