//! The world of one run: Telegram, the model, the disk, the clocks, and what is
//! written down about them. Outlives every life of the daemon.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use lastword::clock::Clock;
use lastword::config::{AccessMode, BotToken, Busy, Config, Format, OnStop};
use lastword::domain::ids::BotId;
use lastword::playground::bot_api::{BotApi, BotProfile, Settings};
use lastword::playground::offline::{Behaviour, Fault, Offline, Pace, Voice};
use lastword::store::sqlite::{Mode, SqliteStore};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tempfile::TempDir;

use super::defect::Defect;
use super::eye::Eye;
use super::faults::{Faults, pick};
use super::trace::{About, Trace, WRONG};

/// Any moment will do; a fixed one keeps runs equal.
const EPOCH: i64 = 1_790_000_000_000;

/// Something that must not be.
#[derive(Debug, Clone)]
pub(super) struct Wrong {
    pub(super) chat: Option<i64>,
    pub(super) what: String,
}

/// Everything round the daemon.
#[derive(Debug)]
pub(super) struct World {
    pub(super) telegram: Arc<BotApi>,
    pub(super) model: Offline,
    pub(super) config: Config,
    /// The clock of the host; Telegram has its own.
    pub(super) clock: Clock,
    pub(super) trace: Arc<Trace>,
    pub(super) defect: Option<Defect>,
    eye: Arc<Eye>,
    folder: TempDir,
    faults: Mutex<Faults>,
    wrongs: Arc<Mutex<Vec<Wrong>>>,
    lives: AtomicU32,
    struck: AtomicU64,
}

impl World {
    /// The world of this seed. Call it inside the run's runtime.
    pub(super) fn new(seed: u64, defect: Option<Defect>) -> Arc<Self> {
        let mut random = StdRng::seed_from_u64(seed);
        let trace = Arc::new(Trace::new());
        let folder = folder();
        let path = folder.path().join("lastword.db");
        fs::write(&path, template()).expect("there is room for a store");
        let eye = Arc::new(Eye::open(&path));
        let telegram = BotApi::new(
            BotProfile::sample(),
            Settings::default(),
            random.random(),
            Clock::virtual_from(EPOCH),
        );
        let wrongs: Arc<Mutex<Vec<Wrong>>> = Arc::default();
        let (looking, writing, telling) =
            (Arc::clone(&eye), Arc::clone(&trace), Arc::clone(&wrongs));
        telegram.on_confirm(move |_, updates| {
            for update in updates {
                writing.add(
                    0,
                    "telegram",
                    "confirmed",
                    About::number(update.unsigned_abs()),
                );
            }
            for update in looking.confirmed(updates) {
                lock(&telling).push(Wrong {
                    chat: None,
                    what: format!("update {update} is confirmed and not stored"),
                });
            }
        });
        let model = Offline::new(Behaviour {
            fault: Fault::Sound,
            voice: Voice::Echo,
            pace: Pace {
                first: Duration::from_millis(random.random_range(0..3_000)),
                between: Duration::from_millis(random.random_range(0..400)),
                words: random.random_range(1..6),
            },
        });
        Arc::new(Self {
            config: config(&mut random, &telegram, path),
            telegram,
            model,
            clock: Clock::virtual_from(EPOCH + 700),
            trace,
            defect,
            eye,
            folder,
            faults: Mutex::new(Faults::new(random.random())),
            wrongs,
            lives: AtomicU32::new(0),
            struck: AtomicU64::new(0),
        })
    }

    /// The store as a new process opens it.
    pub(super) fn open_store(&self) -> SqliteStore {
        let bot = BotId(self.telegram.bot().id);
        SqliteStore::open(
            &self.config.store.path,
            bot,
            self.clock.clone(),
            Mode::Inline,
        )
        .expect("the store opens")
    }

    /// Lock files of instances that are left.
    pub(super) fn instance_files(&self) -> usize {
        let locks = self.folder.path().join("lastword.db.locks");
        let entries = fs::read_dir(locks).expect("the locks have a folder");
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.filter(|name| name.starts_with("instance-")).count()
    }

    pub(super) fn eye(&self) -> &Eye {
        &self.eye
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    pub(super) fn next_life(&self) -> u32 {
        self.lives.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Whether a defect that shows every `n`-th time shows now.
    pub(super) fn strikes(&self, n: u64) -> bool {
        (self.struck.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(n)
    }

    /// Writes down that something is not as it must be.
    pub(super) fn wrong(&self, chat: Option<i64>, what: String) {
        let about = chat.map_or(About::NOTHING, About::chat);
        self.trace.add(0, "world", WRONG, about);
        lock(&self.wrongs).push(Wrong { chat, what });
    }

    pub(super) fn wrongs(&self) -> Vec<Wrong> {
        lock(&self.wrongs).clone()
    }
}

/// What the operator of this seed has decided.
fn config(random: &mut StdRng, telegram: &BotApi, store: PathBuf) -> Config {
    let token = BotToken::parse(&telegram.bot().token).expect("the sample has a token");
    let mut config = Config::new(token, store);
    config.access.mode = AccessMode::Open;
    config.access.per_minute = *pick(random, &[6, 60, 60]);
    config.chat.busy = *pick(random, &[Busy::Queue, Busy::Queue, Busy::Interrupt]);
    config.reply.format = *pick(random, &[Format::Rich, Format::Rich, Format::Entities]);
    config.shutdown.on_stop = *pick(random, &[OnStop::Flush, OnStop::Flush, OnStop::Park]);
    config.shutdown.grace = Duration::from_secs(*pick(random, &[5, 12, 90]));
    config.turns.max_concurrent = *pick(random, &[1, 3, 100]);
    config.llm.first_content = Duration::from_secs(10);
    config.llm.between_contents = Duration::from_secs(5);
    config.llm.whole = Duration::from_secs(40);
    config
}

/// In memory where the system has such a place: nothing here is about power.
fn folder() -> TempDir {
    let memory = PathBuf::from("/dev/shm");
    let made = tempfile::Builder::new()
        .prefix("lastword-sim")
        .tempdir_in(&memory);
    made.or_else(|_| TempDir::new())
        .expect("a folder for the store")
}

/// A fresh store as bytes: made once, copied for each run.
fn template() -> &'static [u8] {
    static TEMPLATE: OnceLock<Vec<u8>> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let folder = folder();
        let path = folder.path().join("lastword.db");
        let clock = Clock::virtual_from(EPOCH);
        let bot = BotId(BotProfile::sample().id);
        drop(SqliteStore::open(&path, bot, clock, Mode::Inline).expect("a store can be made"));
        fs::read(&path).expect("the last connection wrote everything back")
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
