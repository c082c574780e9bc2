//! `lastword cancel`, `replay`, `pause`, `resume`: stored, and heard at once by
//! whatever daemon runs. Asked of the control socket, so that nothing waits for
//! a sweep; where nobody answers, done in the store itself: the next start
//! finds it.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::EXIT_REFUSED;
use super::desk::{Place, Shut, ended, path_of, visit};
use super::status::ask_all;
use crate::config::Sources;
use crate::domain::ids::TurnId;
use crate::ops::control::{self, Answer, Ask, Told, Unheard};
use crate::store::StoreError;
use crate::store::desk::Desk;
use crate::store::sqlite::SqliteStore;

/// Which turn.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct One {
    /// The turn's number, as `lastword turns` shows it
    #[arg(value_name = "ID")]
    pub turn: i64,
    /// Which store.
    #[command(flatten)]
    pub place: Place,
}

/// A pause.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Pause {
    /// Why: for other operators, in `lastword status`; people are not told it
    #[arg(value_name = "REASON", conflicts_with = "reason")]
    pub why: Option<String>,
    /// The same
    #[arg(long, value_name = "REASON")]
    pub reason: Option<String>,
    /// Which store.
    #[command(flatten)]
    pub place: Place,
}

/// The end of a pause.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Resume {
    /// Which store.
    #[command(flatten)]
    pub place: Place,
}

impl One {
    /// To stop it.
    #[must_use]
    pub fn to_cancel(&self) -> Ask {
        Ask::Cancel {
            turn: TurnId(self.turn),
        }
    }

    /// To let it run again.
    #[must_use]
    pub fn to_replay(&self) -> Ask {
        Ask::Replay {
            turn: TurnId(self.turn),
        }
    }
}

impl Pause {
    /// To let no turn begin.
    #[must_use]
    pub fn to_pause(&self) -> Ask {
        Ask::Pause {
            reason: self.why.clone().or_else(|| self.reason.clone()),
        }
    }
}

/// Has a deed done at this place. Answers the exit code.
pub async fn steer(
    place: &Place,
    ask: Ask,
    sources: &Sources,
    out: &mut (dyn Write + Send),
    err: &mut (dyn Write + Send),
) -> u8 {
    let told = done(place, sources, ask).await.and_then(|told| {
        match told.done {
            true => writeln!(out, "{}", told.words)?,
            false => writeln!(err, "lastword: {}", told.words)?,
        }
        Ok(if told.done { 0 } else { EXIT_REFUSED })
    });
    ended(told, err)
}

/// Asks every daemon of the bot, for each has turns of its own to wake or to cut;
/// where none does it, does it in the store.
async fn done(place: &Place, sources: &Sources, ask: Ask) -> Result<Told, Shut> {
    let path = path_of(place, sources)?;
    let lines = match control::lines(&control::folder(&path)).await {
        Ok(lines) => lines,
        // Then the store is closed to us, too.
        Err(Unheard::Forbidden) => return Err(Shut::Unheard(Unheard::Forbidden)),
        Err(_) => Vec::new(),
    };
    let (mut heard, _) = ask_all(lines).await;
    heard.retain(|(_, status)| place.bot.is_none_or(|bot| bot == status.bot));
    let mut bots: Vec<i64> = heard.iter().map(|(_, status)| status.bot).collect();
    bots.sort_unstable();
    bots.dedup();
    if bots.len() > 1 {
        return Err(Shut::Several(bots));
    }
    let mut first = None;
    for (mut line, _) in heard {
        if let Ok(Answer::Told(told)) = line.ask(&ask).await
            && first.as_ref().is_none_or(|first: &Told| !first.done)
        {
            first = Some(told);
        }
    }
    match first {
        Some(told) => Ok(told),
        None => alone(&path, place, &ask).await,
    }
}

async fn alone(path: &Path, place: &Place, ask: &Ask) -> Result<Told, Shut> {
    let store = visit(path, place)?;
    let done = deed(&store, ask).await;
    let mut told = done.map_err(|source| Shut::Store {
        path: path.to_owned(),
        source,
    })?;
    if told.done {
        let runs = store.picture().await;
        let runs = runs.is_ok_and(|picture| !picture.instances.is_empty());
        told.words += match runs {
            true => " (stored; the daemon, which does not answer, finds it within seconds)",
            false => " (stored; no daemon runs, the next start finds it)",
        };
    }
    Ok(told)
}

async fn deed(store: &SqliteStore, ask: &Ask) -> Result<Told, StoreError> {
    Ok(match ask {
        Ask::Cancel { turn } => Told::of_cancel(*turn, store.cancel(*turn, None).await?),
        Ask::Replay { turn } => Told::of_replay(*turn, store.replay(*turn).await?),
        Ask::Pause { reason } => Told::of_pause(&store.pause(reason.clone()).await?),
        Ask::Resume => Told::of_resume(store.resume().await?.as_ref()),
        Ask::Status | Ask::Drain => unreachable!("no deed in a store"),
    })
}
