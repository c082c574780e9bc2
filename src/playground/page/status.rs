//! The daemon's own corner: how it is, how it ended before, its last lines.

use maud::{Markup, html};
use serde_json::{Value, json};

use super::Page;
use super::bubble::Flow;
use crate::playground::bot_api::Outage;
use crate::playground::offline::{Fault, Pace};
use crate::playground::supervisor::{End, Life, Sight};
use crate::playground::watcher::Health;

/// The daemon's state in one word, for the lamp and its label.
fn phase(sight: &Sight, health: Option<&Health>) -> (&'static str, String) {
    match (sight.life, health) {
        (Life::GivenUp, _) => ("down", "stopped: see the log".to_owned()),
        (Life::Down, _) => ("down", "down, starting again".to_owned()),
        (Life::Up, None) => ("busy", "starting".to_owned()),
        (Life::Up | Life::Stopping, Some(health)) if health.ready => ("up", health.phase.clone()),
        (_, Some(health)) => ("busy", health.phase.clone()),
        (Life::Stopping, None) => ("busy", "ending".to_owned()),
    }
}

/// Whether anything moves.
pub(super) fn flow(sight: &Sight) -> Flow {
    match sight.life {
        Life::Up | Life::Stopping => Flow::Moving,
        Life::Down | Life::GivenUp => Flow::Paused,
    }
}

impl Page {
    /// What the page's script needs besides HTML.
    pub(super) fn switches(&self) -> Value {
        let model = self
            .offline
            .as_ref()
            .map(super::super::offline::Offline::behaviour);
        json!({
            "telegram": self.api.outage() != Outage::None,
            "model": model.as_ref().is_some_and(|now| now.fault == Fault::Outage),
            "slow": model.as_ref().is_some_and(|now| now.pace == Pace::SLOW),
        })
    }
}

/// The lamp, the phase and the instance.
pub(super) fn banner(sight: &Sight, health: Option<&Health>) -> Markup {
    let (lamp, phase) = phase(sight, health);
    let instance = sight
        .started
        .as_ref()
        .and_then(|line| line.get("instance")?.as_str())
        .map(|id| id.chars().take(8).collect::<String>());
    html! {
        span.lamp.(lamp) aria-hidden="true" {}
        span.phase data-lamp=(lamp) { "daemon " b { (phase) } }
        span.instance {
            @if let Some(pid) = sight.pid { "pid " (pid) }
            @if let Some(instance) = instance { " · instance " (instance) }
        }
        @if let Some(ops) = sight.ops {
            a.to-gallery href={ "http://" (ops) "/console/" } target="_blank" rel="noopener" { "Console" }
        }
    }
}

/// What is known of this start and of the ends before.
pub(super) fn lives(sight: &Sight) -> Markup {
    let number = |name: &str| {
        sight
            .started
            .as_ref()
            .and_then(|line| line.get(name)?.as_u64())
    };
    html! {
        ul.lives {
            @if let Some(ms) = number("ready_ms") {
                li.now {
                    b { "Start " (sight.starts) } " ready in " (ms) " ms"
                    @match number("resumed_turns") {
                        Some(0) | None => "",
                        Some(1) => ", took up 1 open turn",
                        Some(turns) => { ", took up " (turns) " open turns" }
                    }
                }
            }
            @for end in &sight.ends { (ended(end)) }
            @if sight.ends.is_empty() && sight.started.is_none() { li { "Not started yet." } }
        }
    }
}

fn ended(end: &End) -> Markup {
    let at = |path: &str| {
        end.report
            .as_ref()
            .and_then(|report| report.pointer(path)?.as_u64())
    };
    html! {
        li {
            time data-ms=(end.at) {} " "
            @match (end.code, end.signal) {
                (_, Some(9)) => b { "killed (SIGKILL)" },
                (_, Some(signal)) => b { "killed by signal " (signal) },
                (Some(code), _) => b { "exit " (code) },
                (None, None) => b { "ended" },
            }
            @if let Some(ms) = at("/total_ms") { " after " (ms) " ms of drain" }
            @if let (Some(answered), Some(parked)) = (at("/turns/answered"), at("/turns/parked")) {
                ": " (answered) " answered, " (parked) " parked, " (at("/lost").unwrap_or(0)) " lost"
            } @else if end.signal.is_some() {
                ": no last word; what was stored is taken up"
            }
        }
    }
}

/// The last lines of the log.
pub(super) fn log(sight: &Sight) -> Markup {
    html! {
        @for line in &sight.log { (line) "\n" }
        @if sight.log.is_empty() { "Nothing yet." }
    }
}
