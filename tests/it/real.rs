//! The real binary as a child, with real signals, between a stand-in Bot API
//! and the offline model served over loopback HTTP from the test process.
//!
//! Waits on what people see, on what the store holds and on what the model was
//! asked, never on time alone; whatever takes longer than [`PATIENCE`] fails
//! with what was there. A child never outlives its test: it is killed when
//! dropped, and ends with its stdin should the test process die.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lastword::clock::Clock;
use lastword::domain::ids::BotId;
use lastword::domain::{part, turn};
use lastword::playground::bot_api::{self, Act, BotApi, BotProfile, ChatKind, Place, Settings};
use lastword::playground::offline::Offline;
use lastword::store::sqlite::{Mode, SqliteStore};
use lastword::store::{Books, Turns};
use rusqlite::config::DbConfig;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

mod console;
mod crowd;
mod drains;
mod failpoints;
mod files;
mod forms;
mod gaps;
mod guards;
mod hammer;
mod handover;
mod hostile;
mod hung;
mod kills;
mod languages;
mod matrix;
mod mishaps;
mod notices;
mod operators;
mod orphans;
mod paid;
mod process;
mod quiet;
mod reload;
mod roll;
mod rolls;
mod secrets;
mod soak;
mod sockets;
mod starts;
mod two;
mod verbs;
mod verdict;
mod versions;
mod waiting;

pub(crate) use process::{Exit, Process};
pub(crate) use verdict::Verdict;

/// Longer than anything may take, on the slowest machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Between two looks at the store.
const LOOK: Duration = Duration::from_millis(10);

/// More than a crowd asks between two looks at all the answers.
const ANSWERED_AT_ONCE: usize = 200;

/// How updates reach the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Polling,
    Webhook,
}

/// Everything round the daemon; outlives it.
pub(crate) struct Real {
    pub(crate) telegram: Arc<BotApi>,
    pub(crate) model: Offline,
    pub(crate) env: BTreeMap<&'static str, String>,
    /// The process that is killed at the next confirmation; 0 for none.
    pub(crate) kill_at_confirmation: Arc<AtomicI32>,
    folder: TempDir,
    /// What people asked, in order: chat and a word of its own.
    asked: Mutex<Vec<(i64, String)>>,
    confirmed_unstored: Arc<Mutex<Vec<i64>>>,
    stop: CancellationToken,
}

impl Drop for Real {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Real {
    /// A world in which everything works and everybody may talk.
    pub(crate) async fn new(transport: Transport) -> Self {
        Self::with(transport, Offline::echo()).await
    }

    pub(crate) async fn with(transport: Transport, model: Offline) -> Self {
        let folder = TempDir::new().expect("a folder for the store");
        let settings = Settings {
            http_webhooks: true,
            ..Settings::default()
        };
        let telegram = BotApi::new(BotProfile::sample(), settings, 1, Clock::system());
        let stop = CancellationToken::new();
        let api = listener().await;
        let api_address = api.local_addr().expect("it is bound");
        beside(bot_api::serve(api, Arc::clone(&telegram), stop.clone()));
        let llm = listener().await;
        let llm_address = llm.local_addr().expect("it is bound");
        let (serving, until) = (model.clone(), stop.clone());
        beside(async move { serving.serve(llm, until).await });
        let config = folder.path().join("empty.toml");
        std::fs::write(&config, "").expect("the folder is writable");
        let mut env = BTreeMap::from([
            ("TELEGRAM_BOT_TOKEN", telegram.bot().token.clone()),
            ("LASTWORD_CONFIG", config.display().to_string()),
            (
                "LASTWORD_TELEGRAM__API_URL",
                format!("http://{api_address}"),
            ),
            ("LASTWORD_LLM__BASE_URL", format!("http://{llm_address}/v1")),
            (
                "LASTWORD_STORE__PATH",
                folder.path().join("lastword.db").display().to_string(),
            ),
            ("LASTWORD_ACCESS__MODE", "open".to_owned()),
            ("LASTWORD_ACCESS__PER_MINUTE", "1000".to_owned()),
            ("LASTWORD_CHAT__QUIET_PERIOD", "100ms".to_owned()),
            // No longer: what comes while a turn runs is the next.
            ("LASTWORD_CHAT__LONG_PIECE_QUIET", "100ms".to_owned()),
            ("LASTWORD_CHAT__WINDOW_MAX", "100ms".to_owned()),
            ("LASTWORD_SHUTDOWN__GRACE", "20s".to_owned()),
        ]);
        if transport == Transport::Webhook {
            let port = free_port().await;
            env.extend([
                ("LASTWORD_TELEGRAM__MODE", "webhook".to_owned()),
                (
                    "LASTWORD_TELEGRAM__WEBHOOK__URL",
                    format!("http://127.0.0.1:{}/hook", port.port()),
                ),
                ("LASTWORD_TELEGRAM__WEBHOOK__LISTEN", port.to_string()),
            ]);
        }
        let real = Self {
            telegram,
            model,
            env,
            kill_at_confirmation: Arc::default(),
            folder,
            asked: Mutex::default(),
            confirmed_unstored: Arc::default(),
            stop,
        };
        real.look_at_confirmations();
        real
    }

    /// Promise P1: at the moment of confirmation a second connection finds
    /// every confirmed update in the store.
    fn look_at_confirmations(&self) {
        let path = self.store_path();
        let unstored = Arc::clone(&self.confirmed_unstored);
        let kill = Arc::clone(&self.kill_at_confirmation);
        self.telegram.on_confirm(move |_, updates| {
            let pid = kill.swap(0, Ordering::AcqRel);
            if pid != 0 {
                process::signal(pid, rustix::process::Signal::KILL);
            }
            let store = rusqlite::Connection::open(&path).expect("the store exists");
            store.busy_timeout(PATIENCE).expect("a time-out can be set");
            for update in updates {
                let found: bool = store
                    .query_row(
                        "SELECT EXISTS (SELECT 1 FROM updates WHERE update_id = ?1)",
                        [update],
                        |row| row.get(0),
                    )
                    .unwrap_or(false);
                if !found {
                    unstored.lock().expect("plain data").push(*update);
                }
            }
        });
    }

    pub(crate) fn store_path(&self) -> PathBuf {
        self.folder.path().join("lastword.db")
    }

    /// A plain connection to the same file.
    pub(crate) fn sql(&self) -> rusqlite::Connection {
        let store = rusqlite::Connection::open(self.store_path()).expect("the store exists");
        store.busy_timeout(PATIENCE).expect("a time-out can be set");
        // The last connection, where the process has died: only a look.
        store
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
            .expect("it can be set");
        store
    }

    /// A number of the store's; `None` while it has no such table.
    pub(crate) fn count(&self, sql: &str) -> Option<u64> {
        if !self.store_path().exists() {
            return None;
        }
        let number: rusqlite::Result<i64> = self.sql().query_row(sql, [], |row| row.get(0));
        number.ok().map(i64::unsigned_abs)
    }

    /// The store as a second look at the same file.
    pub(crate) fn look(&self) -> SqliteStore {
        SqliteStore::open(
            &self.store_path(),
            BotId(self.telegram.bot().id),
            Clock::system(),
            Mode::Inline,
        )
        .expect("the store opens")
    }

    /// Starts the binary; does not wait for anything.
    /// One that is handed its webhook's socket.
    pub(crate) fn activate(&self) -> Process {
        let listen = &self.env["LASTWORD_TELEGRAM__WEBHOOK__LISTEN"];
        Process::activated(&self.env, listen)
    }

    pub(crate) fn spawn(&self) -> Process {
        Process::spawn(&self.env)
    }

    /// Starts the binary and waits until it is ready.
    pub(crate) async fn start(&self) -> Process {
        let process = self.spawn();
        process.ready().await;
        process
    }

    pub(crate) fn person(&self, name: &str) -> i64 {
        self.telegram.add_person(name)
    }

    pub(crate) fn group(&self, person: i64) -> i64 {
        let act = Act::OpenGroup {
            kind: ChatKind::Supergroup,
            title: "Round table".to_owned(),
            members: vec![person],
        };
        let acted = self.telegram.act(act).expect("a group can be opened");
        acted.id.expect("it has an id")
    }

    /// A forum with topics, in each of which somebody of its own writes.
    pub(crate) fn topics(&self, name: &str, topics: usize) -> Vec<Place> {
        let act = |act| self.telegram.act(act).expect("people may do that");
        let people: Vec<i64> = (0..topics)
            .map(|n| self.person(&format!("{name}{n}")))
            .collect();
        let forum = act(Act::OpenGroup {
            kind: ChatKind::Forum,
            title: name.to_owned(),
            members: people.clone(),
        });
        let chat = forum.id.expect("it has an id");
        let open = |person: &i64| {
            let topic = act(Act::OpenTopic {
                chat,
                person: *person,
                name: name.to_owned(),
            });
            let thread = topic.id.expect("it has an id");
            Place::group(*person, chat).topic(thread)
        };
        people.iter().map(open).collect()
    }

    /// Asks the bot something new; in groups by its name.
    pub(crate) fn ask(&self, place: &Place) {
        self.ask_at_length(place, 0);
    }

    /// The same with as many words more, which a model that echoes says too.
    pub(crate) fn ask_at_length(&self, place: &Place, words: usize) {
        let text = self.question(place, &"la ".repeat(words));
        self.say(place, &text);
    }

    /// The text of something new to be asked, with a word of its own.
    pub(crate) fn question(&self, place: &Place, more: &str) -> String {
        let mut asked = self.asked.lock().expect("plain data");
        let word = format!("q{:05}", asked.len());
        let text = match place.chat {
            Some(_) => format!("@{} {more}{word}", self.telegram.bot().username),
            None => format!("{more}{word}"),
        };
        asked.push((place.chat.unwrap_or(place.person), word));
        text
    }

    pub(crate) fn asked_so_far(&self) -> u64 {
        self.asked.lock().expect("plain data").len() as u64
    }

    pub(crate) fn say(&self, place: &Place, text: &str) {
        self.telegram
            .say(place.clone(), text)
            .expect("people may write");
    }

    /// Waits until the bot has said something with these words.
    pub(crate) async fn until_heard(&self, chat: i64, words: &str) {
        let said = self.telegram.until(|api| {
            api.chat(chat)
                .is_some_and(|view| view.bot_texts().iter().any(|text| text.contains(words)))
        });
        within(words, said).await;
    }

    /// Waits until everything asked so far was answered, as people see it:
    /// nobody looks into the store.
    pub(crate) async fn until_answered(&self) {
        let asked = self.asked.lock().expect("plain data").clone();
        let words = asked.iter().rev().take(ANSWERED_AT_ONCE).cloned();
        for (chat, word) in words.collect::<Vec<_>>() {
            self.until_heard(chat, &word).await;
        }
    }

    pub(crate) fn heard(&self, chat: i64) -> Vec<String> {
        self.telegram
            .chat(chat)
            .map(|view| view.bot_texts())
            .unwrap_or_default()
    }

    /// Waits until the books satisfy `done`.
    pub(crate) async fn until(&self, what: &str, done: impl Fn(&Books) -> bool) -> Books {
        let store = self.look();
        let mut last = None;
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while tokio::time::Instant::now() < deadline {
            if let Ok(books) = store.books().await {
                if done(&books) {
                    return books;
                }
                last = Some(books);
            }
            tokio::time::sleep(LOOK).await;
        }
        panic!("never {what}: {last:?}");
    }

    /// Waits until this many turns are settled, and nothing is open.
    pub(crate) async fn until_settled(&self, turns: u64) -> Books {
        self.until("settled", |books| {
            in_turn(books, turn::State::Settled) >= turns
                && turn::State::ALL[..4]
                    .iter()
                    .all(|s| in_turn(books, *s) == 0)
                && [
                    part::State::Planned,
                    part::State::Sending,
                    part::State::Uncertain,
                ]
                .iter()
                .all(|s| in_part(books, *s) == 0)
        })
        .await
    }
}

/// How many turns are in this state.
pub(crate) fn in_turn(books: &Books, state: turn::State) -> u64 {
    count(&books.states, state.as_str())
}

/// How many parts are in this state.
pub(crate) fn in_part(books: &Books, state: part::State) -> u64 {
    count(&books.parts, state.as_str())
}

/// How many settled turns have this outcome.
pub(crate) fn outcomes(books: &Books, outcome: turn::Outcome) -> u64 {
    count(&books.outcomes, outcome.as_str())
}

fn count(counts: &[(&'static str, u64)], name: &str) -> u64 {
    counts
        .iter()
        .find(|(known, _)| *known == name)
        .map_or(0, |(_, n)| *n)
}

/// A number that whoever runs the tests has set.
pub(crate) fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Says what a failing run is told by: its case, its seed.
#[expect(clippy::print_stdout, reason = "shown with the failure only")]
pub(crate) fn note(text: &str) {
    println!("{text}");
}

/// Fails with `what` instead of waiting for ever.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain: {what}"),
    }
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a free port")
}

pub(crate) async fn free_port() -> SocketAddr {
    listener().await.local_addr().expect("it is bound")
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test is not part of the daemon's tasks"
)]
pub(crate) fn beside<F>(task: F)
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(task);
}
