//! How answers arrive when Telegram, or the person, makes it hard.

use lastword::playground::bot_api::{
    Act, ChatKind, Fault as Trouble, FaultRule, Outage, Place, Standing,
};
use lastword::playground::offline::{Fault, Offline};

use crate::house::{House, assert_balanced};
use crate::neighbours::{outcomes, pass};

fn too_many(seconds: u64) -> Trouble {
    Trouble::Refuse {
        code: 429,
        description: None,
        retry_after_s: Some(seconds),
    }
}

#[tokio::test(start_paused = true)]
async fn a_chat_that_must_wait_delays_no_other_and_waits_no_longer_than_asked() {
    let mut house = House::new();
    let life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    let rule = FaultRule::once("sendRichMessage", too_many(30));
    house.telegram.fault(rule.in_chat(ann));
    let begun = house.clock.now();
    house.say(ann, "slow");
    house.say(ben, "quick");
    house.until_heard(ben, 1).await;
    assert!(house.clock.now() - begun < 3_000);
    house.until_heard(ann, 1).await;
    let waited = house.clock.now() - begun;
    assert!((32_000..35_000).contains(&waited), "{waited}");
    pass(60_000).await;
    assert_eq!(house.heard(ann).len(), 1);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn whoever_blocked_the_bot_is_left_alone_and_welcome_back() {
    let mut house = House::new();
    let life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "bye");
    pass(500).await;
    house.act(Act::Block { person: ann });
    pass(3_600_000).await;
    let tries = house.telegram.counts();
    assert!(!tries.contains_key("sendRichMessage"), "{tries:?}");
    assert_eq!(house.model.counts().asked(), 0, "nobody could read it");
    assert_eq!(outcomes(&life.books().await), [("undeliverable", 1)]);
    // What was never seen can be asked for, once.
    house.say(ann, "/retry");
    assert_eq!(house.until_heard(ann, 1).await, ["echo: bye"]);
    house.say(ann, "back again");
    assert_eq!(house.until_heard(ann, 2).await[1], "echo: back again");
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_chat_ends_its_turn() {
    let mut house = House::new();
    let life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "bye");
    pass(500).await;
    house.act(Act::DeleteChat { chat: ann });
    pass(60_000).await;
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("undeliverable", 1)]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_outlives_an_outage_of_telegram() {
    let mut house = House::new();
    let life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "hello");
    pass(1_000).await;
    house.telegram.set_outage(Outage::Refused);
    pass(600_000).await;
    assert!(house.heard(ann).is_empty());
    house.telegram.set_outage(Outage::None);
    let back = house.clock.now();
    assert_eq!(house.until_heard(ann, 1).await, ["echo: hello"]);
    assert!(house.clock.now() - back < 15_000);
    house.say(ann, "still there?");
    house.until_heard(ann, 2).await;
    pass(60_000).await;
    assert_eq!(house.heard(ann).len(), 2);
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(books.resent, 0);
}

#[tokio::test(start_paused = true)]
async fn signs_and_drafts_that_hang_or_fail_do_not_hold_the_answer_up() {
    let mut house = House::new();
    let life = house.start();
    let ann = house.person("Ann");
    house
        .telegram
        .fault(FaultRule::always("sendChatAction", Trouble::HangBefore));
    house.telegram.fault(FaultRule::always(
        "sendRichMessageDraft",
        Trouble::HangBefore,
    ));
    let begun = house.clock.now();
    house.say(ann, "hello");
    house.until_heard(ann, 1).await;
    let waited = house.clock.now() - begun;
    assert!(waited < 9_000, "{waited}");
    house.telegram.clear_faults();
    house.telegram.fault(FaultRule::always(
        "sendRichMessageDraft",
        Trouble::Refuse {
            code: 400,
            description: None,
            retry_after_s: None,
        },
    ));
    house.say(ann, "again");
    house.until_heard(ann, 2).await;
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_drain_does_not_wait_for_a_chat_that_telegram_pauses_beyond_its_end() {
    let mut house = House::new();
    let life = house.start();
    let ann = house.person("Ann");
    house
        .telegram
        .fault(FaultRule::once("sendRichMessage", too_many(300)));
    house.say(ann, "hello");
    pass(10_000).await;
    let begun = house.clock.now();
    assert_eq!(life.stop().await, lastword::shutdown::ExitCode::Early);
    assert!(house.clock.now() - begun < 1_000);
    let heir = house.start();
    assert_eq!(house.until_heard(ann, 1).await, ["echo: hello"]);
    assert_balanced(&heir.books().await);
}

fn refusal(code: u16, description: &str) -> Trouble {
    Trouble::Refuse {
        code,
        description: Some(description.to_owned()),
        retry_after_s: None,
    }
}

/// Whatever says that nobody can read it ends the turn: nothing goes to another
/// place, nothing is tried for ever.
#[tokio::test(start_paused = true)]
async fn what_can_reach_nobody_ends_and_is_tried_no_more() {
    for (code, words) in [
        (400, "Bad Request: message thread not found"),
        (400, "Bad Request: TOPIC_DELETED"),
        (400, "Bad Request: TOPIC_CLOSED"),
        (400, "Bad Request: CHAT_WRITE_FORBIDDEN"),
        (
            400,
            "Bad Request: not enough rights to send text messages to the chat",
        ),
        (403, "Forbidden: bot was kicked from the supergroup chat"),
        (403, "Forbidden: the group chat was deleted"),
        (403, "Forbidden: user is deactivated"),
        (400, "Bad Request: chat not found"),
    ] {
        let mut house = House::new();
        let life = house.start();
        let ann = house.person("Ann");
        let forum = house.group(ChatKind::Forum, &[ann]);
        let opened = house.act(Act::OpenTopic {
            chat: forum,
            person: ann,
            name: "Soup".to_owned(),
        });
        let thread = opened.id;
        let place = Place {
            thread,
            ..Place::group(ann, forum)
        };
        for method in ["sendMessage", "sendRichMessage", "editMessageText"] {
            house
                .telegram
                .fault(FaultRule::always(method, refusal(code, words)).in_chat(forum));
        }
        house.say_at(place, "@lastword_bot hello");
        pass(60_000).await;
        let tries = sends(&house);
        assert!((1..=3).contains(&tries), "{words}: {tries} tries");
        pass(1_200_000).await;
        assert_eq!(sends(&house), tries, "{words}: tried for ever");
        let books = life.books().await;
        assert_balanced(&books);
        assert_eq!(outcomes(&books), [("undeliverable", 1)], "{words}");
    }
}

fn sends(house: &House) -> u64 {
    let counts = house.telegram.counts();
    ["sendMessage", "sendRichMessage", "editMessageText"]
        .iter()
        .filter_map(|method| counts.get(*method))
        .map(|count| count.calls)
        .sum()
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_what_is_gone_comes_without_pointing_at_it() {
    let mut house = House::new();
    let life = house.start();
    let ann = house.person("Ann");
    let group = house.group(ChatKind::Supergroup, &[ann]);
    let gone = refusal(400, "Bad Request: message to be replied not found");
    for method in ["sendMessage", "sendRichMessage"] {
        house.telegram.fault(FaultRule::once(method, gone.clone()));
    }
    house.say_in(group, ann, "@lastword_bot hello");
    house
        .until("the answer is there", |house| {
            let heard = house.heard(group);
            heard.len() == 1 && heard[0].ends_with("hello")
        })
        .await;
    assert_eq!(house.answers(group)[0].reply_to, None);
    assert_balanced(&life.books().await);
}

/// Blocked or removed while the model writes: the answer is not paid for to its
/// end, nobody waits, and nothing of it comes later.
#[tokio::test(start_paused = true)]
async fn being_shown_the_door_ends_what_waits_there_at_once() {
    for blocked in [true, false] {
        let model = Offline::echo();
        let mut house = House::with(model.clone());
        let life = house.start();
        let (ann, ben) = (house.person("Ann"), house.person("Ben"));
        let group = house.group(ChatKind::Supergroup, &[ann]);
        let (chat, act) = match blocked {
            true => (ann, Act::Block { person: ann }),
            false => {
                let standing = Standing::Kicked;
                (
                    group,
                    Act::MoveBot {
                        chat: group,
                        person: ann,
                        standing,
                    },
                )
            }
        };
        model.change(|now| now.fault = Fault::HoldAfter(3));
        let place = match blocked {
            true => Place::private(ann),
            false => Place::group(ann, group),
        };
        house.say_at(place.clone(), "@lastword_bot a long story");
        model.until(|counts| counts.running == 1).await;
        house.say_at(place, "@lastword_bot and another");
        pass(5_000).await;
        house.act(act);
        model.until(|counts| counts.running == 0).await;
        model.change(|now| now.fault = Fault::Sound);
        pass(600_000).await;
        let books = life.books().await;
        assert_balanced(&books);
        let ends = outcomes(&books);
        assert!(ends.iter().all(|end| end.0 == "undeliverable"), "{ends:?}");
        assert_eq!(books.messages, 2);
        assert_eq!(model.counts().finished(), 0);
        assert!(house.heard(chat).len() <= 1, "{:?}", house.heard(chat));
        house.say(ben, "still there?");
        house.until_heard(ben, 1).await;
        assert_balanced(&life.books().await);
    }
}
