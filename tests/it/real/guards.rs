//! What `lastword roll` refuses, and what it puts up with: whoever could end up
//! with two instances that poll, or with none, is told so before anything
//! begins.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use super::process::{Process, signal};
use super::roll::{Crew, refused, roll, rolled, units};
use super::{Real, Transport, within};

async fn alone() -> (Real, Process) {
    let real = Real::new(Transport::Polling).await;
    let old = real.start().await;
    old.says("running").await;
    // Who is stopped in the middle of a commit lets nobody else in.
    real.until_menu_is_told().await;
    (real, old)
}

fn beside_the_store(real: &Real, name: &str) -> PathBuf {
    let mut path = real.store_path().into_os_string();
    path.push(format!(".locks/{name}"));
    PathBuf::from(path)
}

/// With one token at two stores two would poll, each taking from the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_of_another_store_or_bot_starts_nothing() {
    let (real, mut old) = alone().await;
    let crew = Crew(&real);
    let store = real.store_path().display().to_string();
    let folder = tempfile::TempDir::new().expect("a folder");
    let elsewhere = folder.path().join("elsewhere.db");
    // The same file, but other locks: as good as another store.
    let linked = folder.path().join("linked.db");
    symlink(real.store_path(), &linked).expect("the folder is writable");
    for path in [&elsewhere, &linked] {
        let mut env = real.env.clone();
        env.insert("LASTWORD_STORE__PATH", path.display().to_string());
        let said = refused(&env, &["--store", &store]).await;
        assert!(said.contains("nothing was started"), "{said}");
        assert!(said.contains(&path.display().to_string()), "{said}");
    }
    assert!(!elsewhere.exists());

    let mut env = real.env.clone();
    env.insert("TELEGRAM_BOT_TOKEN", "4321:another".to_owned());
    let said = refused(&env, &[]).await;
    assert!(said.contains("4321"), "{said}");

    let mut env = real.env.clone();
    env.insert("LASTWORD_CHAT__BUSY", "no".to_owned());
    let said = refused(&env, &[]).await;
    assert!(said.contains("chat.busy"), "{said}");
    assert!(said.contains("the old one goes on"), "{said}");

    assert_eq!(crew.running(), [old.pid()]);
    assert_eq!(crew.living().len(), 1);
    assert_eq!(old.stop().await.code, Some(0));
}

/// Such as the first process of a container, of whose number there is another
/// one here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_not_ours_to_replace_is_left_alone() {
    let (real, old) = alone().await;
    let crew = Crew(&real);
    let id = crew.living()[0].id;
    let file = beside_the_store(&real, &format!("instance-{id}"));
    for (pid, why) in [("1", "it is process 1"), ("4194305", "not to be seen here")] {
        // In place: the lock on it stays.
        std::fs::write(&file, format!("{pid}\n")).expect("it is ours");
        let said = refused(&real.env, &[]).await;
        assert!(said.contains(why), "{said}");
        assert_eq!(crew.living().len(), 1);
    }
    std::fs::write(&file, format!("{}\n", old.pid())).expect("it is ours");
    rolled(&real.env, &["--wait"]).await;
}

/// Each would send the other's new instance home.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_rolls_at_once_one_does_nothing() {
    let (real, _old) = alone().await;
    let crew = Crew(&real);
    // Whoever migrates keeps the new one from coming up.
    let migration = std::fs::File::options()
        .write(true)
        .open(beside_the_store(&real, "migration"))
        .expect("a start made it");
    migration.lock().expect("nobody migrates");
    let (mut one, mut other) = (roll(&real.env, &[]), roll(&real.env, &[]));
    let (mut one, mut other) = (Box::pin(one.output()), Box::pin(other.output()));
    let (first, second) = within("the rolls", async {
        let (first, one_is_left) = tokio::select! {
            first = &mut one => (first, false),
            first = &mut other => (first, true),
        };
        drop(migration);
        let second = if one_is_left { one.await } else { other.await };
        (first, second)
    })
    .await;
    let (first, second): (Output, Output) = (
        first.expect("the binary starts"),
        second.expect("the binary starts"),
    );
    let said = String::from_utf8_lossy(&first.stderr);
    assert_eq!(first.status.code(), Some(1), "{first:?}");
    assert!(said.contains("another roll is under way"), "{said}");
    assert_eq!(second.status.code(), Some(0), "{second:?}");
    assert_eq!(crew.running().len(), 1);
}

/// systemd ends it when it starts the unit anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_of_the_unit_that_is_restarted_is_not_waited_for() {
    let (mut real, old) = alone().await;
    let standby = real.start().await;
    // Only the restart may end it.
    let units = units(&mut real);
    for (unit, pid) in [("a", old.pid()), ("b", standby.pid())] {
        let file = units.path().join(format!("lastword@{unit}.service.pid"));
        std::fs::write(file, pid.to_string()).expect("the folder is writable");
    }
    let crew = Crew(&real);
    let line = rolled(&real.env, &["--unit", "lastword@a.service", "--wait"]).await;
    assert_eq!(line["new"]["unit"], "lastword@b.service");
    assert_ne!(line["new"]["pid"], standby.pid());
    let running: Vec<_> = crew.running().into_iter().map(i64::from).collect();
    assert_eq!(
        Some(running),
        line["new"]["pid"].as_i64().map(|pid| vec![pid])
    );
    crew.stop_all().await;
}

/// Whether this process has been sent SIGTERM but has not taken it.
fn was_told(pid: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let pending = status.lines().find_map(|line| line.strip_prefix("ShdPnd:"));
    let pending = u64::from_str_radix(pending.expect("the kernel says").trim(), 16);
    pending.expect("a mask") & (1 << (Signal::TERM.as_raw() - 1)) != 0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_that_fails_after_the_word_does_not_end_the_roll() {
    let (real, old) = alone().await;
    let crew = Crew(&real);
    let id = crew.living()[0].id;
    let file = beside_the_store(&real, &format!("instance-{id}"));
    let away = beside_the_store(&real, "away");
    // It is told, but takes its time.
    signal(old.pid(), Signal::STOP);
    let mut rolling = roll(&real.env, &["--wait"]);
    rolling.stdout(Stdio::piped()).stderr(Stdio::piped());
    let rolling = rolling.spawn().expect("the binary starts");
    within("the word", async {
        while !was_told(old.pid()) {
            tokio::time::sleep(super::LOOK).await;
        }
    })
    .await;
    std::fs::rename(&file, &away).expect("it is ours");
    symlink(&file, &file).expect("a link to itself, which nobody can open");
    // Many looks.
    tokio::time::sleep(Duration::from_millis(300)).await;
    std::fs::rename(&away, &file).expect("it is ours");
    signal(old.pid(), Signal::CONT);
    let output = within("the roll", rolling.wait_with_output()).await;
    let output = output.expect("it is our child");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(crew.running().len(), 1);
}
