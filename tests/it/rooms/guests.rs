//! Called into a chat in which it is not, the bot has one answer.

use lastword::config::AccessMode;
use lastword::playground::bot_api::{Fault as Trouble, FaultRule, Standing};
use lastword::playground::offline::{Fault, Offline};
use lastword::shutdown::Cause;

use super::*;
use crate::neighbours::outcomes;

/// A group in which the bot is not.
fn elsewhere(house: &House, members: &[i64]) -> i64 {
    let group = house.group(ChatKind::Supergroup, members);
    house.act(Act::MoveBot {
        chat: group,
        person: members[0],
        standing: Standing::Left,
    });
    group
}

fn call(house: &House, place: Place, text: &str) {
    let text = text.to_owned();
    house.act(Act::CallGuest { place, text });
}

#[tokio::test(start_paused = true)]
async fn a_guest_answers_once_in_the_chat_it_was_called_into() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    let group = elsewhere(&house, &[ann, ben]);
    let said = house.say_in(group, ben, "the moon is cheese");
    let place = || Place::group(ann, group);
    call(&house, place().reply_to(said), "@lastword_bot is that so?");
    house.until_heard(group, 1).await;
    assert_eq!(
        last(&scribe),
        "[In reply to Ben: \"the moon is cheese\"]\nis that so?"
    );
    call(&house, place(), "@lastword_bot and Mars?");
    house.until_heard(group, 2).await;
    assert_eq!(last(&scribe), "and Mars?");
    pass(60_000).await;
    assert_eq!(house.heard(group).len(), 2);
    assert_eq!(house.telegram.counts()["answerGuestQuery"].calls, 2);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_long_or_failed_answer_is_one_message_and_a_strangers_call_none() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    house.config.reply.format = lastword::config::Format::Entities;
    house.config.access.mode = AccessMode::List;
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    house.config.access.ids = [ann].into();
    // Nor is there a file, whose beginning alone would be left.
    house.config.reply.file_above = 1_000;
    let life = house.start();
    let group = elsewhere(&house, &[ann, ben]);
    call(&house, Place::group(ben, group), "@lastword_bot hello?");
    pass(30_000).await;
    assert!(house.heard(group).is_empty());
    let long = format!("@lastword_bot {}", "word ".repeat(1_500));
    call(&house, Place::group(ann, group), &long);
    house.until_heard(group, 1).await;
    pass(60_000).await;
    let heard = house.heard(group);
    assert_eq!(heard.len(), 1);
    assert!(heard[0].ends_with('…') && heard[0].len() > 3_000);
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("answered", 1)]);
}

#[tokio::test(start_paused = true)]
async fn neither_a_cut_send_nor_a_kill_lets_a_guest_answer_twice() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let life = house.start();
    let ann = house.person("Ann");
    let group = elsewhere(&house, &[ann]);
    house
        .telegram
        .fault(FaultRule::once("answerGuestQuery", Trouble::CutAfter));
    call(&house, Place::group(ann, group), "@lastword_bot one");
    house.until_heard(group, 1).await;
    pass(120_000).await;
    assert_eq!(house.heard(group), ["echo: one"]);
    model.change(|now| now.fault = Fault::HoldAfter(1));
    call(&house, Place::group(ann, group), "@lastword_bot two");
    model.until(|counts| counts.running == 1).await;
    life.shutdown.stop(Cause::Terminate);
    life.stop().await;
    model.change(|now| now.fault = Fault::Sound);
    let life = house.start();
    house.until_heard(group, 2).await;
    pass(120_000).await;
    assert_eq!(house.heard(group), ["echo: one", "echo: two"]);
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("answered", 2)]);
}

#[tokio::test(start_paused = true)]
async fn a_form_that_is_refused_leaves_a_guest_one_message() {
    let mut house = House::with(Offline::echo());
    let life = house.start();
    let ann = house.person("Ann");
    let group = elsewhere(&house, &[ann]);
    let refusal = Trouble::Refuse {
        code: 400,
        description: None,
        retry_after_s: None,
    };
    house
        .telegram
        .fault(FaultRule::once("answerGuestQuery", refusal));
    let long = format!("@lastword_bot {}", "word ".repeat(1_500));
    call(&house, Place::group(ann, group), &long);
    house.until_heard(group, 1).await;
    pass(60_000).await;
    assert_eq!(house.telegram.counts()["answerGuestQuery"].calls, 2);
    assert!(house.heard(group)[0].ends_with('…'));
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("answered", 1)]);
}

#[tokio::test(start_paused = true)]
async fn the_limit_per_minute_counts_all_calls_of_one_person() {
    let mut house = House::with(Offline::echo());
    house.config.access.per_minute = 1;
    let life = house.start();
    let ann = house.person("Ann");
    let group = elsewhere(&house, &[ann]);
    call(&house, Place::group(ann, group), "@lastword_bot one");
    house.until_heard(group, 1).await;
    call(&house, Place::group(ann, group), "@lastword_bot two");
    pass(20_000).await;
    assert_eq!(house.heard(group), ["echo: one"]);
    house.until_heard(group, 2).await;
    assert_balanced(&life.books().await);
}
