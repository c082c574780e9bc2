//! One answer of the model, with all the patience it deserves.
//!
//! Owns the time-outs, the retries, the fallback models and the breaker.
//! A completion is finished only when a finish reason was seen and there is
//! something to read; anything else is tried again or told as a [`Failure`],
//! which says what the turn has to do. Never spawns, never touches the store:
//! dropping the future cancels the completion.

mod growing;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::value::RawValue;
use tokio::sync::watch;
use tokio::time::Instant;

use self::growing::Growing;
use super::breaker::{Breaker, Health, Permit};
use super::course::Course;
use super::retry::{self, Advice, Operator, Rejection};
use super::{FinishReason, Llm, LlmError, Usage};
use crate::domain::metric;
use crate::domain::preview::Preview;

/// How patient a [`Completer`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// From asking to the first content or reasoning. Keep-alives do not count.
    pub first_content: Duration,
    /// Between two pieces of content or reasoning.
    pub between_contents: Duration,
    /// The whole completion, retries and waits included.
    pub whole: Duration,
    /// For the usage and the end of the stream after the finish reason; the
    /// answer is complete already.
    pub after_finish: Duration,
    /// Attempts with the first model.
    pub attempts: u32,
    /// The first wait between attempts; doubles from one to the next.
    pub backoff_first: Duration,
    /// The longest wait that was not told by the server.
    pub backoff_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first_content: Duration::from_secs(60),
            between_contents: Duration::from_secs(30),
            whole: Duration::from_secs(300),
            after_finish: Duration::from_secs(3),
            attempts: 3,
            backoff_first: Duration::from_millis(500),
            backoff_max: Duration::from_secs(8),
        }
    }
}

/// A finished answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// What the model wrote (Markdown). Empty only with
    /// [`FinishReason::ContentFilter`].
    pub text: String,
    /// Why it ended.
    pub finish: FinishReason,
    /// The end of what it thought before, when told; bounded. Not part of the
    /// answer.
    pub reasoning: String,
    /// What it used, when told.
    pub usage: Option<Usage>,
}

/// Why there is no answer, by what the turn does about it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Failure {
    /// Only the operator can help: alert once, let the turn wait.
    #[error("the operator has to act ({kind:?}): {error}")]
    Operator {
        /// What to mend.
        kind: Operator,
        /// What the provider said.
        error: LlmError,
    },
    /// The endpoint is given a pause; the turn waits and has lost nothing.
    #[error("the endpoint is given a pause of {retry_in:?}")]
    Unavailable {
        /// When to come back.
        retry_in: Duration,
    },
    /// Every attempt failed; this counts as a failure of the turn.
    #[error("every attempt failed, the last with: {last}")]
    Exhausted {
        /// How the last attempt failed.
        last: LlmError,
        /// The longest text that any attempt came to; may be empty.
        partial: String,
    },
    /// The request will never be answered as it is.
    #[error("the request is refused ({reason:?}): {error}")]
    Rejected {
        /// Why.
        reason: Rejection,
        /// What the provider said.
        error: LlmError,
    },
}

/// Completes requests at one endpoint. Share it in an `Arc`.
#[derive(Debug)]
pub struct Completer {
    llm: Arc<dyn Llm>,
    limits: Limits,
    breaker: Breaker,
    /// Models to try here after the request's own, one attempt each.
    fallback_models: Vec<String>,
    rng: Mutex<StdRng>,
}

/// How one attempt ended without an answer.
struct Broken {
    error: LlmError,
    partial: String,
    health: Health,
}

impl Completer {
    /// Completes with `llm`. `seed` decides the jitter of waits only.
    /// `fallback_models` is for endpoints that cannot be told fallbacks in the
    /// request; leave it empty at OpenRouter, which tries `models` itself.
    #[must_use]
    pub fn new(
        llm: Arc<dyn Llm>,
        limits: Limits,
        breaker: Breaker,
        fallback_models: Vec<String>,
        seed: u64,
    ) -> Self {
        Self {
            llm,
            limits,
            breaker,
            fallback_models,
            rng: Mutex::new(StdRng::seed_from_u64(seed)),
        }
    }

    /// The endpoint's breaker.
    #[must_use]
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// Asks until there is an answer, or no hope of one within the limits. The
    /// first attempts send the exact `request`; what comes is shown in
    /// `preview`, which starts anew with every attempt; how it came about is
    /// told in `course`.
    ///
    /// # Errors
    /// See [`Failure`].
    ///
    /// # Cancel safety
    /// Dropping the future drops the connection; nothing goes on.
    pub async fn complete(
        &self,
        request: &Bytes,
        preview: &watch::Sender<Preview>,
        course: &Course,
    ) -> Result<Completion, Failure> {
        let deadline = Instant::now() + self.limits.whole;
        let mut fallbacks = self.fallback_models.iter();
        let mut body = request.clone();
        let mut tries_left = self.limits.attempts.max(1);
        let mut attempt = 0;
        let mut partial = String::new();
        let mut passing = None;
        loop {
            attempt += 1;
            tries_left -= 1;
            let permit = match (self.breaker.admit(Instant::now()), passing.take()) {
                (Ok(permit), earlier) => {
                    passing = earlier;
                    permit
                }
                // This request has failed itself. It may be the very one that
                // the endpoint cannot bear, so it must not keep on probing
                // without ever being counted.
                (Err(_), Some(last)) => return Err(Failure::Exhausted { last, partial }),
                (Err(retry_in), None) => return Err(Failure::Unavailable { retry_in }),
            };
            if attempt > 1 {
                metrics::counter!(metric::RETRIES, "stage" => "completion").increment(1);
            }
            course.begins();
            let answered = self.attempt(body.clone(), deadline, preview, course).await;
            course.ends();
            let broken = match answered {
                Ok(completion) => {
                    self.learn(permit, Health::Alive);
                    return Ok(completion);
                }
                Err(broken) => broken,
            };
            self.learn(permit, broken.health);
            tracing::warn!(
                llm.attempt = attempt,
                llm.request = course.told().request,
                error = %broken.error,
                "the model did not complete"
            );
            if broken.partial.len() > partial.len() {
                partial = broken.partial;
            }
            let error = broken.error;
            let told = match error.advice() {
                Advice::Operator(kind) => return Err(Failure::Operator { kind, error }),
                Advice::Again(told) => {
                    passing = Some(error.clone());
                    told
                }
                // Another model may exist, be allowed, or read more.
                Advice::Reject(_) if fallbacks.len() > 0 => {
                    tries_left = 0;
                    Some(Duration::ZERO)
                }
                // What one fallback refuses, the first model may answer later.
                Advice::Reject(reason) => {
                    return Err(match passing {
                        Some(last) => Failure::Exhausted { last, partial },
                        None => Failure::Rejected { reason, error },
                    });
                }
            };
            let limits = &self.limits;
            let mut wait = {
                let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
                retry::wait(
                    attempt,
                    told,
                    limits.backoff_first,
                    limits.backoff_max,
                    &mut rng,
                )
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if tries_left == 0 || wait >= left {
                // The told wait is this model's; another is asked soon.
                wait = wait.min(limits.backoff_max);
                match fallbacks.next() {
                    Some(model) if wait < left => {
                        body = with_model(request, model);
                        tries_left = 1;
                    }
                    _ => {
                        return Err(Failure::Exhausted {
                            last: error,
                            partial,
                        });
                    }
                }
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Tells the breaker what an attempt showed, and everybody what it made of
    /// that.
    fn learn(&self, permit: Permit, health: Health) {
        permit.report(health, Instant::now());
        let open = if self.breaker.is_open() { 1.0 } else { 0.0 };
        metrics::gauge!(metric::BREAKER_OPEN).set(open);
    }

    async fn attempt(
        &self,
        request: Bytes,
        deadline: Instant,
        preview: &watch::Sender<Preview>,
        course: &Course,
    ) -> Result<Completion, Broken> {
        preview.send_if_modified(|preview| {
            let is_stale = *preview != Preview::default();
            *preview = Preview::default();
            is_stale
        });
        let mut answer = Growing::new(&self.limits, deadline, preview, course);
        match answer.run(&*self.llm, request).await {
            Ok((FinishReason::ContentFilter, usage)) => Ok(Completion {
                text: answer.text,
                reasoning: answer.reasoning,
                finish: FinishReason::ContentFilter,
                usage,
            }),
            // Answered, but with nothing: no person can read that. The endpoint
            // works, only the model had nothing to say.
            Ok((finish, _)) if answer.text.trim().is_empty() => Err(Broken {
                error: LlmError::Malformed {
                    reason: format!("an empty answer (finish reason {finish:?})"),
                },
                partial: String::new(),
                health: Health::Alive,
            }),
            Ok((finish, usage)) => Ok(Completion {
                text: answer.text,
                reasoning: answer.reasoning,
                finish,
                usage,
            }),
            Err(error) => Err(Broken {
                health: error.health(),
                error,
                partial: answer.text,
            }),
        }
    }
}

/// The same request for another model: every other byte of a value stays.
fn with_model(request: &Bytes, model: &str) -> Bytes {
    let Ok(mut fields) = serde_json::from_slice::<BTreeMap<String, Box<RawValue>>>(request) else {
        return request.clone();
    };
    let model = serde_json::value::to_raw_value(model).expect("a string serialises");
    fields.insert("model".to_owned(), model);
    let body = serde_json::to_vec(&fields).expect("a map with string keys serialises");
    Bytes::from(body)
}

#[cfg(test)]
mod tests;
