//! The client: what Telegram's delivering side looks like to a webhook.
//!
//! Kept-alive connections, one request in flight on each, on a thread of its
//! own with as little work per request as possible, the same for every server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// What every request carries to prove where it comes from.
pub const SECRET: &str = "load-secret-load-secret";

/// The route.
pub const PATH: &str = "/hook";

/// How a server is loaded.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Requests in flight at most.
    pub connections: usize,
    /// Different people, each in a private chat.
    pub chats: i64,
    /// When to stop.
    pub until: Until,
    /// Requests a second in all; as fast as it goes without.
    pub pace: Option<f64>,
}

/// When a load ends.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// After this time.
    Over(Duration),
    /// After this many requests.
    Sent(i64),
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Requests answered 200.
    pub confirmed: i64,
    /// Seconds it took.
    pub seconds: f64,
    /// Milliseconds of each request.
    pub latencies: Vec<f64>,
}

impl Outcome {
    /// Requests a second.
    #[expect(clippy::cast_precision_loss, reason = "a count of one run")]
    pub fn rate(&self) -> f64 {
        self.confirmed as f64 / self.seconds
    }

    /// One after the other.
    pub fn join(mut self, other: Self) -> Self {
        self.confirmed += other.confirmed;
        self.seconds += other.seconds;
        self.latencies.extend(other.latencies);
        self
    }
}

/// Loads the server at `address`; update ids are taken from `ids`. Blocks.
///
/// # Errors
/// When anything but 200 is answered or a connection breaks.
pub fn load(address: SocketAddr, ids: &Arc<AtomicI64>, load: Load) -> anyhow::Result<Outcome> {
    let ids = Arc::clone(ids);
    let thread = std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(drive(address, ids, load))
    });
    match thread.join() {
        Ok(outcome) => outcome,
        Err(_) => bail!("the client panicked"),
    }
}

async fn drive(address: SocketAddr, ids: Arc<AtomicI64>, load: Load) -> anyhow::Result<Outcome> {
    let mut streams = Vec::with_capacity(load.connections);
    for _ in 0..load.connections {
        let stream = TcpStream::connect(address).await.context("connect")?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let first = ids.load(Ordering::Relaxed);
    let begun = Instant::now();
    let mut connections = JoinSet::new();
    for stream in streams {
        connections.spawn(connection(stream, Arc::clone(&ids), load, first, begun));
    }
    let mut all = Outcome::default();
    while let Some(ended) = connections.join_next().await {
        all = all.join(ended??);
    }
    all.seconds = begun.elapsed().as_secs_f64();
    Ok(all)
}

async fn connection(
    mut stream: TcpStream,
    ids: Arc<AtomicI64>,
    load: Load,
    first: i64,
    begun: Instant,
) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut answer = vec![0; 4096];
    loop {
        if let Until::Over(time) = load.until
            && begun.elapsed() >= time
        {
            return Ok(outcome);
        }
        let id = ids.fetch_add(1, Ordering::Relaxed);
        if let Until::Sent(count) = load.until
            && id - first >= count
        {
            return Ok(outcome);
        }
        if let Some(pace) = load.pace {
            #[expect(clippy::cast_precision_loss, reason = "a count of one run")]
            let at = begun + Duration::from_secs_f64((id - first) as f64 / pace);
            sleep_until(at).await;
        }
        let request = request(id, id % load.chats);
        let sent = Instant::now();
        stream.write_all(&request).await.context("write")?;
        read_answer(&mut stream, &mut answer).await?;
        outcome.latencies.push(sent.elapsed().as_secs_f64() * 1e3);
        outcome.confirmed += 1;
    }
}

/// Reads one answer; none of them has more than a few bytes of body.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> anyhow::Result<()> {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await.context("read")?;
        if read == 0 {
            bail!("the connection was closed");
        }
        filled += read;
        let text = String::from_utf8_lossy(&buffer[..filled]);
        let Some(head) = text.find("\r\n\r\n") else {
            continue;
        };
        if !text.starts_with("HTTP/1.1 200") {
            bail!("answered {}", text.lines().next().unwrap_or_default());
        }
        let length = text[..head]
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .and_then(|length| length.parse().ok())
            .unwrap_or(0);
        if filled >= head + 4 + length {
            return Ok(());
        }
    }
}

/// One delivery as Telegram makes it.
pub fn request(id: i64, chat: i64) -> Vec<u8> {
    let body = update(id, chat);
    let mut request = format!(
        "POST {PATH} HTTP/1.1\r\nhost: load.invalid\r\ncontent-type: application/json\r\n\
         x-telegram-bot-api-secret-token: {SECRET}\r\naccept-encoding: gzip, deflate\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    request.push_str(&body);
    request.into_bytes()
}

/// A message of a person in a private chat, with the fields Telegram sends.
pub fn update(id: i64, chat: i64) -> String {
    let person = 1_000_000 + chat;
    let message = 10 + id;
    format!(
        "{{\"update_id\":{id},\"message\":{{\"message_id\":{message},\
         \"from\":{{\"id\":{person},\"is_bot\":false,\"first_name\":\"Ann\",\"last_name\":\"Lee\",\
         \"username\":\"ann{person}\",\"language_code\":\"en\"}},\
         \"chat\":{{\"id\":{person},\"first_name\":\"Ann\",\"last_name\":\"Lee\",\
         \"username\":\"ann{person}\",\"type\":\"private\"}},\
         \"date\":1790000000,\"text\":\"Is there a train from here to the sea that runs on Sundays?\"}}}}"
    )
}
