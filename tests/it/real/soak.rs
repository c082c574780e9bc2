//! Soak: load without end, and every little while something happens to the
//! process or to the world round it; at the end the books balance, and memory
//! and file descriptors were flat.
//!
//! `LASTWORD_IT_SOAK` sets how many seconds (15), `LASTWORD_IT_SEED` repeats the
//! order of events. From two minutes on something happens every 30 to 120
//! seconds and nothing is hurried; below that every few seconds.

use std::time::Duration;

use lastword::playground::bot_api::{Outage, Place};
use lastword::playground::offline::{Behaviour, Fault, Offline, Pace, Voice};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rustix::process::Signal;
use tokio::time::Instant;

use super::{Process, Real, Transport, note, number};
use crate::books::{self, Ledger};

const SECONDS: u64 = 15;
const PRIVATE: usize = 10;
const GROUPS: usize = 2;

/// Between two messages.
const WRITE_EVERY: Duration = Duration::from_millis(300);

/// A group's pace is 20 messages a minute, placeholders included.
const OF_GROUPS: f64 = 0.05;

/// From this length on nothing is hurried.
const LONG: Duration = Duration::from_secs(120);

/// How much more the later lives may use than the earlier ones, by the medians
/// of the first and the last quarter of all samples.
const RSS_GROWTH_KIB: u64 = 24 * 1024;
const FDS_GROWTH: u64 = 8;

/// How long what is open at the end may take.
const SETTLING: Duration = Duration::from_secs(600);

/// What the whole process may ever hold.
const FDS_MAX: u64 = 200;

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Stop,
    StopTwice,
    Kill,
    Roll,
    TelegramOutage,
    ModelOutage,
}

const EVENTS: [Event; 6] = [
    Event::Stop,
    Event::StopTwice,
    Event::Kill,
    Event::Roll,
    Event::TelegramOutage,
    Event::ModelOutage,
];

/// What the process holds at a moment.
#[derive(Debug, Clone, Copy)]
struct Sample {
    rss_kib: u64,
    fds: u64,
}

struct Soak {
    real: Real,
    random: StdRng,
    places: Vec<Place>,
    process: Process,
    born: Instant,
    long: bool,
    ledger: Ledger,
    samples: Vec<Sample>,
}

impl Soak {
    async fn begin(transport: Transport, seed: u64, length: Duration) -> Self {
        let model = Offline::new(Behaviour {
            fault: Fault::Sound,
            voice: Voice::Echo,
            pace: Pace {
                first: Duration::from_millis(100),
                between: Duration::from_millis(20),
                words: 1,
            },
        });
        let mut real = Real::with(transport, model).await;
        let grace = "10s".to_owned();
        real.env.insert("LASTWORD_SHUTDOWN__GRACE", grace);
        let mut places = Vec::new();
        for n in 0..PRIVATE {
            places.push(Place::private(real.person(&format!("P{n}"))));
        }
        for n in 0..GROUPS {
            let person = real.person(&format!("G{n}"));
            places.push(Place::group(person, real.group(person)));
        }
        let process = real.start().await;
        Self {
            real,
            random: StdRng::seed_from_u64(seed),
            places,
            process,
            born: Instant::now(),
            long: length >= LONG,
            ledger: Ledger::default(),
            samples: Vec::new(),
        }
    }

    fn somebody_writes(&mut self) {
        let who = if self.random.random_bool(OF_GROUPS) {
            PRIVATE + self.random.random_range(0..GROUPS)
        } else {
            self.random.random_range(0..PRIVATE)
        };
        self.real.ask(&self.places[who]);
    }

    fn sample(&mut self) {
        // A process needs a moment to become what it is.
        if self.born.elapsed() < Duration::from_secs(1) {
            return;
        }
        let pid = self.process.pid();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let rss = rss.and_then(|text| text.split_whitespace().next()?.parse().ok());
        let fds = std::fs::read_dir(format!("/proc/{pid}/fd")).map(Iterator::count);
        if let (Some(rss_kib), Ok(fds)) = (rss, fds) {
            let fds = fds as u64;
            self.samples.push(Sample { rss_kib, fds });
        }
    }

    /// Writes and looks until `until`.
    async fn load(&mut self, until: Instant) {
        while Instant::now() < until {
            self.somebody_writes();
            self.sample();
            tokio::time::sleep(WRITE_EVERY).await;
        }
    }

    fn pause(&mut self) -> Duration {
        let ms = if self.long {
            self.random.random_range(30_000..=120_000)
        } else {
            self.random.random_range(500..=2_500)
        };
        Duration::from_millis(ms)
    }

    async fn happens(&mut self, event: Event) {
        match event {
            Event::Stop | Event::StopTwice => {
                self.process.signal(Signal::TERM);
                if event == Event::StopTwice {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    self.process.signal(Signal::INT);
                }
                self.somebody_writes();
                let exit = self.process.ended().await;
                let code = exit.code.expect("no signal kills it");
                assert!(code == 0 || code == 3, "{exit:?}");
                assert_eq!(exit.line["lost"], 0, "{exit:?}");
                self.ledger.drains += 1;
                self.again().await;
            }
            Event::Kill => {
                self.process.kill().await;
                self.ledger.kills += 1;
                self.again().await;
            }
            Event::Roll => {
                let next = self.real.start().await;
                self.process.signal(Signal::TERM);
                let exit = self.process.ended().await;
                assert!(matches!(exit.code, Some(0 | 3)), "{exit:?}");
                self.process = next;
                self.born = Instant::now();
                self.ledger.rolls += 1;
            }
            Event::TelegramOutage => {
                let how = match self.random.random_bool(0.5) {
                    true => Outage::Refused,
                    false => Outage::Reset,
                };
                self.real.telegram.set_outage(how);
                self.while_it_lasts().await;
                self.real.telegram.set_outage(Outage::None);
                self.ledger.outages += 1;
            }
            Event::ModelOutage => {
                self.real.model.change(|now| now.fault = Fault::Outage);
                self.while_it_lasts().await;
                self.real.model.change(|now| now.fault = Fault::Sound);
                self.ledger.outages += 1;
            }
        }
    }

    /// An outage: people write all the same.
    async fn while_it_lasts(&mut self) {
        let ms = if self.long {
            self.random.random_range(2_000..=8_000)
        } else {
            self.random.random_range(100..=500)
        };
        self.load(Instant::now() + Duration::from_millis(ms)).await;
    }

    async fn again(&mut self) {
        if !self.long {
            self.real.let_cut_sends_expire().await;
        }
        self.process = self.real.start().await;
        self.born = Instant::now();
    }

    async fn end(mut self, begun: std::time::Instant) {
        if !self.long {
            self.real.let_cut_sends_expire().await;
        }
        // What waits for a pause of the model's endpoint, or for a cut send to
        // appear, takes its time.
        let settling = Instant::now() + SETTLING;
        let open = "SELECT count(*) FROM turns WHERE state < 4";
        while self.real.count(open) != Some(0) && Instant::now() < settling {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let asked = self.real.asked_so_far();
        self.real
            .until("accepted", |books| books.messages == asked)
            .await;
        let books = self.real.until_settled(1).await;
        crate::house::assert_balanced(&books);
        let mut ledger = self.real.ledger("soak", &books);
        ledger.kills = self.ledger.kills;
        ledger.drains = self.ledger.drains;
        ledger.rolls = self.ledger.rolls;
        ledger.outages = self.ledger.outages;
        let [first, last, most] = summary(&self.samples);
        note(&format!(
            "SOAK {} samples; RSS {} -> {} KiB (most {}), file descriptors {} -> {} (most {})",
            self.samples.len(),
            first.rss_kib,
            last.rss_kib,
            most.rss_kib,
            first.fds,
            last.fds,
            most.fds
        ));
        ledger.close(begun);
        assert!(
            last.rss_kib <= first.rss_kib + RSS_GROWTH_KIB,
            "memory grows"
        );
        assert!(last.fds <= first.fds + FDS_GROWTH, "file descriptors leak");
        assert!(most.fds <= FDS_MAX, "{most:?}");
        let exit = self.process.stop().await;
        assert_eq!(exit.code, Some(0), "{exit:?}");
    }
}

/// The medians of the first and of the last quarter, and the most of all.
fn summary(samples: &[Sample]) -> [Sample; 3] {
    assert!(samples.len() >= 4, "too short to say anything: {samples:?}");
    let quarter = samples.len() / 4;
    let median = |part: &[Sample]| {
        let mut rss: Vec<u64> = part.iter().map(|sample| sample.rss_kib).collect();
        let mut fds: Vec<u64> = part.iter().map(|sample| sample.fds).collect();
        rss.sort_unstable();
        fds.sort_unstable();
        Sample {
            rss_kib: rss[rss.len() / 2],
            fds: fds[fds.len() / 2],
        }
    };
    let most = Sample {
        rss_kib: samples.iter().map(|s| s.rss_kib).max().unwrap_or(0),
        fds: samples.iter().map(|s| s.fds).max().unwrap_or(0),
    };
    let last = &samples[samples.len() - quarter..];
    [median(&samples[..quarter]), median(last), most]
}

async fn soak(transport: Transport) {
    let begun = books::now();
    let seed = number("LASTWORD_IT_SEED").unwrap_or_else(|| rand::rng().random());
    let length = Duration::from_secs(number("LASTWORD_IT_SOAK").unwrap_or(SECONDS));
    note(&format!("LASTWORD_IT_SEED={seed} {transport:?} {length:?}"));
    let until = Instant::now() + length;
    let mut soak = Soak::begin(transport, seed, length).await;
    while Instant::now() < until {
        let next = Instant::now() + soak.pause();
        soak.load(next.min(until)).await;
        let event = EVENTS[soak.random.random_range(0..EVENTS.len())];
        note(&format!("{transport:?} {:.0?} {event:?}", begun.elapsed()));
        soak.happens(event).await;
    }
    soak.end(begun).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn soak_when_polling_balances_and_stays_flat() {
    soak(Transport::Polling).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn soak_with_a_webhook_balances_and_stays_flat() {
    soak(Transport::Webhook).await;
}
