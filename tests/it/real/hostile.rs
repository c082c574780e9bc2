//! Hostile and slow webhook clients against the real binary, over raw sockets:
//! the honest client's updates go on being stored and answered 200, memory
//! stays bounded, and no client can delay the exit.
//!
//! `LASTWORD_IT_STUCK` sets how many connections are stuck (10 000).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use lastword::domain::turn;
use lastword::playground::bot_api::Place;
use lastword::playground::offline::Fault;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::{Process, Real, Transport, beside, in_turn, note, within};
use crate::books;

const STUCK: usize = 10_000;

/// What the test process needs besides the stuck connections.
const SPARE: u64 = 512;

/// The shortest grace there is, and what an exit may take beyond it.
const GRACE: Duration = Duration::from_secs(5);
const TAIL: Duration = Duration::from_secs(2);

/// What hostile clients may cost in resident memory: 1 024 places, each with
/// its buffers and its task, which a debug build makes large.
const GROWTH_MAX_KIB: u64 = 1_024 * 128;

/// How soon somebody comes again who was thrown out.
const COMES_AGAIN: Duration = Duration::from_secs(20);

/// What a client does that never finishes.
#[derive(Debug, Clone, Copy)]
enum Stuck {
    SaysNothing,
    HalfHead,
    ByteByByte,
    WrongSecretSlowBody,
    HugeHead,
}

impl Stuck {
    const ALL: [Self; 5] = [
        Self::SaysNothing,
        Self::HalfHead,
        Self::ByteByByte,
        Self::WrongSecretSlowBody,
        Self::HugeHead,
    ];

    /// What it says at once, and then once a second for as long as it may.
    fn words(self) -> (Vec<u8>, &'static [u8]) {
        let head = "POST /hook HTTP/1.1\r\nHost: x\r\n";
        match self {
            Self::SaysNothing => (Vec::new(), b""),
            Self::HalfHead => (format!("{head}X-").into_bytes(), b""),
            Self::ByteByByte => (b"P".to_vec(), b"O"),
            Self::WrongSecretSlowBody => {
                let secret = "X-Telegram-Bot-Api-Secret-Token: wrong\r\n";
                let more = "Content-Length: 100000\r\n\r\n{";
                (format!("{head}{secret}{more}").into_bytes(), b" ")
            }
            Self::HugeHead => {
                let filler = "a".repeat(60_000);
                (format!("{head}X-Filler: {filler}").into_bytes(), b"a")
            }
        }
    }
}

/// Everybody who bothers the daemon, until dropped.
struct Mob {
    over: Arc<AtomicBool>,
    came: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
}

impl Drop for Mob {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

impl Mob {
    fn new() -> Self {
        Self {
            over: Arc::default(),
            came: Arc::default(),
            refused: Arc::default(),
        }
    }

    /// Clients that are stuck; whoever is thrown out comes again.
    fn stick(&self, address: &str, clients: usize) {
        for n in 0..clients {
            let address = address.to_owned();
            let (over, came) = (Arc::clone(&self.over), Arc::clone(&self.came));
            let kind = Stuck::ALL[n % Stuck::ALL.len()];
            beside(async move {
                while !over.load(Ordering::Relaxed) {
                    if let Ok(stream) = TcpStream::connect(&address).await {
                        came.fetch_add(1, Ordering::Relaxed);
                        stuck(stream, kind, &over).await;
                    }
                    tokio::time::sleep(COMES_AGAIN).await;
                }
            });
        }
    }

    /// Clients with wrong secrets, as fast as they are answered.
    fn guess(&self, address: &str, clients: usize) {
        for _ in 0..clients {
            let address = address.to_owned();
            let (over, refused) = (Arc::clone(&self.over), Arc::clone(&self.refused));
            beside(async move {
                while !over.load(Ordering::Relaxed) {
                    let answer = deliver(&address, "wrong", "{}").await;
                    if answer == Some(401) {
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    }

    /// Until so many have come in. A slow machine may throw the first ones out
    /// before the last ones are there; they come again.
    async fn until_come(&self, enough: u64) {
        within("the crowd", async {
            while self.came.load(Ordering::Relaxed) < enough {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }
}

/// Until it is thrown out or the mob is over.
async fn stuck(mut stream: TcpStream, kind: Stuck, over: &AtomicBool) {
    let (first, then) = kind.words();
    if stream.write_all(&first).await.is_err() {
        return;
    }
    let mut answer = [0; 512];
    while !over.load(Ordering::Relaxed) {
        let second = Duration::from_secs(1);
        match tokio::time::timeout(second, stream.read(&mut answer)).await {
            Ok(Ok(1..)) => {}
            Ok(_) => return,
            Err(_) if stream.write_all(then).await.is_err() => return,
            Err(_) => {}
        }
    }
}

/// One delivery on a connection of its own; the status, or nothing when it was
/// cut or refused.
async fn deliver(address: &str, secret: &str, update: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = request(secret, update);
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.ok()?;
    std::str::from_utf8(&answer[9..]).ok()?.parse().ok()
}

fn request(secret: &str, update: &str) -> String {
    format!(
        "POST /hook HTTP/1.1\r\nHost: x\r\nX-Telegram-Bot-Api-Secret-Token: {secret}\r\n\
         Content-Length: {}\r\n\r\n{update}",
        update.len()
    )
}

struct Scene {
    real: Real,
    process: Process,
    address: String,
    secret: String,
    ann: i64,
}

impl Scene {
    async fn new() -> Self {
        let mut real = Real::new(Transport::Webhook).await;
        let grace = format!("{}s", GRACE.as_secs());
        real.env.insert("LASTWORD_SHUTDOWN__GRACE", grace);
        let ann = real.person("Ann");
        let process = real.start().await;
        real.ask(&Place::private(ann));
        real.until_settled(1).await;
        let secret = real.sql().query_row(
            "SELECT value FROM meta WHERE key LIKE 'webhook_secret:%'",
            [],
            |row| row.get(0),
        );
        Self {
            address: real.env["LASTWORD_TELEGRAM__WEBHOOK__LISTEN"].clone(),
            secret: secret.expect("it is kept"),
            real,
            process,
            ann,
        }
    }

    /// The honest client's deliveries, each on a new connection: how long each
    /// took, in order of length.
    async fn deliver_honestly(&self, updates: u32) -> Vec<Duration> {
        let mut took = Vec::new();
        for n in 0..updates {
            // An event that means nothing to us: stored, and settled at once.
            let update = format!(r#"{{"update_id":{}}}"#, 900_000_000 + n);
            let begun = Instant::now();
            let delivery = deliver(&self.address, &self.secret, &update);
            let answer = within("an honest delivery", delivery).await;
            assert_eq!(answer, Some(200), "delivery {n} of the honest client");
            took.push(begun.elapsed());
        }
        took.sort();
        took
    }

    /// People go on being answered.
    async fn people_are_answered(&self, questions: u64) {
        for _ in 0..questions {
            self.real.ask(&Place::private(self.ann));
            let asked = self.real.asked_so_far();
            self.real.until("accepted", |b| b.messages == asked).await;
        }
        self.real.until_settled(1).await;
    }

    /// `VmRSS` or `VmHWM`, in KiB.
    fn memory(&self, which: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.pid()));
        let status = status.expect("it runs");
        let line = status.lines().find(|line| line.starts_with(which));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.and_then(|kib| kib.parse().ok()).expect("a number")
    }
}

/// As many as asked for, or as many as this machine allows.
fn as_many_as_allowed() -> usize {
    let wanted = std::env::var("LASTWORD_IT_STUCK")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(STUCK);
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let _ = setrlimit(Resource::Nofile, raised);
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let allowed = usize::try_from(limit.saturating_sub(SPARE)).unwrap_or(usize::MAX);
    if allowed < wanted {
        note(&format!(
            "!!! ONLY {allowed} of {wanted} stuck connections: the limit of file descriptors is {limit}"
        ));
    }
    wanted.min(allowed)
}

fn at(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() - 1) * percent / 100]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_clients_neither_stop_the_honest_nor_delay_the_exit() {
    let begun = books::now();
    let clients = as_many_as_allowed();
    let mut scene = Scene::new().await;
    let calm = scene.deliver_honestly(100).await;
    let before = scene.memory("VmRSS");

    let mob = Mob::new();
    mob.stick(&scene.address, clients);
    mob.until_come(clients as u64 / 20).await;
    mob.guess(&scene.address, 4);
    let attacked = Instant::now();
    // All of them, so that it fails if each had to wait for its turn.
    let honest = within("the honest client", scene.deliver_honestly(100)).await;
    scene.people_are_answered(5).await;
    let refused = mob.refused.load(Ordering::Relaxed);
    let per_second = refused as f64 / attacked.elapsed().as_secs_f64();
    let growth = scene.memory("VmHWM").saturating_sub(before);
    note(&format!(
        "HOSTILE {clients} stuck, {per_second:.0} wrong secrets/s: honest p50 {:.1?} p99 {:.1?} \
         (calm p50 {:.1?} p99 {:.1?}), memory +{growth} KiB",
        at(&honest, 50),
        at(&honest, 99),
        at(&calm, 50),
        at(&calm, 99),
    ));
    assert!(growth <= GROWTH_MAX_KIB, "{growth} KiB more");

    // A stop that lasts to its deadline, for the model is at it for ever.
    scene
        .real
        .model
        .change(|now| now.fault = Fault::HoldAfter(0));
    scene.real.ask(&Place::private(scene.ann));
    scene
        .real
        .until("claimed", |b| in_turn(b, turn::State::Claimed) == 1)
        .await;
    let exit = scene.process.stop().await;
    assert_eq!(exit.code, Some(3), "{exit:?}");
    assert!(exit.took <= GRACE + TAIL, "{:?}", exit.took);
    drop(mob);

    scene.real.model.change(|now| now.fault = Fault::Sound);
    scene.process = scene.real.start().await;
    let books = scene.real.until_settled(1).await;
    let mut ledger = scene.real.ledger("hostile clients", &books);
    ledger.drains = 1;
    ledger.close(begun);
    assert_eq!(scene.process.stop().await.code, Some(0));
}

/// An idle daemon leaves at once, however many are stuck in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stuck_connections_do_not_hold_an_idle_stop_to_its_deadline() {
    let mut scene = Scene::new().await;
    let mob = Mob::new();
    mob.stick(&scene.address, 1_000);
    mob.until_come(700).await;
    let exit = scene.process.stop().await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert!(exit.took <= GRACE, "{:?}", exit.took);
    assert!(
        exit.line
            .get("forced")
            .is_none_or(serde_json::Value::is_null)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_deliveries_are_all_stored_and_answered_in_order() {
    const REQUESTS: usize = 50;
    let mut scene = Scene::new().await;
    let mut stream = TcpStream::connect(&scene.address)
        .await
        .expect("it listens");
    let all: String = (0..REQUESTS)
        .map(|n| {
            let id = 800_000_000 + n;
            request(&scene.secret, &format!(r#"{{"update_id":{id}}}"#))
        })
        .collect();
    stream.write_all(all.as_bytes()).await.expect("it reads");
    let mut answers = String::new();
    within("every answer", async {
        let mut buffer = [0; 4096];
        while answers.matches("HTTP/1.1 200").count() < REQUESTS {
            let read = stream.read(&mut buffer).await.expect("it answers");
            assert_ne!(read, 0, "it hung up: {answers}");
            answers.push_str(std::str::from_utf8(&buffer[..read]).expect("text"));
        }
    })
    .await;
    let stored = "SELECT count(*) FROM updates WHERE update_id BETWEEN 800000000 AND 800000049";
    assert_eq!(scene.real.count(stored), Some(REQUESTS as u64));
    assert_eq!(scene.process.stop().await.code, Some(0));
}
