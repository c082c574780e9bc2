//! The daemon with the real world round it: the operator's configuration, a
//! SQLite file, Telegram and the model over HTTPS, the service manager.

mod senses;

use std::sync::Arc;

use rand::Rng as _;
use secrecy::SecretString;

use crate::clock::Clock;
use crate::config::{Config, Loaded, ResponseCache, Sources};
use crate::daemon::Disk;
use crate::daemon::{self, Lines, Reload, Seams, StartError};
use crate::domain::ids::BotId;
use crate::llm::openrouter::{self, Endpoint, EndpointError};
use crate::ops::systemd::Systemd;
use crate::shutdown::{ExitCode, Shutdown, signals};
use crate::store::StoreError;
use crate::store::sqlite::{Mode, Schema, SqliteStore};
use crate::telegram::client::{Client, ClientError};
use crate::telemetry::troubles::Troubles;
use crate::telemetry::{Reader, Telemetry};

/// Why the daemon could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Logging was started twice.
    #[error("logging runs already")]
    Logging,
    /// The store cannot be used.
    #[error("failed to open store.path {path}: {source}")]
    Store {
        /// The file.
        path: String,
        /// Why.
        source: StoreError,
    },
    /// Telegram's address cannot be used.
    #[error("failed to use telegram.api_url: {0}")]
    Telegram(#[from] ClientError),
    /// The model's address or key cannot be used.
    #[error("failed to use llm.base_url or the API key: {0}")]
    Model(#[from] EndpointError),
    /// The address or key for transcriptions cannot be used.
    #[error("failed to use media.transcription_url or its key: {0}")]
    Hearing(EndpointError),
    /// The service manager's socket cannot be used.
    #[error("failed to talk to the service manager: {0}")]
    Systemd(std::io::Error),
    /// Metrics cannot be recorded.
    #[error("failed to record metrics: {0}")]
    Metrics(String),
    /// Something else, before anything was accepted.
    #[error(transparent)]
    Start(#[from] StartError),
}

impl Error {
    /// The code the process ends with.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Start(error) => error.exit_code(),
            Self::Store {
                source: StoreError::Unavailable { .. },
                ..
            }
            | Self::Logging
            | Self::Systemd(_)
            | Self::Metrics(_) => ExitCode::Early,
            Self::Store { .. } | Self::Telegram(_) | Self::Model(_) | Self::Hearing(_) => {
                ExitCode::Config
            }
        }
    }
}

/// Runs the daemon to its end.
///
/// # Errors
/// [`Error`], before anything was accepted.
pub async fn run(
    loaded: Loaded,
    sources: &Sources,
    shutdown: &Shutdown,
    begun: tokio::time::Instant,
) -> Result<ExitCode, Error> {
    run_with(loaded, sources, shutdown, begun, Schema::default()).await
}

/// The same as a binary of a version that knows this schema.
///
/// # Errors
/// [`Error`], before anything was accepted.
pub async fn run_with(
    loaded: Loaded,
    sources: &Sources,
    shutdown: &Shutdown,
    begun: tokio::time::Instant,
    schema: Schema,
) -> Result<ExitCode, Error> {
    let Loaded {
        config, warnings, ..
    } = loaded;
    let reader = Reader::of_stderr(std::env::vars_os());
    let troubles = Troubles::default();
    let telemetry = Telemetry::start(&config.log, reader, &troubles).map_err(|_| Error::Logging)?;
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    crate::files::raise_limit();
    shutdown.arm(crate::shutdown::Grace::new(config.shutdown.grace));
    let systemd = Systemd::from_env().map_err(Error::Systemd)?;
    let metrics = crate::ops::metrics::install().map_err(|e| Error::Metrics(e.to_string()))?;
    let bot = BotId(config.telegram.token.bot_id());
    let clock = Clock::system();
    let path = &config.store.path;
    let store = SqliteStore::open_with(path, bot, clock.clone(), Mode::Thread, schema);
    let store = store.map_err(|source| Error::Store {
        path: path.display().to_string(),
        source,
    })?;
    store.note_aborts(signals::note_abort);
    let telegram = Client::new(
        config.telegram.api_url.as_str(),
        SecretString::from(config.telegram.token.expose().to_owned()),
    )?;
    let key = config
        .llm
        .api_key
        .as_ref()
        .map(|key| SecretString::from(key.expose().to_owned()));
    let cache = match config.llm.response_cache {
        ResponseCache::On => openrouter::ResponseCache::On,
        ResponseCache::Off => openrouter::ResponseCache::Off,
    };
    let llm = Endpoint::new(config.llm.base_url.as_str(), key, cache)?;
    let senses = senses::of(&config)?;
    let folder = path.parent().unwrap_or(std::path::Path::new("."));
    let disk = Disk::of(folder.to_owned());
    let seams = Seams {
        bot,
        store: Arc::new(store.clone()),
        desk: Arc::new(store.clone()),
        close: Box::new(store),
        telegram: Arc::new(telegram),
        llm: Arc::new(llm),
        senses,
        clock,
        shutdown: shutdown.clone(),
        systemd,
        metrics: Some(metrics),
        troubles,
        control: Some(crate::ops::control::folder(&config.store.path)),
        disk,
        seed: rand::rng().random(),
        reload: Box::new(FromSources {
            sources: sources.clone(),
            telemetry,
        }),
        begun,
        lines: Lines::Printed,
        config,
    };
    // Boxed: the future of a whole daemon is large.
    Ok(Box::pin(daemon::run(seams)).await?)
}

/// Reads the same files and variables again.
#[derive(Debug)]
struct FromSources {
    sources: Sources,
    telemetry: Telemetry,
}

impl Reload for FromSources {
    fn reload(&self) -> Option<Config> {
        match Config::load(&self.sources) {
            Ok(loaded) => {
                self.telemetry.set_filter(&loaded.config.log.filter);
                Some(loaded.config)
            }
            Err(errors) => {
                for problem in &errors.0 {
                    tracing::error!("configuration not read anew: {problem}");
                }
                None
            }
        }
    }
}
