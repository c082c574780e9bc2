//! Where a roll happens: one store and one bot, held for the whole of it.
//!
//! Finds who runs there, starts the new one and waits for what comes. Looks
//! through the store alone; whatever is done to a process is the host's
//! business. Once the old one was told, a look that fails is taken again: a busy
//! store is no reason to leave unsaid how a roll ended.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::super::desk::SERVICE;
use super::host::Host;
use super::process::Process;
use super::{Error, Roll};
use crate::config::{Config, Sources};
use crate::domain::ids::{BotId, InstanceId};
use crate::domain::phase::Phase;
use crate::shutdown::Shutdown;
use crate::store::sqlite::{Living, Roster};

/// Between two looks at the store.
const LOOK: Duration = Duration::from_millis(5);

/// How long an idle standby may take to go.
const TO_GO: Duration = Duration::from_secs(10);

/// How long the new one may take to get the lease after the old one was told:
/// the old one may be stuck for as long as its store is busy. Also how long
/// looks may fail.
const TO_TAKE_OVER: Duration = Duration::from_secs(30);

/// One store, one bot.
pub(super) struct Stage {
    file: PathBuf,
    path: String,
    roster: Roster,
    bot: BotId,
    /// Who lived there when it was found: none of these is the new one.
    before: Vec<InstanceId>,
    /// No other roll works here.
    _held: File,
}

impl Stage {
    /// The store and the instance that runs there.
    pub(super) fn find(options: &Roll, sources: &Sources) -> Result<(Self, Living), Error> {
        let mut found = Err(Error::Nobody {
            path: SERVICE.to_owned(),
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
        if roster.living().map_err(broken)?.is_empty() {
            // Nothing is left behind where nobody is.
            return Err(Error::Nobody { path: name });
        }
        let Some(held) = roster.hold().map_err(broken)? else {
            return Err(Error::Busy { path: name });
        };
        let bot = Config::load(sources).ok();
        let bot = bot.map(|loaded| BotId(loaded.config.telegram.token.bot_id()));
        // Who lives is looked at with the store held: a roll before this one
        // may just have ended.
        let mut running = roster.living().map_err(broken)?;
        let before = running.iter().map(|one| one.id).collect();
        running.retain(|one| one.phase == Some(Phase::Running));
        let several = running.len();
        if several > 1 {
            running.retain(|one| Some(one.bot) == bot);
        }
        match running.pop() {
            Some(old) => {
                let stage = Self {
                    file: path.to_owned(),
                    path: name,
                    roster,
                    bot: old.bot,
                    before,
                    _held: held,
                };
                Ok((stage, old))
            }
            None if several > 1 => Err(Error::Several { count: several }),
            None => Err(Error::Nobody { path: name }),
        }
    }

    /// Refuses where the instance has gone since it was found: its number may
    /// mean another process.
    pub(super) fn must_live(&self, old: &Living) -> Result<(), Error> {
        if self.living()?.iter().any(|one| one.id == old.id) {
            return Ok(());
        }
        Err(Error::Nobody {
            path: self.path.clone(),
        })
    }

    /// Refuses a configuration that would not make a new one a successor of the
    /// old: of another bot, or at another store, where no lease keeps the two
    /// from polling with one token. Answers the file that it was read from.
    pub(super) fn must_be_configured(
        &self,
        sources: &Sources,
        old: &Living,
    ) -> Result<Option<PathBuf>, Error> {
        let loaded = Config::load(sources).map_err(Error::Configuration)?;
        let config = loaded.config;
        let bot = BotId(config.telegram.token.bot_id());
        let configured = &config.store.path;
        let what = if bot != old.bot {
            format!("it is bot {}, and telegram.token is that of {bot}", old.bot)
        } else if real(configured).is_none() || real(configured) != real(&self.file) {
            format!(
                "it is at {}, and store.path is {}",
                self.path,
                configured.display()
            )
        } else {
            return Ok(loaded.origin);
        };
        Err(Error::Elsewhere { what })
    }

    /// Sends home those that could take over instead of the new one, and waits
    /// until they are gone.
    pub(super) async fn send_home(&self, host: &Host, old: &Living) -> Result<(), Error> {
        for idle in self.rivals(&[old.id])? {
            if !self.dismiss(host, &idle).await {
                continue;
            }
            let gone = timeout(TO_GO, self.until_gone(idle.id)).await;
            gone.unwrap_or_else(|_| Err("it does not go".to_owned()))
                .map_err(|reason| Error::NotReady {
                    reason: format!("a standby of before: {reason}"),
                })?;
        }
        Ok(())
    }

    /// Whether it was told to go; not where that comes with the start of the
    /// new one.
    async fn dismiss(&self, host: &Host, idle: &Living) -> bool {
        if host.replaces(idle.pid) {
            return false;
        }
        if let Some(pid) = idle.pid
            && let Ok(process) = Process::open(pid)
            // Held on to before this look: it is the one that was meant.
            && self.must_live(idle).is_ok()
        {
            host.dismiss(pid, &process).await;
        }
        true
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

    /// The same, again and again until then where it fails.
    async fn look(&self, until: Instant) -> Result<Vec<Living>, String> {
        loop {
            match self.living() {
                Ok(living) => return Ok(living),
                Err(error) if Instant::now() >= until => return Err(error.to_string()),
                Err(_) => sleep(LOOK).await,
            }
        }
    }

    /// Those that could take over, but for these.
    fn rivals(&self, but: &[InstanceId]) -> Result<Vec<Living>, Error> {
        Ok(rivals(self.living()?, but))
    }

    /// Starts the new one and waits until it is ready; stops it again when it
    /// does not become so.
    pub(super) async fn start(
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
                if let Some(new) = self.ready(host)? {
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

    fn ready(&self, host: &Host) -> Result<Option<Living>, String> {
        let living = self.living().map_err(|error| error.to_string())?;
        let is_ready = |one: &Living| {
            !self.before.contains(&one.id)
                && host.is_new(one.pid)
                && matches!(one.phase, Some(Phase::Standby | Phase::Running))
        };
        Ok(living.into_iter().find(is_ready))
    }

    /// Whether nobody else has told it meanwhile.
    pub(super) async fn still_runs(&self, old: &Living) -> Result<bool, String> {
        let running = |one: &Living| one.id == old.id && one.phase == Some(Phase::Running);
        let living = self.look(Instant::now() + TO_GO).await?;
        Ok(living.iter().any(running))
    }

    /// Waits until the new one runs; how many turns the old one still answers.
    pub(super) async fn until_taken_over(
        &self,
        host: &Host,
        new: &Living,
        old: &Living,
    ) -> Result<u64, Error> {
        let failed = |reason: String| Error::NotTaken { reason };
        let until = Instant::now() + TO_TAKE_OVER;
        let mut known = vec![new.id, old.id];
        loop {
            let living = self.look(until).await.map_err(failed)?;
            let Some(new) = living.iter().find(|one| one.id == new.id) else {
                return Err(failed("it is gone".to_owned()));
            };
            if new.phase == Some(Phase::Running) {
                let old = living.iter().find(|one| one.id == old.id);
                return Ok(old.map_or(0, |old| old.turns));
            }
            if Instant::now() >= until {
                return Err(failed("it still stands by".to_owned()));
            }
            // One that an earlier roll, cut short, had only just begun.
            for rival in rivals(living, &known) {
                self.dismiss(host, &rival).await;
                known.push(rival.id);
            }
            sleep(LOOK).await;
        }
    }

    /// Waits until it is gone, however long that takes; an error when looks fail
    /// for too long.
    pub(super) async fn until_gone(&self, id: InstanceId) -> Result<(), String> {
        loop {
            let living = self.look(Instant::now() + TO_TAKE_OVER).await?;
            if living.iter().all(|one| one.id != id) {
                return Ok(());
            }
            sleep(LOOK).await;
        }
    }
}

fn rivals(mut living: Vec<Living>, but: &[InstanceId]) -> Vec<Living> {
    use Phase::{Running, Standby, Starting};
    living.retain(|one| {
        !but.contains(&one.id) && matches!(one.phase, Some(Starting | Standby | Running))
    });
    living
}

/// What a store is, by whatever name: its file, and the locks beside it.
fn real(store: &Path) -> Option<(PathBuf, PathBuf)> {
    let mut locks = store.as_os_str().to_owned();
    locks.push(".locks");
    Some((
        store.canonicalize().ok()?,
        Path::new(&locks).canonicalize().ok()?,
    ))
}

/// Where the store may be, the likeliest first.
fn stores(options: &Roll, sources: &Sources) -> Vec<PathBuf> {
    match &options.store {
        Some(path) => vec![path.clone()],
        None => Config::store_path(sources)
            .into_iter()
            .chain([PathBuf::from(SERVICE)])
            .collect(),
    }
}
