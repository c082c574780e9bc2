//! `lastword status`: how it stands, live from the control socket of every
//! instance at the store; without one, what the store itself knows.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::desk::{Place, Shut, ended, path_of};
use super::{EXIT_AWAY, EXIT_REFUSED};
use crate::clock::Clock;
use crate::config::Sources;
use crate::domain::ids::BotId;
use crate::ops::control::{self, Answer, Ask, Line, Unheard};
use crate::ops::status::Status;
use crate::store::desk::{Desk, Picture};
use crate::store::sqlite::SqliteStore;

mod page;

/// Between two looks of `--watch`.
const EVERY: Duration = Duration::from_secs(1);

/// How it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Look {
    /// One JSON object (with --watch: one a line)
    #[arg(long)]
    pub json: bool,
    /// Look again every second, until interrupted
    #[arg(long)]
    pub watch: bool,
    /// Which store.
    #[command(flatten)]
    pub place: Place,
}

/// Shows how it stands. Answers the exit code: that of the last look.
pub async fn status(
    asked: &Look,
    sources: &Sources,
    out: &mut (dyn Write + Send),
    err: &mut (dyn Write + Send),
) -> u8 {
    let path = match path_of(&asked.place, sources) {
        Ok(path) => path,
        Err(shut) => return ended(Err(shut), err),
    };
    let clears = asked.watch && !asked.json && io::stdout().is_terminal();
    loop {
        let code = look(asked, &path, clears, out).await;
        // Nobody reads on: nothing to look for.
        if !asked.watch || code.is_err() {
            return ended(code, err);
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn look(
    asked: &Look,
    path: &Path,
    clears: bool,
    out: &mut (dyn Write + Send),
) -> Result<u8, Shut> {
    let (heard, trouble) = hear(path, asked.place.bot).await;
    let store = match heard.is_empty() {
        true => Some(picture(path, asked.place.bot).await),
        false => None,
    };
    // Whole or not at all, so that a redraw does not flicker.
    let mut shown = Vec::new();
    if clears {
        shown.extend(b"\x1b[H\x1b[2J");
    }
    match asked.json {
        true => {
            let known = store.as_ref().and_then(|store| store.as_ref().ok());
            let trouble = trouble.as_ref().map(ToString::to_string);
            let all = json!({
                "store_path": path,
                "daemons": heard,
                "store": known,
                "trouble": trouble,
            });
            writeln!(shown, "{all}")?;
        }
        false => {
            for status in &heard {
                page::write(status, &mut shown)?;
            }
            if let Some(store) = &store {
                page::without(path, store, &mut shown)?;
            }
            if let Some(trouble) = &trouble {
                writeln!(shown, "{trouble}")?;
            }
        }
    }
    out.write_all(&shown)?;
    out.flush()?;
    Ok(match (heard.is_empty(), trouble) {
        (false, _) => 0,
        // Somebody may be there.
        (true, Some(_)) => EXIT_REFUSED,
        (true, None) => EXIT_AWAY,
    })
}

/// Everybody who answers, the holder of the lease first.
async fn hear(path: &Path, bot: Option<i64>) -> (Vec<Status>, Option<Unheard>) {
    let (lines, trouble) = match control::lines(&control::folder(path)).await {
        Ok(lines) => (lines, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let (mut heard, unheard) = ask_all(lines).await;
    heard.retain(|(_, status)| bot.is_none_or(|bot| bot == status.bot));
    let statuses = heard.into_iter().map(|(_, status)| status).collect();
    (statuses, trouble.or(unheard))
}

/// Asks each how it stands. Those that do not answer are left out, and the
/// first reason is told.
pub(super) async fn ask_all(lines: Vec<Line>) -> (Vec<(Line, Status)>, Option<Unheard>) {
    let asked = lines.into_iter().map(|mut line| async move {
        let answer = line.ask(&Ask::Status).await;
        (line, answer)
    });
    let (mut heard, mut unheard) = (Vec::new(), None);
    for (line, answer) in futures_util::future::join_all(asked).await {
        match answer {
            Ok(Answer::Status(status)) => heard.push((line, *status)),
            // It went between the call and the answer.
            Err(Unheard::HungUp) => {}
            Ok(_) => unheard = Some(Unheard::Foreign),
            Err(error) => unheard = Some(error),
        }
    }
    heard.sort_by_key(|(_, status)| (status.role.as_str(), status.uptime_ms));
    (heard, unheard)
}

/// What the store knows by itself.
async fn picture(path: &Path, bot: Option<i64>) -> Result<Picture, String> {
    let store = SqliteStore::visit(path, bot.map(BotId), Clock::system());
    let store = store.map_err(|error| error.to_string())?;
    store.picture().await.map_err(|error| error.to_string())
}
