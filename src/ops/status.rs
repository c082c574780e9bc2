//! How the daemon stands, in one value: what `lastword status`, the console and
//! `/admin status` show. Counts, ages and states; never a text, a name or a
//! secret.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::health::Role;
use crate::domain::phase::Phase;
use crate::store::Availability;
use crate::store::desk::{Crowd, Instance, Paused, Usage};
use crate::telemetry::troubles::Trouble;

/// How one running process stands, with what it knows of the store that it may
/// share with others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Its version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Its random id, as it stands in the line of its start.
    pub instance: String,
    /// Which bot it serves, by Telegram's id.
    pub bot: i64,
    /// The bot's name without the @, once Telegram has told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Whether it holds the lease.
    pub role: Role,
    /// Where it is in its life.
    pub phase: Phase,
    /// Milliseconds since it began.
    pub uptime_ms: u64,
    /// Whether the store takes what is written.
    pub store: Availability,
    /// Whether what is told of the store here is of now: false when it did not
    /// answer in time, and the numbers of it are missing.
    pub fresh: bool,
    /// The pause in force.
    pub paused: Option<Paused>,
    /// Open turns of all processes, by state.
    pub turns: BTreeMap<String, Crowd>,
    /// Milliseconds since the first message of the turn that has waited longest
    /// for somebody to begin it.
    pub oldest_waiting_ms: Option<u64>,
    /// Turns that this process runs now.
    pub running: Crowd,
    /// Messages that nobody has begun to answer, as counted lately.
    pub backlog: u64,
    /// How updates come in.
    pub intake: Intake,
    /// The circuit breaker of the model's endpoint.
    pub breaker: Breaker,
    /// What was warned of lately, the latest first, each kind once.
    pub troubles: Vec<Trouble>,
    /// What was spent since midnight, UTC.
    pub today: Usage,
    /// What is not yet delivered.
    pub outbox: Outbox,
    /// The stop, once it was asked for.
    pub drain: Option<Drain>,
    /// The processes that live at this store, this one among them.
    pub instances: Vec<Instance>,
    /// Which of them holds the lease, by its id, where one does.
    pub lease: Option<String>,
}

/// How updates come in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intake {
    /// `polling` or `webhook`.
    pub transport: String,
    /// Milliseconds since an update was stored; `None`: none yet.
    pub since_last_ms: Option<u64>,
    /// Milliseconds since Telegram last answered the long poll.
    pub since_answer_ms: Option<u64>,
    /// How long the latest message took from Telegram's stamp (whole seconds) to
    /// our store.
    pub lag_ms: Option<u64>,
    /// Why nothing is taken at the moment: `full`, `store`, `draining`,
    /// `standby`, `starting`, or `identity` (Telegram has not yet told who we
    /// are); `None`: it is.
    pub paused: Option<String>,
    /// How often somebody else has polled with our token.
    pub conflicts: u64,
}

/// The circuit breaker of the model's endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaker {
    /// Nothing is asked of the model.
    pub open: bool,
    /// Until the next try.
    pub retry_in_ms: Option<u64>,
}

/// What is not yet delivered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbox {
    /// Waits for its turn.
    pub planned: u64,
    /// Is being sent.
    pub sending: u64,
    /// May or may not have arrived; being looked for.
    pub uncertain: u64,
}

/// A stop under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// Turns that still run.
    pub turns: u64,
    /// How long the oldest of them has run.
    pub oldest_ms: u64,
    /// Chats with something still to send.
    pub chats: u64,
    /// Until what is left is cut and left to the successor.
    pub deadline_in_ms: u64,
}
