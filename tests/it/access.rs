//! Who may talk with the bot, and how much.

use lastword::config::AccessMode;
use lastword::playground::bot_api::{ChatKind, Place};
use lastword::store::Leases;

use crate::house::{House, assert_balanced};
use crate::neighbours::pass;

const DAY_MS: u64 = 24 * 3600 * 1000;

pub(crate) async fn claim_code(house: &House) -> String {
    let key = format!("claim_code:{}", house.telegram.bot().id);
    let value = house.look().value(&key).await.expect("the store answers");
    value.expect("a code is kept")
}

#[tokio::test(start_paused = true)]
async fn the_first_to_open_the_link_owns_the_bot_and_others_get_a_polite_no() {
    let mut house = House::new();
    house.config.access.mode = AccessMode::Claim;
    let scribe = house.scribe();
    let life = house.start();
    let (ann, eve) = (house.person("Ann"), house.person("Eve"));
    pass(1_000).await;
    let code = claim_code(&house).await;
    house.say(eve, "/start nonsense");
    assert!(house.until_heard(eve, 1).await[0].contains("link"));
    house.say(eve, "let me in");
    house.say(ann, &format!("/start {code}"));
    assert!(house.until_heard(ann, 1).await[0].contains("yours now"));
    house.say(ann, "hello");
    assert_eq!(house.until_heard(ann, 2).await[1], "echo: hello");
    house.say(eve, &format!("/start {code}"));
    house.say(eve, "/help");
    house.say(eve, "please");
    pass(60_000).await;
    assert_eq!(house.heard(eve).len(), 1, "{:?}", house.heard(eve));
    assert!(house.chat(eve).typing.is_empty(), "typing at a stranger");
    assert_eq!(scribe.bytes().len(), 1);
    // A day later, for which nobody has to run.
    life.stop().await;
    pass(DAY_MS).await;
    let life = house.start();
    house.say(eve, "today?");
    house.say(eve, "and now?");
    assert!(house.until_heard(eve, 2).await[1].contains("private"));
    pass(60_000).await;
    assert_eq!(house.heard(eve).len(), 2);
    // The owner stays the owner, and opening the link again is harmless.
    house.say(ann, &format!("/start {code}"));
    assert!(house.until_heard(ann, 3).await[2].starts_with("Hello!"));
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn the_code_survives_a_restart_and_the_claim_does_too() {
    let mut house = House::new();
    house.config.access.mode = AccessMode::Claim;
    let life = house.start();
    pass(1_000).await;
    let code = claim_code(&house).await;
    life.stop().await;
    let life = house.start();
    pass(1_000).await;
    assert_eq!(claim_code(&house).await, code);
    let (ann, eve) = (house.person("Ann"), house.person("Eve"));
    house.say(ann, &format!("/start {code}"));
    house.until_heard(ann, 1).await;
    life.stop().await;
    let _life = house.start();
    house.say(eve, &format!("/start {code}"));
    house.say(ann, "still me");
    assert_eq!(house.until_heard(ann, 2).await[1], "echo: still me");
    assert!(house.until_heard(eve, 1).await[0].contains("link"));
}

#[tokio::test(start_paused = true)]
async fn a_list_lets_in_people_and_chats_and_nobody_else() {
    let mut house = House::new();
    house.config.access.mode = AccessMode::List;
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    let ours = house.group(ChatKind::Supergroup, &[ann, ben]);
    let other = house.group(ChatKind::Supergroup, &[ben, ann]);
    house.config.access.ids = [ann, ours].into();
    let scribe = house.scribe();
    let life = house.start();
    house.say(ann, "hello");
    house.until_heard(ann, 1).await;
    house.say(ben, "hello");
    assert!(house.until_heard(ben, 1).await[0].contains("private"));
    house.say_in(ours, ben, "@lastword_bot hello");
    house
        .until("the listed group is answered", |house| {
            house
                .heard(ours)
                .iter()
                .any(|text| text.starts_with("echo"))
        })
        .await;
    house.say_in(other, ben, "@lastword_bot hello");
    assert!(house.until_heard(other, 1).await[0].contains("private"));
    house.say_in(other, ann, "@lastword_bot and me?");
    house
        .until("a listed person is answered anywhere", |house| {
            house
                .heard(other)
                .iter()
                .any(|text| text.starts_with("echo"))
        })
        .await;
    pass(30_000).await;
    assert_eq!(house.heard(other).len(), 2);
    assert_eq!(scribe.bytes().len(), 3);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_group_of_strangers_is_not_filled_with_refusals() {
    let mut house = House::new();
    house.config.access.mode = AccessMode::List;
    house.config.chat.groups = lastword::config::Groups::Always;
    let (ben, eve) = (house.person("Ben"), house.person("Eve"));
    let group = house.group(ChatKind::Supergroup, &[ben, eve]);
    let _life = house.start();
    for n in 0..10 {
        house.say_in(group, ben, &format!("chatter {n}"));
        house.say_in(group, eve, "/help");
    }
    pass(30_000).await;
    assert_eq!(house.heard(group), Vec::<String>::new());
    house.say_in(group, ben, "@lastword_bot hello?");
    house.until_heard(group, 1).await;
    house.say_in(group, ben, "@lastword_bot hello??");
    pass(30_000).await;
    assert_eq!(house.heard(group).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn over_the_limit_messages_wait_with_one_notice_and_none_is_dropped() {
    let mut house = House::new();
    house.config.access.per_minute = 5;
    let life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    for n in 0..5 {
        house.say(ann, &format!("early {n}."));
    }
    house.until_heard(ann, 1).await;
    let begun = house.clock.now();
    for n in 0..7 {
        house.say(ann, &format!("late {n}."));
        pass(3_000).await;
    }
    let heard = house.heard(ann);
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert!(heard[1].contains("a lot at once"), "{heard:?}");
    // Nobody else waits, and commands are heard.
    house.say(ben, "quick one");
    house.until_heard(ben, 1).await;
    house.say(ann, "/help");
    house.until_heard(ann, 3).await;
    house
        .until("everything is answered", |house| {
            let all = house.heard(ann).join("\n");
            (0..7).all(|n| all.contains(&format!("late {n}.")))
        })
        .await;
    let waited = house.clock.now() - begun;
    assert!((50_000..90_000).contains(&waited), "{waited}");
    pass(120_000).await;
    let notices = house.heard(ann);
    let notices = notices.iter().filter(|text| text.contains("at once"));
    assert_eq!(notices.count(), 1);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_press_of_a_stranger_does_nothing_but_is_acknowledged() {
    let mut house = House::new();
    house.config.access.mode = AccessMode::List;
    let (ann, eve) = (house.person("Ann"), house.person("Eve"));
    house.config.access.ids = [ann].into();
    let group = house.group(ChatKind::Supergroup, &[ann, eve]);
    let _life = house.start();
    house.say_in(group, ann, "/forget@lastword_bot");
    house.until_heard(group, 1).await;
    let question = house.answers(group)[0].id;
    house.press(Place::group(eve, group), question, "forget:yes");
    pass(5_000).await;
    assert_eq!(house.toasts(group).len(), 1);
    assert_eq!(house.heard(group).len(), 1);
}
