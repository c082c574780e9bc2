//! `lastword notify` with the real binary, beside a daemon that runs and without
//! one: stored whatever happens, sent once, in order, in time, or refused with a
//! code that says why.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use lastword::playground::bot_api::{Fault, FaultRule};
use lastword::shutdown::ExitCode;

use crate::house::{House, Life, assert_balanced};
use crate::neighbours::pass;

/// More than the daemon takes to take up and send a few.
const SOON: u64 = 10_000;

impl House {
    fn spool(&self) -> PathBuf {
        lastword::spool::beside(&self.store_path())
    }

    fn notify(&self, line: &[&str]) -> Output {
        self.notify_with(line, "")
    }

    fn notify_with(&self, line: &[&str], input: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lastword"));
        command
            .env_clear()
            .arg("notify")
            .arg("--spool")
            .arg(self.spool())
            .args(line);
        fed(command, input)
    }

    /// Hands in words for a chat, which must work.
    fn tell(&self, chat: i64, line: &[&str]) {
        let chat = chat.to_string();
        let line: Vec<&str> = ["--chat", &chat].iter().chain(line).copied().collect();
        let told = self.notify(&line);
        assert_eq!(told.status.code(), Some(0), "{}", said(&told));
        assert_eq!(said(&told), "", "it has nothing to add");
    }

    fn waiting(&self) -> usize {
        let files = fs::read_dir(self.spool()).expect("there is a spool");
        let name = |file: fs::DirEntry| file.file_name().to_string_lossy().into_owned();
        let names = files.map(|file| name(file.expect("it can be read")));
        names.filter(|name| name.ends_with(".note")).count()
    }
}

fn fed(mut command: Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    // It may have refused before it read.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A house in which a daemon has run once and somebody has written.
async fn lived_in() -> (House, i64, Life) {
    let mut house = House::new();
    let life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "hello");
    house.until_heard(ann, 1).await;
    (house, ann, life)
}

#[tokio::test(start_paused = true)]
async fn a_message_is_sent_while_the_daemon_runs_marked_and_once() {
    let (house, ann, life) = lived_in().await;
    house.tell(ann, &["--level", "warn", "backup", "is late"]);
    house.tell(ann, &["disk full", "--level", "error"]);
    let heard = house.until_heard(ann, 3).await;
    assert_eq!(heard[1..], ["⚠️ backup is late", "🛑 disk full"]);
    pass(SOON).await;
    assert_eq!(house.heard(ann).len(), 3);
    assert_eq!(house.waiting(), 0);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn what_is_handed_in_while_nothing_runs_is_sent_in_order_by_the_next_start() {
    let (mut house, ann, life) = lived_in().await;
    life.stop().await;
    for n in 0..5 {
        house.tell(ann, &[&format!("message {n}")]);
    }
    assert_eq!(house.waiting(), 5);
    let _life = house.start();
    let heard = house.until_heard(ann, 6).await;
    let expected: Vec<String> = (0..5).map(|n| format!("ℹ️ message {n}")).collect();
    assert_eq!(heard[1..], expected);
    pass(SOON).await;
    assert_eq!((house.heard(ann).len(), house.waiting()), (6, 0));
}

#[tokio::test(start_paused = true)]
async fn only_the_active_one_of_two_takes_up_and_the_other_goes_on_after_it() {
    let (mut house, ann, life) = lived_in().await;
    let _standby = house.start();
    house.tell(ann, &["one"]);
    house.until_heard(ann, 2).await;
    life.stop().await;
    house.tell(ann, &["two"]);
    assert_eq!(house.until_heard(ann, 3).await[1..], ["ℹ️ one", "ℹ️ two"]);
    pass(SOON).await;
    assert_eq!((house.heard(ann).len(), house.waiting()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn the_same_key_is_sent_once_in_its_life_and_nobody_is_told_off() {
    let (house, ann, _life) = lived_in().await;
    for _ in 0..3 {
        house.tell(ann, &["--key", "disk", "--ttl", "10m", "disk 91 %"]);
        pass(SOON).await;
    }
    assert_eq!(house.heard(ann).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_sent_in_its_time_is_never_sent() {
    let (house, ann, _life) = lived_in().await;
    house
        .telegram
        .fault(FaultRule::always("sendMessage", Fault::Unreachable));
    house.tell(ann, &["--ttl", "1m", "about to start"]);
    house.tell(ann, &["done"]);
    pass(90_000).await;
    house.telegram.clear_faults();
    house.until_heard(ann, 2).await;
    pass(SOON).await;
    assert_eq!(house.heard(ann)[1..], ["ℹ️ done"]);
}

#[tokio::test(start_paused = true)]
async fn no_stop_waits_for_what_telegram_does_not_take() {
    let put_off = Fault::Refuse {
        code: 429,
        description: None,
        retry_after_s: Some(900),
    };
    for fault in [put_off, Fault::HangBefore, Fault::Unreachable] {
        let (mut house, ann, life) = lived_in().await;
        let rule = FaultRule::always("sendMessage", fault.clone());
        house.telegram.fault(rule);
        house.tell(ann, &["first"]);
        house.tell(ann, &["second"]);
        pass(5_000).await;
        assert_eq!(house.waiting(), 0, "they were taken up");
        let begun = house.clock.now();
        assert_eq!(life.stop().await, ExitCode::Drained, "{fault:?}");
        let took = house.clock.now() - begun;
        assert!(took <= 2_000, "{fault:?}: {took} ms");
        house.telegram.clear_faults();
        let life = house.start();
        // The pause that Telegram asked for is kept over the restart.
        pass(1_000_000).await;
        let heard = house.heard(ann);
        assert_eq!(heard[2..], ["ℹ️ second"], "{heard:?}");
        // Of a call that hangs nobody knows: it is said again, and marked.
        assert!(heard[1].starts_with("ℹ️ first"), "{heard:?}");
        let is_marked = matches!(fault, Fault::HangBefore);
        assert_eq!(heard[1].ends_with('↻'), is_marked, "{heard:?}");
        assert_balanced(&life.books().await);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_does_not_wait_for_a_storm_of_notices() {
    let (house, ann, life) = lived_in().await;
    for n in 0..40 {
        house.tell(ann, &[&format!("storm {n}")]);
    }
    house.say(ann, "and me?");
    house.until_heard(ann, 42).await;
    let heard = house.heard(ann);
    let answer = heard.iter().position(|text| text.ends_with("and me?"));
    assert!(answer.is_some_and(|at| at < 15), "{heard:?}");
    let storm: Vec<&String> = heard.iter().filter(|t| t.contains("storm")).collect();
    let in_order = (0..40).map(|n| format!("ℹ️ storm {n}"));
    assert!(storm.into_iter().eq(in_order.collect::<Vec<_>>().iter()));
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_taken_is_put_aside_and_holds_up_nobody() {
    let (house, ann, _life) = lived_in().await;
    let put = |name: &str, bytes: &[u8]| fs::write(house.spool().join(name), bytes);
    // Torn by hand, foreign, a link into the store: before what is good.
    put("00000000000000000001-0000000000000001.note", b"{\"chat\":").expect("ours");
    put("somebody's", b"x").expect("ours");
    let link = "00000000000000000002-0000000000000001.note";
    std::os::unix::fs::symlink(house.store_path(), house.spool().join(link)).expect("ours");
    house.tell(ann, &["good"]);
    assert_eq!(house.until_heard(ann, 2).await[1], "ℹ️ good");
    let aside = fs::read_dir(house.spool().join("aside")).expect("it was made");
    assert_eq!(aside.count(), 3);
    assert!(house.store_path().exists());
}

#[tokio::test(start_paused = true)]
async fn what_is_for_a_bot_that_nobody_runs_does_not_lie_there_for_ever() {
    let (house, ann, _life) = lived_in().await;
    let now = house.clock.now();
    let put = |number: i64, at: i64, ttl_ms: Option<i64>| {
        let note = serde_json::json!({
            "chat": ann, "bot": 4_711, "texts": ["?"], "at": at, "ttl_ms": ttl_ms,
        });
        let name = format!("{number:020}-{number:016x}.note");
        fs::write(house.spool().join(name), note.to_string()).expect("ours");
    };
    put(1, now, Some(60_000));
    put(2, now, None);
    pass(30_000).await;
    assert_eq!(house.waiting(), 2, "its bot may be started yet");
    pass(60_000).await;
    assert_eq!(house.waiting(), 1, "the time of one is over");
    put(3, now - 31 * 86_400_000, None);
    pass(5_000).await;
    assert_eq!(house.waiting(), 1, "nobody has come for it in a month");
    let aside = fs::read_dir(house.spool().join("aside")).expect("it was made");
    assert_eq!(aside.count(), 1);
    assert_eq!(house.heard(ann).len(), 1, "and nothing was sent");
}

#[tokio::test(start_paused = true)]
async fn beyond_the_room_callers_are_refused_and_let_in_again_when_there_is_some() {
    let mut house = House::new();
    house.config.outbox.max_rows = 4;
    let life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "hello");
    house.until_heard(ann, 1).await;
    house
        .telegram
        .fault(FaultRule::always("sendMessage", Fault::Unreachable));
    let line = ["--chat", &ann.to_string(), "one more"];
    let mut codes = Vec::new();
    for _ in 0..8 {
        codes.push(house.notify(&line).status.code());
        pass(5_000).await;
    }
    assert_eq!(codes[..4], [Some(0); 4]);
    assert_eq!(codes[4..], [Some(75); 4]);
    let refused = said(&house.notify(&line));
    assert!(refused.contains("outbox.max_rows"), "{refused}");
    house.telegram.clear_faults();
    house.until_heard(ann, 5).await;
    pass(SOON).await;
    assert_eq!(house.notify(&line).status.code(), Some(0));
    house.until_heard(ann, 6).await;
    // Also while nothing runs: the files count.
    life.stop().await;
    let codes: Vec<_> = (0..6).map(|_| house.notify(&line).status.code()).collect();
    assert_eq!(codes[..4], [Some(0); 4]);
    assert_eq!(codes[4..], [Some(75); 2]);
}

#[tokio::test(start_paused = true)]
async fn a_storm_on_standard_input_is_a_few_messages() {
    let (house, ann, _life) = lived_in().await;
    let storm: String = (0..50_000).map(|n| format!("line {n}\n")).collect();
    let chat = ann.to_string();
    let told = house.notify_with(&["--chat", &chat, "--stdin"], &storm);
    assert_eq!(told.status.code(), Some(0), "{}", said(&told));
    pass(30_000).await;
    let heard = house.heard(ann);
    assert!((2..=5 * 4).contains(&heard.len()), "{}", heard.len());
    assert!(heard[1].starts_with("ℹ️ line 0\nline 1\n"));
    let last = heard.last().expect("there are some");
    assert!(last.ends_with(" more lines"), "{last}");
    let whole = house.notify_with(&["--chat", &chat, "-"], "a\nb\n\n");
    assert_eq!(whole.status.code(), Some(0));
    pass(SOON).await;
    assert_eq!(house.heard(ann).last().map(String::as_str), Some("ℹ️ a\nb"));
}

#[tokio::test(start_paused = true)]
async fn each_refusal_has_its_code_and_says_what_to_do() {
    let (house, ann, _life) = lived_in().await;
    let chat = ann.to_string();
    for (input, line) in [("", vec!["-"]), ("\n \n", vec!["-"]), ("", vec![" "])] {
        let line: Vec<&str> = ["--chat", &chat].into_iter().chain(line).collect();
        let refused = house.notify_with(&line, input);
        assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    }
    let elsewhere = |line: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lastword"));
        command.env_clear().arg("notify").args(line);
        fed(command, "")
    };
    let refused = elsewhere(&["--chat", "7", "--spool", "/nowhere/spool", "x"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused).contains("the daemon makes it"),
        "{refused:?}"
    );
    let nobody = tempfile::tempdir().expect("a folder");
    let config = nobody.path().join("config.toml");
    fs::write(&config, "").expect("ours");
    let line = [
        "--config",
        config.to_str().expect("text"),
        "--chat",
        "7",
        "x",
    ];
    let refused = elsewhere(&line);
    // Where the package is installed its spool is meant.
    if !PathBuf::from("/var/lib/lastword/spool").exists() {
        assert_eq!(refused.status.code(), Some(78), "{}", said(&refused));
    }
}

/// Only root can be somebody else.
#[tokio::test(start_paused = true)]
async fn members_of_the_group_may_hand_in_and_nobody_else() {
    if !rustix::process::geteuid().is_root() {
        let _ = writeln!(std::io::stderr(), "SKIPPED, NOT TESTED: this is not root");
        return;
    }
    let (house, ann, _life) = lived_in().await;
    let (member, stranger, group) = (54_321, 54_322, 54_323);
    chown(house.spool(), None, Some(group)).expect("root may");
    // As the service's state folder is: to be passed through, not to be read.
    let folder = house.store_path();
    let folder = folder.parent().expect("it is in one");
    fs::set_permissions(folder, fs::Permissions::from_mode(0o711)).expect("ours");
    // The build's own folder may be closed to others.
    let binary = folder.join("lastword");
    fs::copy(env!("CARGO_BIN_EXE_lastword"), &binary).expect("there is room");
    let by = |user: u32, group: u32| {
        let mut command = Command::new(&binary);
        command
            .env_clear()
            .uid(user)
            .gid(group)
            .current_dir("/")
            .args(["notify", "--chat", &ann.to_string(), "--spool"])
            .arg(house.spool())
            .arg(format!("from {user}"));
        fed(command, "")
    };
    let taken = by(member, group);
    assert_eq!(taken.status.code(), Some(0), "{}", said(&taken));
    let refused = by(stranger, stranger);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(
        said(&refused).contains("no right to hand in"),
        "{refused:?}"
    );
    pass(SOON).await;
    assert_eq!(house.heard(ann)[1..], ["ℹ️ from 54321"]);
    // Nobody removes what somebody else has handed in.
    fs::write(house.spool().join("kept"), "x").expect("ours");
    let removed = Command::new("rm")
        .arg("-f")
        .arg(house.spool().join("kept"))
        .uid(member)
        .gid(group)
        .stderr(Stdio::null())
        .status();
    assert!(!removed.expect("there is an rm").success());
}
