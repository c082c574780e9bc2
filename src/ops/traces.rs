//! The exporter of traces: OTLP over HTTP, to one collector.
//!
//! It is beside everything: a collector that is slow or away delays no turn and
//! no exit. What it does not take after a few tries is dropped and counted.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode, Url};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::time::{Instant, sleep, timeout};

use crate::domain::ids::{BotId, InstanceId};
use crate::domain::metric;
use crate::http;
use crate::telemetry::otlp;
use crate::telemetry::traces::{Span, Spans, Value};

/// Spans of one request at the most.
const BATCH: usize = 256;

/// How long a first span waits for others to go with it.
const GATHER: Duration = Duration::from_secs(2);

/// The longest that one request may take.
const CALL: Duration = Duration::from_secs(5);

/// Between two tries, doubled each time; and how many there are.
const AGAIN: Duration = Duration::from_secs(1);
const TRIES: u32 = 3;

/// How often a lasting trouble is told.
const TELL_EVERY: Duration = Duration::from_secs(600);

/// Sends spans to a collector.
#[derive(Debug)]
pub struct Exporter {
    http: Client,
    url: Url,
    bot: BotId,
    resource: Vec<(&'static str, Value)>,
    told: Option<Instant>,
}

/// Why a collector cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("failed to set up the export of traces: {0}")]
pub struct ExportError(String);

/// What became of a request.
enum Sent {
    Taken,
    /// It says that it never takes this.
    Refused(StatusCode),
    Again(String),
}

impl Exporter {
    /// An exporter to the collector whose OTLP root this is.
    ///
    /// # Errors
    /// When the address is none, or TLS cannot be set up. Nothing is connected
    /// yet.
    pub fn new(root: &str, bot: BotId, instance: InstanceId) -> Result<Self, ExportError> {
        let address = format!("{}/v1/traces", root.trim_end_matches('/'));
        let url = Url::parse(&address).map_err(|error| ExportError(error.to_string()))?;
        let http = http::builder(&url)
            .build()
            .map_err(|error| ExportError(http::reason(error)))?;
        Ok(Self {
            http,
            url,
            bot,
            resource: vec![
                ("service.name", "lastword".into()),
                ("service.version", env!("CARGO_PKG_VERSION").into()),
                (
                    "service.instance.id",
                    Value::Word(format!("{:016x}", instance.0)),
                ),
                ("bot.id", bot.0.into()),
            ],
            told: None,
        })
    }

    /// Exports until the stop, then what is left.
    pub async fn run(mut self, mut spans: Spans) {
        let closing = spans.closing.clone();
        loop {
            let first = tokio::select! {
                biased;
                () = closing.cancelled() => break,
                first = spans.queue.recv() => first,
            };
            let Some(first) = first else { break };
            let mut batch = vec![first];
            let gathered = async {
                while batch.len() < BATCH
                    && let Some(span) = spans.queue.recv().await
                {
                    batch.push(span);
                }
            };
            // Cancel-safe: what was received is in the batch.
            tokio::select! {
                biased;
                () = closing.cancelled() => {}
                _ = timeout(GATHER, gathered) => {}
            }
            let mut wait = AGAIN;
            for left in (0..TRIES).rev() {
                if self.export(&batch, left > 0).await {
                    break;
                }
                tokio::select! {
                    biased;
                    () = closing.cancelled() => {}
                    () = sleep(wait) => {}
                }
                wait *= 2;
            }
        }
        self.rest(&mut spans).await;
        spans.done.send_replace(true);
    }

    /// What is queued when the stop comes, one try each.
    async fn rest(&mut self, spans: &mut Spans) {
        loop {
            let mut batch = Vec::new();
            let over = loop {
                match spans.queue.try_recv() {
                    Ok(span) => batch.push(span),
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => break true,
                }
                if batch.len() == BATCH {
                    break false;
                }
            };
            if !batch.is_empty() {
                self.export(&batch, false).await;
            }
            if over {
                return;
            }
        }
    }

    /// Whether the batch needs no further try.
    async fn export(&mut self, batch: &[Span], may_again: bool) -> bool {
        let count = batch.len() as u64;
        let (reason, why) = match self.send(batch).await {
            Sent::Taken => {
                metrics::counter!(metric::SPANS_EXPORTED).increment(count);
                return true;
            }
            Sent::Again(_) if may_again => return false,
            Sent::Again(why) => ("unreachable", why),
            Sent::Refused(status) => ("refused", format!("status {}", status.as_u16())),
        };
        metrics::counter!(metric::SPANS_DROPPED, "reason" => reason).increment(count);
        if self.told.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
            self.told = Some(Instant::now());
            tracing::warn!(spans = count, %why, "the collector of traces does not take them (traces.endpoint)");
        }
        true
    }

    async fn send(&self, batch: &[Span]) -> Sent {
        let body = otlp::request(self.bot, &self.resource, batch);
        let call = self
            .http
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/x-protobuf")
            .timeout(CALL)
            .body(body)
            .send();
        match call.await {
            Ok(answer) if answer.status().is_success() => Sent::Taken,
            // The retryable ones of the specification (OTLP/HTTP, "Failures").
            Ok(answer) if [429, 502, 503, 504].contains(&answer.status().as_u16()) => {
                Sent::Again(format!("status {}", answer.status().as_u16()))
            }
            Ok(answer) => Sent::Refused(answer.status()),
            Err(error) => Sent::Again(http::reason(error)),
        }
    }
}
