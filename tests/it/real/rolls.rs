//! Rolls under load, one after the other: what people see, what a client of the
//! webhook meets, and how long nobody took updates in.
//!
//! `LASTWORD_IT_ROLLS` sets how many.

use std::time::Duration;

use lastword::clock::{Clock, Millis};
use lastword::playground::bot_api::Place;
use lastword::playground::offline::{Behaviour, Fault, Offline, Pace, Voice};
use rustix::process::Signal;

use super::hammer::Hammer;
use super::verdict::Verdict;
use super::{Process, Real, Transport, beside, note, number, within};
use crate::books;

const ROLLS: u64 = 3;

/// The published figure is 1 s, which a debug build on a busy machine need not
/// keep.
const GAP_MAX: Millis = 5_000;

/// Words of the answer that the old one is at when it is told to stop; the
/// model says ten a second.
const LONG: usize = 30;

const SECRET: &str = "hush";

struct Deploys {
    real: std::sync::Arc<Real>,
    people: Vec<Place>,
    old: Process,
    /// Those that drain.
    going: Vec<Process>,
    gaps: Vec<Millis>,
    begun: std::time::Instant,
}

impl Deploys {
    async fn begin(transport: Transport) -> Self {
        let model = Offline::new(Behaviour {
            fault: Fault::Sound,
            voice: Voice::Echo,
            pace: Pace {
                first: Duration::from_millis(100),
                between: Duration::from_millis(100),
                words: 1,
            },
        });
        let mut real = Real::with(transport, model).await;
        real.env
            .insert("TELEGRAM_WEBHOOK_SECRET", SECRET.to_owned());
        real.env
            .insert("LASTWORD_SHUTDOWN__GRACE", "60s".to_owned());
        let people = (0..8).map(|n| Place::private(real.person(&format!("P{n}"))));
        let people = people.collect();
        let old = real.start().await;
        Self {
            real: std::sync::Arc::new(real),
            people,
            old,
            going: Vec::new(),
            gaps: Vec::new(),
            begun: books::now(),
        }
    }

    /// People write all the while, until the token is dropped.
    fn people_write(&self) -> tokio_util::sync::DropGuard {
        let token = tokio_util::sync::CancellationToken::new();
        let (until, real) = (token.clone(), std::sync::Arc::clone(&self.real));
        let people = self.people.clone();
        beside(async move {
            for n in 0.. {
                if until.is_cancelled() {
                    return;
                }
                real.ask(&people[n % people.len()]);
                tokio::time::sleep(Duration::from_millis(150)).await;
            }
        });
        token.drop_guard()
    }

    /// One roll while the old one is at a long answer.
    async fn roll(&mut self, n: u64) {
        let place = Place::private(self.real.person(&format!("Slow{n}")));
        let busy = self.real.model.counts().asked();
        self.real.ask_at_length(&place, LONG);
        let model = &self.real.model;
        within("the model", model.until(|now| now.asked() > busy)).await;
        let new = self.real.start().await;
        let told = Clock::system().now();
        self.old.signal(Signal::TERM);
        new.says("running").await;
        if !self.real.env.contains_key("LASTWORD_TELEGRAM__MODE") {
            let gap = self.gap(told).await;
            assert!(gap <= GAP_MAX, "nobody polled for {gap} ms");
            self.gaps.push(gap);
        }
        self.going.push(std::mem::replace(&mut self.old, new));
        self.reap(3).await;
    }

    /// From the last poll of the old one (its end, where it was still waiting)
    /// to the first of the new, which asks for the webhook before.
    async fn gap(&self, told: Millis) -> Millis {
        let telegram = &self.real.telegram;
        let polls = || {
            let mut calls = telegram.calls();
            let new = calls
                .iter()
                .rposition(|call| call.method == "getWebhookInfo" && call.at >= told)?;
            let after = calls.split_off(new);
            let first = after.iter().find(|call| call.method == "getUpdates")?.at;
            let last = calls.iter().rfind(|call| call.method == "getUpdates")?.at;
            Some(first - last.max(told))
        };
        within("the new one's poll", telegram.until(|_| polls().is_some())).await;
        polls().expect("it was there")
    }

    /// Waits for the end of those that drain, but for the last few.
    async fn reap(&mut self, but: usize) {
        while self.going.len() > but {
            let mut old = self.going.remove(0);
            let exit = old.ended().await;
            assert_eq!(exit.code, Some(0), "{exit:?}");
            assert_eq!(exit.line["lost"], 0, "{exit:?}");
        }
    }

    async fn end(mut self, rolls: u64) {
        self.reap(0).await;
        let asked = self.real.asked_so_far();
        let accepted = |b: &lastword::store::Books| b.messages == asked;
        self.real.until("accepted", accepted).await;
        let books = self.real.until_settled(1).await;
        let mut ledger = self.real.ledger("rolls", &books);
        ledger.rolls = rolls;
        ledger.close(self.begun);
        assert_eq!(self.real.verdict(&books), Verdict::default());
        let counts = self.real.model.counts();
        assert_eq!(counts.paid_twice(), 0, "{counts:?}");
        let turns: u64 = books.outcomes.iter().map(|(_, n)| n).sum();
        note(&format!(
            "{asked} messages, {turns} turns, {} requests to the model, none paid twice; \
             lost 0, doubled 0, reordered 0",
            counts.asked()
        ));
        assert_eq!(self.old.stop().await.code, Some(0));
    }
}

fn spread(gaps: &mut [Millis]) -> String {
    gaps.sort_unstable();
    let at = |part: usize| gaps[(gaps.len() - 1) * part / 100];
    format!(
        "intake gap of {} rolls in ms: least {}, median {}, 90 % {}, 99 % {}, worst {}",
        gaps.len(),
        at(0),
        at(50),
        at(90),
        at(99),
        at(100)
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rolls_under_load_leave_no_gap_when_polling() {
    let rolls = number("LASTWORD_IT_ROLLS").unwrap_or(ROLLS);
    let mut deploys = Deploys::begin(Transport::Polling).await;
    let writing = deploys.people_write();
    for n in 0..rolls {
        deploys.roll(n).await;
    }
    drop(writing);
    let conflicts = deploys.real.telegram.conflicts();
    assert!(conflicts <= rolls, "more than one 409 per hand-over");
    note(&format!("{}; 409s: {conflicts}", spread(&mut deploys.gaps)));
    deploys.end(rolls).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rolls_under_load_refuse_no_connection_with_a_webhook() {
    let rolls = number("LASTWORD_IT_ROLLS").unwrap_or(ROLLS);
    let mut deploys = Deploys::begin(Transport::Webhook).await;
    let hammer = Hammer::begin(&deploys.real, SECRET, 200);
    let writing = deploys.people_write();
    for n in 0..rolls {
        deploys.roll(n).await;
    }
    drop(writing);
    let (counts, mut stored) = hammer.end().await;
    note(&format!("{rolls} rolls: {counts:?}"));
    assert_eq!(counts.keys().collect::<Vec<_>>(), ["200"], "{counts:?}");
    let store = deploys.real.sql();
    let mut rows = store
        .prepare("SELECT update_id FROM updates WHERE update_id >= 5000000000 ORDER BY 1")
        .expect("the schema is known");
    let rows: Vec<i64> = rows
        .query_map([], |row| row.get(0))
        .and_then(Iterator::collect)
        .expect("the store answers");
    stored.sort_unstable();
    assert_eq!(rows, stored, "answered 200 is stored, once");
    deploys.end(rolls).await;
}
