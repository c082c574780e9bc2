//! The host: two units of the service manager, which start the daemon, restart
//! it after every end, signal it and kill it.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lastword::clock::millis;
use lastword::config::OnStop;
use lastword::daemon::{self, Lines, NoReload, Seams};
use lastword::domain::ids::BotId;
use lastword::ops::systemd::Systemd;
use lastword::playground::bot_api::InMemory;
use lastword::shutdown::{Cause, ExitCode, Grace, Shutdown, Tasks};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::sync::watch;
use tokio::time::Instant;

use super::defect::Defect;
use super::faults::pick;
use super::mortal::{Fuse, Mortal, Point, When};
use super::seam_model::Asking;
use super::seam_store::Storing;
use super::seam_telegram::Telephone;
use super::trace::About;
use super::world::World;

/// One running process.
#[derive(Debug, Clone)]
pub(super) struct Life {
    pub(super) mortal: Arc<Mortal>,
    pub(super) shutdown: Shutdown,
}

/// How a life ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// By itself, with this code.
    Exit(ExitCode),
    /// Its start failed.
    NotStarted,
    /// By a crash or a kill.
    Died,
    /// The deadline had to end it by force.
    Forced,
}

/// One unit.
#[derive(Debug)]
struct Unit {
    wanted: watch::Sender<bool>,
    life: watch::Sender<Option<Life>>,
}

/// How often what happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) starts: u64,
    pub(super) crashes: u64,
    pub(super) drains: u64,
    pub(super) early: u64,
    pub(super) unstarted: u64,
}

/// The host.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) world: Arc<World>,
    units: [Unit; 2],
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    random: StdRng,
    /// Of a hundred lives so many have a crash before them.
    crashes: u32,
    tally: Tally,
    /// When a life ended last.
    last_end: Option<Instant>,
}

const OPERATIONS: [&str; 14] = [
    "accept",
    "claim",
    "keep_request",
    "plan_placeholder",
    "answer",
    "begin_send",
    "finish_send",
    "finish_probe",
    "replan",
    "register",
    "reap",
    "park",
    "leave",
    "defer",
];
const METHODS: [&str; 5] = [
    "sendMessage",
    "sendRichMessage",
    "editMessageText",
    "getUpdates",
    "sendRichMessageDraft",
];

impl Host {
    pub(super) fn new(world: &Arc<World>, seed: u64) -> Arc<Self> {
        let mut random = StdRng::seed_from_u64(seed);
        let crashes = *pick(&mut random, &[0, 30, 60, 90]);
        let unit = || Unit {
            wanted: watch::Sender::new(false),
            life: watch::Sender::new(None),
        };
        let host = Arc::new(Self {
            world: Arc::clone(world),
            units: [unit(), unit()],
            state: Mutex::new(State {
                random,
                crashes,
                tally: Tally::default(),
                last_end: None,
            }),
        });
        for unit in 0..2 {
            spawn(Arc::clone(&host).supervise(unit));
        }
        host
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tally(&self) -> Tally {
        self.state().tally
    }

    /// No life crashes by itself from now on.
    pub(super) fn rest(&self) {
        self.state().crashes = 0;
        for unit in 0..2 {
            if let Some(life) = self.life(unit) {
                life.mortal.defuse();
            }
        }
    }

    /// Whether this unit is to run.
    pub(super) fn want(&self, unit: usize, wanted: bool) {
        self.units[unit].wanted.send_replace(wanted);
    }

    pub(super) fn is_wanted(&self, unit: usize) -> bool {
        *self.units[unit].wanted.borrow()
    }

    /// The process of this unit, while there is one.
    pub(super) fn life(&self, unit: usize) -> Option<Life> {
        self.units[unit].life.borrow().clone()
    }

    /// SIGTERM, or one more.
    pub(super) fn signal(&self, unit: usize) {
        if let Some(life) = self.life(unit) {
            let number = life.mortal.number;
            self.world
                .trace
                .add(number, "world", "signal", About::number(u64::from(number)));
            life.shutdown.stop(Cause::Terminate);
        }
    }

    /// `kill -9`.
    pub(super) fn kill(&self, unit: usize) {
        if let Some(life) = self.life(unit) {
            life.mortal.die("kill");
        }
    }

    /// Waits until no process of this unit runs.
    pub(super) async fn until_ended(&self, unit: usize) {
        let mut life = self.units[unit].life.subscribe();
        let _ = life.wait_for(Option::is_none).await;
    }

    /// Starts it whenever it is wanted and does not run.
    async fn supervise(self: Arc<Self>, unit: usize) {
        let mut wanted = self.units[unit].wanted.subscribe();
        loop {
            if wanted.wait_for(|wanted| *wanted).await.is_err() {
                return;
            }
            let ended = self.live(unit).await;
            {
                let mut state = self.state();
                match ended {
                    Ended::Exit(ExitCode::Drained) => state.tally.drains += 1,
                    Ended::Exit(_) => state.tally.early += 1,
                    Ended::NotStarted => state.tally.unstarted += 1,
                    Ended::Died | Ended::Forced => state.tally.crashes += 1,
                }
            }
            let rest = self.state().random.random_range(0..2_000);
            tokio::time::sleep(Duration::from_millis(rest)).await;
        }
    }

    fn fuse(&self) -> Option<Fuse> {
        let mut state = self.state();
        let likely = state.crashes;
        let random = &mut state.random;
        if !random.random_ratio(likely, 100) {
            return None;
        }
        let when = *pick(random, &[When::Before, When::After]);
        let (point, name, most) = match random.random_range(0..10) {
            0..2 => (Point::Store(when), None, 150),
            2..6 => (Point::Store(when), Some(*pick(random, &OPERATIONS)), 6),
            6..9 => (Point::Telegram(when), Some(*pick(random, &METHODS)), 8),
            _ => (Point::Model(when), None, 20),
        };
        Some(Fuse {
            point,
            name,
            left: random.random_range(1..=most),
        })
    }

    /// One life, from its start to its end.
    async fn live(self: &Arc<Self>, unit: usize) -> Ended {
        let world = &self.world;
        let number = world.next_life();
        let seed: u64 = self.state().random.random();
        let instance = i64::try_from(seed >> 1).unwrap_or(1).max(1);
        let mortal = Mortal::new(world, number, instance, world.open_store(), self.fuse());
        let shutdown = Shutdown::new();
        shutdown.arm(Grace::new(world.config.shutdown.grace));
        world
            .trace
            .add(number, "world", "start", About::number(u64::from(number)));
        self.state().tally.starts += 1;
        let life = Life {
            mortal: Arc::clone(&mortal),
            shutdown: shutdown.clone(),
        };
        self.units[unit].life.send_replace(Some(life.clone()));
        let seams = self.seams(&life, seed);
        let ended = tokio::select! {
            biased;
            () = mortal.dead.cancelled() => Ended::Died,
            code = Box::pin(daemon::run(seams)) => match code {
                Ok(code) => Ended::Exit(code),
                Err(_) => Ended::NotStarted,
            },
            () = forced(&shutdown) => Ended::Forced,
            () = self.deadline(&life) => Ended::Forced,
        };
        self.judge(&life, ended);
        self.state().last_end = Some(Instant::now());
        mortal.die("end");
        self.units[unit].life.send_replace(None);
        ended
    }

    fn seams(&self, life: &Life, seed: u64) -> Seams {
        let world = &self.world;
        let store = Storing(Arc::clone(&life.mortal));
        Seams {
            config: world.config.clone(),
            bot: BotId(world.telegram.bot().id),
            store: Arc::new(store.clone()),
            desk: Arc::new(store.clone()),
            close: Box::new(store),
            telegram: Arc::new(Telephone {
                mortal: Arc::clone(&life.mortal),
                line: InMemory(Arc::clone(&world.telegram)),
            }),
            llm: Arc::new(Asking {
                mortal: Arc::clone(&life.mortal),
                model: world.model.clone(),
            }),
            senses: crate::house::senses(),
            clock: world.clock.clone(),
            shutdown: life.shutdown.clone(),
            systemd: Systemd::default(),
            metrics: None,
            troubles: lastword::telemetry::troubles::Troubles::default(),
            control: None,
            disk: lastword::daemon::Disk::unwatched(),
            seed,
            reload: Box::new(NoReload),
            begun: tokio::time::Instant::now(),
            lines: Lines::Silent,
        }
    }

    /// The part of the deadline thread that cuts the work.
    async fn deadline(&self, life: &Life) {
        if self.world.defect != Some(Defect::KeepsNoDeadline) {
            life.shutdown.keep_deadline().await;
            // Paid for and not stored: the cut may cost it.
            self.world.eye().completions_lost(life.mortal.number);
        }
        pending().await
    }

    /// Whether a life ended as it must.
    fn judge(&self, life: &Life, ended: Ended) {
        let (world, shutdown, mortal) = (&self.world, &life.shutdown, &life.mortal);
        let took = shutdown.since_signal();
        world.trace.add(
            mortal.number,
            "world",
            "ended",
            About {
                chat: 0,
                number: u64::try_from(took.as_millis()).unwrap_or(0),
                end: match ended {
                    Ended::Exit(ExitCode::Drained) => "drained",
                    Ended::Exit(_) => "early",
                    Ended::NotStarted => "not started",
                    Ended::Died => "died",
                    Ended::Forced => "forced",
                },
            },
        );
        match ended {
            Ended::Forced => world.wrong(
                None,
                format!("a stop took {took:?} and had to be ended by force"),
            ),
            Ended::Exit(code) => {
                if took > shutdown.limits().exit {
                    world.wrong(None, format!("a stop took {took:?}"));
                }
                if !matches!(code, ExitCode::Drained | ExitCode::Early) {
                    world.wrong(None, format!("a stop ended with {code:?}"));
                }
                if code == ExitCode::Drained {
                    self.judge_drained(life);
                }
            }
            Ended::Died | Ended::NotStarted => {}
        }
    }

    /// "Drained" is only said when nothing was left that could have been done.
    fn judge_drained(&self, life: &Life) {
        let eye = self.world.eye();
        let me = life.mortal.instance;
        let owned = eye.count("SELECT count(*) FROM turns WHERE owner = ?1", &[me]);
        let parts = eye.count(
            "SELECT count(*) FROM parts WHERE owner = ?1 AND state IN (0, 1, 3)",
            &[me],
        );
        let listed = eye.count("SELECT count(*) FROM instances WHERE id = ?1", &[me]);
        if owned + parts + listed > 0 {
            let left = format!("{owned} turns, {parts} parts, {listed} rows");
            self.world
                .wrong(None, format!("drained, but still owns {left}"));
        }
        let parts = eye.parts_left(life.mortal.number);
        if parts > 0 {
            self.world
                .wrong(None, format!("drained, but {parts} parts are left unsent"));
        }
        // What another leaves while this one drains waits for the next start.
        let alone = (0..2).filter_map(|unit| self.life(unit)).count() == 1
            && self.state().last_end < life.shutdown.signalled_at();
        let flushes = self.world.config.shutdown.on_stop == OnStop::Flush;
        if flushes && alone && !eye.met_successor(life.mortal.number) {
            // What waited for the model or for a minute to end when the stop was
            // asked for may be left, with what waits behind it.
            let asked_at = self.world.clock.now() - millis(life.shutdown.since_signal());
            let turns = eye.count(
                "SELECT count(*) FROM turns WHERE state < 3 AND state < 4 \
                 AND conversation NOT IN (SELECT conversation FROM turns \
                    WHERE state < 2 AND state < 4 AND not_before > ?2) \
                 AND (owner IS NULL OR owner = ?1)",
                &[me, asked_at],
            );
            if turns > 0 {
                let open = eye.open_turns();
                self.world.wrong(
                    None,
                    format!("drained, but {turns} turns are left unanswered, {open}"),
                );
            }
        }
    }

    /// What still runs in the process of this unit, by kind, but for what runs
    /// for as long as it lives.
    pub(super) fn at_work(&self, unit: usize) -> usize {
        use lastword::shutdown::Kind;
        let Some(life) = self.life(unit) else {
            return 0;
        };
        let running = Tasks::new(&life.shutdown).running();
        let work = [
            Kind::Timer,
            Kind::Turn,
            Kind::Sender,
            Kind::Preview,
            Kind::Typing,
            Kind::Control,
        ];
        work.iter().filter_map(|kind| running.get(kind)).sum()
    }
}

/// Ready when the deadline thread would end the process.
async fn forced(shutdown: &Shutdown) {
    shutdown.intake().cancelled().await;
    let left = shutdown
        .limits()
        .exit
        .saturating_sub(shutdown.since_signal());
    tokio::time::sleep(left).await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "the service manager is not part of the daemon's tasks"
)]
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}
