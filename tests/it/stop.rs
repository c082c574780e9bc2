//! Signals and the deadline on real processes: this test binary starts itself
//! as a child that runs one scenario of [`child`], and sends it real signals.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use std::{env, thread};

use lastword::domain::phase::Phase;
use lastword::shutdown::{Cause, Grace, Kind, Rung, Shutdown, Stop, Tasks};
use serde_json::Value;

const SCENARIO: &str = "LASTWORD_IT_STOP";

/// Long enough that nothing but the stop under test can end the child.
const LONG: Duration = Duration::from_secs(3_600);

/// A child that hangs fails the test instead of hanging it.
const HUNG: Duration = Duration::from_secs(60);

struct Started {
    process: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

fn start(scenario: &str) -> Started {
    let binary = env::current_exe().expect("a test binary has a path");
    let mut process = Command::new(binary)
        .args(["--exact", "stop::child", "--nocapture", "--test-threads=1"])
        .env(SCENARIO, scenario)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a test binary starts");
    let stdout = process.stdout.take().expect("it is piped");
    let mut started = Started {
        process,
        lines: BufReader::new(stdout).lines(),
    };
    started.expect("up");
    started
}

impl Started {
    /// Waits for a line that ends with `word`.
    fn expect(&mut self, word: &str) {
        let found = self
            .lines
            .by_ref()
            .map_while(Result::ok)
            .any(|line| line.ends_with(word));
        assert!(found, "the child never said {word:?}");
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.process.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.expect("a shell").success(), "{kill}");
    }

    /// The exit code and the line of the stop.
    fn end(mut self) -> (Option<i32>, Value) {
        let line = self
            .lines
            .by_ref()
            .map_while(Result::ok)
            .find(|line| line.contains("\"lastword\":\"stop\""));
        let status = self.process.wait().expect("it is our child");
        let line = line.and_then(|line| serde_json::from_str(&line[line.find('{')?..]).ok());
        (status.code(), line.unwrap_or_default())
    }
}

fn say(word: &str) {
    let mut out = std::io::stdout().lock();
    let said = writeln!(out, "\n{word}").and_then(|()| out.flush());
    said.expect("the parent listens");
}

/// Says each step of the stop as it is reached, so that the parent can send the
/// next signal without racing the kernel, which folds equal ones.
fn tell_stops(shutdown: &Shutdown) {
    let shutdown = shutdown.clone();
    thread::spawn(move || {
        let mut told = None;
        loop {
            let stopped = shutdown.stopped();
            if stopped != told {
                told = stopped;
                say(match stopped {
                    None | Some(Stop::First) => "stop 1",
                    Some(Stop::Second) => "stop 2",
                    Some(Stop::Third) => "stop 3",
                });
            }
            thread::sleep(Duration::from_millis(2));
        }
    });
}

/// A daemon whose only worker thread is blocked for good by a turn.
fn block(shutdown: &Shutdown, grace: Duration) {
    shutdown.arm(Grace::new(grace));
    shutdown.enter(Phase::Running);
    tell_stops(shutdown);
    let tasks = Tasks::new(shutdown);
    runtime().block_on(async {
        tasks.spawn(Kind::Turn, "hung", async {
            say("up");
            hang();
        });
        tokio::task::yield_now().await;
    });
}

fn hang() {
    loop {
        thread::park();
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// Not a test of its own: what the children run.
#[test]
fn child() {
    let Ok(scenario) = env::var(SCENARIO) else {
        return;
    };
    thread::spawn(|| {
        thread::sleep(HUNG);
        signal_hook::low_level::exit(99);
    });
    let shutdown = Shutdown::install().expect("signals can be received");
    match scenario.as_str() {
        "short grace" => block(&shutdown, Duration::from_millis(100)),
        "long grace" => block(&shutdown, LONG),
        "not stored" => {
            shutdown.report().not_stored(1);
            block(&shutdown, Duration::from_millis(100));
        }
        "starting" => {
            shutdown.arm(Grace::new(LONG));
            say("up");
            hang();
        }
        "nobody reads" => {
            shutdown.arm(Grace::new(Duration::from_millis(100)));
            shutdown.enter(Phase::Running);
            say("up");
            // More than the pipe holds, with the lock of stdout held.
            let mut out = std::io::stdout().lock();
            while out.write_all(&[b'x'; 4096]).is_ok() {}
        }
        "before the runtime" => before_the_runtime(&shutdown),
        "reload" => {
            say("up");
            runtime().block_on(async {
                shutdown.reload().changed().await.expect("the sender lives");
                assert!(!shutdown.is_stopping());
            });
            say("reloaded");
            shutdown.finish();
        }
        other => panic!("no scenario {other:?}"),
    }
}

fn before_the_runtime(shutdown: &Shutdown) {
    say("up");
    signal_hook::low_level::raise(signal_hook::consts::SIGTERM).expect("a signal to oneself");
    runtime().block_on(async {
        shutdown.intake().cancelled().await;
        shutdown
            .report()
            .rung(Rung::Intake, shutdown.since_signal());
    });
    assert_eq!(shutdown.cause(), Some(Cause::Terminate));
    assert_eq!(shutdown.finish().code(), 0);
}

#[test]
fn a_blocked_runtime_cannot_prevent_the_exit_and_is_named() {
    let mut child = start("short grace");
    child.signal("TERM");
    child.expect("stop 1");
    let (code, line) = child.end();
    assert_eq!(code, Some(3), "{line}");
    assert_eq!(line["code"], 3);
    assert_eq!(line["cause"], "SIGTERM");
    assert_eq!(line["lost"], 0);
    assert_eq!(line["forced"]["why"], "deadline");
    assert_eq!(line["forced"]["stuck"], serde_json::json!({"turn": 1}));
}

#[test]
fn a_forced_exit_tells_when_something_accepted_was_not_stored() {
    let child = start("not stored");
    child.signal("INT");
    let (code, line) = child.end();
    assert_eq!(code, Some(4), "{line}");
    assert_eq!(line["lost"], 1);
    assert_eq!(line["cause"], "SIGINT");
}

#[test]
fn a_second_signal_ends_a_blocked_process_long_before_its_grace() {
    let mut child = start("long grace");
    child.signal("TERM");
    child.expect("stop 1");
    child.signal("INT");
    child.expect("stop 2");
    let (code, line) = child.end();
    assert_eq!(code, Some(3), "{line}");
    assert_eq!(line["stops"], 2);
    assert_eq!(line["forced"]["why"], "deadline");
}

#[test]
fn a_third_signal_ends_the_process_at_once() {
    let mut child = start("long grace");
    for (signal, said) in [("TERM", "stop 1"), ("TERM", "stop 2")] {
        child.signal(signal);
        child.expect(said);
    }
    child.signal("TERM");
    let (code, line) = child.end();
    assert_eq!(code, Some(3), "{line}");
    assert_eq!(line["stops"], 3);
    assert_eq!(line["forced"]["why"], "third_stop");
}

#[test]
fn a_signal_before_ready_ends_a_hung_start_whatever_the_grace() {
    let child = start("starting");
    child.signal("TERM");
    let (code, line) = child.end();
    assert_eq!(code, Some(3), "{line}");
    assert_eq!(line["lost"], 0);
}

#[test]
fn a_stdout_that_nobody_reads_cannot_prevent_the_exit() {
    let mut child = start("nobody reads");
    child.signal("TERM");
    let status = child.process.wait().expect("it is our child");
    assert_eq!(status.code(), Some(3));
}

#[test]
fn a_signal_before_there_is_a_runtime_counts() {
    let (code, line) = start("before the runtime").end();
    assert_eq!(code, Some(0), "{line}");
    assert_eq!(line["exit"], "drained");
    assert!(line["phases"]["intake"].is_u64(), "{line}");
}

#[test]
fn a_hangup_asks_for_a_reload_and_stops_nothing() {
    let mut child = start("reload");
    child.signal("HUP");
    child.expect("reloaded");
    let (code, line) = child.end();
    assert_eq!(code, Some(0), "{line}");
    assert_eq!(line["stops"], 0);
}
