//! The composition root: builds everything from values handed in, starts it,
//! and runs the phases of its life.
//!
//! Tests and simulations compose the same daemon from fakes. Nothing below
//! knows who its neighbours are; here they are introduced to each other.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::bell::Bell;
use crate::clock::{Clock, Millis};
use crate::config::{Config, Mode};
use crate::death::{self, Moment};
use crate::domain::ids::{BotId, InstanceId};
use crate::domain::metric;
use crate::domain::phase::Phase;
use crate::grouper::Grouper;
use crate::llm::Llm;
use crate::media::{self, Library, Senses};
use crate::ops::control::Farewell;
use crate::ops::gauges::Gauges;
use crate::ops::health::Role;
use crate::ops::helm::Helm;
use crate::ops::metrics::Recorded;
use crate::ops::systemd::Systemd;
use crate::pulse::Pulse;
use crate::reply::receipts::Receipts;
use crate::reply::sender::Sender;
use crate::shutdown::{ExitCode, Kind, Shutdown, Tasks};
use crate::store::desk::Desk;
use crate::store::{Reaped, Store};
use crate::telegram::Telegram;
use crate::telemetry::troubles::Troubles;
use crate::turn::Runner;

mod books;
mod build;
mod console;
mod control;
mod door;
mod drain;
mod helm;
mod identity;
mod intake;
mod litter;
mod live;
mod lookout;
mod menu;
mod notices;
mod operators;
pub mod production;
mod receipts;
mod recovery;
mod relays;
mod seeing;
mod standing;
mod voice;

pub use intake::Intake;
pub use live::Live;
pub use operators::{Disk, Room};

/// The outside world as the daemon sees it, and what the operator decided.
#[derive(Debug)]
pub struct Seams {
    /// What the operator decided.
    pub config: Config,
    /// Which bot it is.
    pub bot: BotId,
    /// Everything durable.
    pub store: Arc<dyn Store>,
    /// The same store as operators see it.
    pub desk: Arc<dyn Desk>,
    /// Closes the store when everything has ended.
    pub close: Box<dyn Closable>,
    /// Telegram.
    pub telegram: Arc<dyn Telegram>,
    /// The model.
    pub llm: Arc<dyn Llm>,
    /// How files are read and recordings heard.
    pub senses: Senses,
    /// The time.
    pub clock: Clock,
    /// The stop.
    pub shutdown: Shutdown,
    /// The service manager.
    pub systemd: Systemd,
    /// Where metrics are read; none in tests.
    pub metrics: Option<Recorded>,
    /// What was warned of lately.
    pub troubles: Troubles,
    /// The folder of the control socket; none in tests.
    pub control: Option<PathBuf>,
    /// The disk of the store.
    pub disk: Disk,
    /// Decides jitter and the ids of this process; fixed in simulations.
    pub seed: u64,
    /// Reads the configuration anew (SIGHUP).
    pub reload: Box<dyn Reload>,
    /// When the process began, for the line of the start.
    pub begun: tokio::time::Instant,
    /// Whether the lines of start and stop are printed.
    pub lines: Lines,
}

/// Whether the lines of start and stop are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// On stdout.
    Printed,
    /// Not at all (several daemons in one test process).
    Silent,
}

/// A store that can be closed.
#[async_trait::async_trait]
pub trait Closable: std::fmt::Debug + Send + Sync {
    /// Writes everything back.
    async fn close(&self) -> crate::store::Result<()>;
}

#[async_trait::async_trait]
impl Closable for crate::store::sqlite::SqliteStore {
    async fn close(&self) -> crate::store::Result<()> {
        Self::close(self).await
    }
}

/// Reads the configuration anew.
pub trait Reload: std::fmt::Debug + Send + Sync {
    /// The new configuration, or nothing after having told what is wrong.
    fn reload(&self) -> Option<Config>;
}

/// For where nothing is ever read anew.
#[derive(Debug)]
pub struct NoReload;

impl Reload for NoReload {
    fn reload(&self) -> Option<Config> {
        None
    }
}

/// Why a daemon could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store does not answer.
    #[error("failed to open the store: {0}")]
    Store(#[from] crate::store::StoreError),
    /// A port cannot be had.
    #[error("failed to listen on {address} ({key}): {source}")]
    Listen {
        /// The key of the configuration.
        key: &'static str,
        /// Its value.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Telegram refuses the token.
    #[error(
        "Telegram refuses the bot token: check TELEGRAM_BOT_TOKEN \
         (@BotFather shows the current one under /mybots)"
    )]
    Token,
    /// The webhook cannot be served.
    #[error(transparent)]
    Webhook(#[from] crate::intake::webhook::WebhookError),
}

impl StartError {
    /// The code the process ends with.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Token | Self::Webhook(_) => ExitCode::Config,
            Self::Store(crate::store::StoreError::Refused { .. }) => ExitCode::Config,
            Self::Listen { .. } | Self::Store(_) => ExitCode::Early,
        }
    }
}

/// Everything that runs, introduced to each other.
struct Daemon {
    config: Config,
    bot: BotId,
    instance: InstanceId,
    store: Arc<dyn Store>,
    close: Box<dyn Closable>,
    helm: Arc<dyn Helm>,
    control: Option<PathBuf>,
    farewell: Farewell,
    clock: Clock,
    bell: Bell,
    reach: relays::Reach,
    disk: Disk,
    telegram: Arc<dyn Telegram>,
    shutdown: Shutdown,
    systemd: Systemd,
    metrics: Option<Recorded>,
    tasks: Tasks,
    pulse: Pulse,
    live: Arc<Live>,
    grouper: Grouper,
    runner: Runner,
    sender: Sender,
    receipts: Receipts,
    library: Arc<Library>,
    /// Where files are read and written.
    place: media::Place,
    intake: Arc<Intake>,
    standing: standing::Standing,
    others: Arc<watch::Sender<bool>>,
    reload: Box<dyn Reload>,
    begun: tokio::time::Instant,
    lines: Lines,
    begun_at: Millis,
    seeing: seeing::Seeing,
}

/// Runs a daemon from its start to its end.
///
/// # Errors
/// [`StartError`], before anything was accepted.
pub async fn run(seams: Seams) -> Result<ExitCode, StartError> {
    let begun = seams.begun;
    let mut phases = BTreeMap::new();
    // When each part of the start was over, in milliseconds since `main`.
    let mut over = |phase| phases.insert(phase, since(begun));
    let daemon = Daemon::build(seams);
    over("store");
    daemon.begin_to_tell();
    let resumed = daemon.register().await?;
    over("registered");
    daemon.show_latest_stop().await;
    let ops = daemon.listen_ops().await?;
    daemon.serve_ops(ops);
    let daemon = Arc::new(daemon);
    control::listen(&daemon);
    let known = identity::first_look(&daemon).await?;
    over("telegram");
    let door = door::Door::of(&daemon).await?;
    daemon.shutdown.enter(Phase::Standby);
    daemon.look_at_lease().await;
    daemon.say_ready(&resumed, phases).await;
    if !daemon.shutdown.is_stopping() {
        // After READY: there may be much to take up. Not at all once stopping:
        // a start that is cut begins nothing.
        daemon.resume(&resumed).await;
        lookout::start(&daemon, known, door);
        daemon.shutdown.intake().cancelled().await;
    }
    Ok(drain::run(&daemon).await)
}

impl Daemon {
    /// Becomes known to the others and takes over what the dead have left.
    async fn register(&self) -> Result<Reaped, StartError> {
        self.store
            .register(self.instance, env!("CARGO_PKG_VERSION"))
            .await?;
        Ok(self.store.reap(self.instance).await?)
    }

    /// Sends what was left unsent. Turns are taken up once the lease is held.
    async fn resume(&self, reaped: &Reaped) {
        metrics::counter!(metric::TURNS_RESUMED).increment(reaped.turns);
        if reaped.turns + reaped.unsent + reaped.uncertain > 0 {
            tracing::info!(
                instances = reaped.instances,
                turns = reaped.turns,
                parts.unsent = reaped.unsent,
                parts.uncertain = reaped.uncertain,
                "took over what an earlier instance left"
            );
        }
        match self.store.unsent(self.instance).await {
            Ok(chats) => {
                for (chat, _) in chats {
                    self.sender.touch(chat);
                }
            }
            Err(error) => tracing::warn!(%error, "failed to read the outbox"),
        }
    }

    /// Takes the lease where nobody else holds it, so that the start can say
    /// which role this process has.
    async fn look_at_lease(&self) {
        if self.shutdown.is_stopping() {
            return;
        }
        match self.store.take_intake().await {
            Ok(true) => {
                self.standing.rise();
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "failed to look at the lease"),
        }
    }

    async fn say_ready(&self, resumed: &Reaped, phases: BTreeMap<&'static str, u64>) {
        if self.shutdown.is_stopping() {
            return;
        }
        let phase = match self.standing.role() {
            Role::Active => Phase::Running,
            Role::Standby => Phase::Standby,
        };
        if let Err(error) = self.store.set_phase(self.instance, phase.as_str()).await {
            tracing::warn!(%error, "failed to store the phase");
        }
        let unsettled = self.store.open_turns().await.unwrap_or_default();
        self.systemd.ready(phase.as_str());
        death::at(Moment::SaidReady);
        if self.lines == Lines::Printed {
            crate::shutdown::report::print(&crate::shutdown::report::StartLine {
                lastword: crate::shutdown::report::Word::Start,
                version: env!("CARGO_PKG_VERSION"),
                pid: std::process::id(),
                instance: format!("{:016x}", self.instance.0),
                role: self.standing.role().as_str().to_owned(),
                ready_ms: since(self.begun),
                phases,
                resumed_turns: unsettled.values().sum(),
                resumed_parts: resumed.unsent + resumed.uncertain,
            });
        }
    }

    async fn listen_ops(&self) -> Result<Option<tokio::net::TcpListener>, StartError> {
        let Some(address) = self.config.ops.listen else {
            return Ok(None);
        };
        match tokio::net::TcpListener::bind(address).await {
            Ok(listener) => Ok(Some(listener)),
            // A successor starts while the old instance still answers there.
            Err(source) if source.kind() == std::io::ErrorKind::AddrInUse => {
                tracing::warn!(%address, "ops.listen is in use; trying again until it is free");
                Ok(None)
            }
            Err(source) => Err(StartError::Listen {
                key: "ops.listen",
                address,
                source,
            }),
        }
    }

    fn serve_ops(&self, listener: Option<tokio::net::TcpListener>) {
        let (Some(address), Some(Recorded { handle, latency })) =
            (self.config.ops.listen, self.metrics.clone())
        else {
            return;
        };
        let console = console::of(self, address, latency);
        if let Some(console) = console.clone() {
            self.tasks
                .keep(Kind::Ops, "console", move || console.clone().keep_drawing());
        }
        let ops = crate::ops::health::Ops::new(
            &self.shutdown,
            &self.pulse,
            handle.clone(),
            Gauges {
                tasks: self.tasks.clone(),
                store: self.config.store.path.clone(),
                begun_at: self.begun_at,
            },
            Arc::new(books::StoreBooks {
                store: Arc::clone(&self.store),
                desk: self.helm.desk(),
                standing: self.standing.clone(),
                available: self.store.availability(),
            }),
        )
        .with_console(console);
        self.tasks.spawn(Kind::Ops, "ops", async move {
            let listener = match listener {
                Some(listener) => listener,
                None => loop {
                    if let Ok(listener) = tokio::net::TcpListener::bind(address).await {
                        break listener;
                    }
                    tokio::time::sleep(Duration::from_millis(500)).await;
                },
            };
            if let Err(error) = crate::ops::health::serve(listener, ops).await {
                tracing::error!(%error, "the ops endpoints ended");
            }
        });
        self.tasks.spawn(Kind::Ops, "upkeep", async move {
            crate::ops::metrics::upkeep(handle).await
        });
        let transport = match self.config.telegram.mode {
            Mode::Polling => "polling",
            Mode::Webhook => "webhook",
        };
        metrics::gauge!(metric::INTAKE_TRANSPORT, "transport" => transport).set(1.0);
    }

    /// Decides the jitter of this process.
    fn seed(&self) -> u64 {
        self.instance.0.unsigned_abs()
    }

    fn is_webhook(&self) -> bool {
        self.config.telegram.mode == Mode::Webhook
    }
}

/// Whole milliseconds since then.
fn since(begun: tokio::time::Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// The random, positive id of one running process.
fn instance_id(seed: u64) -> InstanceId {
    InstanceId(i64::try_from(seed >> 1).unwrap_or(1).max(1))
}
