//! Death at every named moment of the real binary, at its first, second and
//! third hit, polling and with a webhook, in private chats and in groups; then
//! a start, and the books.
//!
//! The list is the product's own (`lastword::death`): a new moment is tried at
//! once, and one that the load never reaches fails. Plain `cargo test` tries
//! each moment once, spread over the worlds; `LASTWORD_IT_FAILPOINTS=all` tries
//! everything, `LASTWORD_IT_FAILPOINTS=WORDS` what has these words in its name.

use std::sync::Arc;
use std::time::Duration;

use lastword::death::{Moment, Recurs, Side, VARIABLE, WRITES};
use lastword::domain::turn;
use lastword::playground::bot_api::{Fault as Trouble, FaultRule, Place};
use lastword::playground::offline::{Behaviour, Counts, Fault, Offline, Pace, Voice};
use rustix::process::Signal;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Process, Real, Transport, note, within};
use crate::books::{self, Ledger};

/// Chats in which somebody writes.
const PLACES: usize = 3;

/// Worlds at once; they mostly wait.
const AT_ONCE: usize = 6;

/// How long a process may live after its load, only waited for in vain.
const LAST_GASP: Duration = Duration::from_secs(10);

/// Where people write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    Private,
    Group,
}

/// What brings the daemon to a moment, besides a start and some questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Questions,
    /// The questions are in documents.
    Documents,
    /// The model takes its time, to begin and to write.
    SlowModel,
    /// The model refuses until the operator acts.
    NoCredit,
    /// Telegram refuses the form of the answers.
    RefusedForm,
    /// The acknowledgements of sends are cut.
    CutSends,
    /// A stop that is cut short while the model is at it.
    Stop,
}

#[derive(Debug, Clone)]
struct Point {
    name: String,
    recurs: Recurs,
}

/// One death, or some in a row, in one world.
#[derive(Debug, Clone)]
struct Case {
    point: Point,
    hit: u32,
    transport: Transport,
    room: Room,
}

fn points() -> Vec<Point> {
    let moments = Moment::ALL.iter().map(|moment| Point {
        name: moment.as_str().to_owned(),
        recurs: moment.recurs(),
    });
    let commits = WRITES.iter().flat_map(|(operation, recurs)| {
        Side::ALL.map(|side| Point {
            name: format!("{}{operation}", side.as_str()),
            recurs: *recurs,
        })
    });
    moments.chain(commits).collect()
}

impl Point {
    fn is_of(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.name.contains(name))
    }

    fn need(&self) -> Need {
        if self.is_of(&["turns.defer", "operators.alarm"]) {
            Need::NoCredit
        } else if self.is_of(&["outbox.replan"]) {
            Need::RefusedForm
        } else if self.is_of(&["probe"]) {
            Need::CutSends
        } else if self.is_of(&["drain", "released", "park", "leave", "bid", "store "]) {
            Need::Stop
        } else if self.is_of(&["file kept", "keep_words"]) {
            Need::Documents
        } else if self.is_of(&["signs.reveal", "signs.drop_receipt"]) {
            Need::SlowModel
        } else {
            Need::Questions
        }
    }

    /// Whether this world comes there at all.
    fn is_in(&self, transport: Transport, room: Room) -> bool {
        let polling = self.is_of(&["poll answered", "batch stored"]);
        let webhook = self.is_of(&["webhook set", "delivery", "value_or"]);
        let group = self.is_of(&["placeholder", "administrators", "drop_receipt"]);
        // A growing message in a group is edited too seldom, and every edit of
        // it goes the same way.
        let private = self.is_of(&["draft shown", "outbox.replan"]);
        !(polling && transport == Transport::Webhook
            || webhook && transport == Transport::Polling
            || group && room == Room::Private
            || private && room == Room::Group)
    }

    fn cases(&self) -> Vec<Case> {
        let hits = if self.recurs == Recurs::EachStore {
            1
        } else {
            3
        };
        let mut cases = Vec::new();
        for hit in 1..=hits {
            for transport in [Transport::Polling, Transport::Webhook] {
                for room in [Room::Private, Room::Group] {
                    if self.is_in(transport, room) {
                        cases.push(Case {
                            point: self.clone(),
                            hit,
                            transport,
                            room,
                        });
                    }
                }
            }
        }
        cases
    }
}

struct Scene {
    real: Real,
    places: Vec<Place>,
    case: Case,
}

impl Scene {
    async fn new(case: Case) -> Self {
        let model = Offline::new(Behaviour {
            fault: Fault::Sound,
            voice: Voice::Echo,
            pace: Pace {
                first: Duration::from_millis(20),
                between: Duration::from_millis(5),
                words: 1,
            },
        });
        let mut real = Real::with(case.transport, model).await;
        let quiet = "50ms".to_owned();
        real.env.insert("LASTWORD_CHAT__QUIET_PERIOD", quiet);
        let places = (0..PLACES)
            .map(|_| real.place(case.room == Room::Group))
            .collect();
        Self { real, places, case }
    }

    fn everybody_asks(&self) {
        for place in &self.places {
            self.real.ask(place);
        }
    }

    async fn until_answered(&self) {
        let asked = self.real.asked_so_far();
        let accepted = |books: &lastword::store::Books| books.messages == asked;
        self.real.until("accepted", accepted).await;
        self.real.until_settled(1).await;
    }

    /// What leads to the moment; in vain if it ends.
    async fn load(&self, pid: i32, life: u32) {
        let everybody = self.places.len();
        match self.case.point.need() {
            Need::Questions => {
                let name = &self.real.telegram.bot().username;
                for n in 0..3 {
                    self.everybody_asks();
                    self.real.hand_in(&self.places[0], n);
                    self.real.say(&self.places[0], &format!("/help@{name}"));
                    self.until_answered().await;
                }
            }
            Need::Documents => {
                for _ in 0..3 {
                    for place in &self.places {
                        self.real.ask_in_a_document(place);
                    }
                    self.until_answered().await;
                }
            }
            Need::SlowModel => {
                self.real.model.change(|now| now.pace = Pace::SLOW);
                for _ in 0..3 {
                    for place in &self.places {
                        self.real.ask_at_length(place, 8);
                    }
                    self.until_answered().await;
                }
            }
            Need::NoCredit => {
                self.real.model.change(|now| now.fault = Fault::NoCredit);
                self.everybody_asks();
                self.until_deferred(everybody as u64).await;
                // Refusals that are heard together are one alarm: more of them,
                // one after the other.
                for n in 1..=5 {
                    let in_group = self.case.room == Room::Group;
                    self.real.ask(&self.real.place(in_group));
                    self.until_deferred((everybody + n) as u64).await;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
            Need::RefusedForm => {
                let refuse = Trouble::Refuse {
                    code: 400,
                    description: Some("Bad Request: can't parse entities".to_owned()),
                    retry_after_s: None,
                };
                let rule = FaultRule::always("sendRichMessage", refuse);
                self.real.telegram.fault(rule);
                self.everybody_asks();
                self.until_answered().await;
            }
            Need::CutSends => {
                let method = match self.case.room {
                    Room::Private => "sendRichMessage",
                    Room::Group => "sendMessage",
                };
                for place in &self.places {
                    let chat = place.chat.unwrap_or(place.person);
                    let rule = FaultRule::once(method, Trouble::CutAfter);
                    self.real.telegram.fault(rule.in_chat(chat));
                }
                self.everybody_asks();
                for _ in 0..100 {
                    self.real.let_cut_sends_expire().await;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
            Need::Stop => {
                if self.case.point.is_of(&["abort"]) {
                    self.hold_a_reply().await;
                }
                // What ran at two deaths runs alone.
                let alone = i64::from(life) > turn::DEATHS_BEFORE_ALONE;
                let enough = if alone { 1 } else { everybody };
                let at_it = |now: &Counts| now.running >= enough;
                within("turns at work", self.real.model.until(at_it)).await;
                super::process::signal(pid, Signal::TERM);
                tokio::time::sleep(Duration::from_millis(30)).await;
                super::process::signal(pid, Signal::INT);
            }
        }
    }

    /// A reply that does not come to its end: nothing is over when work is cut.
    async fn hold_a_reply(&self) {
        let rule = FaultRule::always("sendMessage", Trouble::HangBefore);
        self.real.telegram.fault(rule);
        let name = &self.real.telegram.bot().username;
        self.real.say(&self.places[0], &format!("/help@{name}"));
        let telegram = &self.real.telegram;
        within("a hanging call", telegram.until(|t| t.hanging() >= 1)).await;
    }

    async fn until_deferred(&self, turns: u64) {
        let sql = "SELECT count(*) FROM turns WHERE told = 1";
        while self.real.count(sql).is_none_or(|told| told < turns) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// One life that ends at the point; panics if it does not.
    async fn die(&mut self, life: u32, hit: u32) {
        // What the dead have asked for is over.
        within(
            "the end of the dead one's requests",
            self.real.model.until(|now| now.running == 0),
        )
        .await;
        let name = format!("{}#{hit}", self.case.point.name);
        self.real.env.insert(VARIABLE, name);
        let mut process = self.real.spawn();
        self.real.env.remove(VARIABLE);
        let died = {
            let pid = process.pid();
            let load = async {
                process_is_up(&self.real).await;
                self.load(pid, life).await;
                // The last of it may be what the process dies of.
                tokio::time::sleep(LAST_GASP).await;
            };
            tokio::select! {
                biased;
                () = process.gone() => true,
                () = load => false,
            }
        };
        assert!(died, "the load never came to {:?}", self.case);
        let exit = process.ended().await;
        assert_eq!(exit.code, None, "never came to {:?}: {exit:?}", self.case);
        self.real.let_cut_sends_expire().await;
    }

    /// The turns whose completion a death may make somebody pay again.
    fn completing(&self) -> u64 {
        // Before the first migration there is no table.
        let claimed = "SELECT count(*) FROM turns WHERE state = 2";
        self.real.count(claimed).unwrap_or(0)
    }

    async fn recover(&self) -> Process {
        self.real.model.change(|now| now.fault = Fault::Sound);
        self.real.telegram.clear_faults();
        let _ = self
            .real
            .sql()
            .execute("UPDATE turns SET not_before = 0 WHERE state = 1", []);
        self.real.start().await
    }
}

/// Questions are asked of whoever comes; only looks need a store.
async fn process_is_up(real: &Real) {
    within("a store", async {
        while real.count("SELECT count(*) FROM instances").is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

async fn die_and_recover(case: Case) -> Ledger {
    let mut scene = Scene::new(case.clone()).await;
    // At stake from the beginning.
    if case.point.need() == Need::Stop {
        scene
            .real
            .model
            .change(|now| now.fault = Fault::HoldAfter(0));
    }
    scene.everybody_asks();
    // What comes once in a life is met in as many lives.
    let (lives, hit) = match case.point.recurs {
        Recurs::Often => (1, case.hit),
        Recurs::EachLife | Recurs::EachStore => (case.hit, 1),
    };
    let mut may_pay_twice = 0;
    for life in 1..=lives {
        scene.die(life, hit).await;
        may_pay_twice += scene.completing();
    }
    let mut process = scene.recover().await;
    scene.until_answered().await;
    let books = scene.real.until_settled(1).await;
    crate::house::assert_balanced(&books);
    let mut ledger = scene.real.ledger("fail points", &books);
    ledger.kills = u64::from(lives);
    ledger.judge();
    assert_eq!(ledger.resent_visible_twice, 0, "{case:?}");
    assert!(ledger.paid_twice <= may_pay_twice, "{case:?} {ledger:?}");
    let exit = process.stop().await;
    assert_eq!(exit.code, Some(0), "{case:?} {exit:?}");
    ledger
}

fn chosen() -> Vec<Case> {
    match std::env::var("LASTWORD_IT_FAILPOINTS").ok().as_deref() {
        Some("all") => points().iter().flat_map(Point::cases).collect(),
        Some(words) => points()
            .iter()
            .filter(|point| point.is_of(&[words]))
            .flat_map(Point::cases)
            .collect(),
        None => points()
            .iter()
            .enumerate()
            .map(|(n, point)| {
                let cases = point.cases();
                cases[(n * 5) % cases.len()].clone()
            })
            .collect(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn death_at_any_moment_loses_doubles_and_inverts_nothing() {
    let begun = books::now();
    let cases = chosen();
    let count = cases.len();
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for case in cases {
        let slots = Arc::clone(&slots);
        running.spawn(async move {
            let _slot = slots.acquire_owned().await.expect("it is never closed");
            let what = format!("{case:?}");
            let judged = futures_util::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(
                die_and_recover(case),
            ));
            judged.await.map_err(|_| what)
        });
    }
    let mut sum = Ledger::of("fail points");
    let mut failed = Vec::new();
    while let Some(ended) = running.join_next().await {
        match ended.expect("panics are caught inside") {
            Ok(ledger) => sum += &ledger,
            Err(case) => failed.push(case),
        }
    }
    note(&format!("{count} cases at {} points", points().len()));
    for case in &failed {
        note(&format!("FAILED: {case}"));
    }
    sum.close(begun);
    assert!(failed.is_empty(), "{} of {count} cases", failed.len());
}

/// A name that is nowhere kills nobody: the tests above would pass for the
/// wrong reason.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moment_that_is_not_asked_for_kills_nobody() {
    let mut real = Real::new(Transport::Polling).await;
    real.env.insert(VARIABLE, "no such moment#1".to_owned());
    let ann = real.person("Ann");
    let mut process = real.start().await;
    real.ask(&Place::private(ann));
    real.until_settled(1).await;
    let exit = process.stop().await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
}
