//! A pause as people see it: told once, nothing lost, everything answered when
//! it is over; and a turn that an operator stops. The operator is a visitor of
//! the store, as where no control socket answers.

use lastword::domain::ids::TurnId;
use lastword::playground::offline::{Fault, Offline};
use lastword::shutdown::ExitCode;
use lastword::store::desk::{Cancel, Desk, Which};

use crate::house::{House, assert_balanced};
use crate::neighbours::{outcomes, pass};

/// What people read during a pause begins so.
const TOLD: &str = "I'm paused";

#[tokio::test(start_paused = true)]
async fn what_is_written_during_a_pause_is_kept_and_answered_after_it() {
    let mut house = House::new();
    let life = house.start();
    let (ann, bob) = (house.person("Ann"), house.person("Bob"));
    house.say(ann, "before");
    house.until_heard(ann, 1).await;
    let desk = house.look();
    desk.pause(Some("new disk".to_owned()))
        .await
        .expect("a pause");
    house.say(ann, "first");
    let heard = house.until_heard(ann, 2).await;
    assert!(heard[1].starts_with(TOLD), "{heard:?}");
    pass(60_000).await;
    house.say(ann, "second");
    house.say(bob, "hello");
    house.until_heard(bob, 1).await;
    pass(300_000).await;
    // Told once each, and the operator's reason is not people's.
    assert_eq!((house.heard(ann).len(), house.heard(bob).len()), (2, 1));
    assert!(!house.heard(bob)[0].contains("disk"));
    // Commands work all the while.
    house.say(bob, "/stop");
    house.until_heard(bob, 2).await;
    house.say(bob, "/new");
    house.until_heard(bob, 3).await;
    house.say(bob, "still there?");
    desk.resume().await.expect("an answer").expect("a pause");
    let heard = house.until_heard(ann, 3).await;
    assert!(
        heard[2].contains("first") && heard[2].contains("second"),
        "{heard:?}"
    );
    let heard = house.until_heard(bob, 4).await;
    assert_eq!(heard[3], "echo: still there?");
    // Another pause is another matter.
    desk.pause(None).await.expect("a pause");
    house.say(ann, "third");
    assert!(house.until_heard(ann, 4).await[3].starts_with(TOLD));
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("answered", 3), ("cancelled", 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_drain_during_a_pause_parks_and_the_next_start_honours_it() {
    let mut house = House::new();
    let life = house.start();
    let ann = house.person("Ann");
    let desk = house.look();
    house.say(ann, "waits");
    desk.pause(None).await.expect("a pause");
    house.until_heard(ann, 1).await;
    house.say(ann, "and this");
    assert_eq!(life.stop().await, ExitCode::Drained);
    let life = house.start();
    house.say(ann, "and that");
    pass(60_000).await;
    assert_eq!(house.heard(ann).len(), 1, "told before the restart");
    desk.resume().await.expect("an answer");
    let heard = house.until_heard(ann, 2).await;
    for said in ["waits", "and this", "and that"] {
        assert!(heard[1].contains(said), "{heard:?}");
    }
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("answered", 1)]);
}

#[tokio::test(start_paused = true)]
async fn what_runs_when_a_pause_begins_is_answered() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let life = house.start();
    let ann = house.person("Ann");
    model.change(|now| now.fault = Fault::HoldAfter(0));
    house.say(ann, "running");
    model.until(|now| now.running == 1).await;
    house.look().pause(None).await.expect("a pause");
    model.change(|now| now.fault = Fault::Sound);
    assert_eq!(house.until_heard(ann, 1).await[0], "echo: running");
    assert_balanced(&life.books().await);
}

async fn only_turn(house: &House) -> TurnId {
    let listed = house.look().turns(Which::Waiting, 9).await;
    let listed = listed.expect("a list");
    assert_eq!(listed.len(), 1, "{listed:?}");
    listed[0].turn
}

#[tokio::test(start_paused = true)]
async fn an_operators_cancel_shows_its_person_what_a_stop_shows() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let life = house.start();
    let (ann, bob) = (house.person("Ann"), house.person("Bob"));
    model.change(|now| now.fault = Fault::HoldAfter(2));
    house.say(ann, "one two three four five six");
    model.until(|now| now.running == 1).await;
    pass(3_000).await;
    let desk = house.look();
    let turn = only_turn(&house).await;
    let cancelled = desk.cancel(turn, None).await.expect("an answer");
    assert!(matches!(cancelled, Cancel::Stopping(_)), "{cancelled:?}");
    let heard = house.until_heard(ann, 1).await;
    // What there was stays, marked as stopped.
    assert!(heard[0].contains("Stopped"), "{heard:?}");
    pass(5_000).await;
    // One that waits, during a pause: the person is told, and no answer comes.
    model.change(|now| now.fault = Fault::Sound);
    desk.pause(None).await.expect("a pause");
    house.say(bob, "waits");
    house.until_heard(bob, 1).await;
    let turn = only_turn(&house).await;
    let cancelled = desk.cancel(turn, None).await.expect("an answer");
    assert!(matches!(cancelled, Cancel::Stopped(_)), "{cancelled:?}");
    let heard = house.until_heard(bob, 2).await;
    assert!(heard[1].contains("Stopped"), "{heard:?}");
    desk.resume().await.expect("an answer");
    pass(60_000).await;
    assert_eq!((house.heard(ann).len(), house.heard(bob).len()), (1, 2));
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("cancelled", 2)]);
}
