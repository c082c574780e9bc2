//! `lastword drain`: what SIGTERM does, through the control socket, with the
//! report of the end.

use std::io::Write;

use clap::Args;
use serde_json::Value;

use super::desk::{Place, Shut, ended, path_of, rough};
use super::status::ask_all;
use super::{EXIT_AWAY, EXIT_REFUSED};
use crate::config::Sources;
use crate::ops::control::{self, Answer, Ask, Line, Unheard};
use crate::ops::status::{Drain, Status};

/// Exit code when it ended before it could report.
const UNREPORTED: u8 = 3;

/// Which drain.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Wish {
    /// The process to drain, where several run at the store
    #[arg(long, value_name = "PID", conflicts_with = "all")]
    pub pid: Option<u32>,
    /// Every process at the store
    #[arg(long)]
    pub all: bool,
    /// Ask for it, say what is left, and do not wait for the end
    #[arg(long)]
    pub no_wait: bool,
    /// Which store.
    #[command(flatten)]
    pub place: Place,
}

/// Drains. Answers the exit code: the drained process's own.
pub async fn drain(
    asked: &Wish,
    sources: &Sources,
    out: &mut (dyn Write + Send),
    err: &mut (dyn Write + Send),
) -> u8 {
    match chosen(asked, sources).await {
        Err(shut) => ended(Err(shut), err),
        Ok(Chosen::Nobody) => {
            let _ = writeln!(err, "lastword: no daemon runs here; nothing to drain");
            EXIT_AWAY
        }
        Ok(Chosen::Unclear(several)) => {
            let _ = writeln!(err, "lastword: several run here; say --pid or --all:");
            for status in several {
                let _ = writeln!(
                    err,
                    "  pid {}  {} ({})",
                    status.pid,
                    status.phase,
                    status.role.as_str()
                );
            }
            EXIT_REFUSED
        }
        Ok(Chosen::These(lines)) => {
            let mut worst = 0;
            for line in lines {
                worst = worst.max(follow(line, asked.no_wait, out, err).await);
            }
            worst
        }
    }
}

enum Chosen {
    Nobody,
    Unclear(Vec<Status>),
    These(Vec<Line>),
}

async fn chosen(asked: &Wish, sources: &Sources) -> Result<Chosen, Shut> {
    let path = path_of(&asked.place, sources)?;
    let lines = control::lines(&control::folder(&path)).await;
    let (mut heard, unheard) = ask_all(lines.map_err(Shut::Unheard)?).await;
    heard.retain(|(_, status)| {
        asked.place.bot.is_none_or(|bot| bot == status.bot)
            && asked.pid.is_none_or(|pid| pid == status.pid)
    });
    // Who already drains goes first: nobody is left without a successor.
    heard.sort_by_key(|(_, status)| status.drain.is_none());
    match (heard.len(), unheard) {
        (0, Some(unheard)) => Err(Shut::Unheard(unheard)),
        (0, None) => Ok(Chosen::Nobody),
        (1, _) => Ok(Chosen::These(lines_of(heard))),
        _ if asked.all => Ok(Chosen::These(lines_of(heard))),
        _ => Ok(Chosen::Unclear(
            heard.into_iter().map(|(_, status)| status).collect(),
        )),
    }
}

fn lines_of(heard: Vec<(Line, Status)>) -> Vec<Line> {
    heard.into_iter().map(|(line, _)| line).collect()
}

/// Asks one for the end and waits for it.
async fn follow(
    mut line: Line,
    no_wait: bool,
    out: &mut (dyn Write + Send),
    err: &mut (dyn Write + Send),
) -> u8 {
    let mut answer = line.ask(&Ask::Drain).await;
    loop {
        match answer {
            Ok(Answer::Left(left)) => {
                let _ = writeln!(err, "draining: {}", said(left));
                if no_wait {
                    return 0;
                }
            }
            Ok(Answer::Report(report)) => {
                let _ = writeln!(out, "{report}");
                return code_of(&report);
            }
            Err(Unheard::HungUp) => {
                let _ = writeln!(err, "lastword: it ended without a report; see its log");
                return UNREPORTED;
            }
            Ok(_) => return ended(Err(Shut::Unheard(Unheard::Foreign)), err),
            Err(error) => return ended(Err(Shut::Unheard(error)), err),
        }
        answer = line.hear().await;
    }
}

fn said(left: Drain) -> String {
    let age = |millis| rough(i64::try_from(millis).unwrap_or(i64::MAX));
    let oldest = match left.turns {
        0 => String::new(),
        _ => format!(", oldest {}", age(left.oldest_ms)),
    };
    format!(
        "{} turns{oldest}, {} chats with something to send, {} left",
        left.turns,
        left.chats,
        age(left.deadline_in_ms)
    )
}

fn code_of(report: &Value) -> u8 {
    let code = report["code"].as_u64().unwrap_or(u64::from(UNREPORTED));
    u8::try_from(code).unwrap_or(UNREPORTED)
}
