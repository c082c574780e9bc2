//! Honest waiting: a message whose answer takes a while carries a sign until it
//! comes, who waits for others sees a place in the line, and no death leaves a
//! sign behind.

use std::time::Duration;

use lastword::clock::Millis;
use lastword::config::{Groups, OnStop, Receipts};
use lastword::playground::bot_api::{ChatKind, Fault, FaultRule, Outage, Place, Seen};
use lastword::playground::offline::{self, Offline};
use lastword::shutdown::Cause;

use crate::house::{House, assert_balanced};
use crate::neighbours::pass;

/// When reactions were set on and taken off a message: `Some` emoji or none.
fn signs(house: &House, chat: i64, message: i64) -> Vec<(Millis, Option<String>)> {
    let sign = |event: lastword::playground::bot_api::Event| match event.seen {
        Seen::Reacted { message_id, emoji } if message_id == message => {
            let emoji = emoji.first().and_then(|one| one["emoji"].as_str());
            Some((event.at, emoji.map(str::to_owned)))
        }
        _ => None,
    };
    house.seen(chat).into_iter().filter_map(sign).collect()
}

fn carries(house: &House, chat: i64, message: i64) -> bool {
    !house.post(chat, message).reactions.is_empty()
}

/// Every message of a chat without a sign.
fn is_clean(house: &House, chat: i64) -> bool {
    house
        .chat(chat)
        .posts
        .iter()
        .all(|post| post.reactions.is_empty())
}

#[tokio::test(start_paused = true)]
async fn a_message_behind_another_answer_carries_a_sign_until_its_own() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let life = house.start();
    let ann = house.person("Ann");
    model.change(|now| now.fault = offline::Fault::HoldAfter(8));
    let first = house.say(ann, "first");
    house
        .until("a word", |house| {
            house
                .drafts(ann)
                .iter()
                .any(|text| text.starts_with("echo"))
        })
        .await;
    let said = house.clock.now();
    house.say(ann, "second");
    let last = house.say(ann, "its other half");
    pass(2_500).await;
    assert!(is_clean(&house, ann), "too early");
    house
        .until("a sign", |house| carries(house, ann, last))
        .await;
    let set = signs(&house, ann, last);
    assert!((3_000..4_600).contains(&(set[0].0 - said)), "{set:?}");
    assert_eq!(set[0].1.as_deref(), Some("👀"));
    model.change(|now| now.fault = offline::Fault::Sound);
    house.until_heard(ann, 2).await;
    house.until("no sign", |house| is_clean(house, ann)).await;
    assert_eq!(signs(&house, ann, last).len(), 2);
    assert!(signs(&house, ann, first).is_empty(), "a draft says enough");
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn who_is_answered_at_once_sees_no_sign() {
    let mut house = House::new();
    let _life = house.start();
    let ann = house.person("Ann");
    for round in 1..4 {
        house.say(ann, "quick");
        house.until_heard(ann, round).await;
        pass(20_000).await;
    }
    assert!(!house.telegram.counts().contains_key("setMessageReaction"));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_others_sees_a_place_in_the_line_and_then_the_answer() {
    let model = Offline::echo();
    model.change(|now| now.pace.first = Duration::from_secs(20));
    let mut house = House::with(model);
    house.config.turns.max_concurrent = 1;
    let life = house.start();
    let people: Vec<i64> = ["Ann", "Ben", "Cid"]
        .iter()
        .map(|name| house.person(name))
        .collect();
    for person in &people {
        house.say(*person, "me too");
        pass(100).await;
    }
    for person in &people {
        house.until_heard(*person, 1).await;
    }
    let lines = |person: i64| -> Vec<String> {
        let drafts = house.drafts(person).into_iter();
        drafts.filter(|text| text.contains("number")).collect()
    };
    assert!(lines(people[0]).is_empty());
    assert!(
        lines(people[1])
            .iter()
            .all(|text| text.contains("number 1 "))
    );
    let third = lines(people[2]);
    assert!(third[0].contains("number 2 "), "{third:?}");
    assert!(
        third.last().is_some_and(|text| text.contains("number 1 ")),
        "{third:?}"
    );
    // In the place of the answer, which then grows there.
    let ids: std::collections::BTreeSet<i64> = house
        .seen(people[2])
        .iter()
        .filter_map(|event| match event.seen {
            Seen::Draft { draft_id, .. } => Some(draft_id),
            _ => None,
        })
        .collect();
    assert_eq!(ids.len(), 1);
    for person in &people {
        house
            .until("no sign", |house| is_clean(house, *person))
            .await;
        assert_eq!(house.heard(*person).len(), 1);
    }
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_stop_leaves_nobody_in_the_line_and_is_not_kept_by_it() {
    let model = Offline::echo();
    model.change(|now| now.pace.first = Duration::from_secs(20));
    let mut house = House::with(model);
    house.config.turns.max_concurrent = 1;
    house.config.shutdown.on_stop = OnStop::Park;
    let life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    house.say(ann, "first");
    pass(100).await;
    house.say(ben, "second");
    house
        .until("a place", |house| {
            house.drafts(ben).iter().any(|text| text.contains("number"))
        })
        .await;
    let begun = house.clock.now();
    life.stop().await;
    assert!(house.clock.now() - begun < 22_000, "the line kept it");
    assert_eq!(house.heard(ann), ["echo: first"]);
    assert!(house.heard(ben).is_empty());
    let life = house.start();
    assert_eq!(house.until_heard(ben, 1).await, ["echo: second"]);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_down_or_slow_in_a_group_earns_a_sign() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    house.config.chat.groups = Groups::Always;
    let life = house.start();
    let ann = house.person("Ann");
    let group = house.group(ChatKind::Supergroup, &[ann]);
    model.change(|now| now.pace.first = Duration::from_secs(9));
    let slow = house.say_in(group, ann, "think hard");
    house
        .until("a sign", |house| carries(house, group, slow))
        .await;
    house.until("no sign", |house| is_clean(house, group)).await;
    assert_eq!(house.heard(group), ["echo: Ann: think hard"]);
    // Private, and nobody runs it: the endpoint is given a pause.
    model.change(|now| now.pace.first = Duration::ZERO);
    model.fail_next(3, offline::Fault::Outage);
    let asked = house.say(ann, "are you there?");
    house
        .until("a sign", |house| carries(house, ann, asked))
        .await;
    house.until_heard(ann, 1).await;
    house.until("no sign", |house| is_clean(house, ann)).await;
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_refused_sign_is_dropped_and_costs_nothing() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let life = house.start();
    let ann = house.person("Ann");
    let refused = Fault::Refuse {
        code: 400,
        description: Some("Bad Request: REACTION_INVALID".to_owned()),
        retry_after_s: None,
    };
    house
        .telegram
        .fault(FaultRule::always("setMessageReaction", refused));
    model.change(|now| now.fault = offline::Fault::HoldAfter(8));
    house.say(ann, "first");
    house
        .until("a word", |house| {
            house
                .drafts(ann)
                .iter()
                .any(|text| text.starts_with("echo"))
        })
        .await;
    house.say(ann, "second");
    pass(60_000).await;
    assert_eq!(house.telegram.counts()["setMessageReaction"].calls, 1);
    model.change(|now| now.fault = offline::Fault::Sound);
    house.until_heard(ann, 2).await;
    pass(60_000).await;
    assert_eq!(house.telegram.counts()["setMessageReaction"].calls, 1);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn signs_are_a_matter_of_configuration() {
    let model = Offline::echo();
    model.change(|now| now.pace.first = Duration::from_secs(20));
    let mut house = House::with(model);
    house.config.reply.receipt = Receipts::Off;
    house.config.turns.max_concurrent = 1;
    let _life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    house.say(ann, "one");
    house.say(ben, "two");
    house.until_heard(ann, 1).await;
    house.until_heard(ben, 1).await;
    assert!(!house.telegram.counts().contains_key("setMessageReaction"));
}

#[tokio::test(start_paused = true)]
async fn what_is_left_to_a_successor_carries_a_sign_until_it_has_answered() {
    for gathering in [true, false] {
        let model = Offline::echo();
        let mut house = House::with(model.clone());
        house.config.shutdown.on_stop = OnStop::Park;
        let life = house.start();
        let ann = house.person("Ann");
        model.change(|now| now.fault = offline::Fault::HoldAfter(8));
        let asked = house.say(ann, "will you be back?");
        if gathering {
            pass(500).await;
            life.stop().await;
        } else {
            model.until(|counts| counts.running == 1).await;
            pass(1_000).await;
            // Twice: what runs is cut.
            life.shutdown.stop(Cause::Terminate);
            pass(10).await;
            life.stop().await;
        }
        assert!(carries(&house, ann, asked), "gathering: {gathering}");
        model.change(|now| now.fault = offline::Fault::Sound);
        pass(3_600_000).await;
        let life = house.start();
        assert_eq!(house.until_heard(ann, 1).await, ["echo: will you be back?"]);
        house.until("no sign", |house| is_clean(house, ann)).await;
        pass(60_000).await;
        assert_eq!(house.heard(ann).len(), 1, "an answer, and no excuse");
        assert_balanced(&life.books().await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_sign_that_one_life_could_not_take_away_the_next_one_does() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let life = house.start();
    let ann = house.person("Ann");
    model.change(|now| now.fault = offline::Fault::HoldAfter(8));
    house.say(ann, "first");
    house
        .until("a word", |house| {
            house
                .drafts(ann)
                .iter()
                .any(|text| text.starts_with("echo"))
        })
        .await;
    let last = house.say(ann, "second");
    house
        .until("a sign", |house| carries(house, ann, last))
        .await;
    // From here on no reaction gets through, and the process ends.
    house
        .telegram
        .fault(FaultRule::always("setMessageReaction", Fault::Unreachable));
    model.change(|now| now.fault = offline::Fault::Sound);
    house.until_heard(ann, 2).await;
    life.stop().await;
    assert!(carries(&house, ann, last));
    house.telegram.clear_faults();
    let life = house.start();
    house.until("no sign", |house| is_clean(house, ann)).await;
    pass(60_000).await;
    assert_eq!(house.heard(ann).len(), 2);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_drain_takes_the_signs_of_what_it_answers_along() {
    let model = Offline::echo();
    model.change(|now| now.pace.first = Duration::from_secs(8));
    let mut house = House::with(model);
    house.config.turns.max_concurrent = 1;
    let life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    house.say(ann, "one");
    pass(100).await;
    let waits = house.say(ben, "two");
    house
        .until("a sign", |house| carries(house, ben, waits))
        .await;
    life.stop().await;
    assert_eq!(house.heard(ben), ["echo: two"]);
    assert!(is_clean(&house, ann) && is_clean(&house, ben));
}

#[tokio::test(start_paused = true)]
async fn a_sign_and_an_outage_of_telegram_leave_nothing_behind() {
    let model = Offline::echo();
    model.change(|now| now.pace.first = Duration::from_secs(8));
    let mut house = House::with(model);
    house.config.turns.max_concurrent = 1;
    let life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    house.say(ann, "one");
    pass(100).await;
    let waits = house
        .telegram
        .say(Place::private(ben), "two")
        .expect("he may")
        .message();
    house
        .until("a sign", |house| carries(house, ben, waits))
        .await;
    house.telegram.set_outage(Outage::Refused);
    pass(30_000).await;
    house.telegram.set_outage(Outage::None);
    house.until_heard(ben, 1).await;
    house.until("no sign", |house| is_clean(house, ben)).await;
    assert_balanced(&life.books().await);
}
