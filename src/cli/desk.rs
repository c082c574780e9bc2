//! `lastword turns` and `lastword replay`: the operator's look into the store,
//! and the one thing done there. Works beside a daemon that runs and without
//! one; needs no secret; prints nobody's text.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use super::{EXIT_REFUSED, complain};
use crate::clock::Clock;
use crate::config::{Config, Sources};
use crate::domain::ids::{BotId, TurnId};
use crate::store::StoreError;
use crate::store::desk::{Desk, Listed, Replay, Which};
use crate::store::sqlite::SqliteStore;

/// Which store.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Place {
    /// The store's file [default: store.path of the configuration]
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

/// What `lastword replay` brings back.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Again {
    /// The turn's number, as `lastword turns --failed` shows it
    #[arg(value_name = "ID")]
    pub turn: i64,
    /// Which store.
    #[command(flatten)]
    pub place: Place,
}

/// Why there is nothing to look at.
#[derive(Debug, thiserror::Error)]
enum Shut {
    #[error(transparent)]
    Config(#[from] crate::config::Errors),
    #[error("failed to look into {path}: {source}", path = path.display())]
    Store { path: PathBuf, source: StoreError },
    #[error("failed to write: {0}")]
    Write(#[from] io::Error),
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

/// Lets a failed turn run again. Answers the exit code.
pub async fn replay(
    asked: &Again,
    sources: &Sources,
    out: &mut (dyn Write + Send),
    err: &mut (dyn Write + Send),
) -> u8 {
    let turn = TurnId(asked.turn);
    let replayed = async {
        let (path, store) = open(&asked.place, sources)?;
        let replayed = store.replay(turn).await;
        let replayed = replayed.map_err(|source| Shut::Store { path, source })?;
        let no = |err: &mut (dyn Write + Send), why: &str| {
            writeln!(err, "lastword: turn {turn} {why}")?;
            Ok(EXIT_REFUSED)
        };
        match replayed {
            Replay::Begun(new) => {
                writeln!(out, "turn {turn} runs again as turn {new}")?;
                Ok(0)
            }
            Replay::Before => {
                writeln!(out, "turn {turn} was replayed already; nothing to do")?;
                Ok(0)
            }
            Replay::Unknown => no(err, "does not exist; see: lastword turns --failed"),
            Replay::Open(state) => no(err, &format!("has no end yet ({state}): wait for it")),
            Replay::Ended(how) => no(
                err,
                &format!("has not failed ({how}); only failed turns are replayed"),
            ),
            Replay::Erased => no(
                err,
                "cannot be replayed: what it was asked is no longer kept (store.keep_failed) \
                 or was forgotten",
            ),
        }
    };
    let replayed = replayed.await;
    ended(replayed, err)
}

fn open(place: &Place, sources: &Sources) -> Result<(PathBuf, SqliteStore), Shut> {
    let path = match &place.store {
        Some(path) => path.clone(),
        None => Config::store_path(sources)?,
    };
    match SqliteStore::visit(&path, place.bot.map(BotId), Clock::system()) {
        Ok(store) => Ok((path, store)),
        Err(source) => Err(Shut::Store { path, source }),
    }
}

fn ended(result: Result<u8, Shut>, err: &mut (dyn Write + Send)) -> u8 {
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
fn rough(millis: i64) -> String {
    let seconds = millis.max(0) / 1000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}
