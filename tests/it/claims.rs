//! Claims of a process that lives: none stays behind without somebody who
//! runs it, and whoever runs it hears that it was cut.

use std::time::Duration;

use lastword::llm::FinishReason;
use lastword::playground::bot_api::{Act, ChatKind, Fault as Trouble, FaultRule, Place, Seen};
use lastword::playground::offline::{Fault, Offline};
use lastword::store::Turns;

use crate::house::{House, assert_balanced};
use crate::neighbours::{buttons, outcomes, pass};
use crate::scribe::Twist;

/// The store refuses this until the trigger is dropped.
fn refuse(house: &House, when: &str) -> rusqlite::Connection {
    let file = rusqlite::Connection::open(&house.config.store.path).expect("the store opens");
    let trigger =
        format!("CREATE TRIGGER refused BEFORE {when} BEGIN SELECT RAISE(ABORT, 'refused'); END");
    file.execute_batch(&trigger).expect("a trigger can be made");
    file
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_the_store_did_not_let_go_of_is_answered_all_the_same() {
    let model = Offline::echo();
    model.change(|now| now.fault = Fault::NoCredit);
    let mut house = House::with(model.clone());
    let life = house.start();
    let ann = house.person("Ann");
    pass(100).await;
    let file = refuse(
        &house,
        "UPDATE OF state ON turns WHEN OLD.state = 2 AND NEW.state = 1",
    );
    house.say(ann, "hello");
    pass(10_000).await;
    file.execute_batch("DROP TRIGGER refused")
        .expect("it exists");
    model.change(|now| now.fault = Fault::Sound);
    let said = |house: &House| house.heard(ann).iter().any(|text| text == "echo: hello");
    house.until("she is answered", said).await;
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_the_store_never_takes_ends_with_an_apology() {
    let mut house = House::new();
    let life = house.start();
    let ann = house.person("Ann");
    pass(100).await;
    let _file = refuse(&house, "INSERT ON requests");
    house.say(ann, "hello");
    let heard = house.until_heard(ann, 1).await;
    assert!(heard[0].contains("try again"), "{heard:?}");
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("failed", 1)]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_the_store_never_takes_leaves_nothing_claimed() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let life = house.start();
    let ann = house.person("Ann");
    pass(100).await;
    let file = refuse(&house, "INSERT ON answers");
    house.say(ann, "hello");
    pass(300_000).await;
    file.execute_batch("DROP TRIGGER refused")
        .expect("it exists");
    house.until_heard(ann, 1).await;
    assert!(model.counts().asked() <= 3, "{:?}", model.counts());
    let open = life.store.open_turns().await.expect("the store answers");
    assert!(open.is_empty(), "{open:?}");
}

#[tokio::test(start_paused = true)]
async fn a_draining_owner_hears_of_a_stop_that_a_late_successor_accepted() {
    let model = Offline::echo();
    model.change(|now| now.fault = Fault::HoldAfter(8));
    let mut house = House::with(model.clone());
    let old = house.start();
    let ann = house.person("Ann");
    house.say(ann, "a long story");
    model.until(|counts| counts.running == 1).await;
    let new = house.start();
    old.shutdown.stop(lastword::shutdown::Cause::Terminate);
    pass(1_000).await;
    let begun = house.clock.now();
    house.act(Act::Stop {
        place: Place::private(ann),
        draft_id: None,
    });
    let heard = house.until_heard(ann, 1).await;
    assert!(house.clock.now() - begun <= 600, "the Stop was heard late");
    assert!(heard[0].ends_with("⏹ Stopped"), "{heard:?}");
    let _ = old.ended().await;
    assert_balanced(&new.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_hangs_never_covers_the_answer() {
    let model = Offline::echo();
    model.change(|now| {
        now.pace.between = Duration::from_millis(500);
        now.pace.words = 1;
    });
    let mut house = House::with(model.clone());
    let _life = house.start();
    let ann = house.person("Ann");
    let group = house.group(ChatKind::Supergroup, &[ann]);
    house.telegram.fault(FaultRule::once(
        "editMessageText",
        Trouble::Slow {
            before_ms: 15_000,
            after_ms: 0,
        },
    ));
    house.say_in(group, ann, "@lastword_bot one two three four five six");
    pass(120_000).await;
    let heard = house.heard(group);
    assert_eq!(heard.len(), 1);
    assert!(heard[0].ends_with("five six"), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn what_goes_on_by_a_button_points_at_no_message_in_groups() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    let group = house.group(ChatKind::Supergroup, &[ann]);
    scribe.twist(Twist::Say("The story begins", FinishReason::Length));
    house.say_in(group, ann, "@lastword_bot a story");
    let can_go_on = |house: &House| {
        let mut answers = house.answers(group).into_iter();
        answers.any(|post| buttons(&post).iter().any(|b| b.starts_with("continue")))
    };
    house.until("there is a button", can_go_on).await;
    let first = house.answers(group)[0].id;
    house.press(Place::group(ann, group), first, "continue");
    house
        .until("it goes on", |house| house.answers(group).len() > 1)
        .await;
    pass(10_000).await;
    let next = house.answers(group).pop().expect("an answer");
    assert_eq!(next.reply_to, None);
    let refused = house.seen(group).into_iter().filter(
        |event| matches!(&event.seen, Seen::PressAnswered { text, .. } if !text.is_empty()),
    );
    assert_eq!(refused.count(), 0);
    let payloads: i64 = rusqlite::Connection::open(&house.config.store.path)
        .and_then(|file| {
            let sql = "SELECT count(*) FROM parts WHERE payload LIKE '%\"reply_to\":0%'";
            file.query_row(sql, [], |row| row.get(0))
        })
        .expect("the store can be read");
    assert_eq!(payloads, 0, "message 0 is none");
    assert_balanced(&life.books().await);
}
