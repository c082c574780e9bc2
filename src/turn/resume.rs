//! An answer that goes on with one that was cut within a block of code: the
//! model goes on without a fence, so the one it closes would open another, and
//! code and words would change places.
//!
//! Such an answer begins with the fence that was left open: in what is shown
//! while it grows, in the message and in the history.

use std::convert::Infallible;

use tokio::sync::watch;

use super::run::Turn;
use crate::domain::preview::Preview;
use crate::domain::variant::Variant;
use crate::format;

/// The first line of the fence that the answer before has left open.
#[derive(Debug)]
pub(super) struct Fence(String);

impl Fence {
    /// What the model has written so far, with the fence before it where it is
    /// missing.
    pub(super) fn before(&self, said: &str) -> String {
        if said.trim().is_empty() || begins_its_own(said) {
            return said.to_owned();
        }
        format!("{}\n{said}", self.0)
    }

    /// The same of what is shown.
    fn shown(&self, preview: &Preview) -> Preview {
        Preview {
            text: self.before(&preview.text),
            ..preview.clone()
        }
    }
}

/// Whether an answer begins with a fence, or has begun one with its language
/// before it closed any.
fn begins_its_own(said: &str) -> bool {
    let words = said.trim_start();
    let mut fences = words
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("```") || line.starts_with("~~~"));
    let has_language = |line: &str| !line.trim_start_matches(['`', '~']).is_empty();
    words.starts_with("```") || words.starts_with("~~~") || fences.next().is_some_and(has_language)
}

impl Turn<'_> {
    /// The fence that this answer has to begin with, if it goes on with one
    /// that ended in a block of code.
    pub(super) async fn fence(&self) -> Option<Fence> {
        let pressed = self.claimed.inputs.first()?;
        // A press on Continue is no message of Telegram's.
        if pressed.id != 0 || self.claimed.variant != Variant::None {
            return None;
        }
        // Without it the answer is as good as it was: a stop waits for nothing.
        let past = tokio::select! {
            past = self.past() => past.ok()?,
            () = self.parts.shutdown.work().cancelled() => return None,
        };
        let before = past.first()?.answer.as_deref()?;
        format::open_fence(before).map(Fence)
    }
}

/// Shows what grows with the fence before it; never ends.
///
/// # Cancel safety
/// Nothing is lost but frames.
pub(super) async fn follow(
    fence: Option<&Fence>,
    grows: &watch::Sender<Preview>,
    shown: &watch::Sender<Preview>,
) -> Infallible {
    if let Some(fence) = fence {
        let mut grows = grows.subscribe();
        while grows.changed().await.is_ok() {
            let preview = fence.shown(&grows.borrow_and_update());
            shown.send_replace(preview);
        }
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_that_goes_on_begins_with_its_fence_unless_the_model_wrote_one() {
        let fence = Fence("```rust".to_owned());
        for (said, before) in [
            ("", false),
            (" \n", false),
            ("    x += 1;\n}\n```\n\nDone.", true),
            ("    x += 1;", true),
            ("```rust\nx += 1;\n```", false),
            ("\n~~~\nx\n~~~", false),
            ("Here it goes on:\n\n```rust\nx += 1;\n```", false),
        ] {
            let wanted = match before {
                true => format!("```rust\n{said}"),
                false => said.to_owned(),
            };
            assert_eq!(fence.before(said), wanted, "{said:?}");
        }
    }
}
