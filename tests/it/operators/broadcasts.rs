//! A message to everybody: asked before it goes, to each chat once whatever
//! happens on the way, behind answers, counted.

use lastword::playground::bot_api::{Act, Fault as Trouble, FaultRule};

use super::{controls, looked_after, started};
use crate::house::{House, assert_balanced};
use crate::neighbours::{outcomes, pass};

const WORDS: &str = "We move house tonight.";

/// People who have each said something, and were answered.
async fn known(house: &House, number: usize) -> Vec<i64> {
    let people: Vec<i64> = (0..number)
        .map(|n| house.person(&format!("P{n}")))
        .collect();
    for person in &people {
        house.say(*person, "hello");
    }
    house
        .until("all are answered", |house| {
            people.iter().all(|person| house.said(*person, "echo") == 1)
        })
        .await;
    people
}

/// Telegram takes no more in a chat for so long.
fn busy(seconds: u64) -> Trouble {
    Trouble::Refuse {
        code: 429,
        description: None,
        retry_after_s: Some(seconds),
    }
}

fn told(house: &House, people: &[i64]) -> Vec<usize> {
    people
        .iter()
        .map(|person| house.said(*person, WORDS))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn it_asks_first_and_reaches_everybody_who_was_let_in_and_has_not_left() {
    let (mut house, ann) = looked_after();
    let life = started(&mut house).await;
    let people = known(&house, 5).await;
    let (gone, late) = (people[3], people[4]);
    house.act(Act::Block { person: gone });
    pass(5_000).await;
    let banned = house.order(ann, &format!("/admin ban {}", people[2])).await;
    assert!(banned.contains("not answered"));
    let asked = house.order(ann, &format!("/admin broadcast {WORDS}")).await;
    // Those three, and whoever asks.
    assert!(
        asked.contains("Send this to 4 chats") || asked.contains("3 chats"),
        "{asked}"
    );
    assert!(asked.contains(WORDS));
    pass(60_000).await;
    assert_eq!(told(&house, &people), [0; 5], "nobody said yes");
    house.tap(ann, "op:discard");
    pass(5_000).await;
    house.order(ann, &format!("/admin broadcast {WORDS}")).await;
    // One blocks it between the question and the yes: found out by sending.
    house.act(Act::Block { person: late });
    house.tap(ann, "op:send");
    house
        .until("it is done", |house| house.said(ann, "is done:") == 1)
        .await;
    pass(120_000).await;
    assert_eq!(told(&house, &people), [1, 1, 0, 0, 0]);
    assert_eq!(house.said(ann, "is done:"), 1, "{:?}", house.heard(ann));
    let state = house.order(ann, "/admin broadcast").await;
    assert!(state.contains("is done"), "{state}");
    assert_eq!(controls(&house, "admin_send"), ["sent"]);
    assert_balanced(&life.books().await);
    // Whoever comes back is reached again.
    house.act(Act::Unblock { person: gone });
    house.say(gone, "I am back");
    pass(10_000).await;
    house.order(ann, &format!("/admin broadcast {WORDS}")).await;
    house.tap(ann, "op:send");
    house
        .until("it is done", |house| house.said(ann, "is done:") >= 3)
        .await;
    assert_eq!(told(&house, &people), [2, 2, 0, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_after_a_stop_and_answers_go_first() {
    let (mut house, ann) = looked_after();
    house.config.access.per_minute = 1_000;
    let life = started(&mut house).await;
    let people = known(&house, 60).await;
    house.order(ann, &format!("/admin broadcast {WORDS}")).await;
    house.tap(ann, "op:send");
    pass(2_500).await;
    let first = told(&house, &people).iter().sum::<usize>();
    assert!((1..50).contains(&first), "{first}");
    // A question in the middle of it is answered as ever.
    let begun = house.clock.now();
    house.say(people[59], "quick");
    house
        .until("it is answered", |house| {
            house.said(people[59], "echo: quick") == 1
        })
        .await;
    assert!(house.clock.now() - begun < 5_000);
    life.stop().await;
    let after = told(&house, &people).iter().sum::<usize>();
    assert!(after < 60, "{after}");
    let life = started(&mut house).await;
    house
        .until("it is done", |house| house.said(ann, "is done:") == 1)
        .await;
    pass(60_000).await;
    assert_eq!(told(&house, &people), [1; 60]);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn it_can_be_ended_on_its_way() {
    let (mut house, ann) = looked_after();
    let life = started(&mut house).await;
    let people = known(&house, 60).await;
    house.order(ann, &format!("/admin broadcast {WORDS}")).await;
    house.tap(ann, "op:send");
    pass(2_000).await;
    let second = house.order(ann, "/admin broadcast and more").await;
    assert!(second.contains("going out still"), "{second}");
    assert!(
        house
            .order(ann, "/admin broadcast")
            .await
            .contains("is going out")
    );
    house.tap(ann, "op:halt");
    pass(60_000).await;
    let reached = told(&house, &people).iter().sum::<usize>();
    assert!((1..60).contains(&reached), "{reached}");
    assert_eq!(house.said(ann, "was ended"), 1);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn what_was_put_off_is_not_sent_after_its_end() {
    let (mut house, ann) = looked_after();
    let life = started(&mut house).await;
    let people = known(&house, 5).await;
    let rule = FaultRule::once("sendMessage", busy(60));
    house.telegram.fault(rule.in_chat(people[0]));
    house.order(ann, &format!("/admin broadcast {WORDS}")).await;
    house.tap(ann, "op:send");
    pass(10_000).await;
    let state = house.order(ann, "/admin broadcast").await;
    assert!(state.contains("is going out"), "{state}");
    house.tap(ann, "op:halt");
    pass(300_000).await;
    assert_eq!(told(&house, &people), [0, 1, 1, 1, 1]);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn chats_that_take_no_more_for_a_while_hold_up_no_others() {
    let (mut house, ann) = looked_after();
    let life = started(&mut house).await;
    let people = known(&house, 30).await;
    // More of them than are sent to at once.
    for person in &people[..15] {
        let rule = FaultRule::once("sendMessage", busy(900));
        house.telegram.fault(rule.in_chat(*person));
    }
    house.order(ann, &format!("/admin broadcast {WORDS}")).await;
    house.tap(ann, "op:send");
    pass(120_000).await;
    assert_eq!(told(&house, &people[..15]), [0; 15]);
    assert_eq!(told(&house, &people[15..]), [1; 15]);
    assert_eq!(house.said(ann, "is done:"), 0, "it is not");
    pass(1_200_000).await;
    assert_eq!(told(&house, &people), [1; 30]);
    assert_eq!(house.said(ann, "is done:"), 1);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn whoever_could_not_be_sent_one_answer_has_not_left() {
    let (mut house, ann) = looked_after();
    let life = started(&mut house).await;
    let people = known(&house, 1).await;
    let refused = || Trouble::Refuse {
        code: 400,
        description: Some("Bad Request: can't parse entities".to_owned()),
        retry_after_s: None,
    };
    // In every form it is tried in.
    for method in ["sendRichMessage", "sendMessage"] {
        house.telegram.fault(FaultRule::always(method, refused()));
    }
    house.say(people[0], "unspeakable");
    pass(30_000).await;
    let ended = outcomes(&life.books().await);
    assert!(ended.contains(&("undeliverable", 1)), "{ended:?}");
    house.telegram.clear_faults();
    house.order(ann, &format!("/admin broadcast {WORDS}")).await;
    house.tap(ann, "op:send");
    pass(60_000).await;
    assert_eq!(told(&house, &people), [1]);
}
