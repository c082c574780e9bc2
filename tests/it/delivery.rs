//! How answers arrive when Telegram, or the person, makes it hard.

use lastword::playground::bot_api::{Act, Fault as Trouble, FaultRule, Outage};

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
    let sends = tries["sendRichMessage"].calls + tries.get("sendMessage").map_or(0, |n| n.calls);
    assert_eq!(sends, 1, "{tries:?}");
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
