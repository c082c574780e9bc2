//! What is seen of the daemon: one line for each turn, whoever ends it, and the
//! measurements of every stage, through faults.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::{Arc, Mutex};

use lastword::domain::metric;
use lastword::llm::LlmError;
use lastword::playground::bot_api::{Act, Fault, FaultRule};
use lastword::playground::offline::{self, Offline};
use lastword::shutdown::{Cause, ExitCode};
use serde_json::Value;
use tracing::level_filters::LevelFilter;

use crate::house::{House, assert_balanced};
use crate::neighbours::{outcomes, pass};
use crate::scribe::Twist;

mod collector;
mod watchers;

const MINUTE_MS: u64 = 60_000;

/// What this thread logs, as a collector of logs gets it.
#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no writer panics").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn listen() -> (Self, tracing::subscriber::DefaultGuard) {
        let lines = Self::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_max_level(LevelFilter::INFO)
            .with_writer(move || writer.clone())
            .finish();
        (lines, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        let bytes = self.0.lock().expect("no writer panics").clone();
        String::from_utf8(bytes).expect("lines are text")
    }

    /// The lines of turns that have ended.
    fn endings(&self) -> Vec<Value> {
        endings(&self.text())
    }
}

/// The lines of turns that have ended, in a log of JSON lines.
fn endings(log: &str) -> Vec<Value> {
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    lines
        .filter(|line: &Value| line["message"] == "turn over")
        .collect()
}

/// Exactly one line for each turn, and what each of them must hold.
fn assert_told_once(endings: &[Value]) -> BTreeMap<i64, String> {
    let mut told = BTreeMap::new();
    for line in endings {
        let turn = line["turn.id"].as_i64().expect("a line names its turn");
        let outcome = line["outcome"].as_str().expect("and how it ended");
        let twice = told.insert(turn, outcome.to_owned());
        assert_eq!(twice, None, "turn {turn} was told twice: {endings:#?}");
        assert_eq!(line["level"], "INFO");
        for field in ["chat.id", "whole_ms", "turn.messages", "turn.claims"] {
            assert!(line[field].is_i64(), "no {field} in {line}");
        }
    }
    told
}

#[tokio::test(start_paused = true)]
async fn every_turn_has_one_line_with_its_times_however_and_by_whomever_it_ended() {
    let (lines, _listening) = Lines::listen();
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let scribe = house.scribe();
    let life = house.start();
    let [ann, ben, cid, dan, eve] = ["Ann", "Ben", "Cid", "Dan", "Eve"].map(|n| house.person(n));

    house.say(ann, "a secret word");
    house.until_heard(ann, 1).await;

    scribe.poison("venom");
    house.say(ben, "venom");
    house.until_heard(ben, 1).await;
    scribe.never();

    model.fail_next(1, offline::Fault::HoldAfter(1));
    house.say(cid, "say much");
    house
        .until("it is claimed", |_| model.counts().running == 1)
        .await;
    house.say(cid, "/stop");
    house.until_heard(cid, 1).await;

    model.fail_next(1, offline::Fault::HoldAfter(1));
    house.say(dan, "say more");
    house
        .until("it is claimed", |_| model.counts().running == 1)
        .await;
    house.act(Act::Block { person: dan });
    model.release();
    pass(MINUTE_MS).await;

    // Left by one life, ended by the next.
    model.fail_next(1, offline::Fault::HoldAfter(1));
    house.say(eve, "go on");
    house
        .until("it is claimed", |_| model.counts().running == 1)
        .await;
    life.shutdown.stop(Cause::Terminate);
    life.shutdown.stop(Cause::Terminate);
    assert_eq!(life.ended().await, ExitCode::Early);
    model.release();
    let life = house.start();
    house.until_heard(eve, 1).await;
    pass(MINUTE_MS).await;

    let books = life.books().await;
    assert_balanced(&books);
    let endings = lines.endings();
    let told = assert_told_once(&endings);
    let of = |outcome: &str| told.values().filter(|told| *told == outcome).count() as u64;
    for (outcome, turns) in outcomes(&books) {
        assert_eq!(of(outcome), turns, "{outcome}: {endings:#?}");
    }
    assert_eq!(told.len(), 5, "{endings:#?}");

    let line = |chat: i64| {
        let of_chat = |line: &&Value| line["chat.id"] == chat;
        endings.iter().find(of_chat).expect("each has one").clone()
    };
    let number = |line: &Value, field: &str| {
        let number = line[field].as_i64();
        number.unwrap_or_else(|| panic!("no {field} in {line}"))
    };
    let answered = line(ann);
    // The quiet period is 2 s; everything else takes no time on this clock.
    assert_eq!(number(&answered, "gathered_ms"), 2_000);
    let stages = ["gathered_ms", "queued_ms", "completion_ms", "sending_ms"];
    let sum: i64 = stages.iter().map(|field| number(&answered, field)).sum();
    assert_eq!(number(&answered, "whole_ms"), sum, "{answered}");
    assert!(number(&answered, "first_token_ms") <= number(&answered, "completion_ms"));
    assert_eq!(number(&answered, "turn.parts"), 1);
    assert_eq!(number(&answered, "llm.attempts"), 1);
    assert!(answered["llm.model"].is_string() && answered["cost"].is_number());
    assert!(number(&answered, "tokens.completion") > 0);
    assert_eq!(number(&line(eve), "turn.claims"), 2);
    assert_eq!(number(&line(dan), "turn.parts"), 0);
    assert!(!lines.text().contains("secret word"), "{}", lines.text());
}

/// Every series of a scrape with its value.
fn series(scrape: &str) -> BTreeMap<String, f64> {
    let lines = scrape.lines().filter(|line| !line.starts_with('#'));
    let series = lines.filter_map(|line| {
        let (name, value) = line.rsplit_once(' ')?;
        Some((name.to_owned(), value.parse().ok()?))
    });
    series.collect()
}

/// The metric that a series belongs to.
fn metric_of(series: &str) -> &str {
    let name = series.split('{').next().unwrap_or(series);
    let plain = ["_bucket", "_sum", "_count"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix));
    match plain.filter(|plain| metric::ALL.iter().any(|m| m.name == *plain)) {
        Some(plain) => plain,
        None => name,
    }
}

/// Metrics of which no series has moved from where it began in any scrape.
fn unmoved(scrapes: &[String]) -> BTreeSet<&'static str> {
    let all: Vec<_> = scrapes.iter().flat_map(|scrape| series(scrape)).collect();
    let moved: BTreeSet<&str> = all
        .iter()
        .filter(|(_, value)| *value != 0.0)
        .map(|(name, _)| metric_of(name))
        .collect();
    let names = metric::ALL.iter().map(|metric| metric.name);
    names.filter(|name| !moved.contains(name)).collect()
}

/// Every label of every series is one that was listed.
fn assert_listed(scrape: &str) {
    for name in series(scrape).keys() {
        let known = metric::ALL.iter().find(|m| m.name == metric_of(name));
        let known = known.unwrap_or_else(|| panic!("{name} is not described"));
        let Some((_, labels)) = name.trim_end_matches('}').split_once('{') else {
            continue;
        };
        for label in labels.split(',') {
            let (label, value) = label.split_once('=').expect("a label has a value");
            let value = value.trim_matches('"');
            let listed = known.labels.iter().find(|(name, _)| *name == label);
            let is_known = match listed {
                Some((_, values)) => values.is_empty() || values.contains(&value),
                None => label == "le",
            };
            assert!(is_known, "{name}: {label} = {value} is not listed");
        }
    }
}

/// What the storm below cannot reach: read from the running process or met by
/// the real binary (`collector.rs`, `real/`), or by what would end the daemon.
const ELSEWHERE: &[&str] = &[
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
    metric::TELEGRAM_ERRORS,
    metric::SPANS_EXPORTED,
    metric::DRAIN_SECONDS,
    metric::TURNS_RESUMED,
    // real/hung.rs, real/hostile.rs, webhook/, disk/, real/kills.rs, store/.
    metric::WATCHDOG_WITHHELD,
    metric::WEBHOOK_RESPONSES,
    metric::WEBHOOK_CROWDED_OUT,
    metric::STORE_ERRORS,
    metric::UPDATES_DUPLICATE,
    metric::UPDATES_UNPARSED,
    // telemetry/traces.rs, store: never in good or bad times.
    metric::SPANS_DROPPED,
    metric::TURNS_UNTOLD,
];

#[tokio::test(start_paused = true)]
async fn every_stage_is_measured_through_a_storm_of_faults() {
    let recorder = lastword::ops::metrics::recorder().expect("a recorder");
    let handle = recorder.handle();
    let _recording = metrics::set_default_local_recorder(&recorder);
    lastword::ops::metrics::describe();
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    house.config.intake.buffer = 3;
    let scribe = house.scribe();
    let api = Arc::clone(&house.telegram);
    let mut life = house.start();
    let people: Vec<i64> = (0..12).map(|n| house.person(&format!("P{n}"))).collect();
    let refuse = |code, wait| Fault::Refuse {
        code,
        description: (code == 403).then(|| "Forbidden: bot was blocked by the user".to_owned()),
        retry_after_s: wait,
    };
    let costs = b"data: {\"choices\":[{\"delta\":{\"content\":\"dear\"},\"finish_reason\":\"stop\"}],\
                  \"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"cost\":0.5}}\n\ndata: [DONE]\n\n";

    // The model: cut off once, panicking, without credit, away.
    model.fail_next(1, offline::Fault::CutAfter(2));
    house.say(people[0], "hello");
    house.until_heard(people[0], 1).await;
    scribe.twist(Twist::Bytes(costs));
    house.say(people[0], "hello");
    house.until_heard(people[0], 2).await;
    scribe.twist(Twist::Panic);
    house.say(people[1], "hello");
    house.until_heard(people[1], 1).await;
    scribe.twist(Twist::Refuse(LlmError::Status {
        code: 402,
        message: "no credit".to_owned(),
        retry_after: None,
    }));
    house.say(people[2], "hello");
    house.until_heard(people[2], 1).await;
    model.change(|now| now.fault = offline::Fault::Outage);
    house.say(people[3], "hello");
    house.say(people[4], "hello");
    house.until_heard(people[3], 1).await;
    let mut scrapes = vec![handle.render()];
    model.change(|now| now.fault = offline::Fault::Sound);
    pass(30 * MINUTE_MS).await;

    // Telegram: paused, of unknown arrival (there, not there), for good.
    let meets = |method: &str, chat: i64, fault| FaultRule::once(method, fault).in_chat(chat);
    api.fault(meets("sendRichMessage", people[5], refuse(429, Some(3))));
    api.fault(meets("sendRichMessage", people[6], Fault::CutAfter));
    api.fault(meets("sendRichMessage", people[7], Fault::CutBefore));
    for person in &people[5..8] {
        house.say(*person, "hello");
    }
    pass(MINUTE_MS / 2).await;
    // Somebody's later message tells a probe which ids there are.
    for person in &people[5..8] {
        house.say(*person, "hello again");
    }
    pass(5 * MINUTE_MS).await;
    api.fault(meets("sendRichMessage", people[8], refuse(403, None)));
    house.say(people[8], "hello");
    // Nobody says anything later: nothing can be proven.
    api.fault(meets("sendRichMessage", people[9], Fault::CutBefore));
    house.say(people[9], "hello");
    pass(5 * MINUTE_MS).await;
    // More at once than may wait.
    for person in &people[..6] {
        house.say(*person, "hello");
    }
    pass(1_500).await;
    scrapes.push(handle.render());
    pass(MINUTE_MS).await;
    // Intake: twice, unreadable, a gap, somebody else, an outage, too much.
    house.act(Act::Lose { updates: 5 });
    api.fault(FaultRule::once("getUpdates", refuse(409, None)));
    pass(MINUTE_MS).await;
    api.fault(FaultRule::once("getUpdates", Fault::Unreachable));
    house.act(Act::Lose { updates: 5 });
    pass(MINUTE_MS).await;
    house.say(people[9], "hello");
    pass(MINUTE_MS).await;

    // A file, and a stop with a turn in the middle.
    let medium = lastword::playground::bot_api::Medium::Photo;
    house.send(people[10], medium, "what is it?", 1);
    pass(MINUTE_MS).await;
    model.fail_next(1, offline::Fault::HoldAfter(1));
    house.say(people[11], "hello");
    house
        .until("it runs", |_| model.counts().running == 1)
        .await;
    life.shutdown.stop(Cause::Terminate);
    life.shutdown.stop(Cause::Terminate);
    let _ = life.ended().await;
    model.release();
    house.config.reply.uncertain = lastword::config::Uncertain::Hold;
    life = house.start();
    pass(MINUTE_MS).await;
    api.fault(meets("sendRichMessage", people[9], Fault::CutBefore));
    house.say(people[9], "hello");
    pass(10 * MINUTE_MS).await;
    assert_balanced(&life.books().await);

    let scrape = handle.render();
    assert_listed(&scrape);
    scrapes.push(scrape.clone());
    let missing: Vec<_> = unmoved(&scrapes)
        .into_iter()
        .filter(|name| !ELSEWHERE.contains(name))
        .collect();
    assert!(missing.is_empty(), "never recorded: {missing:?}\n{scrape}");
    let all = series(&scrape);
    for counted in [
        "lastword_telegram_waits_total{method=\"send\"}",
        "lastword_telegram_wait_seconds_total{method=\"send\"}",
        "lastword_retries_total{stage=\"completion\"}",
        "lastword_retries_total{stage=\"send\"}",
        "lastword_retries_total{stage=\"turn\"}",
        "lastword_llm_errors_total{class=\"credit\"}",
        "lastword_turns_settled_total{outcome=\"answered\"}",
        "lastword_turns_settled_total{outcome=\"undeliverable\"}",
        "lastword_intake_lag_seconds_count",
        "lastword_gather_seconds_count",
        "lastword_queue_seconds_count",
        "lastword_first_delta_seconds_count",
        "lastword_completion_seconds_count",
        "lastword_send_seconds_count",
        "lastword_turn_seconds_count",
    ] {
        assert!(all[counted] > 0.0, "{counted} is {}", all[counted]);
    }
}
