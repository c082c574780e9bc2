//! Drains of the real binary with real signals: exit codes, the line of the
//! stop, what the service manager hears, and everything that can hang.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use lastword::domain::{part, turn};
use lastword::playground::bot_api::{Fault as Trouble, FaultRule, Place};
use lastword::playground::offline::Fault;
use rustix::process::Signal;

use super::verdict::Verdict;
use super::{Exit, Process, Real, Transport, in_part, in_turn, within};

/// Promise P5.
const SECOND: Duration = Duration::from_secs(2);

/// An idle stop's promise is 200 ms; a debug build on a busy machine gets more.
const IDLE: Duration = Duration::from_secs(2);

/// The shortest grace there is, and the latest end of the process then.
const SHORT: &str = "5s";
const SHORT_END: Duration = Duration::from_secs(7);

struct Scene {
    real: Real,
    process: Process,
    ann: i64,
}

/// A turn that the model keeps open.
async fn held(transport: Transport, grace: &str) -> Scene {
    let mut real = Real::new(transport).await;
    let grace = grace.to_owned();
    real.env.insert("LASTWORD_SHUTDOWN__GRACE", grace);
    hold(real).await
}

async fn hold(real: Real) -> Scene {
    let ann = real.person("Ann");
    let process = real.start().await;
    real.model.change(|now| now.fault = Fault::HoldAfter(0));
    real.ask(&Place::private(ann));
    within("the model", real.model.until(|now| now.running == 1)).await;
    real.until("claimed", |b| in_turn(b, turn::State::Claimed) == 1)
        .await;
    Scene { real, process, ann }
}

impl Scene {
    fn free_model(&self) {
        self.real.model.change(|now| now.fault = Fault::Sound);
    }

    async fn until_draining(&self) {
        let store = self.real.sql();
        within("draining", async {
            loop {
                let phase: Option<String> = store
                    .query_row("SELECT phase FROM instances", [], |row| row.get(0))
                    .ok();
                if phase.as_deref() == Some("draining") {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }

    /// A successor answers everything once.
    async fn succeed(&mut self, turns: u64) -> Verdict {
        self.real.telegram.clear_faults();
        self.free_model();
        self.real.let_cut_sends_expire().await;
        self.process = self.real.start().await;
        let books = self.real.until_settled(turns).await;
        let verdict = self.real.verdict(&books);
        let exit = self.process.stop().await;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        verdict
    }
}

fn counts(exit: &Exit) -> (i64, i64, i64, i64) {
    let turns = &exit.line["turns"];
    let count = |name: &str| turns[name].as_i64().unwrap_or(-1);
    (
        count("answered"),
        count("parked"),
        count("cut"),
        count("uncertain"),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_wrote_before_the_signal_is_answered_before_the_exit() {
    for transport in [Transport::Polling, Transport::Webhook] {
        for signal in [Signal::TERM, Signal::INT] {
            let mut scene = held(transport, "20s").await;
            // A window is still open, too.
            let bob = scene.real.person("Bob");
            scene.real.ask(&Place::private(bob));
            scene.real.until("accepted", |b| b.messages == 2).await;
            scene.process.signal(signal);
            scene.until_draining().await;
            scene.free_model();
            let exit = scene.process.ended().await;
            assert_eq!(exit.code, Some(0), "{exit:?}");
            assert_eq!(exit.line["exit"], "drained");
            assert_eq!(counts(&exit), (2, 0, 0, 0), "{exit:?}");
            assert_eq!(exit.line["lost"], 0);
            assert_eq!(scene.real.heard(scene.ann).len(), 1);
            assert_eq!(scene.real.heard(bob).len(), 1);
            assert_eq!(scene.succeed(2).await, Verdict::default());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_during_the_drain_is_answered_by_the_successor() {
    for transport in [Transport::Polling, Transport::Webhook] {
        let mut scene = held(transport, "20s").await;
        scene.process.signal(Signal::TERM);
        scene.until_draining().await;
        let bob = scene.real.person("Bob");
        scene.real.ask(&Place::private(bob));
        scene.free_model();
        let exit = scene.process.ended().await;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        assert_eq!(scene.real.heard(scene.ann).len(), 1);
        assert_eq!(scene.real.heard(bob).len(), 0);
        assert_eq!(scene.succeed(2).await, Verdict::default());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_leaves_at_once_and_the_successor_answers() {
    for transport in [Transport::Polling, Transport::Webhook] {
        let mut scene = held(transport, "60s").await;
        scene.process.signal(Signal::TERM);
        scene.until_draining().await;
        scene.process.signal(Signal::INT);
        let exit = scene.process.ended().await;
        assert_eq!(exit.code, Some(3), "{exit:?}");
        assert!(exit.took < SECOND, "{exit:?}");
        assert_eq!(counts(&exit), (0, 1, 1, 0), "{exit:?}");
        assert_eq!(scene.succeed(1).await, Verdict::default());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_third_signal_ends_a_process_whose_store_hangs() {
    let mut scene = held(Transport::Polling, "60s").await;
    let store = scene.real.sql();
    scene.process.signal(Signal::TERM);
    scene.until_draining().await;
    store
        .execute_batch("BEGIN IMMEDIATE")
        .expect("a write lock");
    scene.process.signal(Signal::INT);
    // Equal or quick signals fold; it cannot end before the third either way.
    tokio::time::sleep(Duration::from_millis(50)).await;
    scene.process.signal(Signal::TERM);
    let exit = scene.process.ended().await;
    assert_eq!(exit.code, Some(3), "{exit:?}");
    assert!(exit.took < SECOND, "{exit:?}");
    assert_eq!(exit.line["forced"]["why"], "third_stop", "{exit:?}");
    store.execute_batch("ROLLBACK").expect("our own lock");
    assert_eq!(scene.succeed(1).await, Verdict::default());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_hangs_for_ever_is_cut_at_the_deadline() {
    let mut scene = held(Transport::Polling, SHORT).await;
    let exit = scene.process.stop().await;
    assert_eq!(exit.code, Some(3), "{exit:?}");
    assert!(exit.took < SHORT_END, "{exit:?}");
    assert_eq!(counts(&exit), (0, 1, 1, 0), "{exit:?}");
    assert_eq!(scene.succeed(1).await, Verdict::default());
    // The cut completion was not paid, its request is the same.
    let counts = scene.real.model.counts();
    assert_eq!((counts.finished(), counts.requests.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_telegram_that_hangs_is_left_at_the_deadline_and_counted() {
    let mut scene = held(Transport::Polling, SHORT).await;
    let rule = FaultRule::always("sendRichMessage", Trouble::HangAfter);
    scene.real.telegram.fault(rule);
    scene.free_model();
    scene
        .real
        .until("sending", |b| in_part(b, part::State::Sending) == 1)
        .await;
    let telegram = &scene.real.telegram;
    within("a hanging call", telegram.until(|t| t.hanging() >= 1)).await;
    let exit = scene.process.stop().await;
    assert_eq!(exit.code, Some(3), "{exit:?}");
    assert!(exit.took < SHORT_END, "{exit:?}");
    assert_eq!(counts(&exit), (0, 0, 0, 1), "{exit:?}");
    // It had arrived: the successor finds it.
    assert_eq!(scene.succeed(1).await, Verdict::default());
    assert_eq!(scene.real.model.counts().asked(), 1);
}

/// Another process holds the write lock for a moment, or to the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_busy_during_the_drain_costs_time_but_no_message() {
    for to_the_end in [false, true] {
        let grace = if to_the_end { SHORT } else { "20s" };
        let mut scene = held(Transport::Polling, grace).await;
        let store = scene.real.sql();
        store
            .execute_batch("BEGIN IMMEDIATE")
            .expect("a write lock");
        scene.process.signal(Signal::TERM);
        scene.free_model();
        let paid = |counts: &lastword::playground::offline::Counts| counts.finished() == 1;
        within("the completion", scene.real.model.until(paid)).await;
        if !to_the_end {
            store.execute_batch("ROLLBACK").expect("our own lock");
        }
        let exit = scene.process.ended().await;
        let code = if to_the_end { 3 } else { 0 };
        assert_eq!(exit.code, Some(code), "{exit:?}");
        assert_eq!(exit.line["lost"], 0, "{exit:?}");
        assert!(!to_the_end || exit.took < SHORT_END, "{exit:?}");
        let _ = store.execute_batch("ROLLBACK");
        assert_eq!(scene.succeed(1).await, Verdict::default());
        // Once more for the answer that could not be stored.
        let finished = scene.real.model.counts().finished();
        assert_eq!(finished, if to_the_end { 2 } else { 1 });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_process_stops_at_once() {
    for transport in [Transport::Polling, Transport::Webhook] {
        let real = Real::new(transport).await;
        let mut process = real.start().await;
        process.says("running").await;
        let exit = process.stop().await;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        assert!(exit.took < IDLE, "{exit:?}");
        assert_eq!(counts(&exit), (0, 0, 0, 0), "{exit:?}");
    }
}

/// Also when Telegram never said who we are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_process_without_telegram_stops_at_once() {
    let real = Real::new(Transport::Polling).await;
    let refuse = Trouble::Gateway { code: 502 };
    real.telegram.fault(FaultRule::always("getMe", refuse));
    let mut process = real.start().await;
    let exit = process.stop().await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let feeders = exit.line["phases"]["feeders"].as_i64();
    assert!(feeders.is_some_and(|ms| ms < 500), "{exit:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_manager_hears_ready_and_stopping() {
    let mut real = Real::new(Transport::Polling).await;
    let path = real.store_path().with_file_name("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket
        .set_read_timeout(Some(super::PATIENCE))
        .expect("a time-out can be set");
    real.env.insert("NOTIFY_SOCKET", path.display().to_string());
    let mut scene = hold(real).await;
    scene.process.signal(Signal::TERM);
    scene.until_draining().await;
    scene.free_model();
    let exit = scene.process.ended().await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let mut heard = String::new();
    let mut buffer = [0; 4096];
    while !heard.contains("STOPPING=1") {
        let read = socket.recv(&mut buffer).expect("it says that it stops");
        heard.push_str(&String::from_utf8_lossy(&buffer[..read]));
        heard.push('\n');
    }
    assert!(heard.contains("READY=1"), "{heard}");
    assert!(
        exit.line["phases"]["signal"]
            .as_i64()
            .is_some_and(|ms| ms <= 500),
        "{exit:?}"
    );
}
