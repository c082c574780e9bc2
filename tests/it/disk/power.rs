//! Power cuts under load: many chats write all the while, the power goes at
//! random moments and at random operations of the disk, what was not
//! synchronised is taken away, and every message is answered once.
//!
//! `LASTWORD_IT_CUTS` sets how many, `LASTWORD_IT_SEED` repeats a run (as far
//! as chance is ours), `--nocapture` shows the books.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lastword::playground::bot_api::{Fault as Trouble, FaultRule, Place};
use lastword::playground::offline::{Behaviour, Fault as Flaw, Offline, Pace, Voice};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rustix::process::Signal;

use super::{Disk, Fate, Fault, Taken};
use crate::books;
use crate::real::{Process, Real, Transport, note};

const CUTS: u64 = 12;
const PRIVATE: usize = 10;
const GROUPS: usize = 2;

/// With the planted defect the first loss must be found within so many cuts.
const FOUND_WITHIN: u64 = 10;

/// How long each fsync takes: as on a disk, and long enough to be met.
const SYNC_MICROS: u32 = 1_500;

/// One life in so many goes on until everybody is answered. Whoever was running
/// at two deaths runs alone, and whoever dies alone three times is poison: so
/// many cuts in a row are not the weather that tells them from each other.
const CALM: u64 = 5;

/// How long a first life may take to answer, if its disk lets it.
const FIRST_LIFE: Duration = Duration::from_secs(2);

/// No life lasts longer before its power goes.
const LIFE: Duration = Duration::from_millis(700);

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// What a run has counted.
#[derive(Debug, Default)]
struct Figures {
    cuts: u64,
    at_an_operation: u64,
    at_a_moment: u64,
    after_an_exit: u64,
    /// Lives in which an fsync was made to fail, too.
    failing_syncs: u64,
    unsynced_sectors: u64,
    lost_sectors: u64,
    undone_names: u64,
    /// Updates that were confirmed and are not there.
    lost: u64,
    /// Stores that were not whole.
    broken: u64,
}

struct Storm {
    real: Real,
    disk: Disk,
    random: StdRng,
    places: Vec<Place>,
    confirmed: Arc<Mutex<BTreeSet<i64>>>,
    figures: Figures,
    begun: std::time::Instant,
}

impl Storm {
    async fn gather(transport: Transport, seed: u64) -> Self {
        let model = Offline::new(Behaviour {
            fault: Flaw::Sound,
            voice: Voice::Echo,
            pace: Pace {
                first: Duration::from_millis(20),
                between: Duration::from_millis(5),
                words: 1,
            },
        });
        let mut real = Real::with(transport, model).await;
        let disk = Disk::under(&mut real);
        disk.syncs_in_micros(SYNC_MICROS);
        let quick = "5s".to_owned();
        real.env.insert("LASTWORD_SHUTDOWN__GRACE", quick);
        let confirmed: Arc<Mutex<BTreeSet<i64>>> = Arc::default();
        let heard = Arc::clone(&confirmed);
        // Looks at nothing: a look would be a connection that the shim does
        // not see.
        real.telegram.on_confirm(move |_, updates| {
            heard.lock().expect("plain data").extend(updates);
        });
        // Slow enough that cuts meet sends in the middle.
        for method in ["sendRichMessage", "sendMessage", "editMessageText"] {
            let slow = Trouble::Slow {
                before_ms: 10,
                after_ms: 20,
            };
            real.telegram.fault(FaultRule::always(method, slow));
        }
        let mut places = Vec::new();
        for n in 0..PRIVATE {
            places.push(Place::private(real.person(&format!("P{n}"))));
        }
        for n in 0..GROUPS {
            let person = real.person(&format!("G{n}"));
            places.push(Place::group(person, real.group(person)));
        }
        Self {
            real,
            disk,
            random: StdRng::seed_from_u64(seed),
            places,
            confirmed,
            figures: Figures::default(),
            begun: books::now(),
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

    /// One life of the process, to the cut of its power.
    async fn live(&mut self) {
        if self.figures.cuts % CALM == CALM - 1 {
            self.let_cut_sends_expire().await;
            let mut process = self.real.start().await;
            self.real.until_answered().await;
            process.signal(Signal::KILL);
            process.ended().await;
            self.figures.at_a_moment += 1;
            return self.cut().await;
        }
        let mut process = self.real.spawn();
        let at_an_operation = self.random.random_bool(0.7);
        if self.random.random_bool(0.7) {
            process.ready().await;
        }
        if self.random.random_bool(0.2) {
            // An fsync fails on the way there: whatever it covered may be gone
            // for ever, whatever the next one says.
            let (after, times) = (
                self.random.random_range(0..8),
                self.random.random_range(1..3),
            );
            self.disk.fails_after(Fault::Sync, after, times);
            self.figures.failing_syncs += 1;
        }
        if at_an_operation {
            let operation = self.random.random_range(1..=60);
            self.disk.dies_at(operation, self.random.random_bool(0.5));
        }
        for _ in 0..self.random.random_range(1..8) {
            self.somebody_writes();
            self.pause(40).await;
        }
        if self.random.random_bool(0.25) {
            process.signal(Signal::TERM);
            if self.random.random_bool(0.5) {
                // The cut comes after the exit, unless the disk comes first.
                let exit = process.ended().await;
                assert!(matches!(exit.code, None | Some(0 | 3)), "{exit:?}");
                self.figures.after_an_exit += u64::from(exit.code.is_some());
                self.figures.at_an_operation += u64::from(exit.code.is_none());
                self.somebody_writes();
                return self.cut().await;
            }
            self.pause(60).await;
        }
        let how = self.power_goes(&mut process, at_an_operation).await;
        *how += 1;
        // People write to a bot that is gone, too.
        self.somebody_writes();
        self.cut().await;
    }

    /// Waits for the operation at which the power goes, or cuts it now.
    async fn power_goes(&mut self, process: &mut Process, at_an_operation: bool) -> &mut u64 {
        if at_an_operation && let Ok(exit) = tokio::time::timeout(LIFE, process.ended()).await {
            return match exit.code {
                None => &mut self.figures.at_an_operation,
                Some(0 | 3) => &mut self.figures.after_an_exit,
                Some(_) => panic!("{exit:?}"),
            };
        }
        self.pause(120).await;
        process.signal(Signal::KILL);
        let exit = process.ended().await;
        match exit.code {
            None => &mut self.figures.at_a_moment,
            Some(0 | 3) => &mut self.figures.after_an_exit,
            Some(_) => panic!("{exit:?}"),
        }
    }

    async fn cut(&mut self) {
        self.disk.fails(Fault::None);
        let pieces = [1, 8][self.random.random_range(0..2)];
        let Taken {
            unsynced,
            lost,
            undone,
            ..
        } = match self.random.random_range(0..8) {
            0 => self.disk.cut(Fate::Lost),
            1 => self.disk.cut(Fate::Kept),
            _ => self.disk.cut(Fate::Random(&mut self.random, pieces)),
        };
        self.figures.cuts += 1;
        self.figures.unsynced_sectors += unsynced;
        self.figures.lost_sectors += lost;
        self.figures.undone_names += undone;
        self.look();
        if self.random.random_bool(0.5) {
            self.let_cut_sends_expire().await;
        }
    }

    /// Looks at a copy: is it whole, and is everything confirmed in it?
    fn look(&mut self) {
        let (_folder, copy) = self.disk.copy();
        let whole = copy.query_row("PRAGMA integrity_check", [], |row| row.get(0));
        if whole != Ok("ok".to_owned()) {
            note(&format!("not whole: {whole:?}"));
            self.figures.broken += 1;
        }
        let confirmed = self.confirmed.lock().expect("plain data");
        let stored = || -> rusqlite::Result<BTreeSet<i64>> {
            let mut statement = copy.prepare("SELECT update_id FROM updates")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            rows.collect()
        };
        let stored = stored().unwrap_or_default();
        self.figures.lost += confirmed.difference(&stored).count() as u64;
    }

    /// Lets the time pass that a cut send is given to appear.
    async fn let_cut_sends_expire(&self) {
        // Not before Telegram has carried out what had reached it.
        self.real.until_quiet().await;
        let store = self.real.sql();
        // Never further back than now, as `Real::let_cut_sends_expire`.
        let sql = "UPDATE parts SET expires_at = \
            min(expires_at, CAST(unixepoch('subsec') * 1000 AS INTEGER) - 5001) \
            WHERE state IN (1, 3)";
        // What was given up grows as old as the rest: a part that is cut next
        // may then be looked for. The power may have gone before there was a
        // schema.
        let _ = store.execute(sql, []);
        let sql =
            "UPDATE ghosts SET until = min(until, CAST(unixepoch('subsec') * 1000 AS INTEGER))";
        let _ = store.execute(sql, []);
        drop(store);
        self.disk.settle();
    }

    /// The last process answers what is left; then everything is judged.
    async fn end(mut self) {
        self.let_cut_sends_expire().await;
        let mut process = self.real.start().await;
        let asked = self.real.asked_so_far();
        self.real
            .until("accepted", |books| books.messages == asked)
            .await;
        let books = self.real.until_settled(1).await;
        let verdict = self.real.verdict(&books);
        let counts = self.real.model.counts();
        self.look();
        let (operations, syncs) = self.disk.work();
        note(&format!(
            "{asked} messages, {operations} operations of the disk, {syncs} syncs; {:?}; \
             {verdict:?}, resent {}, paid twice {}",
            self.figures,
            books.resent,
            counts.paid_twice()
        ));
        let mut ledger = self.real.ledger("power cuts", &books);
        ledger.cuts = self.figures.cuts;
        ledger.unstored += self.figures.lost;
        ledger.close(self.begun);
        assert_eq!((self.figures.lost, self.figures.broken), (0, 0));
        ledger.judge_copies(self.figures.cuts, 20);
        let at_most = self.figures.cuts * self.places.len() as u64;
        assert!(counts.paid_twice() as u64 <= at_most, "{counts:?}");
        let exit = process.stop().await;
        assert_eq!(exit.code, Some(0), "{exit:?}");
    }
}

fn seed(transport: Transport) -> (u64, u64) {
    let seed = number("LASTWORD_IT_SEED").unwrap_or_else(|| rand::rng().random());
    let cuts = number("LASTWORD_IT_CUTS").unwrap_or(CUTS);
    note(&format!(
        "LASTWORD_IT_SEED={seed} LASTWORD_IT_CUTS={cuts} {transport:?}"
    ));
    (seed, cuts)
}

async fn cut_under_load(transport: Transport) {
    let (seed, cuts) = seed(transport);
    let mut storm = Storm::gather(transport, seed).await;
    for n in 0..cuts {
        storm.live().await;
        let figures = &storm.figures;
        assert_eq!((figures.lost, figures.broken), (0, 0), "after cut {n}");
    }
    storm.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_loses_nothing_confirmed_when_polling() {
    cut_under_load(Transport::Polling).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_loses_nothing_confirmed_with_a_webhook() {
    cut_under_load(Transport::Webhook).await;
}

/// The proof of the proof: with fsync swallowed, as with `synchronous = OFF`,
/// the same run finds losses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_only_says_it_synchronised_is_found_out() {
    let (seed, _) = seed(Transport::Polling);
    let mut storm = Storm::gather(Transport::Polling, seed).await;
    let mut process = storm.real.start().await;
    process.kill().await;
    storm.cut().await;
    storm.disk.swallow_syncs();
    for _ in 0..FOUND_WITHIN {
        storm.live().await;
        if storm.figures.lost + storm.figures.broken > 0 {
            note(&format!("found: {:?}", storm.figures));
            return;
        }
    }
    panic!("no loss within {FOUND_WITHIN} cuts: {:?}", storm.figures);
}

/// Every fsync of a first life fails once, the one for the names of the files
/// too; what was confirmed all the same is there after the cut.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_fsync_that_fails_on_the_way_to_a_cut_loses_nothing_confirmed() {
    for behind in 0..14 {
        let mut storm = Storm::gather(Transport::Polling, behind).await;
        storm
            .disk
            .fails_after(Fault::Sync, u32::try_from(behind).expect("a few"), 1);
        let mut process = storm.real.spawn();
        storm.somebody_writes();
        storm.pause(0).await;
        // A start whose disk fails may end by itself.
        let _ = tokio::time::timeout(FIRST_LIFE, storm.real.until_answered()).await;
        process.signal(Signal::KILL);
        process.ended().await;
        storm.disk.fails(Fault::None);
        storm.disk.cut(Fate::Lost);
        storm.look();
        let lost = storm.figures.lost;
        assert_eq!(
            lost, 0,
            "confirmed and gone, with the fault behind {behind} syncs"
        );
    }
}
