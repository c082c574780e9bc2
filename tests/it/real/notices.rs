//! `lastword notify` beside the real daemon: killed at every moment between the
//! file and the row, and the file itself through a power cut.

use std::process::{Command, Stdio};

use lastword::death::VARIABLE;
use lastword::domain::ids::ChatId;
use lastword::playground::bot_api::Place;
use rustix::process::Signal;

use super::{Real, Transport, within};
use crate::books;

impl Real {
    /// A bot may write only to whom it knows.
    async fn meet(&self, person: i64) {
        self.ask(&Place::private(person));
        self.until_answered().await;
    }

    /// Hands a message in, which must work whatever the daemon does.
    pub(crate) async fn notify(&self, chat: i64, text: &str) {
        let told = tokio::process::Command::new(env!("CARGO_BIN_EXE_lastword"))
            .env_clear()
            .args(["notify", "--chat", &chat.to_string(), "--spool"])
            .arg(lastword::spool::beside(&self.store_path()))
            .arg(text)
            .output();
        let told = within("a notice to be stored", told).await;
        let told = told.expect("the binary starts");
        assert_eq!(told.status.code(), Some(0), "{told:?}");
    }
}

impl Real {
    /// Hands a message in, without a process of its own; waits until there is a
    /// spool.
    pub(crate) fn hand_in(&self, place: &Place, number: u64) {
        let path = lastword::spool::beside(&self.store_path());
        let spool = lastword::spool::Spool::prepare(&path).expect("the folder is writable");
        let note = lastword::spool::Note {
            chat: ChatId(place.chat.unwrap_or(place.person)),
            topic: None,
            bot: None,
            key: None,
            texts: vec![format!("notice {number}")],
            at: lastword::clock::Clock::system().now(),
            ttl_ms: None,
        };
        let random = note.at.unsigned_abs() ^ number;
        spool.hand_in(&note, random).expect("there is room");
    }
}

const MOMENTS: [&str; 4] = [
    "before the commit of notices.import",
    "after the commit of notices.import",
    "notice imported",
    "notice removed",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notice_is_sent_once_wherever_the_daemon_is_killed_over_it() {
    for moment in MOMENTS {
        let mut real = Real::new(Transport::Polling).await;
        let ann = real.person("Ann");
        let mut process = real.start().await;
        real.meet(ann).await;
        real.notify(ann, "while it runs").await;
        real.until_heard(ann, "while it runs").await;
        process.kill().await;
        real.notify(ann, "while it is down").await;
        real.env.insert(VARIABLE, format!("{moment}#1"));
        let mut process = real.spawn();
        within(moment, process.gone()).await;
        real.env.remove(VARIABLE);
        real.notify(ann, "after it died").await;
        let mut process = real.start().await;
        real.let_cut_sends_expire().await;
        real.until_heard(ann, "after it died").await;
        real.notify(ann, "in the end").await;
        real.until_heard(ann, "in the end").await;
        let exit = process.stop().await;
        assert_eq!(exit.code, Some(0), "{moment}: {exit:?}");
        let said = [
            "while it runs",
            "while it is down",
            "after it died",
            "in the end",
        ];
        let said = said.map(|text| format!("ℹ️ {text}"));
        assert_eq!(real.heard(ann)[1..], said, "{moment}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_waits_neither_for_telegram_nor_for_a_daemon_that_hangs() {
    let real = Real::new(Transport::Polling).await;
    let ann = real.person("Ann");
    let mut process = real.start().await;
    real.meet(ann).await;
    real.notify(ann, "before").await;
    real.until_heard(ann, "before").await;
    process.signal(Signal::STOP);
    let begun = books::now();
    for n in 0..20 {
        real.notify(ann, &format!("while it hangs {n}")).await;
    }
    super::note(&format!(
        "one notice is stored in {} ms on average",
        begun.elapsed().as_millis() / 20
    ));
    super::process::signal(process.pid(), Signal::CONT);
    real.until_heard(ann, "while it hangs 19").await;
    assert_eq!(real.heard(ann).len(), 22);
    process.kill().await;
}

/// Written and synced under another name, then renamed, then the folder synced:
/// whatever a power cut takes, the file is there whole or not at all, and it is
/// there when the caller returns.
#[test]
fn the_file_of_a_notice_is_synced_before_it_has_its_name_and_its_name_before_the_return() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = folder.path().join("spool");
    lastword::spool::Spool::prepare(&spool).expect("the folder is writable");
    let trace = folder.path().join("trace");
    let traced = Command::new("strace")
        .args([
            "-f",
            "-y",
            "-e",
            "trace=fsync,fdatasync,rename,renameat,renameat2",
            "-o",
        ])
        .arg(&trace)
        .arg(env!("CARGO_BIN_EXE_lastword"))
        .args(["notify", "--chat", "7", "--spool"])
        .arg(&spool)
        .arg("x")
        .stdin(Stdio::null())
        .output();
    let Ok(traced) = traced else {
        let required = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!required, "CI needs strace");
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "SKIPPED, NOT TESTED: no strace here");
        return;
    };
    assert_eq!(traced.status.code(), Some(0), "{traced:?}");
    let trace = std::fs::read_to_string(&trace).expect("it traced");
    let calls: Vec<&str> = trace
        .lines()
        .filter(|line| line.contains("sync(") || line.contains("rename"))
        .collect();
    assert_eq!(calls.len(), 3, "{trace}");
    assert!(
        calls[0].contains("sync(") && calls[0].contains(".draft>"),
        "{trace}"
    );
    assert!(
        calls[1].contains("rename") && calls[1].contains(".note\""),
        "{trace}"
    );
    assert!(
        calls[2].contains("sync(") && calls[2].contains("/spool>"),
        "{trace}"
    );
}
