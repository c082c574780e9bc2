//! `lastword roll`: a deploy that nobody notices. Starts a new instance beside
//! the running one, waits until it is ready, tells the old one to stop, and
//! waits until the new one has taken over.
//!
//! Nothing is told to stop before the new one is ready. Whatever ends `roll`
//! itself, at any step, leaves at least one instance that works, and rolling
//! again is the remedy.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tokio::time::{Instant, sleep, timeout};

use crate::config::{Config, Sources};
use crate::domain::ids::{BotId, InstanceId};
use crate::domain::phase::Phase;
use crate::shutdown::{Shutdown, report};
use crate::store::StoreError;
use crate::store::sqlite::{Living, Roster};

mod host;

use host::Host;

/// Where the unit keeps its store (`StateDirectory=lastword`): for an operator's
/// shell, which has no state folder of the daemon's.
const STATE: &str = "/var/lib/lastword/lastword.db";

/// Between two looks at the store.
const LOOK: Duration = Duration::from_millis(5);

/// How long an idle standby may take to go.
const TO_GO: Duration = Duration::from_secs(10);

/// How long the new one may take to get the lease after the old one was told:
/// the old one may be stuck for as long as its store is busy.
const TO_TAKE_OVER: Duration = Duration::from_secs(30);

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
where the old one writes.

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
    let mut host = Host::of(pid, options.unit.as_deref(), sources.file.as_deref());
    for idle in stage.rivals(&[old.id])? {
        // It runs the version of before, and could take over instead.
        host.dismiss(idle.pid);
        let gone = timeout(TO_GO, stage.until_gone(idle.id)).await;
        gone.map_err(|_| Error::NotReady {
            reason: "a standby of before does not go".to_owned(),
        })??;
    }
    let begun = Instant::now();
    let new = stage.start(&mut host, &old, options, shutdown).await?;
    let ready_ms = ms(begun);

    let told = Instant::now();
    if stage.still_runs(&old)? {
        // Once only: a second signal would cut what it is at.
        host.tell(pid)
            .await
            .map_err(|reason| Error::NotTold { reason })?;
    }
    let taken_over = async {
        let left_to_old = stage.until_taken_over(&host, &new, &old).await?;
        let intake_ms = ms(told);
        let mut drained_ms = None;
        if options.wait {
            stage.until_gone(old.id).await?;
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

/// Where it happens: one store, one bot.
struct Stage {
    path: String,
    roster: Roster,
    bot: BotId,
}

impl Stage {
    /// The store and the instance that runs there.
    fn find(options: &Roll, sources: &Sources) -> Result<(Self, Living), Error> {
        let mut found = Err(Error::Nobody {
            path: STATE.to_owned(),
        });
        for path in stores(options, sources) {
            match Self::at(&path, sources) {
                Ok(stage) => return Ok(stage),
                // The first place that was asked for explains best.
                Err(error) if matches!(found, Err(Error::Nobody { .. })) => found = Err(error),
                Err(_) => {}
            }
        }
        found
    }

    fn at(path: &Path, sources: &Sources) -> Result<(Self, Living), Error> {
        let name = path.display().to_string();
        if !path.exists() {
            return Err(Error::Nobody { path: name });
        }
        let broken = |source| Error::Store {
            path: name.clone(),
            source,
        };
        let roster = Roster::open(path).map_err(broken)?;
        let bot = Config::load(sources).ok();
        let bot = bot.map(|loaded| BotId(loaded.config.telegram.token.bot_id()));
        let mut running = roster.living().map_err(broken)?;
        running.retain(|one| one.phase == Some(Phase::Running));
        let several = running.len();
        if several > 1 {
            running.retain(|one| Some(one.bot) == bot);
        }
        match running.pop() {
            Some(old) => {
                let stage = Self {
                    path: name,
                    roster,
                    bot: old.bot,
                };
                Ok((stage, old))
            }
            None if several > 1 => Err(Error::Several { count: several }),
            None => Err(Error::Nobody { path: name }),
        }
    }

    fn living(&self) -> Result<Vec<Living>, Error> {
        let living = self.roster.living();
        let mut living = living.map_err(|source| Error::Store {
            path: self.path.clone(),
            source,
        })?;
        living.retain(|one| one.bot == self.bot);
        Ok(living)
    }

    /// Those that could take over, but for these.
    fn rivals(&self, but: &[InstanceId]) -> Result<Vec<Living>, Error> {
        use Phase::{Running, Standby, Starting};
        let mut living = self.living()?;
        living.retain(|one| {
            !but.contains(&one.id) && matches!(one.phase, Some(Starting | Standby | Running))
        });
        Ok(living)
    }

    /// Starts the new one and waits until it is ready; stops it again when it
    /// does not become so.
    async fn start(
        &self,
        host: &mut Host,
        old: &Living,
        options: &Roll,
        shutdown: &Shutdown,
    ) -> Result<Living, Error> {
        let within = Duration::from_secs(options.within);
        let ready = async {
            host.start(old.pid).await?;
            loop {
                if let Some(new) = self.ready(host, old.id)? {
                    return Ok(new);
                }
                host.is_coming()?;
                sleep(LOOK).await;
            }
        };
        let outcome: Result<Living, String> = tokio::select! {
            ready = ready => ready,
            () = sleep(within) => Err(format!("not within {} s", options.within)),
            () = shutdown.intake().cancelled() => {
                host.give_up().await;
                return Err(Error::Interrupted);
            }
        };
        match outcome {
            Ok(new) => Ok(new),
            Err(reason) => {
                host.give_up().await;
                Err(Error::NotReady { reason })
            }
        }
    }

    fn ready(&self, host: &Host, old: InstanceId) -> Result<Option<Living>, String> {
        let living = self.living().map_err(|error| error.to_string())?;
        let is_ready = |one: &Living| {
            one.id != old
                && host.is_new(one.pid)
                && matches!(one.phase, Some(Phase::Standby | Phase::Running))
        };
        Ok(living.into_iter().find(is_ready))
    }

    /// Whether nobody else has told it meanwhile.
    fn still_runs(&self, old: &Living) -> Result<bool, Error> {
        let running = |one: &Living| one.id == old.id && one.phase == Some(Phase::Running);
        Ok(self.living()?.iter().any(running))
    }

    /// Waits until the new one runs; how many turns the old one still answers.
    async fn until_taken_over(
        &self,
        host: &Host,
        new: &Living,
        old: &Living,
    ) -> Result<u64, Error> {
        let failed = |reason: &str| Error::NotTaken {
            reason: reason.to_owned(),
        };
        let until = Instant::now() + TO_TAKE_OVER;
        let mut known = vec![new.id, old.id];
        while Instant::now() < until {
            let living = self.living()?;
            let Some(new) = living.iter().find(|one| one.id == new.id) else {
                return Err(failed("it is gone"));
            };
            if new.phase == Some(Phase::Running) {
                let old = living.iter().find(|one| one.id == old.id);
                return Ok(old.map_or(0, |old| old.turns));
            }
            // One that an earlier roll, cut short, had only just begun.
            for rival in self.rivals(&known)? {
                host.dismiss(rival.pid);
                known.push(rival.id);
            }
            sleep(LOOK).await;
        }
        Err(failed("it still stands by"))
    }

    async fn until_gone(&self, id: InstanceId) -> Result<(), Error> {
        while self.living()?.iter().any(|one| one.id == id) {
            sleep(LOOK).await;
        }
        Ok(())
    }
}

/// Where the store may be, the likeliest first.
fn stores(options: &Roll, sources: &Sources) -> Vec<PathBuf> {
    match &options.store {
        Some(path) => vec![path.clone()],
        None => Config::store_path(sources)
            .into_iter()
            .chain([PathBuf::from(STATE)])
            .collect(),
    }
}

fn ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
