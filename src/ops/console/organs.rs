//! How everything is, in plain words: an organ a line.
//!
//! No word moves with the time; what does is a moment that the page counts.

use super::picture::{Grade, Moment, Organ};
use super::words;
use crate::clock::Millis;
use crate::ops::health::Role;
use crate::ops::status::Status;
use crate::store::Availability;

/// The organs of a daemon that stands so.
pub(super) fn of(status: &Status, now: Millis) -> Vec<Organ> {
    let mut organs = vec![
        intake(status, now),
        model(status, now),
        store(status),
        sending(status),
        lease(status),
    ];
    if status.instances.len() > 1 {
        organs.push(processes(status));
    }
    organs
}

fn organ(name: &'static str, grade: Grade, words: impl Into<String>) -> Organ {
    Organ {
        name,
        grade,
        words: words.into(),
        at: None,
    }
}

fn intake(status: &Status, now: Millis) -> Organ {
    let intake = &status.intake;
    let grade_words = match intake.paused.as_deref() {
        Some("full") => (Grade::Warn, "waits: as much is stored as may wait"),
        Some("store") => (Grade::Bad, "waits for the store"),
        Some("draining") => (Grade::Good, "has ended: this process drains"),
        Some("standby") => (Grade::Good, "is another process’s"),
        Some("starting") => (Grade::Warn, "has not begun yet"),
        Some(_) => (Grade::Warn, "waits"),
        None if intake.conflicts > 0 => {
            let times = words::count(intake.conflicts, "time");
            let words = format!("somebody else polls with this token: seen {times}");
            return organ("Intake", Grade::Warn, words);
        }
        None => {
            let (words, ms) = match (&*intake.transport, intake.since_answer_ms) {
                ("polling", Some(ms)) => ("asks Telegram, which answered", Some(ms)),
                ("polling", None) => ("asks Telegram, no answer yet", None),
                (_, _) => match intake.since_last_ms {
                    Some(ms) => ("is called by Telegram, the last time", Some(ms)),
                    None => ("waits to be called by Telegram", None),
                },
            };
            let late = ms.is_some_and(|ms| ms > 180_000) && intake.transport == "polling";
            let at = ms.map(|ms| Moment::Ago(now - Millis::try_from(ms).unwrap_or(0)));
            let grade = if late { Grade::Bad } else { Grade::Good };
            return Organ {
                at,
                ..organ("Intake", grade, words)
            };
        }
    };
    organ("Intake", grade_words.0, grade_words.1)
}

fn model(status: &Status, now: Millis) -> Organ {
    if !status.breaker.open {
        return organ("Model", Grade::Good, "may be asked");
    }
    let at = status.breaker.retry_in_ms.map(|ms| {
        let ms = Millis::try_from(ms).unwrap_or(0);
        Moment::Until(now + ms)
    });
    let words = match at {
        Some(_) => "failed again and again; it is tried next in",
        None => "failed again and again; it is being tried",
    };
    Organ {
        at,
        ..organ("Model", Grade::Bad, words)
    }
}

fn store(status: &Status) -> Organ {
    match (status.store, status.fresh) {
        (Availability::Available, true) => organ("Store", Grade::Good, "takes what is written"),
        (Availability::Available, false) => organ("Store", Grade::Warn, "is slow to answer"),
        (Availability::Unavailable, _) => {
            organ("Store", Grade::Bad, "takes nothing: look at the disk")
        }
    }
}

fn sending(status: &Status) -> Organ {
    let outbox = status.outbox;
    if outbox.uncertain > 0 {
        let parts = words::count(outbox.uncertain, "message");
        let words = format!("{parts} may or may not have arrived; they are looked for");
        return organ("Sending", Grade::Warn, words);
    }
    let words = match (outbox.planned, outbox.sending) {
        (0, 0) => "nothing waits".to_owned(),
        (0, sending) => format!("{} on the way", words::count(sending, "message")),
        (planned, _) => format!("{} to be sent", words::count(planned, "message")),
    };
    organ("Sending", Grade::Good, words)
}

fn lease(status: &Status) -> Organ {
    if status.drain.is_some() {
        return organ(
            "Lease",
            Grade::Good,
            "given up: whoever comes next may take it",
        );
    }
    match (status.role, &status.lease) {
        (Role::Active, _) => organ("Lease", Grade::Good, "this process talks with Telegram"),
        (Role::Standby, Some(_)) => organ(
            "Lease",
            Grade::Good,
            "another process talks with Telegram; this one takes over when it goes",
        ),
        (Role::Standby, None) => organ("Lease", Grade::Warn, "nobody holds it at the moment"),
    }
}

fn processes(status: &Status) -> Organ {
    let each = status.instances.iter().map(|instance| match instance.pid {
        Some(pid) => format!("{pid} {}", instance.phase),
        None => instance.phase.clone(),
    });
    organ(
        "Processes",
        Grade::Good,
        each.collect::<Vec<_>>().join(", "),
    )
}
