//! The course of one answer: what is said when, and what goes wrong.
//!
//! A script is made when the request comes and played on tokio's time; the
//! HTTP server and the in-memory model only translate what it emits.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::time::sleep;

use super::{Behaviour, Fault, Offline, Pace, Voice, answer, request_hash};

/// How often a waiting model says that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// What the model does with a request.
pub(super) enum Course {
    /// It refuses.
    Refuse(Refusal),
    /// It answers.
    Play(Play),
}

/// An error status with a body.
pub(super) struct Refusal {
    pub(super) code: u16,
    pub(super) message: &'static str,
    pub(super) retry_after: Option<Duration>,
}

/// Something that the listener hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sound {
    KeepAlive,
    Content(String),
    Finish,
    Usage {
        prompt: u64,
        completion: u64,
    },
    Error,
    /// The connection breaks; nothing follows.
    Break,
}

#[derive(Debug)]
enum Step {
    Wait(Duration),
    Emit(Sound),
    Stall,
    Hold,
}

/// What an answer to an equal request is to this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cached {
    /// Its own, for free.
    Replayed,
    /// Nothing.
    Ignored,
}

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Model,
    Cache,
}

/// An answer being given. Dropping it is how the listener hangs up.
pub(super) struct Play {
    model: Offline,
    behaviour: watch::Receiver<Behaviour>,
    releases: watch::Receiver<u64>,
    hash: u64,
    source: Source,
    steps: VecDeque<Step>,
    /// The whole answer.
    text: String,
    /// The name that the request asked for.
    pub(super) asked_model: String,
}

impl Offline {
    /// Takes a request and decides its course.
    pub(super) fn begin(&self, request: &[u8], cached: Cached) -> Course {
        let hash = request_hash(request);
        let counts = &self.0.counts;
        counts.send_modify(|counts| counts.requests.entry(hash).or_default().asked += 1);
        let refuse = |code, message, retry_after| {
            Course::Refuse(Refusal {
                code,
                message,
                retry_after,
            })
        };
        let Ok(body) = serde_json::from_slice::<Value>(request) else {
            return refuse(400, "the body is not JSON", None);
        };
        if !body["messages"].is_array() {
            return refuse(400, "messages are missing", None);
        }
        let asked_model = body["model"].as_str().unwrap_or("offline").to_owned();
        let prompt = u64::try_from(request.len() / 4).unwrap_or(u64::MAX);
        let kept = self.finished().get(&hash).cloned();
        if let Some(text) = kept.filter(|_| cached == Cached::Replayed) {
            // At once, whatever the model behind it does.
            let steps = steps(&text, &Pace::INSTANT, Fault::Sound, prompt);
            return Course::Play(self.play(hash, Source::Cache, text, steps, asked_model));
        }
        let now = self.behaviour();
        let fault = self.next().pop_front().unwrap_or(now.fault);
        match fault {
            Fault::Outage => return refuse(503, "the model is down", None),
            Fault::NoCredit => return refuse(402, "insufficient credits", None),
            Fault::RateLimited(wait) => return refuse(429, "rate limited", Some(wait)),
            _ => {}
        }
        let asked = answer::Asked::read(&body);
        let text = match now.voice {
            Voice::Pleasant => answer::write(&asked),
            Voice::Echo => format!("echo: {}", asked.text),
            Voice::Fixed(text) => text,
        };
        let steps = steps(&text, &now.pace, fault, prompt);
        Course::Play(self.play(hash, Source::Model, text, steps, asked_model))
    }

    fn play(
        &self,
        hash: u64,
        source: Source,
        text: String,
        steps: VecDeque<Step>,
        asked_model: String,
    ) -> Play {
        // Before it is counted: whoever waits for the count may release at once.
        let releases = self.0.releases.subscribe();
        self.0.counts.send_modify(|counts| counts.running += 1);
        Play {
            model: self.clone(),
            behaviour: self.0.behaviour.subscribe(),
            releases,
            hash,
            source,
            steps,
            text,
            asked_model,
        }
    }
}

fn steps(text: &str, pace: &super::Pace, fault: Fault, prompt: u64) -> VecDeque<Step> {
    let mut steps = VecDeque::from([Step::Emit(Sound::KeepAlive)]);
    let mut rest = pace.first;
    while rest > KEEP_ALIVE {
        steps.extend([Step::Wait(KEEP_ALIVE), Step::Emit(Sound::KeepAlive)]);
        rest -= KEEP_ALIVE;
    }
    steps.push_back(Step::Wait(rest));
    let pieces = answer::pieces(text, pace.words);
    let completion = u64::try_from(pieces.len()).unwrap_or(u64::MAX);
    let (at, end) = match fault {
        Fault::StallAfter(at) => (at, vec![Step::Stall]),
        Fault::CutAfter(at) => (at, vec![Step::Emit(Sound::Break)]),
        Fault::ErrorAfter(at) => (at, vec![Step::Emit(Sound::Error)]),
        Fault::HoldAfter(at) => (at, vec![Step::Hold]),
        _ => (usize::MAX, vec![]),
    };
    let mut end = Some(end);
    let mut said = 0;
    for piece in pieces {
        let length = piece.chars().count();
        let before: String = piece.chars().take(at.saturating_sub(said)).collect();
        said += length;
        let after = piece[before.len()..].to_owned();
        if !before.is_empty() {
            steps.push_back(Step::Emit(Sound::Content(before)));
        }
        if !after.is_empty() {
            steps.extend(end.take().unwrap_or_default());
            steps.push_back(Step::Emit(Sound::Content(after)));
        }
        steps.push_back(Step::Wait(pace.between));
    }
    // A fault later than the text is long happens before the finish reason.
    steps.extend(end.unwrap_or_default());
    steps.push_back(Step::Emit(Sound::Finish));
    steps.push_back(Step::Emit(Sound::Usage { prompt, completion }));
    steps
}

impl Play {
    /// The next sound; `None` after the last.
    pub(super) async fn next(&mut self) -> Option<Sound> {
        loop {
            let is_down = self.behaviour.borrow().fault == Fault::Outage;
            if is_down && self.source == Source::Model {
                self.steps.clear();
                return Some(Sound::Break);
            }
            match self.steps.pop_front()? {
                Step::Wait(Duration::ZERO) => {}
                Step::Wait(time) => self.pause(time).await,
                Step::Stall => {
                    self.steps.push_front(Step::Stall);
                    self.pause(KEEP_ALIVE).await;
                    return Some(Sound::KeepAlive);
                }
                Step::Hold => {
                    let is_held = tokio::time::timeout(KEEP_ALIVE, self.releases.changed())
                        .await
                        .is_err();
                    if is_held {
                        self.steps.push_front(Step::Hold);
                        return Some(Sound::KeepAlive);
                    }
                }
                Step::Emit(sound) => {
                    if matches!(sound, Sound::Break | Sound::Error) {
                        self.steps.clear();
                    }
                    if sound == Sound::Finish {
                        let hash = self.hash;
                        let is_paid = self.source == Source::Model;
                        self.model.0.counts.send_modify(|counts| {
                            let count = counts.requests.entry(hash).or_default();
                            count.finished += usize::from(is_paid);
                            count.replayed += usize::from(!is_paid);
                        });
                        self.model.finished().insert(hash, self.text.clone());
                    }
                    return Some(sound);
                }
            }
        }
    }

    /// Waits, but not through a change of behaviour that says outage.
    async fn pause(&mut self, time: Duration) {
        let outage = self.behaviour.wait_for(|now| now.fault == Fault::Outage);
        // Both branches only wait, so either may be dropped.
        tokio::select! {
            biased;
            _ = outage => {}
            () = sleep(time) => {}
        }
    }
}

impl Drop for Play {
    fn drop(&mut self) {
        let counts = &self.model.0.counts;
        counts.send_modify(|counts| counts.running = counts.running.saturating_sub(1));
    }
}
