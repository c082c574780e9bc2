//! The operator's verbs, with the real binary beside a daemon that runs: asked
//! over the control socket, to the end of a drain and across a `kill -9`.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use lastword::domain::turn;
use lastword::playground::bot_api::Place;
use lastword::playground::offline::Fault;
use serde_json::Value;
use tokio::io::AsyncBufReadExt;

use super::{Process, Real, Transport, in_turn, outcomes, within};

impl Real {
    /// Runs a verb as an operator would, without any secret.
    async fn verb(&self, line: &[&str]) -> Output {
        let run = tokio::process::Command::new(env!("CARGO_BIN_EXE_lastword"))
            .env_clear()
            .args(line)
            .arg("--store")
            .arg(self.store_path())
            .kill_on_drop(true)
            .output();
        within("a verb", run).await.expect("the binary starts")
    }

    /// What a verb says that has to be possible.
    async fn says(&self, line: &[&str]) -> String {
        let done = self.verb(line).await;
        assert_eq!(done.status.code(), Some(0), "{line:?}: {done:?}");
        String::from_utf8(done.stdout).expect("it prints text")
    }

    /// Every daemon that answers.
    async fn daemons(&self) -> Vec<Value> {
        let said = self.says(&["status", "--json"]).await;
        let said: Value = serde_json::from_str(&said).expect("JSON");
        said["daemons"].as_array().expect("a list").clone()
    }

    fn sockets(&self) -> Vec<PathBuf> {
        let folder = lastword::ops::control::folder(&self.store_path());
        let entries = std::fs::read_dir(folder).expect("the folder of sockets");
        let mut sockets: Vec<PathBuf> = entries.map(|e| e.expect("an entry").path()).collect();
        sockets.sort();
        sockets
    }

    /// Waits until so many daemons answer.
    async fn until_answering(&self, daemons: usize) -> Vec<Value> {
        within("daemons that answer", async {
            loop {
                let said = self.verb(&["status", "--json"]).await;
                let said: Value = serde_json::from_slice(&said.stdout).expect("JSON");
                let answering = said["daemons"].as_array().expect("a list");
                if answering.len() == daemons {
                    return answering.clone();
                }
            }
        })
        .await
    }
}

/// A verb on any file, without any secret.
fn on(line: &[&str], store: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lastword"));
    command.env_clear().args(line).arg("--store").arg(store);
    command.output().expect("the binary starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn pid(process: &Process) -> i64 {
    i64::from(process.pid())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_daemon_at_a_store_is_seen_by_its_own_socket() {
    let real = Real::new(Transport::Polling).await;
    let gone = real.verb(&["status"]).await;
    assert_eq!(gone.status.code(), Some(3), "{gone:?}");
    let mut first = real.start().await;
    let seen = real.until_answering(1).await;
    assert_eq!(seen[0]["pid"], pid(&first));
    assert_eq!(
        (&seen[0]["role"], &seen[0]["phase"]),
        (&"active".into(), &"running".into())
    );
    let mut second = real.start().await;
    let seen = real.until_answering(2).await;
    let pids: Vec<i64> = seen.iter().filter_map(|s| s["pid"].as_i64()).collect();
    assert_eq!(pids, [pid(&first), pid(&second)], "the active one first");
    assert_eq!(seen[1]["role"], "standby");
    assert_eq!(seen[1]["lease"], seen[0]["instance"]);
    let page = real.says(&["status"]).await;
    assert!(
        page.contains("(active)") && page.contains("(standby)"),
        "{page}"
    );
    for socket in real.sockets() {
        let mode = std::fs::metadata(socket)
            .expect("a socket")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "its owner only");
    }
    // The socket of one that was killed is left; nobody takes it for a daemon,
    // and the next start takes it away, but not that of one who lives.
    first.kill().await;
    let seen = real.until_answering(1).await;
    assert_eq!(seen[0]["pid"], pid(&second));
    assert_eq!(real.sockets().len(), 2);
    let third = real.start().await;
    let seen = real.until_answering(2).await;
    // Whichever of them has the lease now.
    for process in [&second, &third] {
        assert!(seen.iter().any(|s| s["pid"] == pid(process)), "{seen:?}");
    }
    assert_eq!(real.sockets().len(), 2);
    // An orderly end takes its own away.
    assert_eq!(second.stop().await.code, Some(0));
    assert_eq!(real.sockets().len(), 1);
    let ann = real.person("Ann");
    real.ask(&Place::private(ann));
    real.until_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_by_its_verb_ends_with_the_daemons_own_report() {
    let real = Real::new(Transport::Polling).await;
    let mut process = real.start().await;
    let ann = real.person("Ann");
    real.model.change(|now| now.fault = Fault::HoldAfter(0));
    real.ask(&Place::private(ann));
    within("the model", real.model.until(|now| now.running == 1)).await;
    real.until_answering(1).await;
    let asked = real.verb(&["drain", "--no-wait"]).await;
    assert_eq!(asked.status.code(), Some(0), "{asked:?}");
    let said = String::from_utf8_lossy(&asked.stderr).into_owned();
    assert!(said.contains("draining: 1 turns"), "{said}");
    // Status answers to the very end, and says what is left.
    let seen = real.daemons().await;
    assert_eq!(seen[0]["phase"], "draining");
    assert_eq!(seen[0]["drain"]["turns"], 1);
    let freed = async {
        real.model.change(|now| now.fault = Fault::Sound);
    };
    let (drained, ()) = tokio::join!(real.verb(&["drain"]), freed);
    let exit = within("the end", process.ended()).await;
    assert_eq!(drained.status.code(), exit.code, "{drained:?}");
    let report: Value = serde_json::from_slice(&drained.stdout).expect("its report");
    assert_eq!(report["lastword"], "stop");
    for field in ["exit", "code", "turns", "pid", "lost"] {
        assert_eq!(report[field], exit.line[field], "{field}");
    }
    assert_eq!(report["turns"]["answered"], 1);
    real.until_answered().await;
    let nobody = real.verb(&["drain"]).await;
    assert_eq!(nobody.status.code(), Some(3), "{nobody:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_several_run_a_drain_says_which() {
    let real = Real::new(Transport::Polling).await;
    let mut first = real.start().await;
    let second = real.start().await;
    real.until_answering(2).await;
    let unclear = real.verb(&["drain"]).await;
    assert_eq!(unclear.status.code(), Some(1), "{unclear:?}");
    let said = String::from_utf8_lossy(&unclear.stderr).into_owned();
    assert!(
        said.contains("--pid") && said.contains(&first.pid().to_string()),
        "{said}"
    );
    let drained = real
        .verb(&["drain", "--pid", &first.pid().to_string()])
        .await;
    assert_eq!(drained.status.code(), Some(0), "{drained:?}");
    assert_eq!(within("the end", first.ended()).await.code, Some(0));
    let seen = real.until_answering(1).await;
    assert_eq!(seen[0]["pid"], pid(&second));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_survives_a_kill_and_a_resume_answers_what_waited() {
    let real = Real::new(Transport::Polling).await;
    let mut process = real.start().await;
    real.until_answering(1).await;
    let said = real.says(&["pause", "--reason", "new disk"]).await;
    assert!(said.starts_with("paused (new disk)"), "{said}");
    let (ann, bob) = (real.person("Ann"), real.person("Bob"));
    real.ask(&Place::private(ann));
    real.until_heard(ann, "paused").await;
    process.kill().await;
    real.ask(&Place::private(bob));
    let _process = real.start().await;
    real.until_heard(bob, "paused").await;
    let seen = real.until_answering(1).await;
    assert_eq!(seen[0]["paused"]["reason"], "new disk");
    assert_eq!(seen[0]["turns"]["gathering"]["count"], 2);
    assert!(real.says(&["resume"]).await.starts_with("resumed after"));
    real.until_answered().await;
    let books = real.until_settled(2).await;
    assert_eq!(outcomes(&books, turn::Outcome::Answered), 2);
    assert_eq!(real.heard(ann).len(), 2, "told once, answered once");
    assert_eq!(real.says(&["resume"]).await, "it was not paused\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_reaches_the_owner_through_the_socket_and_shows_in_its_receipt() {
    let real = Real::new(Transport::Polling).await;
    let _process = real.start().await;
    let ann = real.person("Ann");
    real.model.change(|now| now.fault = Fault::HoldAfter(2));
    real.ask_at_length(&Place::private(ann), 40);
    within("the model", real.model.until(|now| now.running == 1)).await;
    real.until("claimed", |b| in_turn(b, turn::State::Claimed) == 1)
        .await;
    real.until_answering(1).await;
    let turn = real
        .count("SELECT id FROM turns")
        .expect("a turn")
        .to_string();
    let said = real.says(&["cancel", &turn]).await;
    assert!(said.contains("ends now"), "{said}");
    let books = real.until_settled(1).await;
    assert_eq!(outcomes(&books, turn::Outcome::Cancelled), 1);
    real.until_heard(ann, "Stopped").await;
    let again = real.says(&["cancel", &turn]).await;
    assert!(again.contains("cancelled already"), "{again}");
    let page = real.says(&["show", &turn]).await;
    for step in ["received", "gathered", "generating", "sending", "delivered"] {
        assert!(page.contains(&format!("{step} ")), "{page}");
    }
    assert!(
        page.contains("cancelled") && !page.contains("word"),
        "{page}"
    );
    let unknown = real.verb(&["cancel", "999"]).await;
    assert_eq!(unknown.status.code(), Some(1), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_copied_whole_while_its_daemon_works() {
    let real = Real::new(Transport::Polling).await;
    let process = real.start().await;
    let ann = real.person("Ann");
    real.ask(&Place::private(ann));
    real.until_answered().await;
    real.until_settled(1).await;
    let copy = real.store_path().with_file_name("copy.db");
    let to = copy.to_str().expect("a plain path");
    let said = real.says(&["backup", to]).await;
    assert!(said.contains("sound") && said.contains(".media"), "{said}");
    let mode = std::fs::metadata(&copy)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600, "it holds people's words");
    let again = real.verb(&["backup", to]).await;
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    assert!(real.says(&["verify"]).await.contains("1 answered"));
    // What is in the copy is what was in the store; the daemon goes on.
    real.ask(&Place::private(ann));
    real.until_answered().await;
    let verified = on(&["verify", "--json"], &copy);
    assert_eq!(verified.status.code(), Some(0), "{verified:?}");
    let verified: Value = serde_json::from_slice(&verified.stdout).expect("JSON");
    assert_eq!(verified["sound"], true);
    assert_eq!(verified["bots"][0]["books"]["messages"], 1);
    drop(process);
    // A store with a message that belongs to no turn is found out.
    let sql = rusqlite::Connection::open(&copy).expect("the copy");
    sql.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM turns")
        .expect("the schema is known");
    drop(sql);
    let verified = on(&["verify"], &copy);
    assert_eq!(verified.status.code(), Some(4), "{verified:?}");
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(
        said.contains("bad  references") && said.contains("bad  books"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_damaged_or_no_store_at_all_is_found_out_and_a_backup_advised() {
    let real = Real::new(Transport::Polling).await;
    let mut process = real.start().await;
    let ann = real.person("Ann");
    real.ask(&Place::private(ann));
    real.until_answered().await;
    real.until_settled(1).await;
    assert_eq!(process.stop().await.code, Some(0));
    let whole = std::fs::read(real.store_path()).expect("it is there");
    assert_eq!(on(&["verify"], &real.store_path()).status.code(), Some(0));
    let folder = tempfile::TempDir::new().expect("a folder");
    let mut torn = whole.clone();
    torn[4096 * 2..].fill(0xA5);
    let files = [
        ("junk.db", b"no database at all ".repeat(500)),
        ("half.db", whole[..whole.len() / 2].to_vec()),
        ("torn.db", torn),
    ];
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::write(&path, &bytes).expect("the folder is writable");
        let verified = on(&["verify"], &path);
        assert_eq!(verified.status.code(), Some(4), "{name}: {verified:?}");
        let said = text(&verified.stdout);
        for part in ["bad  pages", "restore a backup", "not looked at"] {
            assert!(said.contains(part), "{name}: {said}");
        }
        assert!(!said.contains("ok   references"), "{name}: {said}");
        let json = on(&["verify", "--json"], &path);
        assert_eq!(json.status.code(), Some(4), "{name}: {json:?}");
        let json: Value = serde_json::from_slice(&json.stdout).expect("JSON");
        assert_eq!(json["sound"], false);
        assert!(json["loose"].is_null() && json["bots"].is_null(), "{json}");
        assert_eq!(std::fs::read(&path).expect("it is there"), bytes);
    }
    let none = on(&["verify"], &folder.path().join("none.db"));
    assert_eq!(none.status.code(), Some(1), "{none:?}");
    let said = text(&none.stderr);
    for part in ["no such file", "start the daemon once", "--store"] {
        assert!(said.contains(part), "{said}");
    }
    // Whether a daemon runs is the least of what is to be said here.
    let status = on(&["status"], &folder.path().join("junk.db"));
    assert_eq!(status.status.code(), Some(1), "{status:?}");
    assert!(!text(&status.stdout).contains("no daemon runs"));
    let said = text(&status.stderr);
    assert!(said.contains("lastword verify"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_not_ask_is_told_so_and_not_that_no_daemon_runs() {
    let real = Real::new(Transport::Polling).await;
    let _process = real.start().await;
    real.until_answering(1).await;
    let store = real.store_path();
    let chmod = |path: &Path, mode| {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
    };
    // As the service's state folder is to somebody who may pass.
    let folder = store.parent().expect("it is in a folder");
    chmod(folder, 0o711);
    let binary = folder.join("lastword");
    // The build's own folder may be closed to others. Not written by us: another
    // test's child would hold it open.
    let copied = Command::new("cp")
        .args([env!("CARGO_BIN_EXE_lastword").as_ref(), binary.as_os_str()])
        .status();
    assert!(copied.expect("there is a cp").success());
    let control = lastword::ops::control::folder(&store);
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        chmod(&control, 0);
    }
    let ask = |line: &[&str]| {
        let mut command = Command::new(&binary);
        command.env_clear().args(line).arg("--store").arg(&store);
        if is_root {
            command.uid(54_321).gid(54_321);
        }
        command.output().expect("the binary starts")
    };
    for line in [
        &["status"][..],
        &["status", "--json"],
        &["drain"],
        &["pause"],
    ] {
        let asked = ask(line);
        assert_eq!(asked.status.code(), Some(1), "{line:?}: {asked:?}");
        let told = text(&asked.stderr);
        assert!(
            told.contains("cannot tell whether one runs: ask as the daemon's user or as root"),
            "{line:?}: {told}"
        );
        let said = format!("{}{told}", text(&asked.stdout));
        assert!(!said.contains("no daemon runs"), "{line:?}: {said}");
    }
    chmod(&control, 0o750);
    assert_eq!(real.daemons().await.len(), 1, "it ran all the while");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_goes_on_until_it_is_interrupted_and_says_so_by_its_code() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let mut watch = tokio::process::Command::new(env!("CARGO_BIN_EXE_lastword"))
        .env_clear()
        .args(["status", "--watch", "--json", "--store"])
        .arg(folder.path().join("none.db"))
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the binary starts");
    let looks = watch.stdout.take().expect("it is piped");
    let mut looks = tokio::io::BufReader::new(looks).lines();
    for _ in 0..2 {
        let look = within("a look", looks.next_line()).await.expect("text");
        let look: Value = serde_json::from_str(&look.expect("it goes on")).expect("JSON");
        assert_eq!(look["daemons"], serde_json::json!([]));
    }
    let pid = watch.id().and_then(|pid| i32::try_from(pid).ok());
    super::process::signal(pid.expect("it lives"), rustix::process::Signal::INT);
    let ended = within("its end", watch.wait()).await.expect("our child");
    assert_eq!(ended.code(), Some(130), "{ended:?}");
}
