//! `/admin status`: the picture in a dozen short lines.

use std::fmt::Write as _;

use crate::domain::operator::{count, span};
use crate::ops::health::Role;
use crate::ops::status::Status;
use crate::store::Availability;

/// What an operator is shown.
pub(super) fn text(status: &Status) -> String {
    let role = match status.role {
        Role::Active => "active",
        Role::Standby => "standby",
    };
    let mut text = format!(
        "Lastword {}, {} ({role}), for {}\n",
        status.version,
        status.phase,
        told(status.uptime_ms)
    );
    if let Some(pause) = &status.paused {
        let reason = pause.reason.as_ref();
        let reason = reason.map_or_else(String::new, |why| format!(" ({why})"));
        let _ = writeln!(text, "Paused for {}{reason}", told(pause.for_ms));
    }
    if let Some(drain) = &status.drain {
        let _ = writeln!(
            text,
            "Draining: {} left, {} at most",
            turns(drain.turns),
            told(drain.deadline_in_ms)
        );
    }
    match (status.store, status.fresh) {
        (Availability::Unavailable, _) => text.push_str("Store: takes nothing at the moment\n"),
        (Availability::Available, false) => text.push_str("Store: does not answer in time\n"),
        (Availability::Available, true) => {}
    }
    let open: Vec<String> = status
        .turns
        .iter()
        .filter(|(_, crowd)| crowd.count > 0)
        .map(|(state, crowd)| format!("{} {state}", crowd.count))
        .collect();
    let open = match open.is_empty() {
        true => "none open".to_owned(),
        false => open.join(", "),
    };
    let _ = writeln!(text, "Turns: {open}; {} run here", status.running.count);
    if let Some(oldest) = status.oldest_waiting_ms {
        let _ = writeln!(text, "Waits longest: {}", told(oldest));
    }
    let intake = &status.intake;
    let last = match intake.since_last_ms {
        Some(since) => format!("last update {} ago", told(since)),
        None => "no update yet".to_owned(),
    };
    let stopped = intake.paused.as_ref();
    let stopped = stopped.map_or_else(String::new, |why| format!(", takes nothing ({why})"));
    let _ = writeln!(text, "Intake: {}, {last}{stopped}", intake.transport);
    if intake.conflicts > 0 {
        let _ = writeln!(text, "Others polled: {} times", intake.conflicts);
    }
    let breaker = match (status.breaker.open, status.breaker.retry_in_ms) {
        (false, _) => "asked freely".to_owned(),
        (true, Some(wait)) => format!("failing, asked again in {}", told(wait)),
        (true, None) => "failing, being asked now".to_owned(),
    };
    let _ = writeln!(text, "Model: {breaker}");
    let outbox = &status.outbox;
    let _ = writeln!(
        text,
        "Outbox: {} planned, {} being sent, {} uncertain",
        outbox.planned, outbox.sending, outbox.uncertain
    );
    let today = &status.today;
    let _ = writeln!(
        text,
        "Today: {} answers, {} tokens, {:.4} credits",
        today.answers,
        today.prompt_tokens + today.completion_tokens,
        today.credits
    );
    if status.instances.len() > 1 {
        let others = status.instances.len();
        let _ = writeln!(text, "Instances: {others}");
    }
    text.trim_end().to_owned()
}

fn told(millis: u64) -> String {
    span(i64::try_from(millis).unwrap_or(i64::MAX))
}

fn turns(number: u64) -> String {
    count(i64::try_from(number).unwrap_or(i64::MAX), "turn", "turns")
}
