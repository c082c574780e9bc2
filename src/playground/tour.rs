//! The guided tour: what the bot is good at, shown step by step in the open
//! chats, by people who write by themselves.
//!
//! A step acts, waits until the chat has come to rest, and counts the answers:
//! the tour is a proof that runs before the visitor's eyes, not a film. It acts
//! only as a visitor can and never looks into the daemon.

mod guide;
mod script;

use maud::{Markup, html};

pub(super) use guide::Guide;

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It is under way.
    Open,
    /// As many answers as it should.
    Right,
    /// Something else, or never done.
    Wrong,
}

/// What the visitor reads about the tour.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shown {
    /// The steps begun so far, with their titles.
    steps: Vec<(&'static str, Verdict)>,
    /// What happens now, in a sentence.
    text: String,
    /// The chat in which it happens.
    pub(super) chat: Option<i64>,
    /// Steps in all; 0 when there was no tour yet.
    of: usize,
    /// Whether it goes on.
    running: bool,
}

impl Shown {
    /// The list of steps, what happens now, and what came of them.
    pub(super) fn html(&self) -> Markup {
        let at = self.steps.len();
        let right = self
            .steps
            .iter()
            .filter(|(_, verdict)| *verdict == Verdict::Right)
            .count();
        let state = match self.running {
            true => "running",
            false if self.of == 0 => "none",
            false if right == self.of => "passed",
            false => "failed",
        };
        html! {
            div.tour data-tour=(state) data-step=(at) {
                @if self.of > 0 {
                    h2 { "Tour " small { (at) " of " (self.of) } }
                    ol {
                        @for (title, verdict) in &self.steps {
                            @let (class, mark) = match verdict {
                                Verdict::Open => ("open", "…"),
                                Verdict::Right => ("right", "✓"),
                                Verdict::Wrong => ("wrong", "✗"),
                            };
                            li.(class) { span aria-hidden="true" { (mark) } (title) }
                        }
                    }
                    p { (self.text) }
                }
            }
        }
    }
}
