//! One run: a minute in which everything may happen, then quiet, then the
//! books. One seed decides all of it.

use std::sync::Arc;
use std::time::Duration;

use lastword::playground::bot_api::Outage;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::time::{Instant, sleep, sleep_until};

use super::books::Books;
use super::defect::Defect;
use super::faults::pick;
use super::host::Host;
use super::people::People;
use super::trace::About;
use super::world::{World, Wrong};

/// How long the busy part is, in virtual milliseconds.
const BUSY_MS: u64 = 60_000;

/// How long everything may take to come to rest afterwards.
const REST: Duration = Duration::from_secs(1_800);

/// The same where the clock was set: what waits for a time of the old one is
/// made to wait no longer than an hour more.
const REST_OF_JUMPS: Duration = Duration::from_secs(2 * 3_600);

/// What a run came to.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) books: Books,
    pub(super) wrongs: Vec<Wrong>,
    pub(super) trace: String,
    /// The history of the first thing that is wrong.
    pub(super) history: String,
}

/// How much of the trace is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Nothing,
    Trace,
}

/// Runs one seed to its end.
pub(super) fn run(seed: u64, defect: Option<Defect>, keep: Keep) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without sockets");
    runtime.block_on(async {
        let mut scene = Scene::new(seed, defect);
        scene.busy().await;
        scene.quiet().await;
        scene.outcome(keep)
    })
}

/// Something that happens to the world.
#[derive(Debug, Clone, Copy)]
enum Event {
    Act,
    TelegramFault,
    /// Telegram cannot be reached, for so long.
    Outage(Outage, u64),
    OutageOver,
    /// The store takes nothing, for so long.
    StoreAway(u64),
    Kill,
    Terminate,
    /// The second unit is started, then the first is stopped.
    Roll,
    /// The unit that was rolled away from is stopped.
    RollOn(usize),
    /// A second instance runs for a while.
    Double,
    Single,
    /// The host's clock is set by so many milliseconds.
    Clock(i64),
}

struct Scene {
    world: Arc<World>,
    host: Arc<Host>,
    people: People,
    events: Vec<(u64, Event)>,
    random: StdRng,
    clock_was_set: i64,
    rolls: u64,
    outages: u64,
}

impl Scene {
    fn new(seed: u64, defect: Option<Defect>) -> Self {
        // Streams of their own, so that one more act changes no fault.
        let mut random = StdRng::seed_from_u64(seed);
        let world = World::new(random.random(), defect);
        let people = People::new(&world.telegram, &world.trace, random.random());
        let host = Host::new(&world, random.random());
        let events = plan(&mut random);
        Self {
            world,
            host,
            people,
            events,
            random,
            clock_was_set: 0,
            rolls: 0,
            outages: 0,
        }
    }

    /// The part in which everything may happen.
    async fn busy(&mut self) {
        let begun = Instant::now();
        self.host.want(0, true);
        let mut at = 0;
        while at < self.events.len() {
            let (ms, event) = self.events[at];
            at += 1;
            sleep_until(begun + Duration::from_millis(ms)).await;
            self.happen(ms, event);
        }
        sleep_until(begun + Duration::from_millis(BUSY_MS)).await;
    }

    /// The unit that is meant when one is.
    fn main_unit(&self) -> usize {
        usize::from(!self.host.is_wanted(0))
    }

    fn later(&mut self, ms: u64, event: Event) {
        let at = self.events.partition_point(|(other, _)| *other <= ms);
        self.events.insert(at, (ms, event));
    }

    fn happen(&mut self, ms: u64, event: Event) {
        let note = |what, number| {
            let about = About::number(number);
            self.world.trace.add(0, "world", what, about);
        };
        match event {
            Event::Act => self.people.somebody(),
            Event::TelegramFault => {
                let rule = self.world.faults().of_telegram();
                note(
                    "telegram_fault",
                    super::trace::hash(format!("{rule:?}").as_bytes()),
                );
                self.world.telegram.fault(rule);
            }
            Event::Outage(how, for_ms) => {
                note("outage", for_ms);
                self.outages += 1;
                self.world.telegram.set_outage(how);
                self.later(ms + for_ms, Event::OutageOver);
            }
            Event::OutageOver => self.world.telegram.set_outage(Outage::None),
            Event::StoreAway(for_ms) => {
                note("store_away", for_ms);
                self.outages += 1;
                self.world.faults().store_goes_away(for_ms);
            }
            Event::Kill => {
                let unit = self.random.random_range(0..2);
                self.host.kill(unit);
            }
            Event::Terminate => {
                let unit = self.main_unit();
                self.host.signal(unit);
            }
            Event::Roll => {
                self.rolls += 1;
                let from = self.main_unit();
                self.host.want(1 - from, true);
                let wait = self.random.random_range(0..3_000);
                self.later(ms + wait, Event::RollOn(from));
            }
            Event::RollOn(from) => {
                self.host.want(from, false);
                self.host.signal(from);
            }
            Event::Double => {
                self.host.want(0, true);
                self.host.want(1, true);
            }
            Event::Single => {
                self.host.want(1, false);
                self.host.signal(1);
                self.host.want(0, true);
            }
            Event::Clock(by) => {
                note("clock", by.unsigned_abs());
                self.world.clock.set_by(by);
                self.clock_was_set += by;
            }
        }
    }

    /// Nothing goes wrong any more; everything comes to its end.
    async fn quiet(&mut self) {
        self.world.trace.add(0, "world", "quiet", About::NOTHING);
        self.world.faults().rest();
        self.world.telegram.set_outage(Outage::None);
        self.world.telegram.clear_faults();
        self.world.telegram.release();
        self.people.rest();
        self.host.rest();
        // Half of the runs end with whoever runs just then, half with a fresh
        // process: what only a start would find must be found without one, too.
        let unit = match self.random.random_bool(0.5) {
            true => self.main_unit(),
            false => self.start_anew().await,
        };
        self.host.want(1 - unit, false);
        self.host.signal(1 - unit);
        self.host.until_ended(1 - unit).await;
        self.host.want(unit, true);
        let limit = match self.clock_was_set {
            0 => REST,
            _ => REST_OF_JUMPS,
        };
        let begun = Instant::now();
        while !self.rests(unit) {
            if begun.elapsed() > limit {
                let open = self.open(unit);
                self.world
                    .wrong(None, format!("it does not come to rest: {open:?}"));
                break;
            }
            sleep(Duration::from_millis(500)).await;
        }
        self.assert_nothing_left();
        let signalled = Instant::now();
        self.host.want(unit, false);
        self.host.signal(unit);
        self.host.until_ended(unit).await;
        let took = signalled.elapsed();
        if took > Duration::from_millis(200) {
            self.world
                .wrong(None, format!("an idle stop took {took:?}"));
        }
        let files = self.world.instance_files();
        if files > 0 {
            self.world
                .wrong(None, format!("{files} lock files are left"));
        }
    }

    /// Stops whatever runs.
    async fn start_anew(&self) -> usize {
        for unit in 0..2 {
            self.host.want(unit, false);
            self.host.signal(unit);
        }
        for unit in 0..2 {
            self.host.until_ended(unit).await;
        }
        0
    }

    /// What is unfinished: updates not fetched, turns, parts, rows of processes
    /// besides the one that runs, tasks at work.
    fn open(&self, unit: usize) -> [usize; 5] {
        let eye = self.world.eye();
        let count = |sql| usize::try_from(eye.count(sql, &[])).unwrap_or(0);
        [
            self.world.telegram.pending(),
            count("SELECT count(*) FROM turns WHERE state < 4"),
            count("SELECT count(*) FROM parts WHERE state IN (0, 1, 3)"),
            count("SELECT count(*) FROM instances").saturating_sub(1),
            self.host.at_work(unit),
        ]
    }

    fn rests(&self, unit: usize) -> bool {
        self.host.life(unit).is_some() && self.open(unit) == [0; 5]
    }

    fn assert_nothing_left(&self) {
        let running = self.world.model.counts().running;
        if running > 0 {
            self.world
                .wrong(None, format!("{running} completions still run"));
        }
    }

    fn outcome(self, keep: Keep) -> Outcome {
        let mut books = Books::close(&self.world, &self.people, self.host.tally());
        books.tally.rolls = self.rolls;
        books.tally.outages = self.outages;
        let wrongs = self.world.wrongs();
        let trace = match keep {
            Keep::Trace => self.world.trace.text(),
            Keep::Nothing => String::new(),
        };
        let history = match wrongs.first() {
            Some(wrong) => self.world.trace.shortened(wrong.chat, 120),
            None => String::new(),
        };
        Outcome {
            books,
            wrongs,
            trace,
            history,
        }
    }
}

/// What happens when, by the seed.
fn plan(random: &mut StdRng) -> Vec<(u64, Event)> {
    let mut events = Vec::new();
    let mut some = |random: &mut StdRng, most: u32, event: &dyn Fn(&mut StdRng) -> Event| {
        for _ in 0..random.random_range(0..=most) {
            let at = random.random_range(0..BUSY_MS);
            events.push((at, event(random)));
        }
    };
    some(random, 20, &|_| Event::Act);
    some(random, 4, &|_| Event::Act);
    let foul = random.random_range(0..4);
    some(random, 4 * foul, &|_| Event::TelegramFault);
    some(random, foul / 2, &|random| {
        let how = *pick(random, &[Outage::Refused, Outage::Reset]);
        Event::Outage(how, random.random_range(100..15_000))
    });
    some(random, foul / 2, &|random| {
        Event::StoreAway(random.random_range(100..4_000))
    });
    some(random, 2, &|_| Event::Kill);
    some(random, 2, &|_| Event::Terminate);
    if random.random_ratio(1, 3) {
        some(random, 2, &|_| Event::Roll);
    }
    if random.random_ratio(1, 4) {
        some(random, 1, &|_| Event::Double);
        some(random, 1, &|_| Event::Single);
    }
    if random.random_ratio(1, 12) {
        let hour = 3_600_000;
        some(random, 2, &|random| {
            Event::Clock(*pick(random, &[hour, -hour, 90_000, -90_000]))
        });
    }
    events.sort_by_key(|(at, _)| *at);
    events
}
