//! What a completion costs when the process dies between its last word and the
//! commit of the answer: once more, or nothing where the endpoint replays it.

use lastword::playground::bot_api::Place;

use super::verdict::Verdict;
use super::{Real, Transport, within};

/// The dead one had heard the whole answer and could not store it.
async fn answered_twice(cache: &str) -> (usize, usize) {
    let mut real = Real::new(Transport::Polling).await;
    let switch = "LASTWORD_LLM__RESPONSE_CACHE";
    real.env.insert(switch, cache.to_owned());
    let ann = real.person("Ann");
    // Held before its first word, until nobody can write any more.
    let hold = lastword::playground::offline::Fault::HoldAfter(0);
    real.model.change(|now| now.fault = hold);
    let mut process = real.start().await;
    real.ask(&Place::private(ann));
    within("the model", real.model.until(|now| now.running == 1)).await;
    let store = real.sql();
    store
        .execute_batch("BEGIN IMMEDIATE")
        .expect("a write lock");
    real.model
        .change(|now| now.fault = lastword::playground::offline::Fault::Sound);
    within(
        "the last word",
        real.model
            .until(|now| now.finished() == 1 && now.running == 0),
    )
    .await;
    process.kill().await;
    store.execute_batch("ROLLBACK").expect("our own lock");
    let mut process = real.start().await;
    let books = real.until_settled(1).await;
    assert_eq!(real.verdict(&books), Verdict::default());
    assert_eq!(process.stop().await.code, Some(0));
    let counts = real.model.counts();
    assert_eq!(counts.requests.len(), 1, "the same bytes");
    (counts.paid_twice(), counts.replayed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finished_answer_that_was_not_stored_is_paid_once_more() {
    assert_eq!(answered_twice("false").await, (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finished_answer_that_was_not_stored_is_free_where_it_is_cached() {
    assert_eq!(answered_twice("true").await, (0, 1));
}
