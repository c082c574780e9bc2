//! One attempt: an answer that grows.
//!
//! Owns the time-outs of a stream and what is shown of it. Keep-alives are not
//! progress; nothing that comes after the finish reason takes the answer back.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::Limits;
use crate::death::{self, Moment};
use crate::domain::metric;
use crate::domain::preview::{Preview, keep_end};
use crate::llm::course::Course;
use crate::llm::{Delta, Deltas, FinishReason, Llm, LlmError, Usage};

/// More text than any person reads, in bytes; a model that runs away is cut
/// here as if it had reached its own limit.
const TEXT_LIMIT: usize = 1024 * 1024;

/// Bytes of reasoning that are kept, from its end: more than is ever shown.
const REASONING_LIMIT: usize = 12 * 1024;

/// When progress is due, and what to call it when it does not come.
struct Patience {
    until: Instant,
    limit: Duration,
}

impl Patience {
    fn start(limit: Duration) -> Self {
        Self {
            until: Instant::now() + limit,
            limit,
        }
    }
}

/// An answer under way.
pub(super) struct Growing<'a> {
    limits: &'a Limits,
    deadline: Instant,
    course: &'a Course,
    patience: Patience,
    /// What was written so far.
    pub(super) text: String,
    /// The end of what was thought so far.
    pub(super) reasoning: String,
    preview: &'a watch::Sender<Preview>,
    begun: Instant,
}

impl<'a> Growing<'a> {
    /// An answer that has to be there by `deadline`; patience begins now.
    pub(super) fn new(
        limits: &'a Limits,
        deadline: Instant,
        preview: &'a watch::Sender<Preview>,
        course: &'a Course,
    ) -> Self {
        Self {
            limits,
            deadline,
            course,
            patience: Patience::start(limits.first_content),
            text: String::new(),
            reasoning: String::new(),
            preview,
            begun: Instant::now(),
        }
    }

    /// Asks and listens until the finish reason; what was written before a
    /// failure stays in `text`.
    pub(super) async fn run(
        &mut self,
        llm: &dyn Llm,
        request: Bytes,
    ) -> Result<(FinishReason, Option<Usage>), LlmError> {
        let until = self.until();
        let opened = timeout_at(until, llm.open(request)).await;
        let mut deltas = opened.map_err(|_elapsed| self.stalled())??;
        death::at(Moment::ModelAsked);
        loop {
            let next = timeout_at(self.until(), deltas.next()).await;
            match next.map_err(|_elapsed| self.stalled())? {
                None => {
                    return Err(LlmError::Cut {
                        reason: "ended without a finish reason".to_owned(),
                    });
                }
                Some(delta) => match delta? {
                    Delta::KeepAlive | Delta::Usage(_) => {}
                    Delta::Named(id) => self.course.named(id),
                    Delta::Reasoning(piece) => self.think(&piece),
                    Delta::Content(piece) => {
                        self.write(&piece);
                        death::at(Moment::DeltaRead);
                        if self.text.len() > TEXT_LIMIT {
                            return Ok((FinishReason::Length, None));
                        }
                    }
                    Delta::Finish(reason) => {
                        death::at(Moment::FinishSeen);
                        let usage = self.epilogue(&mut deltas).await;
                        return Ok((reason, usage));
                    }
                },
            }
        }
    }

    fn think(&mut self, piece: &str) {
        self.patience = Patience::start(self.limits.between_contents);
        self.reasoning.push_str(piece);
        keep_end(&mut self.reasoning, REASONING_LIMIT);
        self.preview.send_modify(|preview| preview.think(piece));
    }

    fn write(&mut self, piece: &str) {
        self.patience = Patience::start(self.limits.between_contents);
        if self.text.is_empty() {
            self.course.speaks();
            metrics::histogram!(metric::FIRST_DELTA_SECONDS)
                .record(self.begun.elapsed().as_secs_f64());
        }
        self.text.push_str(piece);
        self.preview.send_modify(|preview| {
            preview.text.push_str(piece);
            preview.thinking = false;
        });
    }

    /// What follows the finish reason: usage, sometimes a last word. No error
    /// here can take the answer back.
    async fn epilogue(&mut self, deltas: &mut Deltas) -> Option<Usage> {
        let until = self.deadline.min(Instant::now() + self.limits.after_finish);
        while let Ok(Some(Ok(delta))) = timeout_at(until, deltas.next()).await {
            match delta {
                Delta::Usage(usage) => return Some(usage),
                Delta::Content(piece) if self.text.len() + piece.len() <= TEXT_LIMIT => {
                    self.write(&piece);
                }
                _ => {}
            }
        }
        None
    }

    fn until(&self) -> Instant {
        self.patience.until.min(self.deadline)
    }

    fn stalled(&self) -> LlmError {
        let is_whole = self.deadline <= self.patience.until;
        LlmError::Stalled {
            after: if is_whole {
                self.limits.whole
            } else {
                self.patience.limit
            },
        }
    }
}
