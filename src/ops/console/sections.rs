//! The sections of the page, drawn from a picture.
//!
//! Each is a piece of HTML that the page holds under its name and the stream
//! replaces when it has changed. Moments are filled in by the script, so that
//! nothing changes by growing old. Nothing here knows a text or a name.

use std::sync::Arc;

use maud::{Markup, html};

use super::picture::{Failed, Grade, Moment, Picture, Stage, Turn};
use super::stream::Sections;
use super::{plot, words};
use crate::clock::Millis;
use crate::domain::phase::Phase;
use crate::ops::health::Role;

/// Turns that are shown in one stage.
const SHOWN: usize = 12;

/// Turns that are listed with their buttons.
const LISTED: usize = 25;

/// Every section; with `now`, the moments are filled in.
pub(super) fn all(picture: &Picture, now: Option<Millis>) -> Sections {
    [
        ("top", top(picture, now)),
        ("notice", notice(picture, now)),
        ("flow", flow(picture, now)),
        ("waiting", waiting(picture, now)),
        ("failed", failed(picture, now)),
        ("organs", organs(picture, now)),
        ("latency", latency(picture)),
        ("spend", spend(picture)),
        ("errors", errors(picture, now)),
    ]
    .into_iter()
    .map(|(name, html)| (name, Arc::from(html.into_string())))
    .collect()
}

/// The word for where the daemon is, and how that is to be taken.
fn state(picture: &Picture) -> (&'static str, &'static str) {
    match (picture.phase, &picture.paused) {
        (Phase::Starting, _) => ("busy", "starting"),
        (Phase::Draining, _) => ("busy", "draining"),
        (Phase::Closing | Phase::Stopped, _) => ("busy", "ending"),
        (_, Some(_)) => ("held", "paused"),
        (Phase::Standby, None) => ("busy", "standby"),
        (Phase::Running, None) => match picture.role {
            Role::Active => ("good", "running"),
            Role::Standby => ("busy", "standby"),
        },
    }
}

fn top(picture: &Picture, now: Option<Millis>) -> Markup {
    let (lamp, word) = state(picture);
    html! {
        p.state.(lamp) #state data-state=(word) { span.lamp aria-hidden="true" {} (word) }
        p.about {
            b { (picture.bot) } " · version " (picture.version)
            " · pid " (picture.pid) " · up " (words::moment(Moment::Ago(picture.since), now))
        }
        @if picture.paused.is_some() {
            button.main #resume type="button" data-do="resume" { "Resume" }
        } @else {
            button #pause type="button" data-do="pause" { "Pause…" }
        }
    }
}

fn notice(picture: &Picture, now: Option<Millis>) -> Markup {
    html! {
        @if let Some(trouble) = &picture.trouble {
            div.notice.bad {
                (icon(CROSS))
                div { h2 { "The store does not answer" } p { (trouble) ". Nothing is confirmed to Telegram meanwhile, so nothing is lost." } }
            }
        }
        @if let Some(drain) = picture.drain {
            div.notice.busy #drain {
                (icon(SENDING))
                div {
                    h2 { "Draining: " (words::count(drain.turns, "turn")) " left" }
                    p {
                        "Nothing new is taken; what was begun is answered first"
                        @if let Some(oldest) = drain.oldest {
                            ", the oldest for " (words::moment(Moment::Ago(oldest), now))
                        }
                        @if drain.chats > 0 {
                            ". Still to be sent in " (words::count(drain.chats, "chat"))
                        }
                        ". What is not done in "
                        b { (words::moment(Moment::Until(drain.until), now)) }
                        " is stored, and the next start answers it."
                    }
                    progress data-until=(drain.until) max="1" value="0" aria-label="Time of the drain that has passed" {}
                }
            }
        } @else if let Some(paused) = &picture.paused {
            div.notice.held #paused {
                (icon(HELD))
                div {
                    h2 { "Paused for " (words::moment(Moment::Ago(paused.since), now)) }
                    p {
                        @if let Some(reason) = &paused.reason { "“" (reason) "”. " }
                        "Messages are taken and stored, turns wait. Whoever writes is told once."
                    }
                }
            }
        }
    }
}

fn flow(picture: &Picture, now: Option<Millis>) -> Markup {
    let is_held = picture.paused.is_some();
    html! {
        ol.flow {
            (stage("received", RECEIVED, picture.received, "updates, last hour", html! {}))
            @for stage in Stage::ALL {
                (self::stage(
                    stage.as_str(),
                    icon_of(stage, is_held),
                    picture.counts[stage as usize],
                    hint(stage, is_held),
                    pills(picture, stage, now),
                ))
            }
        }
    }
}

fn stage(name: &str, path: &str, count: u64, hint: &str, pills: Markup) -> Markup {
    html! {
        li.stage.(name) data-count=(count) {
            div.head {
                span.badge { (icon(path)) }
                h3 { (name) }
                b.count { (words::number(count)) }
                p.hint { (hint) }
            }
            (pills)
        }
    }
}

fn hint(stage: Stage, is_held: bool) -> &'static str {
    match stage {
        Stage::Gathering => "more may come",
        Stage::Waiting if is_held => "held back",
        Stage::Waiting => "for their turn",
        Stage::Generating => "the model writes",
        Stage::Sending => "to Telegram",
        Stage::Delivered => "answers, last hour",
    }
}

fn pills(picture: &Picture, stage: Stage, now: Option<Millis>) -> Markup {
    let turns = || picture.turns.iter().filter(|turn| turn.stage == stage);
    let shown = turns().count().min(SHOWN);
    // What has arrived is counted over an hour; only the latest are shown.
    let hidden = match stage {
        Stage::Delivered => 0,
        _ => picture.counts[stage as usize].saturating_sub(shown as u64),
    };
    html! {
        ul.pills aria-label={ "Turns " (stage.as_str()) } {
            @for turn in turns().take(SHOWN) {
                li.pill.(turn.outcome.unwrap_or("open")) data-turn=(turn.turn)
                    title={ "turn " (turn.turn) ", chat " (words::chat(turn.chat)) } {
                    i aria-hidden="true" {}
                    span.sr { "turn " (turn.turn) ", chat " }
                    span { (words::chat(turn.chat)) }
                    @match turn.outcome {
                        None => (words::moment(Moment::Ago(turn.since), now)),
                        Some("answered") => span.sr { "answered" },
                        Some(outcome) => small { (outcome) },
                    }
                }
            }
            @if hidden > 0 { li.more { "+ " (words::number(hidden)) } }
        }
    }
}

fn waiting(picture: &Picture, now: Option<Millis>) -> Markup {
    let open = |turn: &&Turn| turn.stage < Stage::Sending;
    let turns: Vec<&Turn> = picture.turns.iter().filter(open).collect();
    let chats: std::collections::BTreeSet<i64> = turns.iter().map(|turn| turn.chat).collect();
    let oldest = turns.iter().map(|turn| turn.since).min();
    html! {
        @if let Some(oldest) = oldest {
            p.sum {
                b { (words::count(chats.len() as u64, "chat")) } @if chats.len() == 1 { " waits" } @else { " wait" }
                ", the oldest for " b { (words::moment(Moment::Ago(oldest), now)) }
            }
            ul.rows {
                @for turn in turns.iter().take(LISTED) {
                    li.row {
                        span.id { "chat " b { (words::chat(turn.chat)) } small { " turn " (turn.turn) } }
                        span.what {
                            (turn.stage.as_str()) " · "
                            (words::moment(Moment::Ago(turn.since), now))
                            @if turn.failures > 0 { " · " (words::count(turn.failures.unsigned_abs(), "failure")) }
                            @if let Some(at) = turn.not_before {
                                " · tries again in " (words::moment(Moment::Until(at), now))
                            }
                        }
                        button.quiet type="button" id={ "cancel-" (turn.turn) } data-do="cancel" data-turn=(turn.turn)
                            aria-label={ "Cancel turn " (turn.turn) " of chat " (words::chat(turn.chat)) } { "Cancel…" }
                    }
                }
            }
            @if turns.len() > LISTED { p.none { "and " (turns.len() - LISTED) " more" } }
        } @else {
            p.none { (icon(CHECK)) "Nobody is waiting." }
        }
    }
}

fn failed(picture: &Picture, now: Option<Millis>) -> Markup {
    html! {
        @if picture.failed.is_empty() {
            p.none { (icon(CHECK)) "No turn has failed." }
        } @else {
            ul.rows {
                @for failed in &picture.failed { (failed_row(failed, now)) }
            }
        }
    }
}

fn failed_row(failed: &Failed, now: Option<Millis>) -> Markup {
    html! {
        li.row {
            span.id { "chat " b { (words::chat(failed.chat)) } small { " turn " (failed.turn) } }
            span.what {
                @match failed.outcome {
                    "undeliverable" => "Telegram refused the answer",
                    _ => "gave up, and apologised",
                }
                " · asked " (words::moment(Moment::Ago(failed.since), now)) " ago"
            }
            @if failed.replayable {
                button.quiet type="button" id={ "replay-" (failed.turn) } data-do="replay" data-turn=(failed.turn)
                    aria-label={ "Replay turn " (failed.turn) " of chat " (words::chat(failed.chat)) } { "Replay" }
            } @else {
                small.gone { "not kept" }
            }
        }
    }
}

fn organs(picture: &Picture, now: Option<Millis>) -> Markup {
    html! {
        ul.organs {
            @for organ in &picture.organs {
                @let (class, path, said) = match organ.grade {
                    Grade::Good => ("good", CHECK, "good: "),
                    Grade::Warn => ("warn", BANG, "attention: "),
                    Grade::Bad => ("bad", CROSS, "bad: "),
                };
                li.(class) {
                    (icon(path))
                    b { (organ.name) }
                    span {
                        span.sr { (said) }
                        (organ.words)
                        @if let Some(at) = organ.at {
                            " " (words::moment(at, now))
                            @if matches!(at, Moment::Ago(_)) { " ago" }
                        }
                    }
                }
            }
        }
    }
}

fn latency(picture: &Picture) -> Markup {
    html! {
        div.plots {
            (plot::latency("First word", &picture.latency.first))
            (plot::latency("Whole answer", &picture.latency.whole))
        }
    }
}

fn spend(picture: &Picture) -> Markup {
    html! {
        @if let Some(today) = picture.spend.last() {
            p.today {
                @if plot::tells_credits(&picture.spend) {
                    b { (words::credits(today.credits)) } " credits today · "
                    (words::thousands(today.tokens)) " tokens · "
                } @else {
                    b { (words::thousands(today.tokens)) } " tokens today · "
                }
                (words::count(today.answers, "answer"))
            }
            (plot::spend(&picture.spend))
        } @else {
            p.none { "Not known yet." }
        }
    }
}

fn errors(picture: &Picture, now: Option<Millis>) -> Markup {
    html! {
        @if picture.errors.is_empty() {
            p.none { (icon(CHECK)) "Nothing was warned of." }
        } @else {
            ul.rows {
                @for erred in &picture.errors {
                    li.row {
                        span.id { (erred.kind) }
                        span.what { (erred.count) " × · " (words::moment(Moment::Ago(erred.last), now)) " ago" }
                    }
                }
            }
        }
    }
}

/// A drawing of 24 by 24.
pub(super) fn icon(path: &str) -> Markup {
    html! {
        svg.icon viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" {
            path d=(path) fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" {}
        }
    }
}

fn icon_of(stage: Stage, is_held: bool) -> &'static str {
    match stage {
        Stage::Gathering => GATHERING,
        Stage::Waiting if is_held => HELD,
        Stage::Waiting => WAITING,
        Stage::Generating => GENERATING,
        Stage::Sending => SENDING,
        Stage::Delivered => DELIVERED,
    }
}

const RECEIVED: &str = "M3 14l3-9h12l3 9v6H3z M3 14h5l1.500 3h5L16 14h5";
const GATHERING: &str =
    "M4 5h16v11h-9l-5 4v-4H4z M8.500 10.500h.01 M12 10.500h.01 M15.500 10.500h.01";
const WAITING: &str = "M12 4a8 8 0 1 0 .01 0z M12 8v4.500l3 1.500";
const HELD: &str = "M9 6v12 M15 6v12";
const GENERATING: &str = "M4 20l1-4L15.500 5.500l3 3L8 19z M13.500 7.500l3 3 M14 20h6";
const SENDING: &str = "M21 4L3 11l6.500 3L12 20.500z M21 4L9.500 14";
const DELIVERED: &str = "M2.500 12.500l4 4L15 7.500 M12 15l1.500 1.500L22 7.500";
const CHECK: &str = "M5 12.500l4.500 4.500L19 7.500";
const BANG: &str = "M12 5v9 M12 18.500h.01";
const CROSS: &str = "M6 6l12 12 M18 6L6 18";
