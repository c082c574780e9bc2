//! The local playground: everything needed to talk with the real daemon without
//! an account anywhere.
//!
//! Owns the stand-ins for the outside world (the Bot API server, the offline
//! model), the web page, and the daemon as a child process, started as in
//! production and never looked into: what the page shows of it comes from its
//! operator's endpoints and its standard output. Nothing in the daemon's own
//! path may import from here.

pub mod bot_api;
mod cast;
mod child;
mod ledger;
pub mod offline;
mod page;
pub mod supervisor;
mod tour;
mod watcher;

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::clock::Clock;
use crate::domain::phase::Phase;
use crate::shutdown::{Grace, Shutdown};

use bot_api::{BotApi, BotProfile, ServeError, Settings};
use child::{Addresses, Folder, Model};
use ledger::Ledger;
use offline::Offline;
use page::Page;
use supervisor::Supervisor;

/// What was asked for on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The page's port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Where the store is kept; in a temporary folder without.
    pub keep: Option<PathBuf>,
}

/// Why the playground cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum PlaygroundError {
    /// Somebody else uses the page's port.
    #[error("failed to listen on 127.0.0.1:{port}: {source}; choose another with --port")]
    Port {
        /// The port that was asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The folder cannot be made or written.
    #[error("failed to use the folder {}: {source}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// This program does not know its own path.
    #[error("failed to find the program itself: {0}")]
    Program(io::Error),
    /// A loopback server broke.
    #[error("failed to serve on loopback: {0}")]
    Serve(#[from] io::Error),
    /// The stand-in for Telegram broke.
    #[error(transparent)]
    BotApi(#[from] ServeError),
}

/// Runs page, stand-ins and daemon until a stop is asked for; then the daemon
/// is asked to drain, waited for within bounds, and everything ends. A second
/// stop hurries the daemon.
///
/// `say` is told where the page is, once it can be opened.
///
/// # Errors
/// When a port, the folder or the program cannot be used.
///
/// # Cancel safety
/// Dropping it kills the daemon and ends the servers at once.
pub async fn run(
    options: &Options,
    shutdown: &Shutdown,
    say: &mut (dyn Write + Send),
) -> Result<(), PlaygroundError> {
    let page_listener = listen(options.port)
        .await
        .map_err(|source| PlaygroundError::Port {
            port: options.port,
            source,
        })?;
    let (bot_listener, model_listener) = (listen(0).await?, listen(0).await?);
    let program = std::env::current_exe().map_err(PlaygroundError::Program)?;
    let folder = Folder::open(options.keep.as_deref())
        .map_err(|(folder, source)| PlaygroundError::Folder { folder, source })?;
    let addresses = Addresses {
        bot_api: bot_listener.local_addr()?,
        model: model_listener.local_addr()?,
    };

    let clock = Clock::system();
    let api = world(&clock);
    let cast = cast::enter(&api, folder.life());
    let ledger = Ledger::watching(&api);
    let offline = Offline::default();
    let model = Model::of_environment();
    let make = child::recipe(
        program,
        folder.path().to_owned(),
        api.bot().token.clone(),
        addresses,
        model,
    );
    let (supervisor, daemon) = Supervisor::new(make, clock.clone());
    let (watcher, health) = watcher::Watcher::new(daemon.clone(), Arc::clone(&ledger));
    let address = page_listener.local_addr()?;
    let (guide, leading) = tour::Guide::new();
    let page = Page {
        api: Arc::clone(&api),
        clock,
        cast,
        ledger,
        daemon,
        health,
        offline: (model == Model::Offline).then(|| offline.clone()),
        keeps: options.keep.is_some(),
        address,
        photos: Arc::default(),
        guide,
    };

    // A stop now has the time of a drain, not that of a start.
    shutdown.arm(Grace::default());
    shutdown.enter(Phase::Running);
    greet(say, address, options.keep.as_deref(), model);

    let stop = tokio_util::sync::CancellationToken::new();
    // The daemon's end is the end; the others live until then, for a drain
    // needs them. All are dropped together, nothing is resumed.
    tokio::select! {
        () = supervisor.run(shutdown.intake(), shutdown.work()) => Ok(()),
        served = bot_api::serve(bot_listener, api, stop.clone()) => Ok(served?),
        served = offline.serve(model_listener, stop.clone()) => Ok(served?),
        () = leading.run(page.clone()) => Ok(()),
        served = page::serve(page_listener, page) => Ok(served?),
        () = watcher.run() => Ok(()),
    }
}

async fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await
}

/// Ids are drawn anew each time: a kept store knows the updates of an earlier
/// playground, and would take equal ids for the same messages.
fn world(clock: &Clock) -> Arc<BotApi> {
    let seed = rand::random();
    BotApi::new(
        BotProfile::sample(),
        Settings::default(),
        seed,
        clock.clone(),
    )
}

/// A closed terminal must not keep the page from working, so errors are
/// dropped.
fn greet(say: &mut dyn Write, address: SocketAddr, keep: Option<&Path>, model: Model) {
    let model = match model {
        Model::Offline => "an offline stand-in (set OPENROUTER_API_KEY for a real one)",
        Model::OpenRouter => "OpenRouter, with your key and at your expense",
    };
    let kept = keep.map_or_else(
        || "in a temporary folder, gone at the end (--keep DIR keeps it)".to_owned(),
        |folder| format!("in {}", folder.display()),
    );
    let _ = writeln!(
        say,
        "\n  Lastword's playground:  http://{address}\n\n  \
         model  {model}\n  store  {kept}\n  end    Ctrl-C\n"
    );
    let _ = say.flush();
}
