//! Restarts under load: many chats write all the while, the process is
//! stopped or killed at random moments, and every message is answered once.
//!
//! `LASTWORD_IT_RESTARTS` sets how many times (for each transport, in two worlds
//! at once), `LASTWORD_IT_SEED` repeats a run. Three of four ends are kills.

use std::time::Duration;

use lastword::playground::bot_api::{Fault as Trouble, FaultRule, Place};
use lastword::playground::offline::{Behaviour, Fault, Offline, Pace, Voice};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rustix::process::Signal;
use tokio::task::JoinSet;

use super::{Real, Transport, note, number};
use crate::books::{self, Ledger};

const RESTARTS: u64 = 40;
const WORLDS: u64 = 2;
const PRIVATE: usize = 10;
const GROUPS: usize = 2;
const TOPICS: usize = 2;

/// How long the last messages may take to be delivered.
const PATIENT_SECONDS: u32 = 600;

/// How often an end is a kill.
const KILLS: f64 = 0.75;

struct Crowd {
    real: Real,
    random: StdRng,
    places: Vec<Place>,
    kills: u64,
    drained: u64,
    early: u64,
    /// Completions that ran when a process died.
    may_pay_twice: u64,
}

impl Crowd {
    async fn gather(transport: Transport, seed: u64) -> Self {
        let model = Offline::new(Behaviour {
            fault: Fault::Sound,
            voice: Voice::Echo,
            pace: Pace {
                first: Duration::from_millis(60),
                between: Duration::from_millis(10),
                words: 1,
            },
        });
        let mut real = Real::with(transport, model).await;
        let grace = "5s".to_owned();
        real.env.insert("LASTWORD_SHUTDOWN__GRACE", grace);
        // Slow enough that deaths meet sends in the middle.
        for method in ["sendRichMessage", "sendMessage", "editMessageText"] {
            real.telegram.fault(FaultRule::always(
                method,
                Trouble::Slow {
                    before_ms: 30,
                    after_ms: 60,
                },
            ));
        }
        let mut places = Vec::new();
        for n in 0..PRIVATE {
            places.push(Place::private(real.person(&format!("P{n}"))));
        }
        for n in 0..GROUPS {
            let person = real.person(&format!("G{n}"));
            places.push(Place::group(person, real.group(person)));
        }
        for topic in real.topics("F", TOPICS) {
            places.push(topic);
        }
        Self {
            real,
            random: StdRng::seed_from_u64(seed),
            places,
            kills: 0,
            drained: 0,
            early: 0,
            may_pay_twice: 0,
        }
    }

    fn somebody_writes(&mut self) {
        let who = self.random.random_range(0..self.places.len());
        self.real.ask(&self.places[who]);
    }

    async fn pause(&mut self, up_to_ms: u64) {
        let ms = self.random.random_range(0..=up_to_ms);
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    /// One life of the process, from its start to its stop or death.
    async fn live(&mut self) {
        let mut process = self.real.spawn();
        if self.random.random_bool(0.8) {
            process.ready().await;
        }
        for _ in 0..self.random.random_range(0..6) {
            self.somebody_writes();
            self.pause(60).await;
        }
        self.pause(150).await;
        let kill = self.random.random_bool(KILLS);
        process.signal(if kill { Signal::KILL } else { Signal::TERM });
        if !kill && self.random.random_bool(0.3) {
            self.pause(100).await;
            process.signal(Signal::INT);
        }
        // People write to a bot that is on its way out, too.
        self.somebody_writes();
        let exit = process.ended().await;
        match exit.code {
            // A signal before `main`, or the kill.
            None => self.kills += 1,
            Some(0) => self.drained += 1,
            Some(3) => self.early += 1,
            _ => panic!("{exit:?}"),
        }
        assert!(exit.code.is_none() || exit.line["lost"] == 0, "{exit:?}");
        let cut = "SELECT count(*) FROM turns WHERE state IN (1, 2)";
        self.may_pay_twice += self.real.count(cut).unwrap_or(0);
        self.real.let_cut_sends_expire().await;
    }

    /// The last process answers what is left; then everything is judged.
    async fn end(&mut self, asked_at_least: u64) -> Ledger {
        let mut process = self.real.start().await;
        let asked = self.real.asked_so_far();
        assert!(asked >= asked_at_least);
        // What a webhook could not deliver is tried again after ever longer
        // waits, up to a minute, and one after the other within a chat.
        let accepted = "SELECT count(*) FROM messages";
        for _ in 0..PATIENT_SECONDS {
            if self.real.count(accepted) >= Some(asked) {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        self.real
            .until("accepted", |books| books.messages == asked)
            .await;
        let books = self.real.until_settled(1).await;
        crate::house::assert_balanced(&books);
        let mut ledger = self.real.ledger("random kills", &books);
        ledger.kills = self.kills;
        ledger.drains = self.drained + self.early;
        ledger.judge();
        assert!(ledger.paid_twice <= self.may_pay_twice, "{ledger:?}");
        ledger.judge_copies(ledger.kills, 100);
        let exit = process.stop().await;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        ledger
    }
}

async fn restart_under_load(transport: Transport) {
    let begun = books::now();
    let seed = number("LASTWORD_IT_SEED").unwrap_or_else(|| rand::rng().random());
    let restarts = number("LASTWORD_IT_RESTARTS").unwrap_or(RESTARTS);
    note(&format!(
        "LASTWORD_IT_SEED={seed} LASTWORD_IT_RESTARTS={restarts} {transport:?}"
    ));
    let mut worlds = JoinSet::new();
    for world in 0..WORLDS {
        let lives = (restarts / WORLDS).max(1);
        worlds.spawn(async move {
            let mut crowd = Crowd::gather(transport, seed.wrapping_add(world)).await;
            for _ in 0..lives {
                crowd.live().await;
            }
            crowd.end(lives).await
        });
    }
    let mut sum = Ledger::of("random kills");
    for ledger in worlds.join_all().await {
        sum += &ledger;
    }
    sum.close(begun);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarts_under_load_answer_every_message_once_when_polling() {
    restart_under_load(Transport::Polling).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarts_under_load_answer_every_message_once_with_a_webhook() {
    restart_under_load(Transport::Webhook).await;
}
