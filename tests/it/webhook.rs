//! The webhook over real sockets, with a sink that does what the test says.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use lastword::config::{Webhook as Config, WebhookSecret, WebhookUrl};
use lastword::domain::ids::InstanceId;
use lastword::intake::webhook::{Limits, Listener, Webhook, bequeath, inherit};
use lastword::intake::{Accept, IntakeState, Refusal};
use lastword::pulse::Pulse;
use lastword::shutdown::{Cause, Grace, Kind, Shutdown, Tasks};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

mod answers;
mod stopping;
mod tls;

const SECRET: &str = "hush_hush-42";

/// Nothing here takes that long unless it hangs for ever.
const HANGS: Duration = Duration::from_secs(60);

/// What the daemon puts behind the webhook, in small.
#[derive(Debug)]
struct Sink {
    state: Mutex<IntakeState>,
    refusal: Mutex<Option<Refusal>>,
    stored: Mutex<Vec<Bytes>>,
    asked: AtomicUsize,
    /// Each `accept` takes one; a test that holds them holds the store.
    turns: Semaphore,
}

#[async_trait]
impl Accept for Sink {
    async fn accept(&self, batch: Vec<Bytes>) -> Result<(), Refusal> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let _turn = self.turns.acquire().await.expect("never closed");
        if let Some(refusal) = self.refusal.lock().expect("whole").clone() {
            return Err(refusal);
        }
        self.stored.lock().expect("whole").extend(batch);
        Ok(())
    }

    fn state(&self) -> IntakeState {
        *self.state.lock().expect("whole")
    }

    async fn has_successor(&self) -> bool {
        self.state() == IntakeState::Draining { successor: true }
    }
}

impl Sink {
    fn set(&self, state: IntakeState) {
        *self.state.lock().expect("whole") = state;
    }

    fn stored(&self) -> Vec<Bytes> {
        self.stored.lock().expect("whole").clone()
    }

    /// Waits until `count` updates have reached the store.
    async fn reached(&self, count: usize) {
        timeout(HANGS, async {
            while self.asked.load(Ordering::SeqCst) < count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await
        .expect("the update reaches the store");
    }
}

struct House {
    instance: InstanceId,
    sink: Arc<Sink>,
    shutdown: Shutdown,
    tasks: Tasks,
    address: String,
}

fn config() -> Config {
    Config {
        url: WebhookUrl::parse("https://bot.example.org/hook/it"),
        listen: ([127, 0, 0, 1], 0).into(),
        secret: None,
        max_connections: 40,
        tls_cert: None,
        tls_key: None,
    }
}

async fn house() -> House {
    house_with(&config(), Limits::default()).await
}

async fn house_with(config: &Config, limits: Limits) -> House {
    let sink = Arc::new(Sink {
        state: Mutex::new(IntakeState::Open),
        refusal: Mutex::default(),
        stored: Mutex::default(),
        asked: AtomicUsize::new(0),
        turns: Semaphore::new(1_000),
    });
    let shutdown = Shutdown::new();
    shutdown.arm(Grace::default());
    shutdown.enter(lastword::domain::phase::Phase::Running);
    let tasks = Tasks::new(&shutdown);
    let secret = WebhookSecret::parse(SECRET).expect("a secret");
    let seam = Arc::clone(&sink);
    let pulse = Pulse::default();
    let webhook = Webhook::new(config, secret, seam, &shutdown, &tasks, &pulse)
        .await
        .expect("a server")
        .with_limits(limits);
    let listener = Listener::bind(config.listen).await.expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    let listener = Arc::new(listener);
    static INSTANCES: AtomicUsize = AtomicUsize::new(0);
    let instance = u64::from(std::process::id()) << 20;
    let instance = instance + INSTANCES.fetch_add(1, Ordering::SeqCst) as u64;
    let instance = InstanceId(i64::try_from(instance).expect("a pid is small"));
    bequeath(&listener, instance, &tasks).expect("a will");
    webhook.start(listener);
    House {
        instance,
        sink,
        shutdown,
        tasks,
        address,
    }
}

impl House {
    async fn connect(&self) -> Raw {
        let stream = TcpStream::connect(&self.address).await;
        let stream = stream.expect("it listens");
        stream.set_nodelay(true).expect("a socket");
        Raw(stream)
    }

    fn client(&self) -> (reqwest::Client, String) {
        (
            reqwest::Client::new(),
            format!("http://{}/hook/it", self.address),
        )
    }

    /// An authentic delivery.
    async fn deliver(&self, update: &'static str) -> reqwest::Response {
        let (client, url) = self.client();
        client
            .post(url)
            .header("X-Telegram-Bot-Api-Secret-Token", SECRET)
            .body(update)
            .send()
            .await
            .expect("an answer")
    }

    /// Stops, and fails if anything that was begun does not end.
    async fn stop(&self) {
        self.shutdown.stop(Cause::Terminate);
        timeout(HANGS, self.tasks.wait(&Kind::WORK))
            .await
            .expect("every feeder ends");
    }

    async fn close(&self) {
        self.tasks.close();
        timeout(HANGS, self.tasks.wait_all())
            .await
            .expect("everything ends");
    }
}

/// A client that speaks HTTP by hand, to stop in the middle of it.
struct Raw(TcpStream);

impl Raw {
    async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.expect("it reads");
    }

    /// A head with the secret; `more` are header lines that end with CRLF.
    async fn head(&mut self, more: &str) {
        self.say(format!(
            "POST /hook/it HTTP/1.1\r\nHost: x\r\nX-Telegram-Bot-Api-Secret-Token: {SECRET}\r\n{more}\r\n"
        ))
        .await;
    }

    /// One answer without a body, in lower case; empty when the connection ends.
    async fn hear(&mut self) -> String {
        let mut heard = Vec::new();
        let reading = async {
            while !heard.ends_with(b"\r\n\r\n") {
                match self.0.read_u8().await {
                    Ok(byte) => heard.push(byte),
                    Err(_) => break,
                }
            }
        };
        timeout(HANGS, reading).await.expect("an answer or an end");
        String::from_utf8(heard).expect("text").to_lowercase()
    }

    /// Fails unless the server ends the connection.
    async fn hear_the_end(&mut self) {
        let mut rest = Vec::new();
        // A reset is an end, too.
        let _ = timeout(HANGS, self.0.read_to_end(&mut rest))
            .await
            .expect("an end");
        assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    }
}
