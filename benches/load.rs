//! The load program: how much the daemon carries and what it costs.
//!
//! `cargo bench --bench load` prints a table of ratios, each against a baseline
//! measured in the same run on the same machine; `-- --json` prints it as JSON,
//! `-- --short` does less, for CI. Nothing here fails for being slow: it fails
//! when something is broken (an update lost or doubled, an error, a process
//! that does not end). `-- --only accept,turns` runs only those measures.

// A module of a program has no other readers.
#![expect(unreachable_pub, reason = "the modules of this program are its own")]

#[path = "load/accept.rs"]
mod accept;
#[path = "load/client.rs"]
mod client;
#[path = "load/house.rs"]
mod house;
#[path = "load/life.rs"]
mod life;
#[path = "load/memory.rs"]
mod memory;
#[path = "load/outside.rs"]
mod outside;
#[path = "load/process.rs"]
mod process;
#[path = "load/prunable.rs"]
mod prunable;
#[path = "load/report.rs"]
mod report;
#[path = "load/turns.rs"]
mod turns;

use std::io::Write as _;
use std::process::ExitCode;

use report::Report;

/// How much is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Everything, as measured for the README.
    Full,
    /// Enough to see that it works.
    Short,
}

impl Length {
    /// One of two amounts.
    pub fn pick<T>(self, full: T, short: T) -> T {
        match self {
            Self::Full => full,
            Self::Short => short,
        }
    }
}

/// A measure: its name for `--only`, and what it does.
type Measure = (&'static str, fn(Length, &mut Report) -> anyhow::Result<()>);

const MEASURES: [Measure; 5] = [
    ("accept", accept::measure),
    ("prunable", prunable::measure),
    ("turns", turns::measure),
    ("life", life::measure),
    ("memory", memory::measure),
];

fn main() -> ExitCode {
    lastword::tls::install_crypto();
    let mut length = Length::Full;
    let mut json = false;
    let mut only: Option<Vec<String>> = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--short" => length = Length::Short,
            "--json" => json = true,
            "--only" => {
                let names = arguments.next().unwrap_or_default();
                only = Some(names.split(',').map(str::to_owned).collect());
            }
            // Cargo's own.
            "--bench" => {}
            other => {
                complain(&format!("unknown argument {other}"));
                return ExitCode::from(2);
            }
        }
    }
    let mut report = Report::new(length);
    for (name, measure) in MEASURES {
        if only
            .as_ref()
            .is_some_and(|names| !names.iter().any(|n| n == name))
        {
            continue;
        }
        complain(&format!("measuring {name} ..."));
        if let Err(error) = measure(length, &mut report) {
            report.broken(name, &error);
        }
    }
    let text = if json { report.json() } else { report.table() };
    let written = writeln!(std::io::stdout().lock(), "{text}");
    if report.is_broken() || written.is_err() {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Says something to whoever watches.
fn complain(text: &str) {
    // Nobody is left to tell when stderr is gone.
    let _ = writeln!(std::io::stderr().lock(), "load: {text}");
}
