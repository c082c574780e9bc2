//! Drafts: the preview of a private chat.
//!
//! The first comes at once: it shows that the answer is being thought of, and
//! carries the Stop button. While the model thinks, the end of its thoughts is
//! shown, seldom; its words come as fast as the pace allows.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::{Frames, Step, Thoughts};
use crate::domain::part::Format;
use crate::domain::preview::Preview;
use crate::format;
use crate::reply::limits::Rank;
use crate::telegram::Call;
use crate::telegram::methods::{self, Formatted, StopButton};

/// The least time between two drafts. What makes them a steady one a second is
/// the pace of the chat; before that, a few come faster.
const EVERY: Duration = Duration::from_millis(500);

/// Between two looks into the model's thoughts: words are worth more.
const THOUGHTS_EVERY: Duration = Duration::from_millis(1_500);

/// A draft vanishes after about 30 s without a change; a model that pauses
/// must not take it off the screen.
const REFRESH: Duration = Duration::from_secs(20);

/// What is on the screen.
#[derive(Default)]
struct Screen {
    frame: Option<Frame>,
    /// How much of the answer it shows, in bytes.
    words: usize,
    at: Option<Instant>,
}

/// What is to be on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Frame {
    /// The model thinks; with the end of its thoughts, when there is any.
    Thinking(String),
    /// So much of the answer.
    Words(String),
}

impl Frames {
    pub(super) async fn drafts(mut self) {
        let mut screen = Screen::default();
        loop {
            if self.stop.is_cancelled() {
                break;
            }
            let now = self.preview.borrow_and_update().clone();
            let frame = self.frame(&now, &screen);
            let stale = screen.at.is_none_or(|at| at.elapsed() >= REFRESH);
            if stale || screen.frame.as_ref() != Some(&frame) {
                match self.draw(frame, &mut screen).await {
                    Step::Done => {}
                    Step::Again => continue,
                    Step::Over => break,
                }
            }
            if !self.rest(&screen).await || !self.changed_within(REFRESH).await {
                break;
            }
        }
        self.finale(&screen).await;
    }

    /// What to show: never less of the answer than is on the screen.
    fn frame(&self, now: &Preview, screen: &Screen) -> Frame {
        match &screen.frame {
            Some(shown @ Frame::Words(_)) if now.text.len() < screen.words => shown.clone(),
            Some(shown @ Frame::Words(_)) if !self.is_visible(&now.text) => shown.clone(),
            _ if self.is_visible(&now.text) => Frame::Words(now.text.clone()),
            _ => Frame::Thinking(match self.look.thoughts {
                Thoughts::Hidden => String::new(),
                Thoughts::Shown => format::last_thought(&now.reasoning),
            }),
        }
    }

    fn is_visible(&self, text: &str) -> bool {
        match self.previews.server.format(self.look.format) {
            _ if text.trim().is_empty() => false,
            Format::Rich => !format::preview_rich(text).is_empty(),
            Format::Entities | Format::Plain => format::preview_classic(text).is_some(),
        }
    }

    async fn draw(&mut self, frame: Frame, screen: &mut Screen) -> Step {
        if let Frame::Words(_) = frame {
            match self.reveal().await {
                Step::Done => {}
                other => return other,
            }
        }
        match self.turn_to_speak().await {
            Step::Done => {}
            other => return other,
        }
        let done = self.call(self.draft(&frame)).await;
        if done == Step::Done {
            if let Frame::Words(text) = &frame {
                screen.words = text.len();
            }
            screen.frame = Some(frame);
            screen.at = Some(Instant::now());
        } else if done == Step::Again && !self.pause(EVERY.max(self.gap)).await {
            return Step::Over;
        }
        done
    }

    /// The time between two frames; the first word waits for no thought.
    async fn rest(&mut self, screen: &Screen) -> bool {
        if let Some(Frame::Words(_)) = screen.frame {
            return self.pause(EVERY.max(self.gap)).await;
        }
        let until = Instant::now() + THOUGHTS_EVERY.max(self.gap);
        if !self.pause(EVERY).await {
            return false;
        }
        while Instant::now() < until && self.preview.borrow().text.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if !self.changed_within(left).await {
                return false;
            }
        }
        // Seen or not, there may be something new.
        self.preview.mark_changed();
        true
    }

    /// The last frame shows what the message will: it takes the draft's place
    /// without a jump. Only where one was growing, and only if it may go now.
    async fn finale(&mut self, screen: &Screen) {
        let grew = matches!(screen.frame, Some(Frame::Words(_)));
        if !grew || !self.whole.load(Ordering::Acquire) {
            return;
        }
        let text = self.preview.borrow().text.clone();
        if text.len() > screen.words && self.wait_to_speak(Rank::LastDraft).is_zero() {
            self.call(self.draft(&Frame::Words(text))).await;
        }
    }

    fn draft(&self, frame: &Frame) -> Call {
        let (chat, topic, draft) = (self.claim.chat.0, self.claim.topic, self.claim.turn.0);
        let thinking = self.texts.thinking;
        match self.previews.server.format(self.look.format) {
            Format::Rich => {
                let markdown = match frame {
                    Frame::Words(text) => format::preview_rich(text),
                    Frame::Thinking(thought) => format::thinking_rich(thinking, thought),
                };
                methods::send_rich_message_draft(chat, topic, draft, &markdown, StopButton::Keeps)
            }
            Format::Entities | Format::Plain => {
                let formatted = match frame {
                    Frame::Words(text) => format::preview_classic(text),
                    Frame::Thinking(thought) => Some(format::thinking_classic(thinking, thought)),
                };
                let formatted = formatted.unwrap_or_else(|| format::thinking_classic(thinking, ""));
                let entities =
                    serde_json::to_value(&formatted.entities).expect("entities are always JSON");
                let content = Formatted {
                    text: &formatted.text,
                    entities: &entities,
                };
                methods::send_message_draft(chat, topic, draft, content, StopButton::Keeps)
            }
        }
    }
}
