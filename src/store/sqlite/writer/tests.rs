//! What shares a commit: whose failure undoes whom.

use tempfile::TempDir;

use super::super::locks::Locks;
use super::*;
use crate::domain::ids::BotId;
use crate::store::Availability;
use crate::store::sqlite::Schema;

fn engine() -> (TempDir, Engine) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let locks = Locks::new(&path, BotId(1)).unwrap();
    let engine = Engine::open(&path, &locks, &Schema::default()).unwrap();
    (folder, engine)
}

type Told = oneshot::Receiver<Result<()>>;

fn writes(key: &'static str) -> (Job, Told) {
    then(key, |_| Ok(()))
}

/// A job that writes a row and then does something else.
fn then(
    key: &'static str,
    end: impl FnOnce(&Connection) -> Result<()> + Send + 'static,
) -> (Job, Told) {
    let work = move |conn: &Connection| {
        conn.execute("INSERT INTO meta (key, value) VALUES (?1, 'x')", [key])?;
        end(conn)
    };
    job("test", work, |()| None, |()| {})
}

/// What it wrote is there, and its commit is reported as failed.
fn ambiguous(key: &'static str, take_back: bool) -> (Job, Told) {
    let work = move |conn: &Connection| {
        conn.execute_batch("ROLLBACK")?;
        conn.execute("INSERT INTO meta (key, value) VALUES (?1, 'x')", [key])?;
        Ok(())
    };
    let back = move |_: &()| -> Option<TakeBack> {
        let back = move |conn: &Connection| {
            conn.execute("DELETE FROM meta WHERE key = ?1", [key])?;
            Ok(())
        };
        take_back.then(|| Box::new(back) as TakeBack)
    };
    job("test", work, back, |()| {})
}

/// Runs the jobs in one commit; says what each was told and what is stored.
fn run(engine: &mut Engine, jobs: Vec<(Job, Told)>) -> (Vec<Result<()>>, Vec<String>) {
    let (jobs, told): (Vec<_>, Vec<_>) = jobs.into_iter().unzip();
    let batch = Batch {
        jobs,
        ..Batch::default()
    };
    run_batch(engine, batch);
    let told = told.into_iter().map(|mut t| t.try_recv().unwrap());
    let told = told.collect();
    let conn = engine.ready().unwrap();
    let stored = conn
        .prepare("SELECT key FROM meta WHERE key LIKE 'k%' ORDER BY key")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(std::result::Result::unwrap)
        .collect();
    (told, stored)
}

#[test]
fn a_failing_or_panicking_operation_undoes_only_itself() {
    let (_folder, mut engine) = engine();
    let jobs = vec![
        writes("k1"),
        then("k2", |_| panic!("a defect")),
        then("k3", |_| Err(StoreError::Fenced)),
        then("k4", |conn| {
            conn.execute_batch("SAVEPOINT inner; NONSENSE")
                .map_err(Into::into)
        }),
        writes("k5"),
    ];
    let (told, stored) = run(&mut engine, jobs);
    assert_eq!(stored, ["k1", "k5"]);
    assert!(matches!(&told[1], Err(StoreError::Defect { reason }) if reason.contains("panicked")));
    assert_eq!(told[2], Err(StoreError::Fenced));
    assert_eq!([&told[0], &told[4]], [&Ok(()), &Ok(())]);
}

#[test]
fn when_the_transaction_is_lost_nobody_is_told_stored_and_nothing_is() {
    let (_folder, mut engine) = engine();
    let jobs = vec![
        writes("k1"),
        // What SQLite does by itself on a full disk.
        then("k2", |conn| {
            conn.execute_batch("ROLLBACK")?;
            Err(StoreError::Unavailable {
                reason: "full".to_owned(),
            })
        }),
        writes("k3"),
    ];
    let (told, stored) = run(&mut engine, jobs);
    assert!(stored.is_empty(), "{stored:?}");
    for told in told {
        assert!(matches!(told, Err(StoreError::Unavailable { .. })));
    }
    let (told, stored) = run(&mut engine, vec![writes("k9")]);
    assert_eq!((told, stored), (vec![Ok(())], vec!["k9".to_owned()]));
}

#[test]
fn what_is_there_though_its_commit_failed_is_taken_back_before_anything_else() {
    let (_folder, mut engine) = engine();
    let mut available = engine.availability();
    let (job, mut told) = ambiguous("k1", true);
    run_batch(&mut engine, Batch::of(job));
    assert!(available.has_changed().unwrap());
    assert_eq!(*available.borrow_and_update(), Availability::Unavailable);
    assert!(matches!(
        told.try_recv().unwrap(),
        Err(StoreError::Unavailable { .. })
    ));
    // The next operation finds it gone already.
    let (told, stored) = run(
        &mut engine,
        vec![then("k2", |conn| {
            let there: bool = conn.query_row(
                "SELECT EXISTS (SELECT 1 FROM meta WHERE key = 'k1')",
                [],
                |row| row.get(0),
            )?;
            assert!(!there, "not taken back");
            Ok(())
        })],
    );
    assert_eq!((told, stored), (vec![Ok(())], vec!["k2".to_owned()]));
    assert_eq!(*available.borrow_and_update(), Availability::Available);
    // What needs no looking after stays: whoever tries again finds it.
    let (job, _told) = ambiguous("k3", false);
    run_batch(&mut engine, Batch::of(job));
    let (_, stored) = run(&mut engine, Vec::new());
    assert_eq!(stored, ["k2", "k3"]);
}

#[test]
fn what_is_promised_about_the_file_is_in_force() {
    let (_folder, mut engine) = engine();
    let conn = engine.ready().unwrap();
    let read = |name: &str| -> String {
        conn.query_row(
            &format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}"),
            [],
            |row| row.get(0),
        )
        .unwrap()
    };
    let settings = [
        "journal_mode",
        "synchronous",
        "foreign_keys",
        "secure_delete",
    ]
    .map(read);
    assert_eq!(settings, ["wal", "2", "1", "1"]);
}

#[test]
fn a_file_that_vanished_is_not_replaced_by_an_empty_one() {
    let (folder, mut engine) = engine();
    let (here, away) = (folder.path().join("store.db"), folder.path().join("away"));
    engine.distrust();
    std::fs::rename(&here, &away).unwrap();
    assert!(matches!(
        engine.ready(),
        Err(StoreError::Unavailable { .. })
    ));
    assert!(!here.exists());
    std::fs::rename(&away, &here).unwrap();
    let (told, _) = run(&mut engine, vec![writes("k1")]);
    assert_eq!(told, [Ok(())]);
}

#[test]
fn one_that_fails_in_a_crowd_undoes_no_neighbour() {
    let (_folder, mut engine) = engine();
    let (kept, heard) = std::sync::mpsc::channel();
    let crowd = ["k1", "k2", "k3"].map(|key| {
        let work = move |conn: &Connection, care| {
            conn.execute("INSERT INTO meta (key, value) VALUES (?1, 'x')", [key])?;
            match (key, care) {
                ("k2", Care::Alone) => Err(StoreError::Fenced),
                ("k2", Care::Together) => panic!("a defect"),
                _ => Ok(()),
            }
        };
        let kept = kept.clone();
        shared::shared("test", work, move |()| {
            let _ = kept.send(key);
        })
    });
    let (shared, told): (Vec<_>, Vec<_>) = crowd.into_iter().unzip();
    let batch = Batch {
        shared,
        ..Batch::default()
    };
    run_batch(&mut engine, batch);
    let told: Vec<_> = told
        .into_iter()
        .map(|mut t| t.try_recv().unwrap())
        .collect();
    assert_eq!(told, [Ok(()), Err(StoreError::Fenced), Ok(())]);
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), ["k1", "k3"]);
    let (_, stored) = run(&mut engine, Vec::new());
    assert_eq!(stored, ["k1", "k3"]);
}
