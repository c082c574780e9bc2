//! What becomes of a turn after the model was asked: pure decisions.
//!
//! Every failure has a fate here: the turn waits (and whether that counts
//! against it) or ends with an apology the person sees.

use std::time::Duration;

use crate::domain::turn::{Blame, MAX_FAILURES};
use crate::llm::complete::Failure;
use crate::llm::retry::{Operator, Rejection};

/// How often the model is asked again for a turn that waits for the operator.
const OPERATOR_RETRY: Duration = Duration::from_secs(60);

/// The first wait after a failure of the turn's own; four times as long after
/// the next.
const FIRST_WAIT: Duration = Duration::from_secs(3);

/// The person is told of a wait that is at least this long.
const LONG: Duration = Duration::from_secs(10);

/// What the turn does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Build the request anew with less history.
    Shorten,
    /// Wait, unowned.
    Defer {
        /// How long.
        delay: Duration,
        /// Whether it counts.
        blame: Blame,
        /// Whether the person is told that it may take long.
        tell: bool,
        /// Whether the operator has to act.
        operator: bool,
    },
    /// End with an apology.
    Fail,
}

/// The wait after the `failures`-th failure of a turn's own.
pub(super) fn after_failure(failures: i64) -> Duration {
    let times = u32::try_from(failures.clamp(0, 3)).unwrap_or(0);
    FIRST_WAIT * 4_u32.pow(times)
}

/// The wait of a turn of this age for what is away through nobody's fault.
pub(super) fn after_outage(age: Duration) -> Duration {
    (age / 4).clamp(FIRST_WAIT, OPERATOR_RETRY)
}

/// Decides about a failure of a turn with `failures` earlier ones.
pub(super) fn of(failure: &Failure, failures: i64, age: Duration, max_age: Duration) -> Fate {
    if age > max_age {
        return Fate::Fail;
    }
    match failure {
        Failure::Operator { kind, .. } => Fate::Defer {
            delay: match kind {
                Operator::NoCredit | Operator::BadKey => OPERATOR_RETRY,
            },
            blame: Blame::World,
            tell: true,
            operator: true,
        },
        Failure::Unavailable { retry_in } => Fate::Defer {
            delay: *retry_in,
            blame: Blame::World,
            // Near its own last failure it hears of the end soon enough.
            tell: *retry_in >= LONG && failures + 1 < MAX_FAILURES,
            operator: false,
        },
        Failure::Rejected {
            reason: Rejection::TooLong,
            ..
        } => Fate::Shorten,
        Failure::Rejected { .. } => Fate::Fail,
        Failure::Exhausted { .. } if failures + 1 >= MAX_FAILURES => Fate::Fail,
        Failure::Exhausted { .. } => Fate::Defer {
            delay: after_failure(failures),
            blame: Blame::Turn,
            tell: false,
            operator: false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::LlmError;

    const DAY: Duration = Duration::from_secs(86_400);

    fn exhausted() -> Failure {
        Failure::Exhausted {
            last: LlmError::Cut { reason: "x".into() },
            partial: String::new(),
        }
    }

    #[test]
    fn the_third_failure_of_its_own_ends_a_turn_and_the_world_never_does() {
        let fates: Vec<_> = (0..3)
            .map(|failures| of(&exhausted(), failures, Duration::ZERO, DAY))
            .collect();
        assert!(matches!(
            fates[0],
            Fate::Defer {
                blame: Blame::Turn,
                ..
            }
        ));
        assert!(matches!(
            fates[1],
            Fate::Defer {
                blame: Blame::Turn,
                ..
            }
        ));
        assert_eq!(fates[2], Fate::Fail);
        let paused = Failure::Unavailable {
            retry_in: Duration::from_secs(60),
        };
        assert!(matches!(
            of(&paused, 2, Duration::ZERO, DAY),
            Fate::Defer {
                blame: Blame::World,
                ..
            }
        ));
    }

    #[test]
    fn no_turn_waits_longer_than_a_message_may() {
        let paused = Failure::Unavailable {
            retry_in: Duration::from_secs(60),
        };
        assert_eq!(
            of(&paused, 0, DAY + Duration::from_secs(1), DAY),
            Fate::Fail
        );
    }

    fn defer(failure: &Failure, failures: i64) -> (Duration, Blame, bool, bool) {
        match of(failure, failures, Duration::ZERO, DAY) {
            Fate::Defer {
                delay,
                blame,
                tell,
                operator,
            } => (delay, blame, tell, operator),
            other => panic!("it waits: {other:?}"),
        }
    }

    fn refused() -> LlmError {
        LlmError::Cut { reason: "x".into() }
    }

    #[test]
    fn a_turn_as_old_as_a_message_may_be_still_waits() {
        assert_ne!(of(&exhausted(), 0, DAY, DAY), Fate::Fail);
    }

    #[test]
    fn what_only_the_operator_can_mend_waits_is_told_and_is_not_the_turns_fault() {
        for kind in [Operator::NoCredit, Operator::BadKey] {
            let failure = Failure::Operator {
                kind,
                error: refused(),
            };
            let minute = Duration::from_secs(60);
            assert_eq!(defer(&failure, 2), (minute, Blame::World, true, true));
        }
    }

    #[test]
    fn a_pause_is_kept_and_told_if_long_unless_the_end_is_near() {
        for (seconds, failures, told) in [
            (9, 0, false),
            (10, 0, true),
            (60, MAX_FAILURES - 2, true),
            (60, MAX_FAILURES - 1, false),
        ] {
            let retry_in = Duration::from_secs(seconds);
            let waits = defer(&Failure::Unavailable { retry_in }, failures);
            let expected = (retry_in, Blame::World, told, false);
            assert_eq!(waits, expected, "{seconds} {failures}");
        }
    }

    #[test]
    fn only_what_is_too_long_is_asked_again_when_refused() {
        for (reason, fate) in [
            (Rejection::TooLong, Fate::Shorten),
            (Rejection::Flagged, Fate::Fail),
            (Rejection::Other, Fate::Fail),
        ] {
            let failure = Failure::Rejected {
                reason,
                error: refused(),
            };
            assert_eq!(of(&failure, 0, Duration::ZERO, DAY), fate, "{reason:?}");
        }
    }

    #[test]
    fn each_failure_of_its_own_makes_a_turn_wait_longer() {
        let waits: Vec<_> = (0..2).map(|n| defer(&exhausted(), n).0.as_secs()).collect();
        assert_eq!(waits, [3, 12]);
        let capped: Vec<_> = (-1..6).map(|n| after_failure(n).as_secs()).collect();
        assert_eq!(capped, [3, 3, 12, 48, 192, 192, 192]);
    }
}
