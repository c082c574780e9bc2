//! `lastword doctor`: everything the daemon needs of the world, looked at one by
//! one; each finding a line, with what to do about it. Changes nothing, needs no
//! daemon and disturbs none, and never shows a secret.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::desk::{Shut, ended};
use super::{EXIT_CONFIG, EXIT_REFUSED, complain};
use crate::config::{Config, Loaded, Sources};

mod files;
mod model;
mod place;
mod telegram;
mod unit;

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Visit {
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
    /// The unit whose limits are looked at [default: that of the running
    /// daemon, else lastword.service]
    #[arg(long, value_name = "UNIT")]
    pub unit: Option<String>,
}

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warn,
    Bad,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
        })
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    verdict: Verdict,
    /// What was looked at.
    what: &'static str,
    /// How it is.
    says: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    todo: Option<String>,
}

impl Finding {
    fn ok(what: &'static str, says: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Ok,
            what,
            says: says.into(),
            todo: None,
        }
    }

    fn warn(what: &'static str, says: impl Into<String>, todo: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Warn,
            todo: Some(todo.into()),
            ..Self::ok(what, says)
        }
    }

    fn bad(what: &'static str, says: impl Into<String>, todo: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Bad,
            todo: Some(todo.into()),
            ..Self::ok(what, says)
        }
    }
}

/// Looks at everything. Answers the exit code.
pub async fn doctor(
    asked: &Visit,
    sources: &Sources,
    out: &mut (dyn Write + Send),
    err: &mut (dyn Write + Send),
) -> u8 {
    let loaded = match Config::load(sources) {
        Ok(loaded) => loaded,
        Err(errors) => {
            // Nobody is left to tell when stderr is gone.
            let _ = complain(&errors, err);
            return EXIT_CONFIG;
        }
    };
    let findings = look(asked, &loaded).await;
    let worst = findings.iter().map(|finding| finding.verdict).max();
    let told = tell(asked, &findings, out).map_err(Shut::Write);
    ended(
        told.map(|()| match worst {
            Some(Verdict::Bad) => EXIT_REFUSED,
            _ => 0,
        }),
        err,
    )
}

async fn look(asked: &Visit, loaded: &Loaded) -> Vec<Finding> {
    let config = &loaded.config;
    let mut findings: Vec<Finding> = loaded
        .warnings
        .iter()
        .map(|warning| Finding::warn("config", warning.to_string(), "lastword check"))
        .collect();
    if findings.is_empty() {
        let from = match &loaded.origin {
            Some(path) => format!("{}", path.display()),
            None => "no file, variables and defaults only".to_owned(),
        };
        findings.push(Finding::ok("config", from));
    }
    let (telegram, model, unit) = tokio::join!(
        telegram::look(config),
        model::look(config),
        unit::look(asked.unit.as_deref(), config)
    );
    findings.extend(telegram);
    findings.extend(model);
    findings.extend(place::look(&config.store.path).await);
    findings.extend(files::look(loaded));
    findings.extend(unit);
    findings
}

fn tell(asked: &Visit, findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    for finding in findings {
        if asked.json {
            let line = serde_json::to_string(finding).expect("plain data is always JSON");
            writeln!(out, "{line}")?;
            continue;
        }
        write!(
            out,
            "{:<4}  {:<8}  {}",
            finding.verdict, finding.what, finding.says
        )?;
        match &finding.todo {
            Some(todo) => writeln!(out, ". Do: {todo}")?,
            None => writeln!(out)?,
        }
    }
    out.flush()
}

/// The folder a file lies in.
fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_is_one_line_and_says_what_to_do() {
        let findings = [
            Finding::ok("token", "@Bot"),
            Finding::bad("disk", "12 MiB free", "make room"),
        ];
        let mut out = Vec::new();
        let asked = |json| Visit { json, unit: None };
        tell(&asked(false), &findings, &mut out).unwrap();
        let page = String::from_utf8(out).unwrap();
        let expected = "ok    token     @Bot\nbad   disk      12 MiB free. Do: make room\n";
        assert_eq!(page, expected);
        let mut out = Vec::new();
        tell(&asked(true), &findings, &mut out).unwrap();
        let lines: Vec<serde_json::Value> = out
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect();
        assert_eq!(lines[1]["verdict"], "bad");
        assert_eq!(lines[1]["todo"], "make room");
    }
}
