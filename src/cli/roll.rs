//! `lastword roll`: a deploy that nobody notices. Starts a new instance beside
//! the running one, waits until it is ready, tells the old one to stop, and
//! waits until the new one has taken over.
//!
//! Nothing is told to stop before the new one is ready. Whatever ends `roll`
//! itself, at any step, leaves at least one instance that works, and rolling
//! again is the remedy.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use tokio::time::Instant;

use crate::config::{Errors, Sources};
use crate::shutdown::{Shutdown, report};
use crate::store::StoreError;

mod host;
mod process;
mod stage;

pub(in crate::cli) use host::name_of_unit;

use host::Host;
use stage::Stage;

/// What an operator may say.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(after_help = HELP)]
pub struct Roll {
    /// The store of the running instance [default: store.path, else the one of
    /// the system's service]
    #[arg(long, value_name = "FILE")]
    pub store: Option<PathBuf>,
    /// Also wait until the old one has answered what it had and is gone
    #[arg(long)]
    pub wait: bool,
    /// How long the new one may take to be ready, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub within: u64,
    /// The unit of the running instance [default: what the kernel says]
    #[arg(long, value_name = "UNIT")]
    pub unit: Option<String>,
}

const HELP: &str = "\
The running instance is found by its store. When it is a service of systemd,
the new one is the other of lastword@a and lastword@b; otherwise it is this very
program, started with this environment and configuration and detached, writing
where the old one writes. That needs the store and the bot of the running one,
and its user; a container, or a service of another name, is left to its master.

Install the new version, then roll:
  install -m755 lastword /usr/bin/lastword && lastword roll

The old one takes in nothing more, but answers what it has, for up to
shutdown.grace. Updates are taken in by the new one some 100 ms after the old
one was told.

Ends with 0 when the new one has taken over, and one line of JSON says how; with
1 and a sentence when not. A new one that does not become ready is stopped
again, and the old one goes on untouched.";

/// Why there was no roll.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store cannot be looked into.
    #[error("failed to look at the store {path}: {source}")]
    Store {
        /// Which.
        path: String,
        /// Why.
        source: StoreError,
    },
    /// There is nothing to roll.
    #[error(
        "nobody runs at {path}: start lastword there (or name another store with --store); \
         there is nothing to roll"
    )]
    Nobody {
        /// The store.
        path: String,
    },
    /// It is not clear which to roll.
    #[error("{count} bots run at this store: give the configuration of the one to roll (--config)")]
    Several {
        /// How many.
        count: usize,
    },
    /// An older version did not write its process id down.
    #[error("the running instance is too old to be rolled: start the new one, then stop that")]
    Unknown,
    /// Two at a time would stop each other's new one.
    #[error("another roll is under way at {path}: wait until it ends; this one did nothing")]
    Busy {
        /// The store.
        path: String,
    },
    /// Somebody else starts and stops the running one.
    #[error("cannot roll the running instance: {reason}; it goes on")]
    NotOurs {
        /// Who, and what to do instead.
        reason: String,
    },
    /// The new one would not start with this configuration.
    #[error(
        "the new instance would not start, for the configuration is wrong ({0}); the old one goes on"
    )]
    Configuration(Errors),
    /// The new one would not succeed the old one, but poll beside it.
    #[error(
        "this configuration is not that of the running instance ({what}): roll with its \
         configuration (--config) and environment; nothing was started, and it goes on"
    )]
    Elsewhere {
        /// What differs.
        what: String,
    },
    /// The new one did not come up. The old one was not touched.
    #[error("the new instance did not become ready ({reason}); the old one goes on")]
    NotReady {
        /// What happened.
        reason: String,
    },
    /// Somebody stopped `roll` itself.
    #[error("interrupted before the old instance was told to stop; it goes on")]
    Interrupted,
    /// Somebody stopped `roll` itself, too late.
    #[error("interrupted; the old instance was told to stop, and the new one takes over")]
    Left,
    /// The old one cannot be told.
    #[error("failed to tell the old instance to stop: {reason}; both go on")]
    NotTold {
        /// Why.
        reason: String,
    },
    /// The new one did not take over.
    #[error(
        "the old instance was told to stop, but the new one has not taken over ({reason}); \
         start another one"
    )]
    NotTaken {
        /// What happened.
        reason: String,
    },
    /// It is not to be seen whether the old one has gone.
    #[error("the new instance has taken over, but the old one's end is not to be seen ({reason})")]
    NotSeen {
        /// Why.
        reason: String,
    },
}

/// One line for scripts.
#[derive(Debug, Serialize)]
struct Rolled {
    lastword: &'static str,
    old: Side,
    new: Side,
    /// From the start of the new one until it was ready.
    ready_ms: u64,
    /// From the word to the old one until the new one took updates in.
    intake_ms: u64,
    /// Turns that the old one was still answering then.
    left_to_old: u64,
    /// How long the old one took to go, where that was waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    drained_ms: Option<u64>,
}

#[derive(Debug, Clone, Serialize)]
struct Side {
    pid: Option<i32>,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
}

/// Rolls and prints the line.
///
/// # Errors
/// See [`Error`]; each says what goes on.
pub async fn roll(options: &Roll, sources: &Sources, shutdown: &Shutdown) -> Result<(), Error> {
    let (stage, old) = Stage::find(options, sources)?;
    let pid = old.pid.ok_or(Error::Unknown)?;
    let mut host =
        Host::of(pid, options.unit.as_deref()).map_err(|reason| Error::NotOurs { reason })?;
    // The host holds on to the process by now: that it lives says whose it is.
    stage.must_live(&old)?;
    if host.is_plain() {
        let config = stage.must_be_configured(sources, &old)?;
        // The new one would look elsewhere first.
        host.configure(config.as_deref());
    }
    if let Some(doubt) = host.doubt() {
        let _ = writeln!(std::io::stderr().lock(), "lastword: {doubt}");
    }
    stage.send_home(&host, &old).await?;
    let begun = Instant::now();
    let new = stage.start(&mut host, &old, options, shutdown).await?;
    let ready_ms = ms(begun);

    let told = Instant::now();
    let not_told = |reason| Error::NotTold { reason };
    if stage.still_runs(&old).await.map_err(not_told)? {
        // Once only: a second signal would cut what it is at.
        host.tell().await.map_err(not_told)?;
    }
    let taken_over = async {
        let left_to_old = stage.until_taken_over(&host, &new, &old).await?;
        let intake_ms = ms(told);
        let mut drained_ms = None;
        if options.wait {
            let gone = stage.until_gone(old.id).await;
            gone.map_err(|reason| Error::NotSeen { reason })?;
            drained_ms = Some(ms(told));
        }
        Ok((left_to_old, intake_ms, drained_ms))
    };
    let (left_to_old, intake_ms, drained_ms) = tokio::select! {
        taken_over = taken_over => taken_over?,
        () = shutdown.intake().cancelled() => return Err(Error::Left),
    };
    report::print(&Rolled {
        lastword: "roll",
        old: Side {
            pid: old.pid,
            version: old.version,
            unit: host.old_unit(),
        },
        new: Side {
            pid: new.pid,
            version: new.version,
            unit: host.new_unit(),
        },
        ready_ms,
        intake_ms,
        left_to_old,
        drained_ms,
    });
    Ok(())
}

fn ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
