//! A disk that is full, read-only or breaks under the living process, before
//! each of the commits that a turn consists of: nothing is confirmed that is
//! not stored, nothing is sent or paid twice, and it goes on by itself once the
//! disk works again, in the same process.
//!
//! Commits of a turn in a private chat: accept, claim, keep the request, store
//! the answer, begin the send, store the receipt. Each fault begins behind so
//! many of them. `--nocapture` shows how long each recovery took.

use std::time::Duration;

use futures_util::future::join_all;
use lastword::domain::turn;
use lastword::playground::bot_api::Place;
use rustix::process::Signal;
use tokio::time::Instant;

use super::{Disk, Fault};
use crate::books;
use crate::real::{Process, Real, Transport, in_turn, note, within};

/// The commits before which the disk fails.
const STAGES: [&str; 6] = ["accept", "claim", "request", "answer", "begin", "receipt"];

/// What goes wrong, and how often (0: until it is mended).
const FAULTS: [(Fault, u32); 6] = [
    (Fault::Full, 0),
    (Fault::FullStrictly, 0),
    (Fault::Write, 0),
    (Fault::Sync, 0),
    (Fault::Sync, 1),
    (Fault::ReadOnly, 0),
];

/// How long it lasts at least: longer than the rests between two tries.
const OUTAGE: Duration = Duration::from_millis(700);

/// How long nothing must be stored for it to be still.
const STILL: Duration = Duration::from_millis(300);

/// What Telegram shows at the webhook.
const SECRET: &str = "a-secret-that-is-long-enough-for-anybody";

struct Scene {
    real: Real,
    disk: Disk,
    process: Process,
    stage: usize,
}

impl Scene {
    async fn new(transport: Transport, stage: usize) -> Self {
        let mut real = Real::new(transport).await;
        let disk = Disk::under(&mut real);
        // The first draft finds no word, and the second comes after the answer:
        // always the same commits.
        real.model
            .change(|now| now.pace.first = Duration::from_millis(250));
        // A look into the store from outside would keep its log open.
        real.telegram.on_confirm(|_, _| {});
        real.env.insert("LASTWORD_OPS__LISTEN", free().await);
        let quick = "5s".to_owned();
        real.env.insert("LASTWORD_SHUTDOWN__GRACE", quick);
        let secret = SECRET.to_owned();
        if transport == Transport::Webhook {
            real.env
                .insert("LASTWORD_TELEGRAM__WEBHOOK__SECRET", secret);
        }
        let process = real.start().await;
        process.says("running").await;
        // The menu is told beside it, and noted: no commit of the stages.
        real.until_menu_is_told().await;
        Self {
            real,
            disk,
            process,
            stage,
        }
    }

    fn name(&self) -> &'static str {
        STAGES[self.stage]
    }

    async fn until_struck(&self) {
        let struck = async {
            while self.disk.struck() == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        within("the fault to strike", struck).await;
    }

    async fn until_ready_is(&self, status: u16) {
        let url = format!("http://{}/readyz", self.real.env["LASTWORD_OPS__LISTEN"]);
        let turned = async {
            loop {
                let answer = reqwest::get(&url).await;
                if answer.is_ok_and(|answer| answer.status().as_u16() == status) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        within("readiness", turned).await;
    }

    /// What Telegram's webhook hears while nothing can be stored.
    async fn webhook_refuses(&self) {
        let url = &self.real.env["LASTWORD_TELEGRAM__WEBHOOK__URL"];
        let answer = reqwest::Client::new()
            .post(url)
            .header("X-Telegram-Bot-Api-Secret-Token", SECRET)
            .body(r#"{"update_id": 1}"#)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status().as_u16(), 503);
        assert_eq!(answer.headers()["retry-after"], "1");
    }

    /// Waits until nothing is stored any more but what comes with the clock.
    async fn until_still(&self) {
        let still = async {
            loop {
                let before = self.disk.work();
                tokio::time::sleep(STILL).await;
                if self.disk.work() == before {
                    return;
                }
            }
        };
        within("the store to be still", still).await;
    }

    /// One fault: a question before it, another the moment it is mended. Once
    /// more where it came too early: a commit that comes with the clock (a look
    /// for what is to be pruned) was counted as one of the turn's.
    async fn suffer(&self, transport: Transport, fault: Fault, times: u32) -> Duration {
        for _ in 0..5 {
            if let Some(took) = self.suffer_once(transport, fault, times).await {
                return took;
            }
        }
        panic!("the fault never comes when it is to: {}", self.name());
    }

    async fn suffer_once(
        &self,
        transport: Transport,
        fault: Fault,
        times: u32,
    ) -> Option<Duration> {
        self.until_still().await;
        let mut in_time = true;
        let person = self.real.person("Ann");
        let place = Place::private(person);
        let stage = u32::try_from(self.stage).expect("there are six");
        self.disk.fails_after(fault, stage, times);
        self.real.ask(&place);
        self.until_struck().await;
        if times == 0 {
            self.until_ready_is(503).await;
            if transport == Transport::Webhook {
                self.webhook_refuses().await;
            }
            tokio::time::sleep(OUTAGE).await;
            if self.stage == 0 {
                assert!(self.real.telegram.pending() > 0, "confirmed but not stored");
            }
            // Sent or not: nothing is sent again while its receipt waits.
            let sent = usize::from(self.name() == "receipt");
            let heard = self.real.heard(person).len();
            assert!(heard <= sent, "{}: {heard}", self.name());
            in_time = heard == sent;
        }
        self.disk.fails(Fault::None);
        let mended = Instant::now();
        self.real.ask(&place);
        self.real.until_answered().await;
        let took = mended.elapsed();
        self.until_ready_is(200).await;
        in_time.then_some(took)
    }
}

async fn free() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let address = listener.expect("a free port").local_addr();
    address.expect("it is bound").to_string()
}

async fn suffer_everything(transport: Transport, stage: usize) -> Duration {
    let mut scene = Scene::new(transport, stage).await;
    let begun = books::now();
    let mut longest = Duration::ZERO;
    for (fault, times) in FAULTS {
        let took = scene.suffer(transport, fault, times).await;
        note(&format!(
            "{transport:?} {} {fault:?} x{times}: {took:.2?}",
            scene.name()
        ));
        longest = longest.max(took);
    }
    let books = scene.real.until_settled(1).await;
    let mut ledger = scene.real.ledger("disk faults", &books);
    ledger.outages = FAULTS.len() as u64;
    ledger.close(begun);
    let verdict = scene.real.verdict(&books);
    assert_eq!(verdict, crate::real::Verdict::default(), "{}", scene.name());
    assert_eq!(books.resent, 0, "{}: {books:?}", scene.name());
    let counts = scene.real.model.counts();
    assert_eq!(counts.paid_twice(), 0, "{}: {counts:?}", scene.name());
    let turns = in_turn(&books, turn::State::Settled);
    assert_eq!(counts.finished() as u64, turns, "{}", scene.name());
    // The same process to the end: nobody restarted it.
    let exit = scene.process.stop().await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    longest
}

async fn every_stage_suffers(transport: Transport) {
    let stages = (0..STAGES.len()).map(|stage| suffer_everything(transport, stage));
    let longest = join_all(stages).await.into_iter().max();
    let longest = longest.expect("there are stages");
    let cases = STAGES.len() * FAULTS.len();
    note(&format!(
        "{transport:?}: {cases} outages, 0 lost, 0 doubled, longest recovery {longest:.2?}"
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_at_any_stage_loses_and_doubles_nothing_when_polling() {
    every_stage_suffers(Transport::Polling).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_at_any_stage_loses_and_doubles_nothing_with_a_webhook() {
    every_stage_suffers(Transport::Webhook).await;
}

/// The process ends while the disk is full; the next one finds room.
async fn ends_on_a_full_disk(stage: usize, signal: Signal) {
    let mut scene = Scene::new(Transport::Polling, stage).await;
    let ann = Place::private(scene.real.person("Ann"));
    scene
        .disk
        .fails_after(Fault::Full, u32::try_from(stage).expect("six"), 0);
    scene.real.ask(&ann);
    scene.until_struck().await;
    scene.process.signal(signal);
    let exit = scene.process.ended().await;
    let name = scene.name();
    if signal == Signal::KILL {
        assert_eq!(exit.code, None, "{name}: {exit:?}");
    } else {
        // Stopped early, and everything that was accepted is stored.
        assert_eq!(exit.code, Some(3), "{name}: {exit:?}");
        assert_eq!(exit.line["lost"], 0, "{name}: {exit:?}");
        // One more start, before anybody has made room: it says so and ends.
        let mut hasty = scene.real.spawn();
        let exit = hasty.ended().await;
        assert_eq!(exit.code, Some(3), "{name}: {exit:?}");
    }
    scene.disk.fails(Fault::None);
    scene.real.let_cut_sends_expire().await;
    scene.process = scene.real.start().await;
    scene.real.ask(&ann);
    scene.real.until_answered().await;
    let books = scene.real.until_settled(1).await;
    let verdict = scene.real.verdict(&books);
    assert_eq!(verdict.doubled, 0, "{name}: {verdict:?}");
    let exit = scene.process.stop().await;
    assert_eq!(exit.code, Some(0), "{name}: {exit:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_on_a_full_disk_loses_nothing() {
    join_all((0..STAGES.len()).map(|stage| ends_on_a_full_disk(stage, Signal::TERM))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_on_a_full_disk_loses_nothing() {
    join_all((0..STAGES.len()).map(|stage| ends_on_a_full_disk(stage, Signal::KILL))).await;
}

/// A full disk is no hang: the service manager must not end what would go on by
/// itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_watchdog_is_fed_while_receipts_wait_for_a_full_disk() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("notify");
    let socket = tokio::net::UnixDatagram::bind(&path).expect("a socket");
    let mut real = Real::new(Transport::Polling).await;
    let disk = Disk::under(&mut real);
    real.env.insert("NOTIFY_SOCKET", path.display().to_string());
    real.env.insert("WATCHDOG_USEC", "2000000".to_owned());
    let mut process = real.start().await;
    process.says("running").await;
    let ann = Place::private(real.person("Ann"));
    let receipt = u32::try_from(STAGES.len() - 1).expect("six");
    disk.fails_after(Fault::Full, receipt, 0);
    real.ask(&ann);
    within("the fault", async {
        while disk.struck() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let mut said = [0; 1024];
    while socket.try_recv(&mut said).is_ok() {}
    // Three times as often as the limit allows it to be late.
    let mut fed = 0;
    within("the watchdog is fed", async {
        while fed < 6 {
            let length = socket.recv(&mut said).await.expect("a word");
            let word = String::from_utf8_lossy(&said[..length]);
            fed += usize::from(word.contains("WATCHDOG=1"));
        }
    })
    .await;
    disk.fails(Fault::None);
    real.until_answered().await;
    assert_eq!(process.stop().await.code, Some(0));
}
