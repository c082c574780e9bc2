//! A client of the webhook that never lets go: so many requests a second, half
//! of them on connections that are kept, half on new ones, each counted by what
//! became of it.
//!
//! Reads nothing of Telegram's rules: here a refused or reset connection counts,
//! though Telegram would simply deliver again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Real, beside};

/// Ids that Telegram's own deliveries of the same run do not reach.
const FIRST: i64 = 5_000_000_000;

/// What became of requests: how many of each kind.
pub(crate) type Counts = BTreeMap<String, u64>;

#[derive(Debug, Clone)]
pub(crate) struct Hammer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    address: String,
    secret: String,
    pause: Duration,
    next: AtomicI64,
    stop: AtomicBool,
    counts: Mutex<Counts>,
    stored: Mutex<Vec<i64>>,
}

impl Hammer {
    /// Begins with this many requests a second.
    pub(crate) fn begin(real: &Real, secret: &str, per_second: u32) -> Self {
        let clients = 20;
        let hammer = Self(Arc::new(Inner {
            address: real.env["LASTWORD_TELEGRAM__WEBHOOK__LISTEN"].clone(),
            secret: secret.to_owned(),
            pause: Duration::from_secs(1) * clients / per_second,
            next: AtomicI64::new(FIRST),
            stop: AtomicBool::new(false),
            counts: Mutex::default(),
            stored: Mutex::default(),
        }));
        for client in 0..clients {
            let hammer = hammer.clone();
            beside(async move { hammer.client(client % 2 == 0).await });
        }
        hammer
    }

    /// Ends, and says what became of all requests.
    pub(crate) async fn end(self) -> (Counts, Vec<i64>) {
        self.0.stop.store(true, Ordering::Release);
        while Arc::strong_count(&self.0) > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let counts = self.0.counts.lock().expect("plain data").clone();
        let stored = self.0.stored.lock().expect("plain data").clone();
        (counts, stored)
    }

    async fn client(self, keeps: bool) {
        let mut ticks = tokio::time::interval(self.0.pause);
        let mut kept = None;
        while !self.0.stop.load(Ordering::Acquire) {
            ticks.tick().await;
            let id = self.0.next.fetch_add(1, Ordering::AcqRel);
            let became = self.request(&mut kept, id).await;
            if !keeps {
                kept = None;
            }
            let word = match became {
                Ok(code) => code.to_string(),
                Err(error) => format!("{:?}", error.kind()),
            };
            if word == "200" {
                self.0.stored.lock().expect("plain data").push(id);
            }
            let mut counts = self.0.counts.lock().expect("plain data");
            *counts.entry(word).or_default() += 1;
        }
    }

    /// One request, on the connection that was kept if that still stands.
    async fn request(&self, kept: &mut Option<TcpStream>, id: i64) -> std::io::Result<u16> {
        let mut stream = match kept.take().filter(still_open) {
            Some(stream) => stream,
            None => TcpStream::connect(&self.0.address).await?,
        };
        // Of a group in which nobody speaks to the bot: stored, and no turn.
        let body = format!(
            "{{\"update_id\":{id},\"message\":{{\"message_id\":{},\"date\":1,\"text\":\"chatter\",\
             \"chat\":{{\"id\":-77,\"type\":\"group\",\"title\":\"g\"}},\
             \"from\":{{\"id\":7,\"is_bot\":false,\"first_name\":\"Z\"}}}}}}",
            id - FIRST + 1
        );
        let request = format!(
            "POST /hook HTTP/1.1\r\nHost: bot\r\nContent-Type: application/json\r\n\
             X-Telegram-Bot-Api-Secret-Token: {}\r\nContent-Length: {}\r\n\r\n{body}",
            self.0.secret,
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut heard = Vec::new();
        while !heard.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut heard).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        let heard = String::from_utf8_lossy(&heard).to_ascii_lowercase();
        if !heard.contains("connection: close") {
            *kept = Some(stream);
        }
        let code = heard.split(' ').nth(1).and_then(|code| code.parse().ok());
        code.ok_or_else(|| std::io::ErrorKind::InvalidData.into())
    }
}

/// What every client asks of a connection before it uses it again.
fn still_open(stream: &TcpStream) -> bool {
    stream.peek(&mut [0]).now_or_never().is_none()
}
