//! Every operation of the traits and what keeps a superseded writer from it:
//! one table, so that a new operation without a fence fails here. The writer
//! stalls with its operation asked for and not yet run, is superseded, and goes
//! on.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use lastword::domain::ids::InstanceId;
use lastword::domain::part::{Payload, Sending, Sent};
use lastword::domain::probe::{Probed, Probing, Reach};
use lastword::domain::turn::{Blame, Claim, Standing};
use lastword::store::{Begin, Flush, Next, StoreError};

use super::stage::{Stage, plain_answer, stores};
use super::talk::private;

/// What keeps a superseded writer out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fence {
    /// The number and owner of the claim.
    Claim,
    /// The number and owner of the send.
    Send,
    /// Takes only what nobody owns, or is the asking instance's own.
    Owner,
    /// Needs none, because.
    Needless(&'static str),
}

use Fence::{Needless, Owner};

const READS: Fence = Needless("it changes nothing");
const ONCE: Fence = Needless("what it stores is the same, whoever stores it");

/// Every operation of every trait.
const TABLE: &[(&str, Fence)] = &[
    (
        "accept",
        Needless("an update is stored once, whoever brings it"),
    ),
    ("backlog", READS),
    ("prune", Needless("it deletes by age alone")),
    ("claim", Owner),
    ("history", READS),
    ("keep_request", Fence::Claim),
    ("keep_words", Fence::Claim),
    ("settled", READS),
    ("plan_placeholder", Fence::Claim),
    ("answer", Fence::Claim),
    ("defer", Fence::Claim),
    ("park", Fence::Claim),
    ("standing", READS),
    ("waiting", READS),
    ("keep_administrators", ONCE),
    ("administrators_older_than", READS),
    ("recent", READS),
    ("open_turns", READS),
    ("books", READS),
    ("begin_send", Owner),
    ("finish_send", Fence::Send),
    ("finish_probe", Fence::Send),
    ("replan", Fence::Send),
    ("placeholder", READS),
    ("surroundings", READS),
    (
        "import",
        Needless("a file is known by its name, whoever takes it up"),
    ),
    ("imported", READS),
    ("relay", READS),
    ("unconnected", READS),
    (
        "connect",
        Needless("the same whoever heard it; what waited is taken once"),
    ),
    ("take_orders", Owner),
    (
        "reply",
        Needless("it takes the order that is owed a reply, which is there once"),
    ),
    ("rise", ONCE),
    ("leave_errands", Owner),
    (
        "bid_farewell",
        Needless("it ends the one life of its instance"),
    ),
    (
        "alarm",
        Needless("it says a thing once in a while, by its cause, whoever says it"),
    ),
    ("calm", Needless("it ends what lasts, whoever says so")),
    ("alarms", READS),
    (
        "remind",
        Needless("it says what is due and was not said, whoever asks"),
    ),
    (
        "spread",
        Needless("it plans on from where the last step ended, whoever takes it"),
    ),
    ("unsent", READS),
    ("reveal", Fence::Claim),
    ("next_turn", READS),
    (
        "receipts",
        Needless("it marks what carries none, whoever asks"),
    ),
    (
        "drop_receipt",
        Needless("only that receipt, and taking it away twice changes nothing"),
    ),
    ("touches", READS),
    (
        "begin_touch",
        Needless("an edit that is made twice changes nothing"),
    ),
    (
        "finish_touch",
        Needless("it ends the wish it was begun for, by its number, and no later one"),
    ),
    ("turns", READS),
    (
        "replay",
        Needless("it takes a failed turn only, which nobody owns"),
    ),
    ("show", READS),
    (
        "cancel",
        Needless("it stops what nobody owns, and asks the owner of the rest"),
    ),
    (
        "pause",
        Needless("there is one pause, whoever decides on it"),
    ),
    ("resume", Needless("it ends the one pause there is")),
    ("paused", READS),
    ("picture", READS),
    ("usage", READS),
    ("allow", ONCE),
    ("ban", ONCE),
    ("unban", ONCE),
    ("people", READS),
    ("register", Owner),
    ("set_phase", Owner),
    (
        "reap",
        Needless("it takes from the dead only, whose locks are free"),
    ),
    ("successor", READS),
    ("take_intake", Needless("the kernel keeps the lock")),
    ("release_intake", Owner),
    ("leave", Owner),
    ("value", READS),
    ("set_value", ONCE),
    ("others", READS),
    ("value_or", ONCE),
    ("has_operator", READS),
];

#[test]
fn every_operation_says_what_fences_it() {
    let traits = [
        include_str!("../../../src/store.rs"),
        include_str!("../../../src/store/outbox.rs"),
        include_str!("../../../src/store/notices.rs"),
        include_str!("../../../src/store/signs.rs"),
        include_str!("../../../src/store/relays.rs"),
        include_str!("../../../src/store/desk.rs"),
        include_str!("../../../src/store/operators.rs"),
    ];
    let mut declared: Vec<&str> = traits
        .iter()
        .flat_map(|file| file.lines())
        .filter_map(|line| line.strip_prefix("    async fn ")?.split('(').next())
        .collect();
    let mut listed: Vec<&str> = TABLE.iter().map(|(name, _)| *name).collect();
    declared.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, declared);
}

/// How a writer is superseded, in the words of the store.
const CLAIM_SUPERSEDED: [&str; 3] = [
    "UPDATE turns SET claim_no = claim_no + 1",
    "UPDATE turns SET owner = 99",
    "UPDATE turns SET state = 1, owner = NULL",
];
const SEND_SUPERSEDED: [&str; 3] = [
    "UPDATE parts SET send_no = send_no + 1",
    "UPDATE parts SET owner = 99",
    "UPDATE parts SET state = 3, owner = 99",
];

async fn by_claim(stage: &Stage, name: &str, claim: &Claim) -> Result<(), StoreError> {
    let store = &stage.store;
    let words = || Payload::plain("late");
    match name {
        "keep_request" => store.keep_request(claim, Bytes::from_static(b"x")).await,
        "keep_words" => store.keep_words(claim, 1, "late").await,
        "plan_placeholder" => store.plan_placeholder(claim, words()).await,
        "answer" => store.answer(claim, plain_answer("late")).await,
        "defer" => {
            let (delay, notice) = (Duration::ZERO, Some(words()));
            store.defer(claim, delay, Blame::Turn, notice).await
        }
        "park" => store.park(claim).await,
        "reveal" => store.reveal(claim).await,
        other => panic!("{other} is fenced by the claim, but nobody tries it"),
    }
}

async fn by_send(stage: &Stage, name: &str, sending: &Sending) -> Result<(), StoreError> {
    let store = &stage.store;
    match name {
        "finish_send" => {
            let finished = store.finish_send(sending, Sent::Receipt(4711)).await;
            finished.map(drop)
        }
        "replan" => {
            let replanned = store.replan(sending, vec![Payload::plain("late")]).await;
            replanned.map(drop)
        }
        "finish_probe" => {
            let probing = Probing {
                part: sending.clone(),
                ids: vec![4711],
                reach: Reach::Open,
                round: 0,
                executed_by: 0,
            };
            let finished = store.finish_probe(&probing, Probed::Found(4711)).await;
            finished.map(drop)
        }
        other => panic!("{other} is fenced by the send, but nobody tries it"),
    }
}

/// Everything stored, but for what the superseding itself wrote.
fn everything(stage: &Stage) -> Vec<String> {
    let store = rusqlite::Connection::open(stage.path()).expect("the store exists");
    let tables = [
        "turns", "parts", "requests", "answers", "messages", "controls",
    ];
    let read = |table: &&str| {
        let mut rows = store.prepare(&format!("SELECT * FROM {table} ORDER BY 1"))?;
        let columns = rows.column_count();
        let all = rows.query_map([], |row| {
            let cells = (0..columns).map(|n| row.get::<_, rusqlite::types::Value>(n));
            Ok(format!(
                "{table} {:?}",
                cells.collect::<Result<Vec<_>, _>>()?
            ))
        })?;
        all.collect::<Result<Vec<_>, _>>()
    };
    let all = tables.iter().map(read).collect::<Result<Vec<_>, _>>();
    all.expect("the store answers").concat()
}

/// Asks for `operation` while another process has the store, which supersedes
/// the writer before it lets go.
async fn superseded(
    stage: &Stage,
    sql: &str,
    operation: impl Future<Output = Result<(), StoreError>>,
) -> Result<(), StoreError> {
    let other = rusqlite::Connection::open(stage.path()).expect("the store exists");
    other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    let mut operation = pin!(operation);
    assert!(operation.as_mut().now_or_never().is_none(), "it stalls");
    other.execute_batch(sql).expect("the schema is known");
    other.execute_batch("COMMIT").expect("our own lock");
    let before = everything(stage);
    let done = operation.await;
    assert_eq!(everything(stage), before, "{sql}: it left a trace");
    done
}

fn fenced_by(fence: Fence) -> impl Iterator<Item = &'static str> {
    let table = TABLE.iter().filter(move |(_, by)| *by == fence);
    table.map(|(name, _)| *name)
}

/// The store whose writer is a thread: it alone can stall.
fn threaded() -> Stage {
    stores().pop().expect("there are two")
}

#[tokio::test]
async fn a_stalled_write_of_a_superseded_claim_is_refused() {
    for name in fenced_by(Fence::Claim) {
        for sql in CLAIM_SUPERSEDED {
            let stage = threaded();
            let conversation = stage.hears(private(7, 1, "a")).await;
            let claim = stage.claim(conversation).await.claim;
            let done = superseded(&stage, sql, by_claim(&stage, name, &claim)).await;
            assert_eq!(done, Err(StoreError::Fenced), "{name}: {sql}");
            let standing = stage.store.standing(&claim).await;
            assert_eq!(standing, Ok(Standing::Lost), "{name}: {sql}");
        }
        // Unless it was not: the case itself is sound.
        let stage = threaded();
        let conversation = stage.hears(private(7, 1, "a")).await;
        let claim = stage.claim(conversation).await.claim;
        assert_eq!(by_claim(&stage, name, &claim).await, Ok(()), "{name}");
    }
}

#[tokio::test]
async fn a_stalled_write_of_a_superseded_send_is_refused() {
    for name in fenced_by(Fence::Send) {
        for sql in SEND_SUPERSEDED {
            let (stage, sending) = sending().await;
            let done = superseded(&stage, sql, by_send(&stage, name, &sending)).await;
            assert_eq!(done, Err(StoreError::Fenced), "{name}: {sql}");
        }
        let (stage, sending) = sending().await;
        assert_eq!(by_send(&stage, name, &sending).await, Ok(()), "{name}");
    }
}

async fn sending() -> (Stage, Sending) {
    let stage = threaded();
    let conversation = stage.hears(private(7, 1, "a")).await;
    let claim = stage.claim(conversation).await.claim;
    stage.answer(&claim, "an answer").await;
    let sending = stage.sending(claim.chat).await;
    (stage, sending)
}

#[tokio::test]
async fn nobody_takes_what_a_living_instance_owns() {
    for stage in stores() {
        let owner = stage.another().lives("running").await;
        let other = stage.another().lives("running").await;
        let conversation = owner.hears(private(7, 1, "a")).await;
        let claim = owner.claim(conversation).await.claim;
        assert_eq!(other.ask(conversation, Flush::All).await, Next::Busy);
        owner.answer(&claim, "an answer").await;
        assert!(!matches!(other.begin(claim.chat).await, Begin::Send(_)));
        other.store.reap(other.me).await.unwrap();
        other.store.leave(other.me).await.unwrap();
        assert!(matches!(owner.begin(claim.chat).await, Begin::Send(_)));
    }
}

/// One that has left and goes on all the same is in nobody's way.
#[tokio::test]
async fn an_instance_that_has_left_changes_nothing_of_others() {
    for stage in stores() {
        let stage = stage.lives("running").await;
        let gone = stage.another().lives("standby").await;
        gone.store.leave(gone.me).await.unwrap();
        let conversation = stage.hears(private(7, 1, "a")).await;
        let claim = stage.claim(conversation).await.claim;
        gone.store.set_phase(gone.me, "running").await.unwrap();
        assert_eq!(
            stage.store.others(stage.me).await,
            Ok(Vec::<InstanceId>::new())
        );
        gone.store.leave(gone.me).await.unwrap();
        gone.store.release_intake().await.unwrap();
        assert_eq!(stage.store.standing(&claim).await, Ok(Standing::Ours));
    }
}
