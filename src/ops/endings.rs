//! What is told of a turn when it has ended: one line in the log, its
//! measurements, and the spans that only its end knows.
//!
//! Made of what the store knows, so that it is told once, by whoever settled the
//! turn, also of what others began. A process that is killed between that commit
//! and its line is the one case in which there is none.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock::{self, Millis};
use crate::domain::metric;
use crate::domain::turn::Outcome;
use crate::store::Ending;
use crate::telemetry::traces::{Span, Traces, Value, What};

/// Tells what comes until `last`, then what is left.
pub async fn tell_all(
    mut endings: mpsc::Receiver<Ending>,
    traces: Traces,
    last: CancellationToken,
) {
    loop {
        tokio::select! {
            // What is there is told before the end.
            biased;
            ending = endings.recv() => match ending {
                Some(ending) => tell(&ending, &traces),
                None => return,
            },
            () = last.cancelled() => return,
        }
    }
}

/// How long each stage of a turn took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stages {
    gathered: Option<Duration>,
    queued: Option<Duration>,
    sending: Option<Duration>,
    whole: Duration,
}

impl Stages {
    fn of(ending: &Ending) -> Self {
        Self {
            gathered: between(Some(ending.opened_at), ending.sealed_at),
            queued: between(ending.sealed_at, ending.claimed_at),
            sending: between(ending.answered_at, Some(ending.settled_at)),
            whole: clock::duration(ending.settled_at.saturating_sub(ending.opened_at)),
        }
    }
}

/// Not at all where one of both is not known; never negative, though clocks are
/// set back.
fn between(from: Option<Millis>, to: Option<Millis>) -> Option<Duration> {
    Some(clock::duration(to?.saturating_sub(from?)))
}

fn ms(span: Option<Duration>) -> Option<i64> {
    span.map(clock::millis)
}

fn tell(ending: &Ending, traces: &Traces) {
    let stages = Stages::of(ending);
    let (spent, told) = (&ending.spent, &ending.told);
    tracing::info!(
        turn.id = ending.turn.0,
        chat.id = ending.chat.0,
        outcome = ending.outcome.as_str(),
        turn.messages = ending.messages,
        turn.parts = ending.parts,
        turn.claims = ending.claims,
        turn.failures = ending.failures,
        turn.deaths = ending.deaths,
        gathered_ms = ms(stages.gathered),
        queued_ms = ms(stages.queued),
        first_token_ms = ms(told.first_token),
        completion_ms = ms(told.completion),
        sending_ms = ms(stages.sending),
        whole_ms = clock::millis(stages.whole),
        llm.attempts = told.attempts,
        llm.model = spent.model,
        llm.request = told.request,
        tokens.prompt = spent.prompt_tokens,
        tokens.completion = spent.completion_tokens,
        cost = spent.cost,
        "turn over"
    );
    measure(ending, &stages);
    trace(ending, &stages, traces);
}

fn measure(ending: &Ending, stages: &Stages) {
    let outcome = ending.outcome;
    metrics::counter!(metric::TURNS_SETTLED, "outcome" => outcome.as_str()).increment(1);
    let record = |name: &'static str, time: Option<Duration>| {
        if let Some(time) = time {
            metrics::histogram!(name).record(time.as_secs_f64());
        }
    };
    record(metric::GATHER_SECONDS, stages.gathered);
    record(metric::QUEUE_SECONDS, stages.queued);
    record(metric::TURN_SECONDS, Some(stages.whole));
}

fn trace(ending: &Ending, stages: &Stages, traces: &Traces) {
    let stage = |what, from: Option<Millis>, time: Option<Duration>| {
        let (Some(begun), Some(time)) = (from, time) else {
            return;
        };
        traces.add(|| Span {
            turn: ending.turn,
            what,
            begun,
            ended: begun.saturating_add(clock::millis(time)),
            failed: None,
            attributes: Vec::new(),
        });
    };
    stage(What::Gather, Some(ending.opened_at), stages.gathered);
    stage(What::Queue, ending.sealed_at, stages.queued);
    traces.add(|| Span {
        turn: ending.turn,
        what: What::Turn,
        begun: ending.opened_at,
        ended: ending.settled_at,
        failed: match ending.outcome {
            Outcome::Failed | Outcome::Undeliverable => Some(ending.outcome.as_str()),
            Outcome::Answered | Outcome::Cancelled | Outcome::Superseded => None,
        },
        attributes: attributes(ending),
    });
}

fn attributes(ending: &Ending) -> Vec<(&'static str, Value)> {
    let (spent, told) = (&ending.spent, &ending.told);
    let mut all: Vec<(&'static str, Value)> = vec![
        ("turn.id", ending.turn.0.into()),
        ("chat.id", ending.chat.0.into()),
        ("outcome", ending.outcome.as_str().into()),
        ("turn.messages", ending.messages.into()),
        ("turn.parts", ending.parts.into()),
        ("turn.claims", ending.claims.into()),
        ("turn.failures", ending.failures.into()),
        ("turn.deaths", ending.deaths.into()),
        ("llm.attempts", i64::from(told.attempts).into()),
        ("tokens.prompt", spent.prompt_tokens.into()),
        ("tokens.completion", spent.completion_tokens.into()),
    ];
    let mut perhaps = |name, value: Option<Value>| all.extend(value.map(|value| (name, value)));
    perhaps("cost", spent.cost.map(Value::Amount));
    perhaps("llm.model", spent.model.clone().map(Value::Word));
    perhaps("llm.request", told.request.clone().map(Value::Word));
    perhaps("first_token_ms", told.first_token.map(Value::from));
    perhaps("completion_ms", told.completion.map(Value::from));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{ChatId, TurnId};
    use crate::domain::turn::{Spent, Told};

    fn ending() -> Ending {
        Ending {
            turn: TurnId(7),
            chat: ChatId(5),
            outcome: Outcome::Answered,
            messages: 2,
            parts: 1,
            claims: 1,
            failures: 0,
            deaths: 0,
            opened_at: 1_000,
            sealed_at: Some(3_000),
            claimed_at: Some(3_050),
            answered_at: Some(6_000),
            settled_at: 6_200,
            spent: Spent::default(),
            told: Told::default(),
        }
    }

    #[test]
    fn the_stages_of_a_turn_come_to_its_whole_time() {
        let stages = Stages::of(&ending());
        let ms = |time: Option<Duration>| time.map(|time| time.as_millis());
        assert_eq!(ms(stages.gathered), Some(2_000));
        assert_eq!(ms(stages.queued), Some(50));
        assert_eq!(ms(stages.sending), Some(200));
        assert_eq!(stages.whole.as_millis(), 5_200);
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_time_negative() {
        let stages = Stages::of(&Ending {
            sealed_at: Some(500),
            claimed_at: None,
            settled_at: 900,
            ..ending()
        });
        assert_eq!(stages.gathered, Some(Duration::ZERO));
        assert_eq!(stages.queued, None);
        assert_eq!(stages.whole, Duration::ZERO);
    }
}
