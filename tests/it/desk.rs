//! `lastword turns` and `lastword replay` with the real binary, beside a daemon
//! that runs and without one. What they print holds nobody's words, and what
//! they do is done once.

use std::path::Path;
use std::process::{Command, Output};

use lastword::playground::offline::{Fault, Offline};
use serde_json::Value;

use crate::house::{House, assert_balanced};
use crate::neighbours::{outcomes, pass};

/// The binary, in an environment without any secret.
fn lastword(house: &House, line: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lastword"))
        .env_clear()
        .args(line)
        .arg("--store")
        .arg(&house.config.store.path)
        .output()
        .expect("the binary starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("it prints text")
}

/// What `turns` lists, as JSON.
fn turns(house: &House, which: &[&str]) -> Vec<Value> {
    let line: Vec<&str> = ["turns", "--json"].iter().chain(which).copied().collect();
    let listed = lastword(house, &line);
    assert_eq!(listed.status.code(), Some(0), "{}", text(&listed.stderr));
    let listed = text(&listed.stdout);
    assert!(!listed.contains("my diary"), "{listed}");
    let lines = listed.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().expect("lines of JSON")
}

/// Ann's turn has failed.
async fn failed(model: &Offline, house: &House) -> (i64, String) {
    let ann = house.person("Ann");
    model.change(|now| now.fault = Fault::Outage);
    house.say(ann, "my diary");
    house.until_heard(ann, 1).await;
    pass(60_000).await;
    let failed = turns(house, &["--failed"]);
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0]["chat"], ann);
    assert_eq!(failed[0]["outcome"], "failed");
    assert_eq!(failed[0]["replayable"], true);
    model.change(|now| now.fault = Fault::Sound);
    (ann, failed[0]["turn"].to_string())
}

#[tokio::test(start_paused = true)]
async fn a_failed_turn_is_brought_back_once_by_its_number_while_the_daemon_runs() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let life = house.start();
    let (ann, turn) = failed(&model, &house).await;
    for said in ["runs again as turn", "was replayed already"] {
        let replayed = lastword(&house, &["replay", &turn]);
        assert_eq!(replayed.status.code(), Some(0));
        assert!(text(&replayed.stdout).contains(said), "{replayed:?}");
    }
    assert_eq!(turns(&house, &["--waiting"]).len(), 1);
    let begun = house.clock.now();
    assert_eq!(house.until_heard(ann, 2).await[1], "echo: my diary");
    assert!(house.clock.now() - begun <= 10_000, "the daemon heard late");
    pass(60_000).await;
    assert_eq!(house.heard(ann).len(), 2);
    assert!(turns(&house, &["--failed"]).is_empty());
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("answered", 1), ("superseded", 1)]);
    // What is answered is not replayed, what never was is told so.
    let last = turns(&house, &[])[0]["turn"].to_string();
    for (turn, why) in [(last.as_str(), "has not failed"), ("999", "does not exist")] {
        let refused = lastword(&house, &["replay", turn]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(text(&refused.stderr).contains(why), "{refused:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_replay_asked_for_while_nothing_runs_is_answered_by_the_next_start() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let life = house.start();
    let (ann, turn) = failed(&model, &house).await;
    life.stop().await;
    let before = std::fs::read_dir(house.config.store.path.with_extension("db.locks"))
        .expect("the folder of locks")
        .count();
    assert_eq!(lastword(&house, &["replay", &turn]).status.code(), Some(0));
    let after = std::fs::read_dir(house.config.store.path.with_extension("db.locks"))
        .expect("the folder of locks")
        .count();
    assert_eq!(before, after, "a visitor locks nothing");
    let life = house.start();
    assert_eq!(house.until_heard(ann, 2).await[1], "echo: my diary");
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn what_was_forgotten_cannot_be_brought_back() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let life = house.start();
    let (ann, turn) = failed(&model, &house).await;
    house.say(ann, "/forget");
    house.until_heard(ann, 2).await;
    let question = house.answers(ann).pop().expect("a question");
    let place = lastword::playground::bot_api::Place::private(ann);
    house.press(place, question.id, "forget:yes");
    pass(5_000).await;
    let refused = lastword(&house, &["replay", &turn]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("forgotten"), "{refused:?}");
    let listed = text(&lastword(&house, &["turns"]).stdout);
    assert!(listed.contains("failed, erased"), "{listed}");
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_look_changes_nothing_and_creates_nothing() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let look = |path: &Path| {
        Command::new(env!("CARGO_BIN_EXE_lastword"))
            .env_clear()
            .args(["turns", "--store"])
            .arg(path)
            .output()
            .expect("the binary starts")
    };
    let none = folder.path().join("none.db");
    let looked = look(&none);
    assert_eq!(looked.status.code(), Some(1));
    assert!(text(&looked.stderr).contains("no such file"), "{looked:?}");
    let foreign = folder.path().join("foreign.db");
    rusqlite::Connection::open(&foreign)
        .and_then(|file| file.execute_batch("CREATE TABLE mine (x)"))
        .expect("somebody's file");
    let bytes = std::fs::read(&foreign).expect("it is there");
    let looked = look(&foreign);
    assert_eq!(looked.status.code(), Some(1));
    assert!(text(&looked.stderr).contains("not a store"), "{looked:?}");
    assert_eq!(std::fs::read(&foreign).expect("it is there"), bytes);
    assert_eq!(
        std::fs::read_dir(folder.path()).expect("a folder").count(),
        1
    );
    // Without a configuration nobody knows which store.
    let lost = Command::new(env!("CARGO_BIN_EXE_lastword"))
        .env_clear()
        .arg("turns")
        .current_dir(folder.path())
        .output()
        .expect("the binary starts");
    assert_eq!(lost.status.code(), Some(78));
    assert!(text(&lost.stderr).contains("store.path"), "{lost:?}");
}
