//! Alerts: what, since when, what to do; each cause once an hour, over restarts,
//! with what was held back, and a word when it is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lastword::config::Alerts;
use lastword::daemon::{Disk, Room};
use lastword::domain::operator::alarm::Cause;
use lastword::playground::bot_api::{Fault as Trouble, FaultRule};
use lastword::playground::offline::Fault;
use lastword::store::operators::{Audience, Operators};

use super::{HOUR, looked_after, started};
use crate::house::assert_balanced;
use crate::neighbours::pass;
use crate::scribe::Twist;

fn refused(code: u16) -> Trouble {
    Trouble::Refuse {
        code,
        description: Some("Conflict: terminated by other getUpdates request".to_owned()),
        retry_after_s: None,
    }
}

#[tokio::test(start_paused = true)]
async fn an_alert_is_not_repeated_by_a_restart_and_ends_with_a_word() {
    let (mut house, ann) = looked_after();
    let ben = house.person("Ben");
    house.model.change(|now| now.fault = Fault::NoCredit);
    let life = started(&mut house).await;
    house.say(ben, "hello");
    house.until_heard(ann, 1).await;
    assert_eq!(house.said(ann, "402"), 1);
    life.stop().await;
    let life = started(&mut house).await;
    pass(40 * 60_000).await;
    assert_eq!(house.heard(ann).len(), 1, "{:?}", house.heard(ann));
    pass(25 * 60_000).await;
    let heard = house.heard(ann);
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert!(heard[1].contains("since"), "{heard:?}");
    house.model.change(|now| now.fault = Fault::Sound);
    house
        .until("it is over", |house| house.said(ann, "answers again") == 1)
        .await;
    assert_eq!(house.said(ben, "echo: hello"), 1);
    pass(120 * 60_000).await;
    assert_eq!(house.heard(ann).len(), 3);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn failed_answers_are_counted_by_the_hour() {
    let (mut house, ann) = looked_after();
    let scribe = house.scribe();
    let life = started(&mut house).await;
    pass(15_000).await;
    let fail = || {
        scribe.twist(Twist::Refuse(lastword::llm::LlmError::Status {
            code: 400,
            message: "no such thing".to_owned(),
            retry_after: None,
        }));
    };
    for name in ["Ben", "Cleo", "Dan"] {
        let person = house.person(name);
        fail();
        house.say(person, "hello");
        house.until_heard(person, 1).await;
        pass(20_000).await;
    }
    let heard = house.heard(ann);
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(heard[0].contains("1 answer has failed") && heard[0].contains("/admin turns"));
    pass(3_600_000).await;
    let heard = house.heard(ann);
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert!(heard[1].contains("2 more answers have failed"), "{heard:?}");
    pass(4_000_000).await;
    assert_eq!(house.heard(ann).len(), 2, "{:?}", house.heard(ann));
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn somebody_else_who_polls_is_told_once_and_so_is_the_end_of_it() {
    let (mut house, ann) = looked_after();
    let _life = started(&mut house).await;
    house
        .telegram
        .fault(FaultRule::always("getUpdates", refused(409)));
    house.until_heard(ann, 1).await;
    assert_eq!(house.said(ann, "409"), 1);
    pass(10 * 60_000).await;
    assert_eq!(house.heard(ann).len(), 1);
    house.telegram.clear_faults();
    pass(10 * 60_000).await;
    let heard = house.heard(ann);
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert!(heard[1].contains("Nobody else"), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_told_when_it_is_taken_again() {
    let (mut house, ann) = looked_after();
    let _life = started(&mut house).await;
    let refuse = |method| FaultRule::always(method, refused(401));
    house.telegram.fault(refuse("getUpdates"));
    house.telegram.fault(refuse("sendMessage"));
    pass(5 * 60_000).await;
    assert!(house.heard(ann).is_empty());
    house.telegram.clear_faults();
    house.until_heard(ann, 1).await;
    pass(120_000).await;
    let heard = house.heard(ann);
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(
        heard[0].contains("refused the bot's token from"),
        "{heard:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_fills_up_is_told_before_it_is_full_and_when_there_is_room() {
    let (mut house, ann) = looked_after();
    let free = Arc::new(AtomicU64::new(10 << 30));
    let told = Arc::clone(&free);
    house.disk = Disk::new(move || {
        Some(Room {
            free: told.load(Ordering::Relaxed),
            total: 100 << 30,
        })
    });
    let _life = started(&mut house).await;
    pass(60_000).await;
    assert!(house.heard(ann).is_empty());
    free.store(900 << 20, Ordering::Relaxed);
    let heard = house.until_heard(ann, 1).await;
    assert!(heard[0].contains("900 of 102400 MiB left"), "{heard:?}");
    pass(30 * 60_000).await;
    free.store(10 << 30, Ordering::Relaxed);
    let heard = house.until_heard(ann, 2).await;
    assert!(heard[1].contains("has room again"), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_fails_for_long_is_told_after_five_minutes() {
    let (mut house, ann) = looked_after();
    let ben = house.person("Ben");
    let _life = started(&mut house).await;
    house.model.change(|now| now.fault = Fault::Outage);
    house.say(ben, "hello");
    for name in ["Cleo", "Dan", "Eve", "Finn", "Gus"] {
        let person = house.person(name);
        house.say(person, "hello");
    }
    pass(4 * 60_000).await;
    assert_eq!(house.said(ann, "endpoint"), 0, "{:?}", house.heard(ann));
    pass(4 * 60_000).await;
    assert_eq!(house.said(ann, "endpoint has been failing"), 1);
    house.model.change(|now| now.fault = Fault::Sound);
    house
        .until("it is over", |house| {
            house.said(ann, "endpoint answers again") == 1
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn missing_updates_and_a_store_that_was_away_are_told() {
    let (mut house, ann) = looked_after();
    let life = started(&mut house).await;
    let audience = Audience {
        ids: [ann].into(),
        ..Audience::default()
    };
    let store = house.look();
    let me = lastword::domain::ids::InstanceId(9);
    // As the daemon does once its store takes things again.
    let minute = Duration::from_secs(60);
    let (gap, away) = (Cause::Gap, Cause::Store);
    for (cause, ago) in [(gap, Duration::ZERO), (away, minute)] {
        let alarm = store.alarm(cause, 3, ago, None, audience.clone(), me);
        alarm.await.expect("the store answers");
    }
    let calm = store.calm(away, audience.clone(), me);
    assert_eq!(calm.await.expect("the store answers").len(), 1);
    // Nobody sends for an instance that does not live: another takes it over.
    let heard = house.until_heard(ann, 2).await;
    assert!(heard[0].contains("3 updates are missing"), "{heard:?}");
    assert!(heard[1].contains("took nothing from") && heard[1].contains("1 min"));
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn who_wants_no_alerts_gets_none() {
    let (mut house, ann) = looked_after();
    house.config.operators.alerts = Alerts::Withheld;
    let ben = house.person("Ben");
    house.model.change(|now| now.fault = Fault::NoCredit);
    let _life = started(&mut house).await;
    house.say(ben, "hello");
    tokio::time::sleep(HOUR * 3).await;
    assert!(house.heard(ann).is_empty(), "{:?}", house.heard(ann));
}
