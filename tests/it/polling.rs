//! The poller: nothing is confirmed that is not stored, and nothing that
//! Telegram, the network or a stranger does makes the bot deaf.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use lastword::playground::bot_api::{Act, Fault as Trouble, FaultRule, Outage, Place};
use lastword::playground::offline::{Fault, Offline};
use serde_json::json;

use crate::house::{House, assert_balanced};
use crate::neighbours::pass;

/// Which updates the store's file holds.
fn stored(path: &PathBuf) -> BTreeSet<i64> {
    let file = rusqlite::Connection::open(path).expect("the store opens");
    let mut ids = file
        .prepare("SELECT update_id FROM updates WHERE update_id IS NOT NULL")
        .expect("the table is there");
    let rows = ids.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("numbers")
}

/// Looks into the file whenever Telegram is told that something is ours.
/// Returns what was confirmed, and what of it was not stored.
fn watch(house: &House) -> Arc<Mutex<(Vec<i64>, Vec<i64>)>> {
    let seen = Arc::new(Mutex::new((Vec::new(), Vec::new())));
    let told = Arc::clone(&seen);
    let path = house.config.store.path.clone();
    house.telegram.on_confirm(move |_, ids| {
        let kept = stored(&path);
        let mut told = told.lock().expect("nobody panics here");
        told.0.extend(ids);
        told.1.extend(ids.iter().filter(|id| !kept.contains(id)));
    });
    seen
}

fn confirmed(seen: &Arc<Mutex<(Vec<i64>, Vec<i64>)>>) -> usize {
    let seen = seen.lock().expect("nobody panics here");
    assert!(seen.1.is_empty(), "confirmed but not stored: {:?}", seen.1);
    seen.0.len()
}

fn refuse(code: u16, description: &str) -> Trouble {
    Trouble::Refuse {
        code,
        description: Some(description.to_owned()),
        retry_after_s: None,
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_is_stored_is_confirmed_and_all_of_it_is() {
    let mut house = House::new();
    let seen = watch(&house);
    let life = house.start();
    let people: Vec<i64> = (0..40).map(|n| house.person(&format!("P{n}"))).collect();
    for person in &people {
        for n in 0..5 {
            house.say(*person, &format!("m{n}"));
        }
    }
    for person in &people {
        house.until_heard(*person, 1).await;
    }
    pass(40_000).await;
    assert_eq!(confirmed(&seen), 200);
    assert_eq!(house.telegram.pending(), 0);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn what_comes_twice_is_answered_once() {
    let mut house = House::new();
    let seen = watch(&house);
    let life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "hello");
    pass(10).await;
    // Stored, and stopped before the next poll could confirm it.
    let stopping = life.stop().await;
    assert_eq!(stopping, lastword::shutdown::ExitCode::Drained);
    assert_eq!(house.until_heard(ann, 1).await.len(), 1);
    let life = house.start();
    pass(60_000).await;
    assert_eq!(house.heard(ann).len(), 1);
    assert_eq!(confirmed(&seen), 1);
    // An answer that was lost on its way: the updates come again.
    house
        .telegram
        .fault(FaultRule::once("getUpdates", Trouble::CutAfter).after(1));
    house.say(ann, "again");
    pass(120_000).await;
    assert_eq!(house.heard(ann).len(), 2);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn neither_a_foreign_poller_nor_a_refused_token_makes_it_deaf() {
    let mut house = House::new();
    let life = house.start();
    let ann = house.person("Ann");
    pass(1_000).await;
    for (round, (times, trouble)) in [
        (
            20,
            refuse(409, "Conflict: terminated by other getUpdates request"),
        ),
        (5, refuse(401, "Unauthorized")),
        (5, refuse(404, "Not Found")),
        (5, refuse(500, "Internal Server Error")),
        (5, Trouble::Gateway { code: 502 }),
        (5, Trouble::CutBefore),
        (3, refuse(429, "Too Many Requests")),
    ]
    .into_iter()
    .enumerate()
    {
        house.telegram.fault(FaultRule {
            times: Some(times),
            ..FaultRule::once("getUpdates", trouble.clone())
        });
        house.say(ann, "wake up");
        house.until_heard(ann, 2 * round + 1).await;
        house.say(ann, &format!("round {round}"));
        let begun = house.clock.now();
        house.until_heard(ann, 2 * round + 2).await;
        let waited = house.clock.now() - begun;
        assert!(waited < 60_000, "{trouble:?}: {waited}");
    }
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn what_was_said_during_an_outage_is_answered_after_it() {
    let mut house = House::new();
    let seen = watch(&house);
    let life = house.start();
    let ann = house.person("Ann");
    for outage in [Outage::Refused, Outage::Reset] {
        house.telegram.set_outage(outage);
        let before = house.heard(ann).len();
        for n in 0..3 {
            house.say(ann, &format!("{outage:?} {n}"));
            pass(200_000).await;
        }
        house.telegram.set_outage(Outage::None);
        let back = house.clock.now();
        let heard = house.until_heard(ann, before + 1).await;
        assert!(house.clock.now() - back < 25_000);
        assert!(heard[before].contains("2"), "{heard:?}");
    }
    pass(60_000).await;
    assert_eq!(house.heard(ann).len(), 2);
    assert_eq!(confirmed(&seen), 6);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_kept_and_confirmed_and_blocks_nobody() {
    let mut house = House::new();
    let seen = watch(&house);
    let life = house.start();
    let ann = house.person("Ann");
    let mut sent = 1;
    for odd in [
        json!({"message": 5}),
        json!({"message": {"chat": {}}}),
        json!({"message": {"chat": {"id": ann, "type": "private"}, "message_id": "x"}}),
        json!({"edited_message": null}),
        json!({"callback_query": {"from": []}}),
        json!({"stopped_message_generation": {"chat": {"id": ann}, "draft_id": "seven"}}),
        json!({"my_chat_member": {}}),
    ] {
        sent += house.act(Act::Inject { update: odd }).update_ids.len();
    }
    assert!(sent >= 7, "{sent}");
    house.say(ann, "hello");
    assert_eq!(house.until_heard(ann, 1).await, ["echo: hello"]);
    pass(40_000).await;
    assert_eq!(confirmed(&seen), sent);
    assert_eq!(house.telegram.pending(), 0);
    assert_eq!(stored(&house.config.store.path).len(), sent);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_somebody_set_is_removed_and_nothing_pending_with_it() {
    let mut house = House::new();
    let seen = watch(&house);
    let ann = house.person("Ann");
    let webhook = json!({"url": "https://example.org/hook"});
    let set = |house: &House| {
        let answer = house
            .telegram
            .handle("setWebhook", &webhook, house.clock.now());
        assert!(format!("{answer:?}").contains("true"), "{answer:?}");
    };
    set(&house);
    house.say(ann, "before the start");
    let life = house.start();
    house.until_heard(ann, 1).await;
    pass(10_000).await;
    set(&house);
    house.say(ann, "while it runs");
    let heard = house.until_heard(ann, 2).await;
    assert!(heard[1].contains("while it runs"));
    pass(40_000).await;
    assert_eq!(confirmed(&seen), 2);
    assert_eq!(house.telegram.lost_upstream(), 0);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_full_store_pauses_the_intake_and_goes_on_when_there_is_room() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    house.config.intake.buffer = 150;
    house.config.access.per_minute = 10_000;
    let seen = watch(&house);
    let life = house.start();
    let ann = house.person("Ann");
    model.change(|now| now.fault = Fault::HoldAfter(4));
    house.say(ann, "begin");
    model.until(|counts| counts.running == 1).await;
    for n in 0..600 {
        house.say(ann, &format!("m{n}."));
    }
    pass(60_000).await;
    assert!(
        house.telegram.pending() > 200,
        "{}",
        house.telegram.pending()
    );
    assert!(confirmed(&seen) < 400);
    // Control of what runs must not wait behind it for ever.
    model.change(|now| now.fault = Fault::Sound);
    house
        .until("everything is answered", |house| {
            let all = house.heard(ann).join(" ");
            all.contains("m599.") && all.matches('.').count() >= 600
        })
        .await;
    pass(40_000).await;
    assert_eq!(confirmed(&seen), 601);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn ids_that_begin_anew_after_a_silence_lose_nothing() {
    let mut house = House::new();
    let seen = watch(&house);
    let life = house.start();
    let ann = house.person("Ann");
    for round in 1..6 {
        house.say(ann, &format!("round {round}"));
        let heard = house.until_heard(ann, round).await;
        assert!(heard[round - 1].contains(&format!("round {round}")));
        pass(600_000).await;
        house.act(Act::Reseed);
        house.act(Act::Lose { updates: 3 });
    }
    assert_eq!(confirmed(&seen), 5);
    let place = Place::private(ann);
    house.telegram.say(place, "last").expect("people may write");
    house.until_heard(ann, 6).await;
    assert_balanced(&life.books().await);
}
