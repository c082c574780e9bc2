//! `lastword turns`, and what every verb on a store shares. Works beside a daemon
//! that runs and without one; needs no secret; prints nobody's text.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::{EXIT_REFUSED, complain};
use crate::clock::Clock;
use crate::config::{Config, Sources};
use crate::domain::ids::BotId;
use crate::ops::control::Unheard;
use crate::store::StoreError;
use crate::store::desk::{Desk, Listed, Which};
use crate::store::sqlite::SqliteStore;

/// Which store.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Place {
    /// The store's file [default: store.path of the configuration, else the
    /// one of the system's service]
    #[arg(long, value_name = "FILE")]
    pub store: Option<PathBuf>,
    /// Whose turns, where several bots share the store: the number before the
    /// colon of the bot's token
    #[arg(long, value_name = "ID")]
    pub bot: Option<i64>,
}

/// What `lastword turns` lists.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Turns {
    /// Only those whose person saw an apology, or nothing at all
    #[arg(long, conflicts_with = "waiting")]
    pub failed: bool,
    /// Only those that have no end yet
    #[arg(long)]
    pub waiting: bool,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
    /// The newest so many
    #[arg(long, default_value_t = 100, value_name = "COUNT")]
    pub limit: u32,
    /// Which store.
    #[command(flatten)]
    pub place: Place,
}

/// Why there is nothing to look at.
#[derive(Debug, thiserror::Error)]
pub(super) enum Shut {
    #[error(transparent)]
    Config(#[from] crate::config::Errors),
    #[error("failed to look into {path}: {source}", path = path.display())]
    Store { path: PathBuf, source: StoreError },
    #[error("failed to look into {path}: {source}; see: lastword verify", path = path.display())]
    Unreadable { path: PathBuf, source: StoreError },
    #[error(
        "failed to look into {path}: there is no such file; start the daemon once, or name the \
         store with --store",
        path = path.display()
    )]
    Absent { path: PathBuf },
    #[error("failed to copy to {path}: {source}", path = path.display())]
    Copy { path: PathBuf, source: StoreError },
    #[error("failed to write: {0}")]
    Write(#[from] io::Error),
    #[error(transparent)]
    Unheard(Unheard),
    #[error("several bots share this store ({}): say --bot", list(.0))]
    Several(Vec<i64>),
}

/// Lists turns. Answers the exit code.
pub async fn turns(
    asked: &Turns,
    sources: &Sources,
    out: &mut (dyn Write + Send),
    err: &mut (dyn Write + Send),
) -> u8 {
    let which = match (asked.failed, asked.waiting) {
        (true, _) => Which::Failed,
        (_, true) => Which::Waiting,
        _ => Which::All,
    };
    let listed = async {
        let (path, store) = open(&asked.place, sources)?;
        let listed = store.turns(which, asked.limit).await;
        let listed = listed.map_err(|source| Shut::Store { path, source })?;
        match asked.json {
            true => listed
                .iter()
                .try_for_each(|turn| writeln!(out, "{}", line_of(turn)))?,
            false => table(&listed, out)?,
        }
        out.flush()?;
        Ok(0)
    };
    ended(listed.await, err)
}

/// The store of the system's service: `StateDirectory=` of its unit.
pub(super) const SERVICE: &str = "/var/lib/lastword/lastword.db";

/// Where the store is.
pub(super) fn path_of(place: &Place, sources: &Sources) -> Result<PathBuf, Shut> {
    if let Some(path) = &place.store {
        return Ok(path.clone());
    }
    let path = Config::store_path(sources)?;
    // Outside its unit nothing names the service's: it is meant where there is
    // none of one's own. Not allowed to look, one is told so.
    let is_there = |path: &Path| path.try_exists().unwrap_or(true);
    let service = Path::new(SERVICE);
    Ok(match !is_there(&path) && is_there(service) {
        true => service.to_owned(),
        false => path,
    })
}

/// The same, where something is there.
pub(super) fn path_of_one(place: &Place, sources: &Sources) -> Result<PathBuf, Shut> {
    let path = path_of(place, sources)?;
    must_exist(&path)?;
    Ok(path)
}

/// Not allowed to look, one is told so by whoever opens it.
fn must_exist(path: &Path) -> Result<(), Shut> {
    match path.try_exists() {
        Ok(false) => Err(Shut::Absent {
            path: path.to_owned(),
        }),
        Ok(true) | Err(_) => Ok(()),
    }
}

/// The store at this path, as a visitor.
pub(super) fn visit(path: &Path, place: &Place) -> Result<SqliteStore, Shut> {
    must_exist(path)?;
    let store = SqliteStore::visit(path, place.bot.map(BotId), Clock::system());
    store.map_err(|source| Shut::Store {
        path: path.to_owned(),
        source,
    })
}

pub(super) fn open(place: &Place, sources: &Sources) -> Result<(PathBuf, SqliteStore), Shut> {
    let path = path_of(place, sources)?;
    let store = visit(&path, place)?;
    Ok((path, store))
}

fn list(ids: &[i64]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    ids.join(", ")
}

pub(super) fn ended(result: Result<u8, Shut>, err: &mut (dyn Write + Send)) -> u8 {
    // Nobody is left to tell when stderr is gone.
    let _told = match result {
        Ok(code) => return code,
        Err(Shut::Config(errors)) => {
            let _ = complain(&errors, err);
            return super::EXIT_CONFIG;
        }
        Err(other) => writeln!(err, "lastword: {other}"),
    };
    EXIT_REFUSED
}

fn line_of(turn: &Listed) -> String {
    serde_json::to_string(turn).expect("plain data is always JSON")
}

fn table(listed: &[Listed], out: &mut (dyn Write + Send)) -> io::Result<()> {
    writeln!(
        out,
        "{:>8}  {:>15}  {:<22}  {:>8}  {:>9}  {:>8}  {:>6}",
        "TURN", "CHAT", "STATE", "MESSAGES", "AGE", "FAILURES", "DEATHS"
    )?;
    for turn in listed {
        let mut state = turn.outcome.unwrap_or(turn.state).to_owned();
        if turn.waits_ms > 0 {
            state += &format!(", {} to wait", rough(turn.waits_ms));
        } else if turn.outcome == Some("failed") && !turn.replayable {
            state += ", erased";
        }
        writeln!(
            out,
            "{:>8}  {:>15}  {:<22}  {:>8}  {:>9}  {:>8}  {:>6}",
            turn.turn.0,
            turn.chat.0,
            state,
            turn.messages,
            rough(turn.age_ms),
            turn.failures,
            turn.deaths
        )?;
    }
    Ok(())
}

/// A time in its largest unit.
pub(super) fn rough(millis: i64) -> String {
    let seconds = millis.max(0) / 1000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}
