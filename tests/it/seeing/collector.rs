//! The real binary, watched: by a collector of traces that decodes what it gets
//! with the official types, by scrapes, and by whoever reads its log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use lastword::domain::metric;
use lastword::playground::bot_api::{Fault, FaultRule, Place};
use lastword::playground::offline;
use lastword::store::desk::Desk;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use rustix::process::Signal;
use tokio::net::TcpListener;

use super::{assert_listed, assert_told_once, endings, series};
use crate::real::{Process, Real, Transport, beside, free_port, within};

/// A span and who sent it.
type Sent = (String, Span);

/// A collector that takes everything, and what it has got.
#[derive(Debug, Clone, Default)]
struct Collector {
    spans: Arc<Mutex<Vec<Sent>>>,
    raw: Arc<Mutex<Vec<u8>>>,
}

impl Collector {
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let taking = collector.clone();
        let take = move |body: Bytes| {
            let taking = taking.clone();
            async move { taking.take(&body) }
        };
        let router = Router::new().route("/v1/traces", post(take));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        beside(async move {
            let _ = axum::serve(listener, router).await;
        });
        (collector, format!("http://{address}"))
    }

    fn take(&self, body: &[u8]) -> StatusCode {
        self.raw.lock().expect("plain data").extend_from_slice(body);
        let request = ExportTraceServiceRequest::decode(body).expect("it is OTLP");
        let mut spans = self.spans.lock().expect("plain data");
        for resource in request.resource_spans {
            let who = resource.resource.expect("it says who").attributes;
            let who = word(&who, "service.instance.id");
            let found = resource.scope_spans.into_iter().flat_map(|s| s.spans);
            spans.extend(found.map(|span| (who.clone(), span)));
        }
        StatusCode::OK
    }

    /// The spans of one turn, as its trace has them.
    fn of_turn(&self, turn: i64) -> Vec<Sent> {
        let spans = self.spans.lock().expect("plain data").clone();
        let root = spans.iter().find(|(_, span)| {
            span.name == "turn" && number(&span.attributes, "turn.id") == Some(turn)
        });
        let Some((_, root)) = root.cloned() else {
            return Vec::new();
        };
        let same = |(_, span): &Sent| span.trace_id == root.trace_id;
        spans.into_iter().filter(same).collect()
    }
}

fn find<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a any_value::Value> {
    let found = attributes.iter().find(|pair| pair.key == key)?;
    found.value.as_ref()?.value.as_ref()
}

fn word(attributes: &[KeyValue], key: &str) -> String {
    match find(attributes, key) {
        Some(any_value::Value::StringValue(word)) => word.clone(),
        _ => String::new(),
    }
}

fn number(attributes: &[KeyValue], key: &str) -> Option<i64> {
    match find(attributes, key) {
        Some(any_value::Value::IntValue(number)) => Some(*number),
        _ => None,
    }
}

async fn scrape(real: &Real) -> String {
    let address = &real.env["LASTWORD_OPS__LISTEN"];
    let asked = async {
        reqwest::get(format!("http://{address}/metrics"))
            .await?
            .text()
            .await
    };
    within("the metrics", asked).await.expect("they are served")
}

/// Scrapes until a series is there with more than nothing.
async fn until_shown(real: &Real, name: &str) -> String {
    let looked = async {
        loop {
            let scrape = scrape(real).await;
            if series(&scrape).get(name).is_some_and(|value| *value > 0.0) {
                return scrape;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    within(name, looked).await
}

async fn watched(endpoint: &str) -> Real {
    lastword::tls::install_crypto();
    let mut real = Real::new(Transport::Polling).await;
    let listen = free_port().await.to_string();
    real.env.extend([
        ("LASTWORD_OPS__LISTEN", listen),
        ("LASTWORD_TRACES__ENDPOINT", endpoint.to_owned()),
        ("LASTWORD_LOG__FORMAT", "json".to_owned()),
    ]);
    real
}

/// Asks something that stands still in the model, of a process that was started.
async fn hold(real: &Real, chat: i64) {
    real.model.fail_next(1, offline::Fault::HoldAfter(1));
    real.ask(&Place::private(chat));
    within("the model", real.model.until(|now| now.running == 1)).await;
}

async fn begun(real: &Real) -> Process {
    let process = real.start().await;
    process.says("running").await;
    process
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_is_one_trace_and_one_line_over_stops_and_kills() {
    let (collector, endpoint) = Collector::start().await;
    let real = watched(&endpoint).await;
    let [ann, bob, cid] = ["Ann", "Bob", "Cid"].map(|name| real.person(name));
    let mut log = String::new();

    // Answered at once; left to a successor; taken over from a killed one.
    let mut process = begun(&real).await;
    real.ask(&Place::private(ann));
    real.until_answered().await;
    hold(&real, bob).await;
    process.signal(Signal::TERM);
    process.signal(Signal::TERM);
    log += &process.ended().await.log;
    real.model.release();
    let mut process = begun(&real).await;
    real.until_answered().await;
    // What was told is not to be killed on its way out.
    process.says("turn over").await;
    let told = async {
        while collector.of_turn(2).len() < 6 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    within("the trace of the second", told).await;
    hold(&real, cid).await;
    process.kill().await;
    real.model.release();
    let mut process = begun(&real).await;
    real.until_answered().await;
    until_shown(&real, "lastword_turns_resumed_total").await;
    log += "\n";
    let exit = process.stop().await;
    assert_eq!(exit.code, Some(0));
    log += &exit.log;

    // The killed one's log is gone with its process; its turn was told by the next.
    let lines = endings(&log);
    let told = assert_told_once(&lines);
    assert!(told.keys().all(|turn| [1, 2, 3].contains(turn)), "{told:?}");
    assert!(told.contains_key(&1) && told.contains_key(&3), "{told:?}");

    for (turn, claims) in [(1, 1), (2, 2), (3, 2)] {
        let spans = collector.of_turn(turn);
        let named = |name: &str| -> Vec<&Sent> {
            spans.iter().filter(|(_, span)| span.name == name).collect()
        };
        for name in ["turn", "gather", "queue", "send"] {
            assert_eq!(named(name).len(), 1, "{name} of {turn}: {spans:#?}");
        }
        let (_, root) = named("turn")[0];
        assert!(root.parent_span_id.is_empty());
        assert_eq!(number(&root.attributes, "turn.claims"), Some(claims));
        let ids: BTreeSet<_> = spans.iter().map(|(_, span)| &span.span_id).collect();
        assert_eq!(ids.len(), spans.len(), "{spans:#?}");
        for (_, span) in &spans {
            assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
            if span.name != "turn" {
                assert_eq!(span.parent_span_id, root.span_id, "{span:#?}");
            }
        }
        // A killed run tells nothing of itself.
        let runs = named("complete");
        assert_eq!(runs.len(), if turn == 2 { 2 } else { 1 }, "{runs:#?}");
        let who: BTreeSet<_> = runs.iter().map(|(who, _)| who).collect();
        assert_eq!(who.len(), runs.len(), "the successor is another");
        let outcome = |(_, run): &&Sent| word(&run.attributes, "outcome");
        let outcomes: Vec<_> = runs.iter().map(outcome).collect();
        let expected: &[&str] = match turn {
            2 => &["parked", "answered"],
            _ => &["answered"],
        };
        assert_eq!(outcomes, expected);
        // One id leads from the line through the trace to the provider.
        let last = runs.last().expect("it ran");
        let request = word(&last.1.attributes, "llm.request");
        assert!(request.starts_with("gen-"), "{request:?}");
        assert_eq!(word(&root.attributes, "llm.request"), request);
        if let Some(line) = lines.iter().find(|line| line["turn.id"] == turn) {
            assert_eq!(line["llm.request"], request.as_str());
        }
    }
    let raw = collector.raw.lock().expect("plain data").clone();
    let raw = String::from_utf8_lossy(&raw);
    for secret in ["q00000", "q00001", "echo", "Ann"] {
        assert!(!raw.contains(secret), "{secret} is in a trace");
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scrape_shows_the_process_its_store_and_its_latest_stop() {
    let (_collector, endpoint) = Collector::start().await;
    let real = watched(&endpoint).await;
    let [ann, bob] = ["Ann", "Bob"].map(|name| real.person(name));
    let mut process = begun(&real).await;
    let first = scrape(&real).await;
    assert_listed(&first);
    let before: BTreeSet<String> = series(&first).into_keys().collect();
    let mut seen: BTreeMap<String, f64> = BTreeMap::new();
    let mut note = |scrape: &str| {
        for (name, value) in series(scrape) {
            let most = seen.entry(name).or_insert(value);
            *most = most.max(value);
        }
    };
    note(&first);
    // A call that fails, one that hangs, a turn that runs, a pause.
    real.telegram.fault(FaultRule::once(
        "sendRichMessage",
        Fault::Gateway { code: 502 },
    ));
    real.ask(&Place::private(ann));
    real.until_answered().await;
    hold(&real, bob).await;
    note(&until_shown(&real, "lastword_turns_open{state=\"claimed\"}").await);
    real.telegram
        .fault(FaultRule::once("sendRichMessage", Fault::HangBefore).in_chat(bob));
    real.model.release();
    note(&until_shown(&real, "lastword_outbox_parts{state=\"sending\"}").await);
    real.telegram.release();
    real.until_answered().await;
    let desk = real.look();
    desk.pause(None).await.expect("the store answers");
    note(&until_shown(&real, "lastword_paused").await);
    desk.resume().await.expect("the store answers");
    note(&until_shown(&real, "lastword_spans_exported_total").await);
    assert_eq!(process.stop().await.code, Some(0));
    let mut process = begun(&real).await;
    let last = scrape(&real).await;
    note(&last);
    let after: BTreeSet<String> = series(&last).into_keys().collect();
    assert_eq!(before, after, "every series is there from the start");
    for metric in [
        metric::BUILD_INFO,
        metric::START_TIME,
        metric::PHASE,
        metric::ROLE,
        metric::READY,
        metric::RESIDENT_BYTES,
        metric::OPEN_FDS,
        metric::MAX_FDS,
        metric::TASKS_RUNNING,
        metric::STORE_BYTES,
        metric::DISK_FREE_BYTES,
        metric::TURNS_OPEN,
        metric::OLDEST_WAITING_SECONDS,
        metric::OUTBOX_PARTS,
        metric::PAUSED,
        metric::INTAKE_TRANSPORT,
        metric::INTAKE_POLLS,
        metric::TELEGRAM_ERRORS,
        metric::SPANS_EXPORTED,
        metric::DRAIN_SECONDS,
    ] {
        let moved = seen
            .iter()
            .any(|(name, value)| super::metric_of(name) == metric && *value > 0.0);
        assert!(moved, "{metric} was never more than 0");
    }
    let drain = |rung: &str| series(&last)[&format!("lastword_drain_seconds{{rung=\"{rung}\"}}")];
    assert!(drain("turns") > 0.0 && drain("turns") < 20.0);
    assert_eq!(process.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_or_deaf_costs_no_answer_and_no_exit() {
    // Nobody listens there; somebody does, and never says a word.
    let deaf = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let deaf_at = deaf.local_addr().expect("it is bound");
    for (address, reason) in [(free_port().await, "unreachable"), (deaf_at, "")] {
        let real = watched(&format!("http://{address}")).await;
        let ann = real.person("Ann");
        let mut process = begun(&real).await;
        for _ in 0..3 {
            real.ask(&Place::private(ann));
            real.until_answered().await;
        }
        if !reason.is_empty() {
            let dropped = format!("lastword_spans_dropped_total{{reason=\"{reason}\"}}");
            until_shown(&real, &dropped).await;
        }
        let exit = process.stop().await;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        assert_eq!(exit.line["exit"], "drained", "{}", exit.line);
    }
}
