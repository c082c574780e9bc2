//! The line: what a person sees of the others who wait for an answer to begin.
//!
//! A draft under the id of the turn that will follow, so that its preview takes
//! the same place. Never waited for: it ends when the turn begins.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::limits::Rank;
use super::preview::Previews;
use crate::domain::ids::TurnId;
use crate::domain::language::Language;
use crate::domain::part::Format;
use crate::format;
use crate::shutdown::Kind;
use crate::store::Due;
use crate::telegram::Call;
use crate::telegram::methods::{self, Formatted, StopButton};

/// Between two drafts; one that does not change vanishes after about 30 s.
const EVERY: Duration = Duration::from_secs(5);

/// A draft that takes longer is stale.
const WITHIN: Duration = Duration::from_secs(3);

/// Says at which place somebody is, in a language.
pub type InLine = fn(Language, usize) -> String;

impl Previews {
    /// Shows in a private chat at which place its next turn is, until the
    /// returned guard is dropped.
    #[must_use]
    pub fn line(
        &self,
        due: Due,
        place: watch::Receiver<usize>,
        wanted: Format,
        say: InLine,
    ) -> DropGuard {
        let stop = CancellationToken::new();
        let guard = stop.clone().drop_guard();
        let speaking = self.hush.speaks(due.chat, stop.clone());
        let previews = self.clone();
        self.tasks.spawn(Kind::Preview, "line", async move {
            // Also when it is cut: whoever waits for its end goes on.
            let _speaking = speaking;
            let mut waiting = None;
            loop {
                let Ok(Some((turn, language))) = previews.store.next_turn(due.conversation).await
                else {
                    return;
                };
                // A Stop took it out of the line, or it has begun.
                if *waiting.get_or_insert(turn) != turn || stop.is_cancelled() {
                    return;
                }
                let at = *place.borrow();
                if previews.limits.try_take(due.chat, Rank::Draft).is_zero() {
                    let mut call = previews.in_line(due, turn, wanted, &say(language, at));
                    call.timeout = WITHIN;
                    // Made to its end: one that is dropped may still be carried
                    // out, over what follows.
                    if previews.telegram.call(call).await.is_err() {
                        return;
                    }
                }
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(EVERY) => {}
                }
            }
        });
        guard
    }

    fn in_line(&self, due: Due, turn: TurnId, wanted: Format, words: &str) -> Call {
        let (chat, topic, stop) = (due.chat.0, due.topic, StopButton::Keeps);
        match self.server.format(wanted) {
            Format::Rich => {
                let markdown = format::thinking_rich(words, "");
                methods::send_rich_message_draft(chat, topic, turn.0, &markdown, stop)
            }
            Format::Entities | Format::Plain => {
                let content = Formatted::plain(words);
                methods::send_message_draft(chat, topic, turn.0, content, stop)
            }
        }
    }
}
