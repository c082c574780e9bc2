//! The two pages: the console itself and its door.
//!
//! The sections are in the page as it comes, with their moments filled in, so
//! that it can be read without any script; then it loads itself anew, until its
//! reader wants it to stand still.

use std::path::Path;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::sections;
use super::stream::{Sections, Shot};
use crate::clock::Millis;

/// What the page does by itself where no script runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unscripted {
    /// It loads itself anew every five seconds.
    LoadsAnew,
    /// Nothing: somebody reads it slowly, or aloud.
    StandsStill,
}

/// The page, as it is now.
pub(super) fn console(shot: &Shot, now: Millis, unscripted: Unscripted) -> Markup {
    let sections = match &shot.picture {
        Some(picture) => sections::all(picture, Some(now)),
        // The stream brings them as soon as they can be drawn.
        None => Sections::new(),
    };
    let section = |name: &str| PreEscaped(sections.get(name).map_or("", |html| html).to_owned());
    let card = |name: &str, title: &str| {
        html! {
            section.card aria-labelledby={ (name) "-title" } {
                // Takes the focus when its last button has gone.
                h2 id={ (name) "-title" } tabindex="-1" { (title) }
                div data-section=(name) { (section(name)) }
            }
        }
    };
    html! {
        (DOCTYPE)
        html lang="en" {
            (head("Lastword console", Some(unscripted)))
            body {
                a.skip href="#flow" { "To the turns" }
                header.top {
                    h1 { (logo()) "Lastword" }
                    div.bar data-section="top" { (section("top")) }
                    form method="post" action="/console/logout" { button.quiet type="submit" { "Log out" } }
                }
                // Always in the tree, for what appears with its text is not announced.
                p #link.notice.busy role="status" aria-live="polite" {}
                div.toasts {
                    div.toast {
                        p #wrong role="alert" {}
                        button #dismiss.quiet type="button" aria-label="Dismiss what was not done" { "Dismiss" }
                    }
                    p #said.toast role="status" aria-live="polite" {}
                }
                main {
                    div #notice data-section="notice" { (section("notice")) }
                    section #flow.card.wide tabindex="-1" aria-labelledby="flow-title" {
                        h2 #flow-title { "Turns on their way" }
                        div data-section="flow" { (section("flow")) }
                    }
                    div.column {
                        (card("waiting", "Chats that wait"))
                        (card("failed", "Failed turns"))
                        (card("latency", "How long answers take"))
                    }
                    div.column {
                        (card("organs", "How everything is"))
                        (card("spend", "What it costs"))
                        (card("errors", "Lately warned of"))
                    }
                }
                (dialog())
                footer { p {
                    "States and ages only: nobody’s words are shown here. "
                    noscript {
                        @match unscripted {
                            Unscripted::LoadsAnew => {
                                "This page loads itself anew every five seconds (" a href="?still" { "stop that" } ")"
                            }
                            Unscripted::StandsStill => {
                                "This page stands still (" a href="/console/" { "load it anew every five seconds" } ")"
                            }
                        }
                        "; to act, allow its script."
                    }
                } }
            }
        }
    }
}

/// Asked before anything is done.
fn dialog() -> Markup {
    html! {
        dialog #ask aria-labelledby="ask-title" {
            form method="dialog" {
                h2 #ask-title { "Sure?" }
                p #ask-text {}
                label #ask-reason { "Why? " small { "(shown to operators only)" }
                    input type="text" maxlength="200" autocomplete="off" placeholder="a deploy, a budget, a look …";
                }
                div.buttons {
                    button type="submit" value="no" { "Keep as it is" }
                    button.main #ask-yes type="submit" value="yes" { "Yes" }
                }
            }
        }
    }
}

/// Asks for the token.
pub(super) fn login(found_at: Option<&Path>, why: Option<&str>) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            (head("Lastword console: log in", None))
            body.door {
                main.card {
                    h1 { (logo()) "Lastword" small { "console" } }
                    form method="post" action="/console/login" {
                        label for="token" { "Token" }
                        input #token name="token" type="password" required autofocus
                            autocomplete="current-password" spellcheck="false"
                            aria-describedby=[why.map(|_| "why")] aria-invalid=[why.map(|_| "true")];
                        @if let Some(why) = why { p #why.wrong role="alert" { (why) } }
                        button.main type="submit" { "Log in" }
                    }
                    @if let Some(path) = found_at {
                        p.hint { "It is on the daemon’s machine, in" br; code { (path.display()) } }
                    } @else {
                        p.hint { "It is the one the operator set as " code { "ops.console_token" } "." }
                    }
                }
            }
        }
    }
}

fn head(title: &str, console: Option<Unscripted>) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="robots" content="noindex";
            title { (title) }
            link rel="icon" href="/console/icon.svg" type="image/svg+xml";
            link rel="stylesheet" href="/console/console.css";
            @if console == Some(Unscripted::LoadsAnew) {
                noscript { meta http-equiv="refresh" content="5"; }
            }
            @if console.is_some() {
                script src="/console/console.js" defer {}
            }
        }
    }
}

fn logo() -> Markup {
    html! { img src="/console/icon.svg" width="26" height="26" alt=""; }
}
