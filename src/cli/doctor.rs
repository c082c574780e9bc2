//! `lastword doctor`: everything the daemon needs of the world, looked at one by
//! one; each finding a line, with what to do about it. Changes nothing, needs no
//! daemon and disturbs none, and never shows a secret. While the configuration is
//! wrong it sends none anywhere either: an address may be among what is wrong.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::desk::{Shut, ended};
use super::{EXIT_CONFIG, EXIT_REFUSED};
use crate::config::{Config, Errors, Loaded, Sources, Survey};

mod files;
mod model;
mod place;
mod telegram;
mod unit;

const AFTER_HELP: &str = "\
Exit codes:
   0  nothing is bad
   1  something is bad; its line says what to do
  78  the configuration is wrong; everything else that can be looked at without
      it was
 130  interrupted

The credentials of the packaged service (files in /etc/lastword) are looked at
with its own configuration, /etc/lastword/config.toml, alone.";

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Visit {
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
    /// The unit whose limits are looked at; by default that of the running
    /// daemon, else the one of lastword@a, lastword@b and lastword.service that
    /// is active, enabled or installed
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
    let survey = Config::survey(sources);
    let findings = look(asked, &survey).await;
    let worst = findings.iter().map(|finding| finding.verdict).max();
    let told = tell(asked, &findings, out).map_err(Shut::Write);
    ended(
        told.map(|()| match (&survey.errors, worst) {
            (Some(_), _) => EXIT_CONFIG,
            (None, Some(Verdict::Bad)) => EXIT_REFUSED,
            (None, _) => 0,
        }),
        err,
    )
}

async fn look(asked: &Visit, survey: &Survey) -> Vec<Finding> {
    let loaded = &survey.loaded;
    let config = &loaded.config;
    let mut findings = of_config(loaded, survey.errors.as_ref());
    let unit = unit::look(asked.unit.as_deref(), config);
    let unit = match survey.errors {
        None => {
            let (telegram, model, unit) =
                tokio::join!(telegram::look(config), model::look(config), unit);
            findings.extend(telegram);
            findings.extend(model);
            unit
        }
        Some(_) => {
            let api_url = config.telegram.api_url.as_str();
            let (clock, unit) = tokio::join!(telegram::clock(api_url), unit);
            let not_asked = |what| {
                let todo = "mend the configuration, then: lastword doctor";
                Finding::warn(what, "not looked at: the configuration is wrong", todo)
            };
            findings.extend(["token", "webhook", "model"].map(not_asked));
            findings.push(clock);
            unit
        }
    };
    findings.extend(place::look(&config.store.path).await);
    findings.extend(files::look(loaded));
    findings.extend(unit);
    findings
}

fn of_config(loaded: &Loaded, errors: Option<&Errors>) -> Vec<Finding> {
    let what = "config";
    let mistakes = errors.into_iter().flat_map(|errors| &errors.0);
    let mistakes = mistakes.map(|problem| {
        let todo = "mend it; lastword check shows what is in force then";
        Finding::bad(what, problem.to_string(), todo)
    });
    let warnings = loaded.warnings.iter();
    let warnings =
        warnings.map(|warning| Finding::warn(what, warning.to_string(), "lastword check"));
    let mut findings: Vec<Finding> = mistakes.chain(warnings).collect();
    if findings.is_empty() {
        let from = match &loaded.origin {
            Some(path) => format!("{}", path.display()),
            None => "no file, variables and defaults only".to_owned(),
        };
        findings.push(Finding::ok(what, from));
    }
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
