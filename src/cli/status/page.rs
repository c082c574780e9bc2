//! The page of `lastword status`: a few lines for each process, the worst where
//! the eye begins.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::super::desk::rough;
use crate::ops::status::{Intake, Status};
use crate::store::Availability;
use crate::store::desk::{Crowd, Instance, Paused, Picture, Usage};

pub(super) fn write(status: &Status, out: &mut dyn Write) -> io::Result<()> {
    let name = match &status.username {
        Some(name) => format!("@{name}"),
        None => format!("bot {}", status.bot),
    };
    writeln!(
        out,
        "{name}  {} ({})  up {}  pid {}  version {}  instance {}",
        status.phase,
        status.role.as_str(),
        age(status.uptime_ms),
        status.pid,
        status.version,
        status.instance
    )?;
    let mut line = |name: &str, says: String| writeln!(out, "  {name:<9} {says}");
    if let Some(paused) = &status.paused {
        line("PAUSED", pause(paused))?;
    }
    if let Some(drain) = &status.drain {
        line(
            "draining",
            format!(
                "{}, oldest {}, {} with something to send, {} left",
                many(drain.turns, "turn"),
                age(drain.oldest_ms),
                many(drain.chats, "chat"),
                age(drain.deadline_in_ms)
            ),
        )?;
    }
    match (status.store, status.fresh) {
        (Availability::Unavailable, _) => line(
            "STORE",
            "does not take what is written; nothing is confirmed until it does".to_owned(),
        )?,
        (_, false) => line("STORE", "did not answer in time".to_owned())?,
        _ => {}
    }
    if status.fresh {
        let turns = status.turns.iter().map(|(state, crowd)| (&**state, *crowd));
        line("turns", open(turns, status.oldest_waiting_ms))?;
        line("outbox", outbox(status))?;
    }
    line("intake", intake(&status.intake, status.backlog))?;
    line("model", model(status))?;
    if status.fresh {
        line("today", usage(&status.today))?;
        line("lease", lease(status))?;
    }
    for trouble in &status.troubles {
        line(
            &trouble.level,
            format!(
                "{} ago{}: {}",
                age(trouble.last_ms_ago),
                match trouble.count {
                    1 => String::new(),
                    count => format!(", {count} times"),
                },
                trouble.kind
            ),
        )?;
    }
    Ok(())
}

/// What follows when no daemon answers.
pub(super) fn without(picture: &Picture, out: &mut dyn Write) -> io::Result<()> {
    for instance in &picture.instances {
        writeln!(out, "  process   {}", process(instance))?;
    }
    if let Some(paused) = &picture.paused {
        writeln!(out, "  PAUSED    {}", pause(paused))?;
    }
    let turns = picture.turns.iter().map(|(state, crowd)| (*state, *crowd));
    writeln!(
        out,
        "  turns     {}",
        open(turns, picture.oldest_waiting_ms)
    )?;
    let parts: u64 = picture.parts.values().sum();
    writeln!(out, "  outbox    {} to deliver", many(parts, "part"))
}

fn process(instance: &Instance) -> String {
    let pid = instance.pid.map_or("?".to_owned(), |pid| pid.to_string());
    format!(
        "pid {pid}  {}  version {}  instance {:016x}",
        instance.phase, instance.version, instance.id.0
    )
}

fn pause(paused: &Paused) -> String {
    let why = paused.reason.as_ref();
    let why = why.map_or_else(String::new, |reason| format!(": {reason}"));
    format!("for {}{why} (lastword resume)", age(paused.for_ms))
}

fn open<'a>(turns: impl Iterator<Item = (&'a str, Crowd)>, waiting: Option<u64>) -> String {
    let by_state: BTreeMap<&str, Crowd> = turns.collect();
    if by_state.is_empty() {
        return "none open".to_owned();
    }
    // In the order of a turn's life.
    let states = ["gathering", "sealed", "claimed", "answered"];
    let mut said: Vec<String> = states
        .iter()
        .filter_map(|state| by_state.get(state).map(|crowd| (state, crowd)))
        .map(|(state, crowd)| format!("{} {state} (oldest {})", crowd.count, age(crowd.oldest_ms)))
        .collect();
    if let Some(waiting) = waiting {
        said.push(format!("longest wait {}", age(waiting)));
    }
    said.join(", ")
}

fn outbox(status: &Status) -> String {
    let outbox = status.outbox;
    match outbox.planned + outbox.sending + outbox.uncertain {
        0 => "empty".to_owned(),
        _ => format!(
            "{} planned, {} being sent, {} uncertain",
            outbox.planned, outbox.sending, outbox.uncertain
        ),
    }
}

fn intake(intake: &Intake, backlog: u64) -> String {
    let mut said = vec![intake.transport.clone()];
    if let Some(paused) = &intake.paused {
        said.push(format!("takes nothing: {paused}"));
    }
    said.push(match intake.since_last_ms {
        Some(ago) => format!("last update {} ago", age(ago)),
        None => "no update yet".to_owned(),
    });
    if let Some(ago) = intake.since_answer_ms {
        said.push(format!("Telegram answered {} ago", age(ago)));
    }
    if let Some(lag) = intake.lag_ms {
        said.push(format!("lag {}", age(lag)));
    }
    if backlog > 0 {
        said.push(format!("{} waiting", many(backlog, "message")));
    }
    if intake.conflicts > 0 {
        said.push(format!(
            "SOMEBODY ELSE POLLS with this token ({} times)",
            intake.conflicts
        ));
    }
    said.join(", ")
}

fn model(status: &Status) -> String {
    let asking = match status.running.count {
        0 => "nothing is asked".to_owned(),
        _ => format!(
            "{} running (oldest {})",
            many(status.running.count, "turn"),
            age(status.running.oldest_ms)
        ),
    };
    match (status.breaker.open, status.breaker.retry_in_ms) {
        (false, _) => asking,
        (true, Some(wait)) => format!("NOT ASKED, it fails: next try in {}; {asking}", age(wait)),
        (true, None) => format!("NOT ASKED, it fails: being tried now; {asking}"),
    }
}

fn usage(usage: &Usage) -> String {
    format!(
        "{}, {} tokens in, {} out, {:.4} credits",
        many(usage.answers, "answer"),
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.credits
    )
}

fn lease(status: &Status) -> String {
    match &status.lease {
        None => "nobody's".to_owned(),
        Some(holder) if *holder == status.instance => "ours".to_owned(),
        Some(holder) => {
            let is_it = |i: &&Instance| format!("{:016x}", i.id.0) == *holder;
            status
                .instances
                .iter()
                .find(is_it)
                .map_or_else(|| holder.clone(), process)
        }
    }
}

fn many(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

fn age(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        _ => rough(i64::try_from(millis).unwrap_or(i64::MAX)),
    }
}
