//! One child: its signals, its lines, its end.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::Stdio;
use std::time::Duration;

use lastword::playground::bot_api::BotProfile;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;
use tokio::time::Instant;

use super::{beside, within};

/// A running binary; killed when dropped.
pub(crate) struct Process {
    child: Child,
    /// Kept: its end is the end of the process.
    _stdin: Option<ChildStdin>,
    pid: i32,
    out: watch::Receiver<Vec<String>>,
    err: watch::Receiver<Vec<String>>,
    signalled: Option<Instant>,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Exit {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    /// The line of the stop, where one was printed.
    pub(crate) line: Value,
    /// Since the first signal.
    pub(crate) took: Duration,
    /// What it logged.
    pub(crate) log: String,
}

impl Process {
    pub(super) fn spawn(env: &BTreeMap<&'static str, String>) -> Self {
        let mut command = Command::new(binary());
        command
            .env_clear()
            .envs(env)
            .env(lastword::shutdown::parent::VARIABLE, "1");
        Self::run(command)
    }

    /// The same with a listening socket handed over as a service manager does;
    /// it begins with the first connection there.
    pub(super) fn activated(env: &BTreeMap<&'static str, String>, socket: &str) -> Self {
        let mut command = Command::new("systemd-socket-activate");
        command.arg(format!("--listen={socket}"));
        for (name, value) in env {
            command.arg(format!("--setenv={name}={value}"));
        }
        command
            .arg(format!(
                "--setenv={}=1",
                lastword::shutdown::parent::VARIABLE
            ))
            .arg(binary())
            .arg("run");
        Self::run(command)
    }

    pub(super) fn run(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        let pid = child.id().expect("it was not waited for");
        let out = lines(child.stdout.take().expect("it is piped"));
        let err = lines(child.stderr.take().expect("it is piped"));
        let stdin = child.stdin.take();
        Self {
            child,
            _stdin: stdin,
            pid: i32::try_from(pid).expect("a pid is small"),
            out,
            err,
            signalled: None,
        }
    }

    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    /// Waits for the line of the start.
    pub(crate) async fn ready(&self) -> Value {
        let line = self.line("start").await;
        match line {
            Some(line) => line,
            None => panic!("it never was ready:\n{}", self.log()),
        }
    }

    /// Waits until it has logged this.
    pub(crate) async fn says(&self, words: &str) {
        let mut err = self.err.clone();
        let said = within(
            words,
            err.wait_for(|lines| lines.iter().any(|line| line.contains(words))),
        );
        assert!(
            said.await.is_ok(),
            "it never said {words:?}:\n{}",
            self.log()
        );
    }

    pub(crate) fn signal(&mut self, which: Signal) {
        self.signalled.get_or_insert_with(Instant::now);
        signal(self.pid, which);
    }

    /// SIGTERM, and its end.
    pub(crate) async fn stop(&mut self) -> Exit {
        self.signal(Signal::TERM);
        self.ended().await
    }

    /// SIGKILL, and its end.
    pub(crate) async fn kill(&mut self) {
        self.signal(Signal::KILL);
        let exit = self.ended().await;
        assert_eq!(exit.code, None, "it ended before it was killed: {exit:?}");
    }

    /// Waits until it is gone, however long that takes.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn gone(&mut self) {
        let _ = self.child.wait().await;
    }

    /// SIGABRT, as when it aborts of itself, and its end.
    pub(crate) async fn abort(&mut self) {
        self.signal(Signal::ABORT);
        let exit = self.ended().await;
        assert_eq!(exit.code, None, "it outlived its abort: {exit:?}");
    }

    pub(crate) async fn ended(&mut self) -> Exit {
        let status = within("the end of the process", self.child.wait()).await;
        let took = self.signalled.map_or(Duration::ZERO, |at| at.elapsed());
        let line = self.line("stop").await.unwrap_or_default();
        let mut err = self.err.clone();
        // Closed at its end: then everything was read.
        while err.changed().await.is_ok() {}
        let exit = Exit {
            code: status.expect("it is our child").code(),
            line,
            took,
            log: self.log(),
        };
        let secret = BotProfile::sample().token;
        let secret = secret.split(':').next_back().expect("it has two halves");
        assert!(!exit.log.contains(secret), "the token is in the log");
        exit
    }

    /// The line of its start or stop; `None` when it ended without.
    async fn line(&self, word: &str) -> Option<Value> {
        let mut out = self.out.clone();
        let find = |lines: &[String]| {
            lines
                .iter()
                .filter_map(|line| serde_json::from_str::<Value>(line.trim_start()).ok())
                .find(|line| line["lastword"] == word)
        };
        let lines = within(word, out.wait_for(|lines| find(lines).is_some())).await;
        lines.ok().and_then(|lines| find(&lines))
    }

    fn log(&self) -> String {
        self.err.borrow().join("\n")
    }
}

/// The binary under test: the one that was built with these tests, or the one
/// that `LASTWORD_IT_BINARY` names (a release, a copy that no build replaces).
fn binary() -> OsString {
    std::env::var_os("LASTWORD_IT_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_lastword").into())
}

/// Signals a child of ours that was not waited for.
pub(super) fn signal(pid: i32, signal: Signal) {
    let pid = Pid::from_raw(pid).expect("a pid is not zero");
    // Gone already is fine: then the end is looked at.
    let _ = kill_process(pid, signal);
}

/// The lines of a pipe as they come; the sender goes with the pipe.
fn lines(pipe: impl AsyncRead + Send + Unpin + 'static) -> watch::Receiver<Vec<String>> {
    let (sender, receiver) = watch::channel(Vec::new());
    beside(async move {
        let mut lines = BufReader::new(pipe).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            sender.send_modify(|all: &mut Vec<String>| all.push(line));
        }
    });
    receiver
}
