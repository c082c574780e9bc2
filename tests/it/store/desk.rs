//! The operator's desk: what is listed, what may be replayed, and that a visit
//! needs and leaves nothing.

use lastword::clock::Clock;
use lastword::domain::ids::{BotId, TurnId};
use lastword::domain::turn::Outcome;
use lastword::store::StoreError;
use lastword::store::desk::{Desk, Replay, Which};
use lastword::store::sqlite::SqliteStore;

use super::stage::{BASE, BOT_ID, Stage, inline, parts_answer, texts};
use super::talk::private;

fn visit(stage: &Stage) -> SqliteStore {
    SqliteStore::visit(&stage.path(), None, Clock::virtual_from(BASE)).expect("a store to visit")
}

async fn ended(stage: &Stage, person: i64, outcome: Outcome) -> TurnId {
    let conversation = stage.hears(private(person, 1, "question")).await;
    let claim = stage.claim(conversation).await.claim;
    let answer = parts_answer(&["so it ended"], outcome);
    stage.store.answer(&claim, answer).await.expect("answers");
    stage.deliver(claim.chat).await;
    claim.turn
}

#[tokio::test(start_paused = true)]
async fn only_what_failed_is_replayed_and_only_once() {
    for outcome in Outcome::ALL {
        if *outcome == Outcome::Superseded {
            continue;
        }
        let stage = inline();
        let turn = ended(&stage, 7, *outcome).await;
        let desk = visit(&stage);
        let first = desk.replay(turn).await.expect("an answer");
        let second = desk.replay(turn).await.expect("an answer");
        if *outcome == Outcome::Failed {
            assert!(
                matches!(first, Replay::Begun(new) if new > turn),
                "{first:?}"
            );
            assert_eq!(second, Replay::Before);
            let waiting = desk.turns(Which::Waiting, 9).await.expect("a list");
            assert_eq!(waiting.len(), 1);
            let due = stage.store.waiting(9).await.expect("the store answers");
            assert_eq!(texts(&stage.claim(due[0].conversation).await), ["question"]);
        } else {
            assert_eq!(first, Replay::Ended(outcome.as_str()));
            assert_eq!(second, first);
        }
        stage.books().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_has_seen_is_brought_back_too() {
    let stage = inline();
    let conversation = stage.hears(private(7, 1, "question")).await;
    let claim = stage.claim(conversation).await.claim;
    stage.answer(&claim, "words").await;
    let sending = stage.sending(claim.chat).await;
    stage
        .finish(&sending, lastword::domain::part::Sent::Undeliverable)
        .await;
    let desk = visit(&stage);
    let failed = desk.turns(Which::Failed, 9).await.expect("a list");
    assert_eq!(failed[0].outcome, Some("undeliverable"));
    let replayed = desk.replay(claim.turn).await.expect("an answer");
    assert!(matches!(replayed, Replay::Begun(_)), "{replayed:?}");
    stage.books().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_open_or_unknown_is_left_alone() {
    let stage = inline();
    let conversation = stage.hears(private(7, 1, "question")).await;
    let desk = visit(&stage);
    let turn = desk.turns(Which::All, 9).await.expect("a list")[0].turn;
    assert_eq!(desk.replay(turn).await, Ok(Replay::Open("gathering")));
    let claim = stage.claim(conversation).await.claim;
    assert_eq!(desk.replay(turn).await, Ok(Replay::Open("claimed")));
    assert_eq!(desk.replay(TurnId(77)).await, Ok(Replay::Unknown));
    stage.answer(&claim, "still the owner").await;
}

#[tokio::test(start_paused = true)]
async fn a_list_names_what_was_asked_for() {
    let stage = inline();
    let failed = ended(&stage, 7, Outcome::Failed).await;
    let answered = ended(&stage, 8, Outcome::Answered).await;
    stage.hears(private(9, 1, "later")).await;
    let desk = visit(&stage);
    let all = desk.turns(Which::All, 9).await.expect("a list");
    assert_eq!(all.len(), 3);
    assert_eq!((all[1].turn, all[2].turn), (answered, failed));
    assert!(all[0].waits_ms > 0 && !all[0].replayable);
    let bad = desk.turns(Which::Failed, 9).await.expect("a list");
    assert_eq!(
        (bad.len(), bad[0].turn, bad[0].replayable),
        (1, failed, true)
    );
    let waiting = desk.turns(Which::Waiting, 9).await.expect("a list");
    assert_eq!((waiting.len(), waiting[0].state), (1, "gathering"));
    assert_eq!(desk.turns(Which::All, 1).await.expect("a list").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_visit_registers_migrates_and_guesses_nothing() {
    let stage = inline();
    let clock = || Clock::virtual_from(BASE);
    let refused = |bot| match SqliteStore::visit(&stage.path(), bot, clock()) {
        Err(StoreError::Refused { reason }) => reason,
        other => panic!("not refused: {other:?}"),
    };
    assert!(refused(None).contains("empty"));
    stage.hears(private(7, 1, "hello")).await;
    assert!(refused(Some(BotId(1))).contains("nothing of the bot 1"));
    let sql = rusqlite::Connection::open(stage.path()).expect("the file");
    let other =
        "INSERT INTO conversations (bot, chat, topic, kind, title) VALUES (1, 1, 0, '', '')";
    sql.execute(other, []).expect("the schema is known");
    assert!(refused(None).contains("several bots"));
    let _desk = SqliteStore::visit(&stage.path(), Some(BOT_ID), clock()).expect("a store");
    let instances: i64 = sql
        .query_row("SELECT count(*) FROM instances", [], |row| row.get(0))
        .expect("the schema is known");
    assert_eq!(instances, 0);
    sql.pragma_update(None, "user_version", 99).expect("ours");
    sql.execute("UPDATE meta SET value = '99' WHERE key = 'min_schema'", [])
        .expect("the schema is known");
    assert!(refused(Some(BOT_ID)).contains("needs a binary"));
}
