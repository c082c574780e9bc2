//! A whole daemon in one process: real store file, in-memory Telegram and
//! model, tokio's paused clock. What a test needs to play a person and to look
//! at what the person saw.

use std::sync::Arc;
use std::time::Duration;

use lastword::clock::Clock;
use lastword::config::{BotToken, Config};
use lastword::daemon::{self, Lines, NoReload, Seams};
use lastword::domain::ids::BotId;
use lastword::llm::Llm;
use lastword::llm::modalities::Catalogue;
use lastword::media::prepare::Within;
use lastword::media::{Place as Shelf, Senses};
use lastword::ops::systemd::Systemd;
use lastword::playground::bot_api::{BotApi, ChatView, InMemory, Place};
use lastword::playground::offline::Offline;
use lastword::shutdown::{Cause, ExitCode, Grace, Shutdown};
use lastword::store::sqlite::{Mode, SqliteStore};
use lastword::store::{Books, Turns};
use lastword::telegram::Telegram;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// Any moment will do; a fixed one keeps runs equal.
const EPOCH: i64 = 1_790_000_000_000;

/// The world round the daemon, which outlives it.
pub(crate) struct House {
    pub(crate) telegram: Arc<BotApi>,
    pub(crate) model: Offline,
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    /// What stands between the daemon and its model, when something does.
    pub(crate) llm: Option<Arc<dyn Llm>>,
    /// What stands between the daemon and its Telegram, when something does.
    pub(crate) line: Option<Arc<dyn Telegram>>,
    /// How it reads files and hears.
    pub(crate) senses: Senses,
    /// The disk of the store.
    pub(crate) disk: lastword::daemon::Disk,
    folder: TempDir,
    starts: u64,
}

/// Files are read in this process, at once; nothing hears.
pub(crate) fn senses() -> Senses {
    Senses {
        preparer: Arc::new(Within),
        hearing: None,
        catalogue: Catalogue::default(),
        place: Shelf::Here,
    }
}

/// One life of the daemon.
pub(crate) struct Life {
    pub(crate) shutdown: Shutdown,
    pub(crate) store: SqliteStore,
    task: JoinHandle<ExitCode>,
}

impl House {
    /// A world in which everything works and everybody may talk.
    pub(crate) fn new() -> Self {
        Self::with(Offline::echo())
    }

    pub(crate) fn with(model: Offline) -> Self {
        let folder = TempDir::new().expect("a folder for the store");
        let clock = Clock::virtual_from(EPOCH);
        let telegram = BotApi::sample(clock.clone());
        let token = BotToken::parse(&telegram.bot().token).expect("the sample has a token");
        let mut config = Config::new(token, folder.path().join("lastword.db"));
        config.access.mode = lastword::config::AccessMode::Open;
        // Whoever counts what is heard counts answers, unless it is about these.
        config.operators.notices = lastword::config::Notices::Off;
        Self {
            telegram,
            model,
            config,
            clock,
            llm: None,
            line: None,
            senses: senses(),
            disk: lastword::daemon::Disk::unwatched(),
            folder,
            starts: 0,
        }
    }

    /// The store as a second look at the same file.
    pub(crate) fn look(&self) -> SqliteStore {
        SqliteStore::open(
            &self.folder.path().join("lastword.db"),
            BotId(self.telegram.bot().id),
            self.clock.clone(),
            Mode::Inline,
        )
        .expect("the store opens")
    }

    /// The file of the store.
    pub(crate) fn store_path(&self) -> std::path::PathBuf {
        self.folder.path().join("lastword.db")
    }

    /// Starts a daemon.
    pub(crate) fn start(&mut self) -> Life {
        self.starts += 1;
        let shutdown = Shutdown::new();
        shutdown.arm(Grace::new(self.config.shutdown.grace));
        let store = self.look();
        let seams = Seams {
            config: self.config.clone(),
            bot: BotId(self.telegram.bot().id),
            store: Arc::new(store.clone()),
            desk: Arc::new(store.clone()),
            close: Box::new(store.clone()),
            telegram: match &self.line {
                Some(line) => Arc::clone(line),
                None => Arc::new(InMemory(Arc::clone(&self.telegram))),
            },
            llm: match &self.llm {
                Some(llm) => Arc::clone(llm),
                None => Arc::new(self.model.clone()),
            },
            senses: self.senses.clone(),
            clock: self.clock.clone(),
            shutdown: shutdown.clone(),
            systemd: Systemd::default(),
            metrics: None,
            troubles: lastword::telemetry::troubles::Troubles::default(),
            control: None,
            disk: self.disk.clone(),
            seed: self.starts * 1_000_003,
            reload: Box::new(NoReload),
            begun: tokio::time::Instant::now(),
            lines: Lines::Silent,
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "a test is not part of the daemon's tasks"
        )]
        let task = tokio::spawn(async move {
            Box::pin(daemon::run(seams))
                .await
                .expect("the daemon starts")
        });
        let deadline = shutdown.clone();
        #[expect(
            clippy::disallowed_methods,
            reason = "takes the place of the deadline thread"
        )]
        tokio::spawn(async move { deadline.keep_deadline().await });
        Life {
            shutdown,
            store,
            task,
        }
    }

    pub(crate) fn person(&self, name: &str) -> i64 {
        self.telegram.add_person(name)
    }

    /// Says something in the person's private chat; its message id.
    pub(crate) fn say(&self, person: i64, text: &str) -> i64 {
        self.telegram
            .say(Place::private(person), text)
            .expect("people may write")
            .message()
    }

    pub(crate) fn chat(&self, id: i64) -> ChatView {
        self.telegram.chat(id).expect("the chat exists")
    }

    /// What the bot's messages in a chat say now.
    pub(crate) fn heard(&self, chat: i64) -> Vec<String> {
        self.telegram
            .chat(chat)
            .map(|view| view.bot_texts())
            .unwrap_or_default()
    }

    /// Waits until the bot has this many visible messages in the chat.
    pub(crate) async fn until_heard(&self, chat: i64, messages: usize) -> Vec<String> {
        let enough = tokio::time::timeout(
            Duration::from_secs(600),
            self.telegram.until(|api| {
                api.chat(chat)
                    .is_some_and(|c| c.bot_texts().len() >= messages)
            }),
        );
        if enough.await.is_err() {
            panic!("heard only {:?}", self.heard(chat));
        }
        self.heard(chat)
    }
}

impl Life {
    /// SIGTERM, and the end of the drain.
    pub(crate) async fn stop(self) -> ExitCode {
        self.shutdown.stop(Cause::Terminate);
        self.task.await.expect("the daemon does not panic")
    }

    /// The end of a drain that was begun.
    pub(crate) async fn ended(self) -> ExitCode {
        self.task.await.expect("the daemon does not panic")
    }

    pub(crate) async fn books(&self) -> Books {
        self.store.books().await.expect("the store answers")
    }
}

/// Every message in one turn, every settled turn with one outcome.
pub(crate) fn assert_balanced(books: &Books) {
    assert_eq!(books.orphaned, 0, "{books:?}");
    assert_eq!(books.unbalanced, 0, "{books:?}");
}
