//! The scene of a real daemon: how it stands by its helm, drawn together with
//! what the desk lists, and what an operator wishes, handed on to the helm.
//!
//! Holds only what saves the store from being asked too often, and what was seen
//! a moment ago, so that a turn can be seen to arrive.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, timeout};

use super::latency::Latency;
use super::picture::{Day, Drain, Erred, Failed, Paused, Picture, Stage, Turn};
use super::{Scene, Wish, organs, words};
use crate::clock::{Clock, Millis};
use crate::domain::ids::{BotId, TurnId};
use crate::ops::helm::Helm;
use crate::ops::status::Status;
use crate::store::desk::{Cancel, Desk, Listed, Replay, Usage, Which};
use crate::store::{Result, Store};

/// How long the lists may take; without them the last ones are shown.
const LISTS: Duration = Duration::from_secs(1);

/// Turns that are looked at: open ones, the latest, failed ones.
const OPEN: u32 = 200;
const LATEST: u32 = 60;
const FAILED: u32 = 30;

/// How long a turn is still shown where it has arrived.
const ARRIVED: Duration = Duration::from_secs(20);

/// What was spent on earlier days is added up anew after this long, what was
/// answered in the last hour after that.
const SPENT: Duration = Duration::from_secs(60);
const ANSWERED: Duration = Duration::from_secs(5);

/// Days of spending, today included.
const DAYS: i64 = 7;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// Who looks and acts for the console.
#[derive(Debug)]
pub struct AtTheHelm {
    helm: Arc<dyn Helm>,
    store: Arc<dyn Store>,
    clock: Clock,
    latency: Latency,
    /// Under which who is logged in is kept.
    key: String,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    lists: Lists,
    /// Until when a turn that was seen on its way is shown as arrived.
    seen: BTreeMap<i64, Instant>,
    /// Earlier days, by their number since the epoch, and when they were read.
    days: Option<(Instant, i64, Vec<Usage>)>,
    hour: Option<(Instant, Usage)>,
}

#[derive(Debug, Clone, Default)]
struct Lists {
    turns: Vec<Turn>,
    failed: Vec<Failed>,
    spend: Vec<Day>,
    counts: [u64; Stage::ALL.len()],
}

impl AtTheHelm {
    /// For the daemon that `helm` steers.
    #[must_use]
    pub fn new(
        helm: Arc<dyn Helm>,
        store: Arc<dyn Store>,
        bot: BotId,
        clock: &Clock,
        latency: Latency,
    ) -> Self {
        Self {
            helm,
            store,
            clock: clock.clone(),
            latency,
            key: format!("console.sessions.{bot}"),
            memory: Mutex::default(),
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn lists(&self, status: &Status) -> Result<Lists> {
        let desk = self.helm.desk();
        let open = desk.turns(Which::Waiting, OPEN).await?;
        let latest = desk.turns(Which::All, LATEST).await?;
        let failed = desk.turns(Which::Failed, FAILED).await?;
        let hour = self.hour(&*desk).await?;
        let spend = self.spend(&*desk, status).await?;
        let now = self.clock.now();
        let mut counts = Stage::ALL.map(|stage| {
            let states = status.turns.iter();
            let own = states.filter(|(state, _)| Stage::of(state, None) == stage);
            own.map(|(_, crowd)| crowd.count).sum()
        });
        counts[Stage::Delivered as usize] = hour.answers;
        let due = open.iter().filter(|line| is_due(line)).count() as u64;
        let gathering = &mut counts[Stage::Gathering as usize];
        *gathering = gathering.saturating_sub(due);
        counts[Stage::Waiting as usize] += due;
        Ok(Lists {
            turns: self.on_their_way(&open, &latest, now),
            failed: failed.iter().map(|line| failed_of(line, now)).collect(),
            spend,
            counts,
        })
    }

    /// Open turns, and those that have only just arrived.
    fn on_their_way(&self, open: &[Listed], latest: &[Listed], now: Millis) -> Vec<Turn> {
        let (instant, mut memory) = (Instant::now(), self.memory());
        memory.seen.retain(|_, until| *until > instant);
        for line in open {
            memory.seen.insert(line.turn.0, instant + ARRIVED);
        }
        let has_arrived = |line: &&Listed| {
            // A quick one may have come and gone between two looks.
            let young = line.age_ms < millis(ARRIVED);
            let shown = line.outcome.is_some_and(|outcome| outcome != "superseded");
            shown && (young || memory.seen.contains_key(&line.turn.0))
        };
        let arrived = latest.iter().filter(has_arrived);
        let open = open.iter().rev();
        open.chain(arrived).map(|line| turn_of(line, now)).collect()
    }

    async fn hour(&self, desk: &dyn Desk) -> Result<Usage> {
        let known = self.memory().hour;
        if let Some((at, usage)) = known
            && at.elapsed() < ANSWERED
        {
            return Ok(usage);
        }
        let usage = desk.usage(HOUR).await?;
        self.memory().hour = Some((Instant::now(), usage));
        Ok(usage)
    }

    /// The last days: each is what was spent since its midnight, less what was
    /// spent since the next.
    async fn spend(&self, desk: &dyn Desk, status: &Status) -> Result<Vec<Day>> {
        let now = self.clock.now();
        let today = now.div_euclid(DAY_MS);
        let known = self.memory().days.clone();
        let earlier = match known {
            Some((at, day, sums)) if day == today && at.elapsed() < SPENT => sums,
            _ => {
                let mut sums = Vec::new();
                for back in 0..DAYS {
                    let since = now - (today - back) * DAY_MS;
                    let since = Duration::from_millis(since.unsigned_abs());
                    sums.push(desk.usage(since).await?);
                }
                self.memory().days = Some((Instant::now(), today, sums.clone()));
                sums
            }
        };
        let mut days: Vec<Day> = (1..DAYS)
            .zip(earlier.windows(2))
            .map(|(back, pair)| day(today - back, pair[1], pair[0]))
            .collect();
        days.reverse();
        days.push(day(today, status.today, Usage::default()));
        Ok(days)
    }
}

#[async_trait]
impl Scene for AtTheHelm {
    async fn picture(&self) -> Picture {
        let status = self.helm.status().await;
        let lists = match status.fresh {
            true => timeout(LISTS, self.lists(&status)).await,
            false => Ok(Ok(self.memory().lists.clone())),
        };
        let (lists, trouble) = match lists {
            Ok(Ok(lists)) if status.fresh => {
                self.memory().lists = lists.clone();
                (lists, None)
            }
            Ok(Err(error)) => (self.memory().lists.clone(), Some(error.to_string())),
            Ok(Ok(lists)) => (lists, Some("it did not answer within a second".to_owned())),
            Err(_) => {
                let last = self.memory().lists.clone();
                (last, Some("it did not answer within a second".to_owned()))
            }
        };
        picture(status, lists, trouble, &self.latency, self.clock.now())
    }

    async fn act(&self, wish: Wish) -> std::result::Result<String, String> {
        let fault = |error: crate::store::StoreError| format!("the store refuses: {error}");
        match wish {
            Wish::Pause { reason } => {
                let reason = Some(reason).filter(|reason| !reason.is_empty());
                self.helm.pause(reason).await.map_err(fault)?;
                Ok("Paused: no turn begins until you resume.".to_owned())
            }
            Wish::Resume {} => Ok(match self.helm.resume().await.map_err(fault)? {
                Some(paused) => {
                    let lasted = words::span(Millis::try_from(paused.for_ms).unwrap_or(0));
                    format!("Resumed after {lasted}: what waited begins.")
                }
                None => "It was not paused.".to_owned(),
            }),
            Wish::Replay { turn } => {
                replayed(turn, self.helm.replay(TurnId(turn)).await.map_err(fault)?)
            }
            Wish::Cancel { turn } => {
                cancelled(turn, self.helm.cancel(TurnId(turn)).await.map_err(fault)?)
            }
        }
    }

    async fn recall(&self) -> Option<String> {
        self.store.value(&self.key).await.ok()?
    }

    async fn keep(&self, sessions: String) -> std::result::Result<(), String> {
        let kept = self.store.set_value(&self.key, &sessions).await;
        kept.map_err(|error| error.to_string())
    }
}

fn replayed(turn: i64, replay: Replay) -> std::result::Result<String, String> {
    match replay {
        Replay::Begun(TurnId(again)) => Ok(format!("Turn {turn} runs again, as turn {again}.")),
        Replay::Before => Err(format!("turn {turn} was replayed before")),
        Replay::Unknown => Err(format!("there is no turn {turn}")),
        Replay::Open(state) => Err(format!("turn {turn} has no end yet: it is {state}")),
        Replay::Ended(how) => Err(format!("turn {turn} has not failed: it is {how}")),
        Replay::Erased => Err(format!("what turn {turn} was asked is no longer kept")),
    }
}

fn cancelled(turn: i64, cancel: Cancel) -> std::result::Result<String, String> {
    match cancel {
        Cancel::Stopped(_) => Ok(format!("Turn {turn} is cancelled.")),
        Cancel::Stopping(_) => Ok(format!("Turn {turn} is told to stop.")),
        Cancel::Answered => Err(format!("the answer of turn {turn} is on its way already")),
        Cancel::Ended(how) => Err(format!("turn {turn} has ended: it is {how}")),
        Cancel::Unknown => Err(format!("there is no turn {turn}")),
    }
}

fn picture(
    status: Status,
    lists: Lists,
    trouble: Option<String>,
    latency: &Latency,
    now: Millis,
) -> Picture {
    let ago = |ms: u64| now - Millis::try_from(ms).unwrap_or(0);
    let organs = organs::of(&status, now);
    Picture {
        bot: match &status.username {
            Some(name) => format!("@{name}"),
            None => format!("bot {}", status.bot),
        },
        instance: status.instance,
        pid: status.pid,
        since: ago(status.uptime_ms),
        phase: status.phase,
        role: status.role,
        paused: status.paused.map(|paused| Paused {
            reason: paused.reason,
            since: paused.since,
        }),
        drain: status.drain.map(|drain| Drain {
            turns: drain.turns,
            chats: drain.chats,
            until: now + Millis::try_from(drain.deadline_in_ms).unwrap_or(0),
            oldest: (drain.turns > 0).then(|| ago(drain.oldest_ms)),
        }),
        errors: status
            .troubles
            .into_iter()
            .map(|trouble| Erred {
                last: ago(trouble.last_ms_ago),
                kind: trouble.kind,
                count: trouble.count,
            })
            .collect(),
        version: status.version,
        organs,
        turns: lists.turns,
        counts: lists.counts,
        failed: lists.failed,
        spend: lists.spend,
        received: latency.received(),
        latency: latency.plots(),
        trouble,
    }
}

/// Whether it gathers nothing any more and nobody has begun it: it is closed
/// only when it is begun.
fn is_due(line: &Listed) -> bool {
    line.state == "gathering" && line.waits_ms == 0
}

fn turn_of(line: &Listed, now: Millis) -> Turn {
    Turn {
        turn: line.turn.0,
        chat: line.chat.0,
        stage: match is_due(line) {
            true => Stage::Waiting,
            false => Stage::of(line.state, line.outcome),
        },
        outcome: line.outcome,
        since: now - line.age_ms,
        // A window that is open waits too, but for its person.
        not_before: (line.waits_ms > 0 && line.state == "sealed").then(|| now + line.waits_ms),
        failures: line.failures,
    }
}

fn failed_of(line: &Listed, now: Millis) -> Failed {
    Failed {
        turn: line.turn.0,
        chat: line.chat.0,
        outcome: line.outcome.unwrap_or("failed"),
        since: now - line.age_ms,
        replayable: line.replayable,
    }
}

fn day(day: i64, since: Usage, less: Usage) -> Day {
    let tokens = |usage: Usage| usage.prompt_tokens + usage.completion_tokens;
    Day {
        date: Clock::date_of(day),
        // Sums of the same numbers in another order may differ in the last place.
        credits: (since.credits - less.credits).max(0.0),
        tokens: tokens(since).saturating_sub(tokens(less)),
        answers: since.answers.saturating_sub(less.answers),
    }
}

fn millis(duration: Duration) -> Millis {
    crate::clock::millis(duration)
}
