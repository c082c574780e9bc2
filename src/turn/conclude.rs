//! How a turn ends: its answer, apology, deferral or parking is stored.
//!
//! Everything the model wrote waits here, bounded by the number of turns that
//! may run, for as long as the store is away. Writes nothing once superseded.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};

use super::STORE_AWAY;
use super::apology::{Apology, Wait};
use super::fate::{self, Fate};
use super::run::{End, Turn};
use super::{buttons, file};
use crate::death::{self, Moment};
use crate::domain::metric;
use crate::domain::operator::alarm::Cause;
use crate::domain::part::{Kind, Payload};
use crate::domain::turn::{Blame, Outcome, Spent};
use crate::domain::verb::Verb;
use crate::format;
use crate::llm::FinishReason;
use crate::llm::complete::{Completion, Failure};
use crate::llm::retry::Operator;
use crate::store::{Answer, Planned, StoreError};

/// The words for an end that was not stored: the store was away, or cannot
/// take it.
pub(super) const UNSTORED: &str = "unstored";
pub(super) const REFUSED: &str = "refused by the store";

impl Turn<'_> {
    /// Stores how the turn ended. Returns the word for the log.
    pub(super) async fn conclude(&self, end: End, partial: String) -> &'static str {
        let texts = self.texts();
        match end {
            End::Complete(completion) => {
                self.count(&completion);
                self.parts.bell.calm(Cause::Credit);
                self.parts.bell.calm(Cause::Key);
                let keyboard = self.buttons(&completion.text, Some(completion.finish));
                let note = match completion.finish {
                    FinishReason::Stop => None,
                    FinishReason::Length => Some(texts.cut_by_length),
                    FinishReason::ContentFilter => Some(texts.content_filter),
                };
                let _ = self.thoughts.set(completion.reasoning);
                let spent = completion.usage.map(|usage| Spent {
                    prompt_tokens: i64::try_from(usage.prompt_tokens).unwrap_or(i64::MAX),
                    completion_tokens: i64::try_from(usage.completion_tokens).unwrap_or(i64::MAX),
                    cost: usage.cost,
                    model: usage.model,
                });
                self.answer(Outcome::Answered, completion.text, note, keyboard, spent)
                    .await
            }
            End::GivenUp => self.fail(None).await,
            End::Own(sentence) => {
                let empty = String::new();
                self.answer(Outcome::Answered, empty, Some(sentence), None, None)
                    .await
            }
            End::Stopped => {
                let keyboard = self.buttons(&partial, None);
                let note = Some(texts.stopped);
                self.answer(Outcome::Cancelled, partial, note, keyboard, None)
                    .await
            }
            End::Failed(failure) => self.failed(&failure).await,
            End::Parked => {
                if self.parts.shutdown.work().is_cancelled() {
                    self.parts.shutdown.report().cut(1);
                }
                let parked = self.parts.store.park(&self.claimed.claim).await;
                if parked.is_ok() {
                    metrics::counter!(metric::TURNS_PARKED).increment(1);
                }
                ended(parked, "parked")
            }
            End::Later(delay) => self.defer(delay, Blame::World, None).await,
            End::Stumbled(Blame::World) => UNSTORED,
            End::Stumbled(Blame::Turn) => REFUSED,
            End::Gone => "superseded",
        }
    }

    /// What may be done with an answer of these words.
    fn buttons(&self, text: &str, finish: Option<FinishReason>) -> Option<Value> {
        let claim = &self.claimed.claim;
        let end = buttons::End::of(text, finish);
        buttons::under(
            &self.settings,
            self.texts(),
            claim.chat.is_private(),
            claim.turn,
            end,
        )
    }

    async fn failed(&self, failure: &Failure) -> &'static str {
        metrics::counter!(metric::LLM_ERRORS, "class" => class(failure)).increment(1);
        let fate = fate::of(
            failure,
            self.claimed.failures,
            self.claimed.age,
            self.settings.max_age,
        );
        match fate {
            Fate::Fail | Fate::Shorten => {
                tracing::warn!(turn.id = self.claimed.claim.turn.0, error = %failure, "a turn failed");
                self.fail(Some(failure)).await
            }
            Fate::Defer {
                delay,
                blame,
                tell,
                operator,
            } => {
                if operator {
                    tracing::error!(error = %failure, "the model refuses us: check the key and the credit");
                    self.alert_operators(failure);
                } else {
                    tracing::warn!(turn.id = self.claimed.claim.turn.0, error = %failure, "a turn waits for the model");
                }
                // In somebody's name the bot has no troubles of its own.
                let ours = !self.claimed.claim.chat.is_relayed();
                let notice = (tell && ours && !self.claimed.told)
                    .then(|| Payload::plain(self.texts().operator_problem));
                self.defer(delay, blame, notice).await
            }
        }
    }

    /// Whoever runs the bot hears of it where they chat.
    fn alert_operators(&self, failure: &Failure) {
        if let Failure::Operator { kind, .. } = failure {
            let cause = match kind {
                Operator::NoCredit => Cause::Credit,
                Operator::BadKey => Cause::Key,
            };
            self.parts.bell.ring(cause, 1);
        }
    }

    async fn defer(&self, delay: Duration, blame: Blame, notice: Option<Payload>) -> &'static str {
        let claim = &self.claimed.claim;
        let deferred = self.parts.store.defer(claim, delay, blame, notice).await;
        ended(deferred, "deferred")
    }

    /// An apology with a button to try again.
    async fn fail(&self, failure: Option<&Failure>) -> &'static str {
        let texts = self.texts();
        let wait = match self.claimed.age > self.settings.max_age {
            true => Wait::TooLong,
            false => Wait::InTime,
        };
        let sentence = Apology::of(failure, wait).sentence(texts);
        let payload = Payload {
            reply_to: self.reply_to(),
            keyboard: Some(button(
                texts.retry_button,
                &Verb::RetryTurn {
                    turn: self.claimed.claim.turn,
                },
            )),
            ..Payload::plain(sentence)
        };
        self.store_answer(Outcome::Failed, None, vec![payload], None)
            .await
    }

    /// Plans what the model said, with a note of ours below it.
    async fn answer(
        &self,
        outcome: Outcome,
        said: String,
        note: Option<&'static str>,
        keyboard: Option<Value>,
        spent: Option<Spent>,
    ) -> &'static str {
        // History knows no empty answers.
        let text = (!said.trim().is_empty()).then_some(said);
        let said = text.as_deref().unwrap_or_default();
        let shown = with_note(said, note);
        // A guest has no second message: a file would never come.
        let may_be_file = text.is_some() && !self.is_guest();
        let mut payloads = match may_be_file && file::is_long(&self.settings, &shown) {
            true => {
                let question = self.claimed.inputs.last();
                let question = question.map_or("", |message| message.text.as_str());
                file::parts(self.texts(), &*self.parts.speaker, (said, note), question)
            }
            false => self.parts.speaker.plan(&shown),
        };
        if payloads.is_empty() {
            payloads.push(Payload::plain(self.texts().empty_answer));
        }
        if let Some(thoughts) = self.thoughts.get() {
            payloads = self
                .parts
                .speaker
                .with_thoughts(&self.claimed.claim, payloads, thoughts);
        }
        payloads[0].reply_to = self.reply_to();
        if let Some(last) = payloads.last_mut() {
            last.keyboard = keyboard;
        }
        self.store_answer(outcome, text, payloads, spent).await
    }

    /// Stores the finished answer, however long the store is away: it waits
    /// here, bounded by the number of turns that may run.
    async fn store_answer(
        &self,
        outcome: Outcome,
        text: Option<String>,
        payloads: Vec<Payload>,
        spent: Option<Spent>,
    ) -> &'static str {
        let answer = Answer {
            text,
            outcome,
            spent,
            told: self.course.told(),
            parts: self
                .fit(payloads)
                .into_iter()
                .map(|payload| Planned {
                    kind: Kind::Answer,
                    payload,
                })
                .collect(),
        };
        let mut told = false;
        loop {
            match self
                .parts
                .store
                .answer(&self.claimed.claim, answer.clone())
                .await
            {
                Ok(()) => {
                    death::at(Moment::AnswerStored);
                    if self.parts.shutdown.is_stopping() {
                        self.parts.shutdown.report().answered(1);
                    }
                    self.count_times();
                    return outcome.as_str();
                }
                Err(error) if error.is_passing() => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(turn.id = self.claimed.claim.turn.0, %error, "an answer waits for the store");
                    }
                    if self.parts.shutdown.work().is_cancelled() {
                        // The input is stored; only this completion is lost.
                        return UNSTORED;
                    }
                    tokio::time::sleep(STORE_AWAY).await;
                }
                Err(StoreError::Fenced) => return "superseded",
                Err(error) => {
                    tracing::error!(turn.id = self.claimed.claim.turn.0, %error, "failed to store an answer");
                    return REFUSED;
                }
            }
        }
    }

    /// In groups an answer points at what it answers.
    pub(super) fn reply_to(&self) -> Option<i64> {
        let last = self.claimed.inputs.last()?;
        // A press on Continue is no message one could point at.
        (!self.claimed.claim.chat.is_private() && last.id > 0).then_some(last.id)
    }

    pub(super) fn count_completion(&self, took: Duration, finished: bool) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.modelled.fetch_add(micros, Ordering::Relaxed);
        let result = if finished { "finished" } else { "failed" };
        metrics::counter!(metric::COMPLETIONS, "result" => result).increment(1);
        if finished {
            metrics::histogram!(metric::COMPLETION_SECONDS).record(took.as_secs_f64());
        }
    }

    fn count_times(&self) {
        let run = self.begun.elapsed();
        let model = Duration::from_micros(self.modelled.load(Ordering::Relaxed));
        let overhead = run.saturating_sub(model);
        metrics::histogram!(metric::TURN_OVERHEAD_SECONDS).record(overhead.as_secs_f64());
    }

    fn count(&self, completion: &Completion) {
        if let Some(usage) = &completion.usage {
            metrics::counter!(metric::COMPLETION_TOKENS, "direction" => "prompt")
                .increment(usage.prompt_tokens);
            metrics::counter!(metric::COMPLETION_TOKENS, "direction" => "completion")
                .increment(usage.completion_tokens);
            if let Some(cost) = usage.cost {
                metrics::gauge!(metric::COMPLETION_COST).increment(cost);
            }
        }
    }
}

fn ended(result: Result<(), StoreError>, word: &'static str) -> &'static str {
    match result {
        Ok(()) => word,
        Err(StoreError::Fenced) => "superseded",
        Err(error) => {
            tracing::warn!(%error, "failed to store the end of a turn; it is taken up again");
            if error.is_passing() {
                UNSTORED
            } else {
                REFUSED
            }
        }
    }
}

fn class(failure: &Failure) -> &'static str {
    match failure {
        Failure::Operator { kind, .. } => match kind {
            Operator::NoCredit => "credit",
            Operator::BadKey => "key",
        },
        Failure::Unavailable { .. } => "breaker",
        Failure::Exhausted { .. } => "exhausted",
        Failure::Rejected { .. } => "rejected",
    }
}

/// What the model said with a note of ours below it, which is no part of a
/// block that the end has left open.
fn with_note(said: &str, note: Option<&str>) -> String {
    match note {
        None => said.to_owned(),
        Some(note) if said.is_empty() => note.to_owned(),
        Some(note) => format!("{}\n\n{note}", format::closed(said)),
    }
}

pub(super) fn button(label: &str, verb: &Verb) -> serde_json::Value {
    json!({"inline_keyboard": [[{"text": label, "callback_data": verb.button_data()}]]})
}
