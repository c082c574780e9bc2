//! What the dead leave in states that no kill reaches by timing: written into
//! the store between two lives, as a death at exactly that moment leaves it.

use lastword::domain::turn;
use lastword::playground::bot_api::Place;
use lastword::playground::offline::Fault;

use super::verdict::Verdict;
use super::{Process, Real, Transport, in_turn, outcomes, within};

struct Scene {
    real: Real,
    process: Process,
    ann: i64,
}

/// A turn that was running at the death of its process.
async fn dead_in_a_turn() -> Scene {
    let real = Real::new(Transport::Polling).await;
    let ann = real.person("Ann");
    real.model.change(|now| now.fault = Fault::HoldAfter(0));
    let mut process = real.start().await;
    real.ask(&Place::private(ann));
    within("the model", real.model.until(|now| now.running == 1)).await;
    process.kill().await;
    Scene { real, process, ann }
}

impl Scene {
    /// Starts the next process. False when it gives the turn up.
    async fn runs_again(&mut self) -> bool {
        self.process = self.real.start().await;
        let model = &self.real.model;
        let store = self.real.look();
        let runs = async {
            loop {
                if model.counts().running == 1 {
                    return true;
                }
                let books = lastword::store::Turns::books(&store).await;
                if books.is_ok_and(|b| in_turn(&b, turn::State::Settled) == 1) {
                    return false;
                }
                tokio::time::sleep(super::LOOK).await;
            }
        };
        within("a run or an end", runs).await
    }

    /// After a death: the wait before the next run is over at once.
    async fn rests_no_longer(&self) {
        let over = self.real.model.until(|now| now.running == 0);
        within("the end of the request", over).await;
        // What it would wait for grows with the deaths; how many of them it may
        // have is `end_of_patience`'s and the store's own tests'.
        self.write("UPDATE turns SET deaths = min(deaths, 2) WHERE state = 2");
    }

    fn write(&self, sql: &str) {
        let changed = self.real.sql().execute(sql, []);
        assert_eq!(changed.expect("the schema is known"), 1, "{sql}");
    }
}

/// The Stop was accepted, its owner died before making an end of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_whose_owner_died_ends_the_turn_visibly() {
    let scene = dead_in_a_turn().await;
    scene.write("UPDATE turns SET stop_requested = 1 WHERE state = 2");
    let mut process = scene.real.start().await;
    let books = scene.real.until_settled(1).await;
    assert_eq!(outcomes(&books, turn::Outcome::Cancelled), 1, "{books:?}");
    let heard = scene.real.heard(scene.ann);
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!(scene.real.model.counts().finished(), 0);
    assert_eq!(process.stop().await.code, Some(0));
}

/// An instance that wrote once more after it had left is in no list.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_belongs_to_an_instance_that_nobody_knows_is_taken_over() {
    let scene = dead_in_a_turn().await;
    scene.write("DELETE FROM instances");
    scene.real.model.change(|now| now.fault = Fault::Sound);
    let mut process = scene.real.start().await;
    let books = scene.real.until_settled(1).await;
    assert_eq!(scene.real.verdict(&books), Verdict::default());
    assert_eq!(process.stop().await.code, Some(0));
}

/// A turn over which the process aborts whenever it runs is isolated, not run
/// for ever, and the person is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_that_aborts_its_process_again_and_again_fails_visibly() {
    let mut scene = dead_in_a_turn().await;
    let mut deaths = 1;
    while scene.runs_again().await {
        scene.process.abort().await;
        scene.rests_no_longer().await;
        deaths += 1;
        assert!(deaths < 12, "it is run for ever");
    }
    // Two in company, three alone.
    assert_eq!(deaths, 5);
    let books = scene.real.until_settled(1).await;
    assert_eq!(outcomes(&books, turn::Outcome::Failed), 1, "{books:?}");
    let heard = scene.real.heard(scene.ann);
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!(scene.process.stop().await.code, Some(0));
}

/// Thirty kills while the very same turn runs cost it nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_kills_in_a_row_cost_no_healthy_turn_its_answer() {
    let mut scene = dead_in_a_turn().await;
    for kill in 2..=30 {
        assert!(scene.runs_again().await, "given up at kill {kill}");
        scene.process.kill().await;
        scene.rests_no_longer().await;
    }
    scene.real.model.change(|now| now.fault = Fault::Sound);
    scene.process = scene.real.start().await;
    let books = scene.real.until_settled(1).await;
    assert_eq!(scene.real.verdict(&books), Verdict::default());
    assert_eq!(outcomes(&books, turn::Outcome::Answered), 1, "{books:?}");
    assert_eq!(scene.process.stop().await.code, Some(0));
}

/// Neither does a row of kills that never ends keep the person waiting for
/// ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn end_of_patience_with_a_turn_that_dies_whenever_it_runs() {
    for (deaths, given_up) in [
        (30, false),
        (turn::MAX_DEATHS - 2, false),
        (turn::MAX_DEATHS - 1, true),
    ] {
        let mut scene = dead_in_a_turn().await;
        scene.write(&format!(
            "UPDATE turns SET deaths = {deaths} WHERE state = 2"
        ));
        assert_eq!(scene.runs_again().await, !given_up, "{deaths} deaths");
        scene.real.model.change(|now| now.fault = Fault::Sound);
        let books = scene.real.until_settled(1).await;
        assert_eq!(
            outcomes(&books, turn::Outcome::Failed),
            u64::from(given_up),
            "{books:?}"
        );
        assert_eq!(scene.process.stop().await.code, Some(0));
    }
}

/// The end of a run that the store did not take is tried again by its owner:
/// nobody else looks after the claim of an instance that lives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_whose_end_met_a_busy_store_is_taken_up_again() {
    let real = Real::new(Transport::Polling).await;
    let ann = real.person("Ann");
    real.model.change(|now| now.fault = Fault::HoldAfter(0));
    let mut process = real.start().await;
    real.ask(&Place::private(ann));
    within("the model", real.model.until(|now| now.running == 1)).await;
    let store = real.sql();
    store
        .execute_batch("BEGIN IMMEDIATE")
        .expect("a write lock");
    real.model.change(|now| now.fault = Fault::Outage);
    process.says("failed to store the end of a turn").await;
    real.model.change(|now| now.fault = Fault::Sound);
    store.execute_batch("ROLLBACK").expect("our own lock");
    let books = real.until_settled(1).await;
    assert_eq!(real.verdict(&books), Verdict::default());
    assert_eq!(process.stop().await.code, Some(0));
}
