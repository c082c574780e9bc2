//! `lastword status`: how it stands, live from the control socket of every
//! instance at the store; without one, what the store itself knows.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::EXIT_AWAY;
use super::desk::{Place, Shut, ended, path_of};
use crate::clock::Clock;
use crate::config::Sources;
use crate::domain::ids::BotId;
use crate::ops::control::{self, Answer, Ask, Line, Unheard};
use crate::ops::status::Status;
use crate::store::StoreError;
use crate::store::desk::{Desk, Picture};
use crate::store::sqlite::SqliteStore;

mod page;

/// Between two looks of `--watch`.
const EVERY: Duration = Duration::from_secs(1);

const AFTER_HELP: &str = "\
Exit codes:
   0  a daemon answers
   1  it cannot be told whether one runs, or the store cannot be read, and why
   3  no daemon runs here
  78  the configuration does not say where the store is
 130  interrupted, which is how --watch ends";

/// How it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(after_help = AFTER_HELP)]
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
        let is_over = !asked.watch || matches!(code, Err(Shut::Write(_)));
        let code = ended(code, err);
        if is_over {
            return code;
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
    let (heard, unheard) = hear(path, asked.place.bot).await;
    let store = match heard.is_empty() {
        true => Some(picture(path, asked.place.bot).await),
        false => None,
    };
    // What keeps us from telling how it stands.
    let trouble = match (unheard, &store) {
        (Some(unheard), _) => Some(Shut::Unheard(unheard)),
        // What it is or is not: that is an answer.
        (None, Some(Err(StoreError::Refused { .. }))) => None,
        (None, Some(Err(error))) => Some(Shut::Unreadable {
            path: path.to_owned(),
            source: error.clone(),
        }),
        (None, _) => None,
    };
    // Whole or not at all, so that a redraw does not flicker.
    let mut shown = Vec::new();
    if clears {
        shown.extend(b"\x1b[H\x1b[2J");
    }
    match asked.json {
        true => {
            let known = store.as_ref().and_then(|store| store.as_ref().ok());
            let all = json!({
                "store_path": path,
                "daemons": heard,
                "store": known,
                "trouble": trouble.as_ref().map(ToString::to_string),
            });
            writeln!(shown, "{all}")?;
        }
        false => {
            for status in &heard {
                page::write(status, &mut shown)?;
            }
            match (&store, &trouble) {
                (Some(Ok(picture)), trouble) => {
                    let head = match (trouble, picture.instances.is_empty()) {
                        (None, true) => "no daemon runs",
                        _ => "no daemon answers",
                    };
                    writeln!(shown, "{head} at {}", path.display())?;
                    page::without(picture, &mut shown)?;
                }
                (Some(Err(error)), None) => {
                    writeln!(shown, "no daemon runs at {}", path.display())?;
                    writeln!(shown, "  store     {}", reason(error))?;
                }
                (Some(Err(_)), Some(_)) => {}
                // Somebody else answered; it stays a line.
                (None, Some(trouble)) => writeln!(shown, "{trouble}")?,
                (None, None) => {}
            }
        }
    }
    out.write_all(&shown)?;
    out.flush()?;
    match (heard.is_empty(), trouble) {
        (false, _) => Ok(0),
        (true, Some(trouble)) => Err(trouble),
        (true, None) => Ok(EXIT_AWAY),
    }
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
async fn picture(path: &Path, bot: Option<i64>) -> Result<Picture, StoreError> {
    let store = SqliteStore::visit(path, bot.map(BotId), Clock::system())?;
    store.picture().await
}

fn reason(error: &StoreError) -> String {
    match error {
        StoreError::Refused { reason } => reason.clone(),
        other => other.to_string(),
    }
}
