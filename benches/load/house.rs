//! The whole daemon in this process: real webhook, real store file with its
//! writer thread, an agreeing Telegram and an instant model.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use lastword::clock::Clock;
use lastword::config::{
    AccessMode, BotToken, Config, Mode as Transport, OnStop, WebhookSecret, WebhookUrl,
};
use lastword::daemon::{self, Lines, NoReload, Seams};
use lastword::domain::ids::BotId;
use lastword::llm::modalities::Catalogue;
use lastword::media::prepare::Within;
use lastword::media::{Place, Senses};
use lastword::ops::systemd::Systemd;
use lastword::shutdown::{Cause, ExitCode, Grace, Shutdown};
use lastword::store::sqlite::{Mode, SqliteStore};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::client::{PATH, SECRET};
use crate::outside::{self, Agreeing, Sent};

/// A running daemon.
#[derive(Debug)]
pub struct House {
    /// Where its webhook listens.
    pub address: SocketAddr,
    /// What it sends.
    pub sent: mpsc::UnboundedReceiver<Sent>,
    /// Its store file.
    pub path: PathBuf,
    shutdown: Shutdown,
    task: JoinHandle<anyhow::Result<ExitCode>>,
    runtime: Runtime,
    _folder: Option<TempDir>,
}

/// The configuration of every measure: everybody may talk, as much as they like.
pub fn config(path: &Path, quiet: Duration) -> anyhow::Result<Config> {
    let token = BotToken::parse(outside::TOKEN).context("token")?;
    let mut config = Config::new(token, path.to_owned());
    config.access.mode = AccessMode::Open;
    config.access.per_minute = 1_000_000;
    config.intake.buffer = 10_000_000;
    config.chat.quiet_period = quiet;
    config.chat.window_max = quiet.max(config.chat.window_max);
    config.telegram.mode = Transport::Webhook;
    config.telegram.webhook.url = Some(
        WebhookUrl::parse(&format!("https://load.invalid{PATH}")).context("the webhook's URL")?,
    );
    config.telegram.webhook.secret =
        Some(WebhookSecret::parse(SECRET).context("the webhook's secret")?);
    config.telegram.webhook.max_connections = 100;
    Ok(config)
}

/// A runtime as the real program has it.
pub fn runtime() -> anyhow::Result<Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
}

/// A port that was free a moment ago.
pub fn free_port() -> anyhow::Result<SocketAddr> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

/// The seams of a daemon with this configuration, its store opened.
fn seams(
    config: Config,
    shutdown: &Shutdown,
    sent: mpsc::UnboundedSender<Sent>,
) -> anyhow::Result<Seams> {
    shutdown.arm(Grace::new(config.shutdown.grace));
    let clock = Clock::system();
    let bot = BotId(outside::BOT);
    let store = SqliteStore::open(&config.store.path, bot, clock.clone(), Mode::Thread)?;
    Ok(Seams {
        bot,
        store: Arc::new(store.clone()),
        desk: Arc::new(store.clone()),
        close: Box::new(store),
        telegram: Arc::new(Agreeing::new(sent)),
        llm: Arc::new(outside::model()),
        senses: Senses {
            preparer: Arc::new(Within),
            hearing: None,
            catalogue: Catalogue::default(),
            place: Place::Aside,
        },
        clock,
        shutdown: shutdown.clone(),
        systemd: Systemd::default(),
        metrics: None,
        troubles: lastword::telemetry::troubles::Troubles::default(),
        control: None,
        disk: lastword::daemon::Disk::unwatched(),
        seed: rand::random(),
        reload: Box::new(NoReload),
        begun: tokio::time::Instant::now(),
        lines: Lines::Silent,
        config,
    })
}

impl House {
    /// Starts a daemon in a folder of its own.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(quiet: Duration) -> anyhow::Result<Self> {
        let folder = TempDir::new_in(store_folder())?;
        let path = folder.path().join("lastword.db");
        let mut house = Self::start_at(path, quiet)?;
        house._folder = Some(folder);
        Ok(house)
    }

    /// Starts a daemon with this store.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_at(path: PathBuf, quiet: Duration) -> anyhow::Result<Self> {
        let mut config = config(&path, quiet)?;
        config.telegram.webhook.listen = free_port()?;
        // What gathers is left where it is: a stop is no part of a measure.
        config.shutdown.on_stop = OnStop::Park;
        let address = config.telegram.webhook.listen;
        let shutdown = Shutdown::new();
        let (sender, sent) = mpsc::unbounded_channel();
        let runtime = runtime()?;
        let task = {
            let _inside = runtime.enter();
            let seams = seams(config, &shutdown, sender)?;
            runtime.spawn(async move { Ok(Box::pin(daemon::run(seams)).await?) })
        };
        let deadline = shutdown.clone();
        runtime.spawn(async move { deadline.keep_deadline().await });
        wait_for(address)?;
        Ok(Self {
            address,
            sent,
            path,
            shutdown,
            task,
            runtime,
            _folder: None,
        })
    }

    /// Stops it; the seconds that took.
    ///
    /// # Errors
    /// When it ends badly.
    pub fn stop(self) -> anyhow::Result<(f64, Option<TempDir>)> {
        let begun = tokio::time::Instant::now();
        self.shutdown.stop(Cause::Terminate);
        let code = self.runtime.block_on(self.task)??;
        ensure!(code == ExitCode::Drained, "the daemon ended with {code:?}");
        let seconds = begun.elapsed().as_secs_f64();
        self.runtime.shutdown_background();
        Ok((seconds, self._folder))
    }
}

/// Stores lie beside the program, on a real disk; a temporary folder may be
/// memory.
pub fn store_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

/// Waits until somebody listens.
///
/// # Errors
/// When nobody does within ten seconds.
pub fn wait_for(address: SocketAddr) -> anyhow::Result<()> {
    let begun = tokio::time::Instant::now();
    while std::net::TcpStream::connect(address).is_err() {
        ensure!(
            begun.elapsed() < Duration::from_secs(10),
            "nobody listens on {address}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// How often something stands in a store, read from the file.
///
/// # Errors
/// When it cannot be read.
pub fn count(path: &Path, sql: &str) -> anyhow::Result<i64> {
    let conn = rusqlite::Connection::open_with_flags(
        path,
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.query_row(sql, [], |row| row.get(0))
        .with_context(|| sql.to_owned())
}
