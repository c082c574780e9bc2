//! What an error of the model means, and how long to wait before asking again.
//!
//! Pure. The only place that reads providers' words.

use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;

use super::LlmError;
use super::breaker::Health;

/// What to do about a failed completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// It may pass: ask again, not before this time if one was told.
    Again(Option<Duration>),
    /// Only the operator can help.
    Operator(Operator),
    /// This request will never be answered.
    Reject(Rejection),
}

/// What the operator has to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// The account has no credit left (402, or the key's own limit).
    NoCredit,
    /// The key is wrong, revoked or not allowed (401, 403).
    BadKey,
}

/// Why a request is refused for what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// The conversation does not fit the model: try with less history.
    TooLong,
    /// The provider's moderation refused the input.
    Flagged,
    /// Anything else: an unknown model, a parameter it does not take.
    Other,
}

const TOO_LONG: &[&str] = &[
    "context_length",
    "context length",
    "context window",
    "maximum context",
    "too many tokens",
    "prompt is too long",
    "input is too long",
    "exceeds the maximum number of tokens",
    "reduce the length",
];

const FLAGGED: &[&str] = &[
    "moderation",
    "flagged",
    "content_policy",
    "content policy",
    "safety system",
];

impl LlmError {
    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> Advice {
        let Self::Status {
            code,
            message,
            retry_after,
        } = self
        else {
            return Advice::Again(None);
        };
        let is_flagged = says(message, FLAGGED);
        match code {
            408 | 425 | 429 | 500.. => Advice::Again(*retry_after),
            402 => Advice::Operator(Operator::NoCredit),
            403 if is_flagged => Advice::Reject(Rejection::Flagged),
            403 if says(message, &["limit exceeded", "credit", "quota"]) => {
                Advice::Operator(Operator::NoCredit)
            }
            401 | 403 => Advice::Operator(Operator::BadKey),
            413 => Advice::Reject(Rejection::TooLong),
            _ if says(message, TOO_LONG) => Advice::Reject(Rejection::TooLong),
            _ if is_flagged => Advice::Reject(Rejection::Flagged),
            _ => Advice::Reject(Rejection::Other),
        }
    }

    /// What it says about the endpoint. Every answer below 500 comes from a
    /// server that works: a model's rate limit or a refused request must not
    /// close the way for everybody else.
    #[must_use]
    pub fn health(&self) -> Health {
        match self {
            Self::Status { code, .. } if *code < 500 && *code != 408 => Health::Alive,
            _ => Health::Failing,
        }
    }

    /// What the message is about, in words that give nothing away and that
    /// [`Self::advice`] understands.
    pub(super) fn topic(&self) -> &'static str {
        match self.advice() {
            Advice::Reject(Rejection::TooLong) => "context length",
            Advice::Reject(Rejection::Flagged) => "flagged",
            Advice::Operator(Operator::NoCredit) => "no credit",
            _ => "no more is known",
        }
    }
}

fn says(message: &str, parts: &[&str]) -> bool {
    let message = message.to_lowercase();
    parts.iter().any(|part| message.contains(part))
}

/// How long to wait before the attempt after the one numbered `attempt` (from
/// 1). A told time is obeyed and stretched by up to a tenth, so that many do
/// not come back at once; otherwise the wait doubles from `first` to `max`, and
/// a random half of it is left out.
#[must_use]
pub fn wait(
    attempt: u32,
    told: Option<Duration>,
    first: Duration,
    max: Duration,
    rng: &mut StdRng,
) -> Duration {
    if let Some(told) = told {
        let stretch = told.min(Duration::from_secs(10));
        return told.saturating_add(stretch.mul_f64(rng.random_range(0.0..0.1)));
    }
    let doubled = first.saturating_mul(1 << (attempt.clamp(1, 16) - 1));
    doubled.min(max).mul_f64(rng.random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn status(code: u16, message: &str) -> LlmError {
        LlmError::Status {
            code,
            message: message.to_owned(),
            retry_after: None,
        }
    }

    #[test]
    fn every_status_has_its_advice() {
        use Advice::{Again, Operator as Op, Reject};
        for (code, message, advice) in [
            (400, "bad parameter", Reject(Rejection::Other)),
            (
                400,
                "This endpoint's maximum context length is 8192 tokens",
                Reject(Rejection::TooLong),
            ),
            (
                400,
                "context_length_exceeded: x",
                Reject(Rejection::TooLong),
            ),
            (401, "User not found.", Op(Operator::BadKey)),
            (402, "Insufficient credits", Op(Operator::NoCredit)),
            (
                403,
                "Your chosen model requires moderation and your input was flagged",
                Reject(Rejection::Flagged),
            ),
            (
                403,
                "Key limit exceeded (total limit)",
                Op(Operator::NoCredit),
            ),
            (403, "Forbidden", Op(Operator::BadKey)),
            (404, "No endpoints found for x/y", Reject(Rejection::Other)),
            (408, "timeout", Again(None)),
            (413, "too large", Reject(Rejection::TooLong)),
            (422, "unprocessable", Reject(Rejection::Other)),
            (429, "rate limited", Again(None)),
            (500, "", Again(None)),
            (502, "", Again(None)),
            (503, "", Again(None)),
            (504, "", Again(None)),
            (524, "", Again(None)),
            (529, "", Again(None)),
        ] {
            assert_eq!(status(code, message).advice(), advice, "{code} {message}");
        }
        let cut = LlmError::Cut { reason: "x".into() };
        assert_eq!(cut.advice(), Again(None));
    }

    #[test]
    fn a_request_of_its_own_fault_says_nothing_bad_about_the_endpoint() {
        for code in [400, 401, 402, 403, 404, 413, 422, 429] {
            assert_eq!(status(code, "").health(), Health::Alive, "{code}");
        }
        for code in [408, 500, 502, 503, 524, 529] {
            assert_eq!(status(code, "").health(), Health::Failing, "{code}");
        }
    }

    #[test]
    fn a_withheld_message_keeps_its_advice() {
        for original in [
            status(400, "maximum context length"),
            status(403, "input was flagged"),
            status(403, "Key limit exceeded"),
            status(403, "no"),
            status(400, "no"),
        ] {
            let LlmError::Status { code, .. } = &original else {
                panic!("made of statuses");
            };
            let withheld = status(*code, original.topic());
            assert_eq!(withheld.advice(), original.advice());
        }
    }

    #[test]
    fn waits_grow_to_their_limit_and_a_told_time_is_never_cut_short() {
        let mut rng = StdRng::seed_from_u64(7);
        let (first, max) = (Duration::from_millis(500), Duration::from_secs(8));
        for attempt in 1..200 {
            let full = first.saturating_mul(1 << (attempt - 1).min(15)).min(max);
            let wait_for = wait(attempt, None, first, max, &mut rng);
            assert!(
                wait_for >= full / 2 && wait_for <= full,
                "{attempt}: {wait_for:?}"
            );
            let told = Duration::from_secs(20);
            let wait_for = wait(attempt, Some(told), first, max, &mut rng);
            assert!(wait_for >= told && wait_for <= told + Duration::from_secs(1));
        }
    }
}
