//! `lastword roll`, the command: with plain processes and with the units of a
//! service manager, which a script stands in for.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;
use std::time::Duration;

use lastword::domain::phase::Phase;
use lastword::playground::bot_api::Place;
use lastword::playground::offline::Fault;
use lastword::shutdown::parent;
use lastword::store::sqlite::{Living, Roster};
use rustix::process::Signal;
use serde_json::Value;
use tokio::process::{Child, Command};

use super::process::signal;
use super::verdict::Verdict;
use super::{Real, Transport, within};

/// Kills, when dropped, whoever lives at the store: what was rolled is nobody's
/// child.
pub(super) struct Crew<'a>(pub(super) &'a Real);

impl Crew<'_> {
    pub(super) fn living(&self) -> Vec<Living> {
        let roster = Roster::open(&self.0.store_path()).expect("the store exists");
        roster.living().expect("it can be read")
    }

    pub(super) fn running(&self) -> Vec<i32> {
        let living = self.living().into_iter();
        living
            .filter(|one| one.phase == Some(Phase::Running))
            .map(|one| one.pid.expect("it wrote its pid"))
            .collect()
    }

    pub(super) async fn stop_all(&self) {
        for one in self.living() {
            signal(one.pid.expect("it wrote its pid"), Signal::TERM);
        }
        within("the end of all", async {
            while !self.living().is_empty() {
                tokio::time::sleep(super::LOOK).await;
            }
        })
        .await;
    }
}

impl Drop for Crew<'_> {
    fn drop(&mut self) {
        for one in self.living() {
            if let Some(pid) = one.pid {
                signal(pid, Signal::KILL);
            }
        }
    }
}

pub(super) fn roll(env: &BTreeMap<&'static str, String>, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lastword"));
    command
        .env_clear()
        .envs(env)
        // Of this test process; not for the one that is rolled.
        .env(parent::VARIABLE, "1")
        .arg("roll")
        .args(arguments)
        .kill_on_drop(true);
    command
}

pub(super) async fn rolled(env: &BTreeMap<&'static str, String>, arguments: &[&str]) -> Value {
    let output = within("the roll", roll(env, arguments).output()).await;
    let output = output.expect("the binary starts");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let line: Value = serde_json::from_slice(&output.stdout).expect("one line of JSON");
    assert_eq!(line["lastword"], "roll");
    line
}

/// What it said, which is one sentence, when there was no roll.
pub(super) async fn refused(env: &BTreeMap<&'static str, String>, arguments: &[&str]) -> String {
    let output = within("the roll", roll(env, arguments).output()).await;
    let Output {
        status,
        stdout,
        stderr,
    } = output.expect("the binary starts");
    let said = String::from_utf8(stderr).expect("text");
    assert_eq!(status.code(), Some(1), "{said}");
    assert_eq!(stdout, b"");
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_roll_replaces_the_running_process_which_answers_what_it_has() {
    for transport in [Transport::Polling, Transport::Webhook] {
        let real = Real::new(transport).await;
        let crew = Crew(&real);
        let (ann, bob) = (real.person("Ann"), real.person("Bob"));
        let mut old = real.start().await;
        old.says("running").await;
        real.model.fail_next(1, Fault::HoldAfter(0));
        real.ask(&Place::private(ann));
        within("the model", real.model.until(|now| now.running == 1)).await;

        let line = rolled(&real.env, &[]).await;
        assert_eq!(line["old"]["pid"], old.pid());
        assert_eq!(line["left_to_old"], 1);
        assert!(
            line["intake_ms"].is_u64() && line["ready_ms"].is_u64(),
            "{line}"
        );
        let new = line["new"]["pid"].as_i64().expect("a pid");
        assert_eq!(
            crew.running()
                .iter()
                .map(|pid| i64::from(*pid))
                .collect::<Vec<_>>(),
            [new]
        );
        real.ask(&Place::private(bob));
        real.until_heard(bob, "q00001").await;
        assert_eq!(real.heard(ann), Vec::<String>::new());
        real.model.release();
        real.until_settled(2).await;

        // And back, waiting for the end of the old one.
        let line = rolled(&real.env, &["--wait"]).await;
        assert_eq!(line["old"]["pid"], new);
        assert_eq!(line["left_to_old"], 0);
        assert!(line["drained_ms"].is_u64(), "{line}");
        assert_eq!(crew.living().len(), 1);
        let books = real.until_settled(2).await;
        assert_eq!(real.verdict(&books), Verdict::default());
        crew.stop_all().await;
        let exit = old.ended().await;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        assert_eq!(exit.line["turns"]["answered"], 1, "{exit:?}");
    }
}

/// A standby of the version of before could take over instead of the new one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_of_before_is_sent_home() {
    let real = Real::new(Transport::Polling).await;
    let crew = Crew(&real);
    let old = real.start().await;
    old.says("running").await;
    let standby = real.start().await;
    let line = rolled(&real.env, &["--wait"]).await;
    assert_ne!(line["new"]["pid"], standby.pid());
    assert_eq!(crew.living().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_one_that_does_not_come_up_leaves_the_old_one_untouched() {
    let real = Real::new(Transport::Polling).await;
    let crew = Crew(&real);
    let ann = real.person("Ann");
    let nobody = refused(&real.env, &[]).await;
    assert!(nobody.contains("nobody runs at"), "{nobody}");
    let mut old = real.start().await;
    old.says("running").await;

    let mut broken = real.env.clone();
    // An address that is nobody's here: only the start finds that out.
    broken.insert("LASTWORD_OPS__LISTEN", "192.0.2.1:9".to_owned());
    let said = refused(&broken, &[]).await;
    assert!(said.contains("it ended with exit status"), "{said}");
    assert!(said.contains("the old one goes on"), "{said}");

    // Whoever migrates keeps the next from starting.
    let mut locks = real.store_path().into_os_string();
    locks.push(".locks/migration");
    let lock = std::fs::File::options().write(true).open(locks);
    let lock = lock.expect("a start made it");
    lock.lock().expect("nobody migrates");
    let said = refused(&real.env, &["--within", "1"]).await;
    assert!(said.contains("not within 1 s"), "{said}");
    drop(lock);

    within("the end of the new ones", async {
        while crew.living().len() > 1 {
            tokio::time::sleep(super::LOOK).await;
        }
    })
    .await;
    assert_eq!(crew.running(), [old.pid()]);
    real.ask(&Place::private(ann));
    let books = real.until_settled(1).await;
    assert_eq!(real.verdict(&books), Verdict::default());
    assert_eq!(old.stop().await.code, Some(0));
}

/// `kill -9` of the command itself, at any step: somebody works, and rolling
/// again is the remedy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_roll_that_is_killed_leaves_one_that_works() {
    let real = Real::new(Transport::Polling).await;
    let crew = Crew(&real);
    let ann = real.person("Ann");
    let _first = real.start().await;
    for ms in (0..200).step_by(20) {
        real.ask(&Place::private(ann));
        let mut cut: Child = roll(&real.env, &[]).spawn().expect("the binary starts");
        tokio::time::sleep(Duration::from_millis(ms)).await;
        cut.kill().await.expect("it is our child");
        within("somebody runs", async {
            while crew.running().is_empty() {
                tokio::time::sleep(super::LOOK).await;
            }
        })
        .await;
    }
    rolled(&real.env, &["--wait"]).await;
    // Those that an earlier one told may take a little longer.
    within("one is left", async {
        while crew.living().len() > 1 {
            tokio::time::sleep(super::LOOK).await;
        }
    })
    .await;
    real.until("accepted", |b| b.messages == 10).await;
    let books = real.until_settled(1).await;
    assert_eq!(real.verdict(&books), Verdict::default());
    assert_eq!(real.model.counts().paid_twice(), 0);
}

/// What systemd does with `Type=notify` units, in small: `restart` comes back
/// when the unit is ready or has failed, `stop --no-block` at once.
const SYSTEMCTL: &str = r#"#!/bin/sh
unset LASTWORD_EXIT_WITH_STDIN
echo "$@" >> "$UNITS/log"
for unit; do :; done
case $1 in
restart)
    [ ! -e "$UNITS/$unit.pid" ] || kill "$(cat "$UNITS/$unit.pid")" 2> /dev/null
    "$LASTWORD" run > "$UNITS/$unit.out" 2> "$UNITS/$unit.err" < /dev/null &
    echo $! > "$UNITS/$unit.pid"
    until grep -q '"lastword":"start"' "$UNITS/$unit.out"; do
        kill -0 $! 2> /dev/null || exit 1
        sleep 0.02
    done ;;
stop) [ ! -e "$UNITS/$unit.pid" ] || kill "$(cat "$UNITS/$unit.pid")" 2> /dev/null ;;
esac
exit 0
"#;

/// Puts the script in systemctl's place; its folder keeps what it writes.
pub(super) fn units(real: &mut Real) -> tempfile::TempDir {
    let units = tempfile::TempDir::new().expect("a folder");
    let script = units.path().join("systemctl");
    std::fs::write(&script, SYSTEMCTL).expect("the folder is writable");
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&script, executable).expect("it is ours");
    let folder = units.path().display().to_string();
    real.env.extend([
        ("PATH", format!("{folder}:/usr/bin:/bin")),
        ("UNITS", folder),
        ("LASTWORD", env!("CARGO_BIN_EXE_lastword").to_owned()),
    ]);
    units
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_units_the_other_letter_is_started_and_the_running_one_stopped() {
    let mut real = Real::new(Transport::Polling).await;
    let units = units(&mut real);
    let crew = Crew(&real);
    let old = real.start().await;
    old.says("running").await;
    let pid = units.path().join("lastword@a.service.pid");
    std::fs::write(pid, old.pid().to_string()).expect("the folder is writable");

    let line = rolled(&real.env, &["--unit", "lastword@a.service", "--wait"]).await;
    assert_eq!(line["old"]["unit"], "lastword@a.service");
    assert_eq!(line["new"]["unit"], "lastword@b.service");
    assert_eq!(crew.running().len(), 1);
    let line = rolled(&real.env, &["--unit", "lastword@b.service", "--wait"]).await;
    assert_eq!(line["new"]["unit"], "lastword@a.service");

    // One that fails is stopped for good, and the running one is not touched.
    let running = crew.running();
    let mut broken = real.env.clone();
    broken.insert("LASTWORD_CHAT__BUSY", "no".to_owned());
    let said = refused(&broken, &["--unit", "lastword@a.service"]).await;
    assert!(said.contains("journalctl -u lastword@b.service"), "{said}");
    assert_eq!(crew.running(), running);
    let log = std::fs::read_to_string(units.path().join("log")).expect("it was written");
    assert_eq!(
        log.lines().collect::<Vec<_>>(),
        [
            "restart lastword@b.service",
            "stop --no-block lastword@a.service",
            "restart lastword@a.service",
            "stop --no-block lastword@b.service",
            "restart lastword@b.service",
            "stop --no-block lastword@b.service",
        ]
    );
    crew.stop_all().await;
}
