//! An older and a newer version at one store, with work in flight: both ways
//! for a schema that only adds, a clear refusal before anything is touched for
//! one that does not.
//!
//! The older is the real binary. The newer is the same with one more migration:
//! this very test program, which becomes it when [`NEWER`] says so.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lastword::config::{Config, Sources};
use lastword::playground::bot_api::Place;
use lastword::playground::offline::Fault;
use lastword::shutdown::{ExitCode, Shutdown, parent};
use lastword::store::sqlite::{Migration, Schema};
use rustix::process::Signal;
use tokio::process::Command;

use super::verdict::Verdict;
use super::{Process, Real, Transport, within};

const NEWER: &str = "LASTWORD_IT_NEWER";
const ITSELF: &str = "real::versions::the_newer_version";

const ADDS: Migration = Migration {
    sql: "ALTER TABLE turns ADD COLUMN mood TEXT; CREATE TABLE moods (id INTEGER PRIMARY KEY);",
    additive: true,
};

/// What an older version asks for every minute is gone.
const CHANGES: Migration = Migration {
    sql: "ALTER TABLE turns RENAME COLUMN due_at TO due_time;",
    additive: false,
};

/// No test: what the newer version is, when it is started as a child.
#[test]
fn the_newer_version() {
    let migration = match std::env::var(NEWER).as_deref() {
        Ok("adds") => ADDS,
        Ok("changes") => CHANGES,
        _ => return,
    };
    let code = match life(Schema::default().and(migration)) {
        Ok(code) => code,
        Err(told) => {
            eprintln!("lastword: {}", told.1);
            told.0
        }
    };
    #[expect(clippy::exit, clippy::disallowed_methods, reason = "its main")]
    std::process::exit(code.code().into());
}

/// What `main` does.
fn life(schema: Schema) -> Result<ExitCode, (ExitCode, String)> {
    let begun = tokio::time::Instant::now();
    let shutdown = Shutdown::install().expect("signals can be received");
    lastword::tls::install_crypto();
    let file = std::env::var_os("LASTWORD_CONFIG").map(PathBuf::from);
    let sources = Sources::new(file, std::env::vars_os());
    let loaded = Config::load(&sources).expect("the configuration is right");
    parent::watch(&shutdown).expect("a thread");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let production = lastword::daemon::production::run_with;
    let ended = runtime.block_on(production(loaded, &sources, &shutdown, begun, schema));
    runtime.shutdown_background();
    ended.map_err(|error| (error.exit_code(), error.to_string()))
}

fn newer(env: &BTreeMap<&'static str, String>, which: &str) -> Process {
    let mut command = Command::new(std::env::current_exe().expect("it runs"));
    command
        .args([ITSELF, "--exact", "--nocapture", "--test-threads=2"])
        .env_clear()
        .envs(env)
        .env(parent::VARIABLE, "1")
        .env(NEWER, which);
    Process::run(command)
}

/// The bytes of the store and of its log.
fn bytes(real: &Real) -> (Vec<u8>, Option<Vec<u8>>) {
    let path = real.store_path();
    let mut log = path.clone().into_os_string();
    log.push("-wal");
    let store = std::fs::read(path).expect("the store exists");
    (store, std::fs::read(log).ok())
}

fn schema(real: &Real) -> i64 {
    let sql = "PRAGMA user_version";
    let version = real.sql().query_row(sql, [], |row| row.get(0));
    version.expect("the store answers")
}

/// Ann's answer is under way while the next version takes over; Bob's while the
/// one of before comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_that_adds_is_rolled_in_both_directions_with_work_in_flight() {
    for transport in [Transport::Polling, Transport::Webhook] {
        let real = Real::new(transport).await;
        let (ann, bob) = (real.person("Ann"), real.person("Bob"));
        let before = real.start().await;
        before.says("running").await;
        let newer_schema = schema(&real) + 1;
        let mut running = before;
        for (up, person) in [(true, ann), (false, bob), (true, ann)] {
            real.model.fail_next(1, Fault::HoldAfter(0));
            real.ask(&Place::private(person));
            within("the model", real.model.until(|now| now.running == 1)).await;
            // A window of the one version, to be run by the other.
            real.ask(&Place::private(person));
            let asked = real.asked_so_far();
            real.until("accepted", |b| b.messages == asked).await;
            let next = match up {
                true => newer(&real.env, "adds"),
                false => real.spawn(),
            };
            next.ready().await;
            assert_eq!(schema(&real), newer_schema);
            running.signal(Signal::TERM);
            next.says("running").await;
            let other = if person == ann { bob } else { ann };
            real.ask(&Place::private(other));
            let word = format!("q{:05}", real.asked_so_far() - 1);
            real.until_heard(other, &word).await;
            real.model.release();
            let exit = running.ended().await;
            assert_eq!(exit.code, Some(0), "{exit:?}");
            assert_eq!(exit.line["turns"]["answered"], 1, "{exit:?}");
            running = next;
            real.until_settled(1).await;
        }
        let books = real.until_settled(1).await;
        assert_eq!(real.verdict(&books), Verdict::default());
        assert_eq!(real.model.counts().paid_twice(), 0);
        assert!(real.telegram.conflicts() <= 3);
        assert_eq!(running.stop().await.code, Some(0));
    }
}

/// Either version dies with work in flight; the other takes it over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_version_takes_over_what_the_other_died_with() {
    let real = Real::new(Transport::Polling).await;
    let ann = real.person("Ann");
    let mut running = real.start().await;
    for up in [true, false, true, false] {
        let settled = real.asked_so_far();
        real.model.change(|now| now.fault = Fault::HoldAfter(0));
        real.ask(&Place::private(ann));
        within("the model", real.model.until(|now| now.running == 1)).await;
        running.kill().await;
        real.model.change(|now| now.fault = Fault::Sound);
        running = match up {
            true => newer(&real.env, "adds"),
            false => real.spawn(),
        };
        let books = real.until_settled(settled + 1).await;
        assert_eq!(real.verdict(&books), Verdict::default());
    }
    assert_eq!(real.model.counts().paid_twice(), 0);
    assert_eq!(running.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_that_hurts_the_other_version_is_refused_before_anything_is_touched() {
    let real = Real::new(Transport::Polling).await;
    let ann = real.person("Ann");
    let mut old = real.start().await;
    real.ask(&Place::private(ann));
    real.until_settled(1).await;

    // Upwards, while the older one lives.
    let before = bytes(&real);
    refuses(newer(&real.env, "changes"), "an older instance still runs").await;
    assert_eq!(bytes(&real), before);
    real.ask(&Place::private(ann));
    real.until_settled(2).await;
    assert_eq!(old.stop().await.code, Some(0));

    // Alone it may.
    let mut new = newer(&real.env, "changes");
    new.ready().await;
    new.says("running").await;
    let needed = format!("needs a binary that knows schema {}", schema(&real));
    new.kill().await;

    // Downwards: never, also after a death that left the log behind.
    let before = bytes(&real);
    assert!(before.1.as_ref().is_some_and(|log| !log.is_empty()));
    refuses(real.spawn(), &needed).await;
    assert_eq!(bytes(&real), before);
}

async fn refuses(mut process: Process, words: &str) {
    let exit = process.ended().await;
    assert_eq!(exit.code, Some(78), "{exit:?}");
    let told: Vec<&str> = exit.log.lines().filter(|l| l.contains(words)).collect();
    assert_eq!(told.len(), 1, "{exit:?}");
}
