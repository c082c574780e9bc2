//! What goes wrong, by script: refusals, lost acknowledgements, hanging and
//! slow calls, outages.
//!
//! The rules here decide only *what* goes wrong with *which* call; `calls.rs`
//! carries it out.

use serde::{Deserialize, Serialize};

use super::calls::Calls;
use crate::clock::Millis;

/// What goes wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields say it")]
pub enum Fault {
    /// Refused before it is executed: 429, 4xx, 5xx in Telegram's JSON.
    Refuse {
        code: u16,
        #[serde(default)]
        description: Option<String>,
        #[serde(default)]
        retry_after_s: Option<u64>,
    },
    /// A gateway's bare status, before it is executed.
    Gateway { code: u16 },
    /// No connection. Over HTTP a connection that was already open is cut
    /// before anything is executed.
    Unreachable,
    /// The connection breaks after the request was written, before it is
    /// executed.
    CutBefore,
    /// It is executed; then the connection breaks.
    CutAfter,
    /// It is executed; then a gateway answers this status.
    GatewayAfter { code: u16 },
    /// It hangs before it is executed, until released. A caller that gives up
    /// does not undo it: released later, it is executed later.
    HangBefore,
    /// It is executed; the answer hangs until released.
    HangAfter,
    /// It is slow: before and after it is executed.
    Slow {
        #[serde(default)]
        before_ms: Millis,
        #[serde(default)]
        after_ms: Millis,
    },
}

/// A fault and the calls it meets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultRule {
    /// Only this method (case-insensitive; `download` for files); any without.
    #[serde(default)]
    pub method: Option<String>,
    /// Only this chat; any without.
    #[serde(default)]
    pub chat: Option<i64>,
    /// How many matching calls go through before the first that it meets.
    #[serde(default)]
    pub skip: u32,
    /// How many calls it meets; all without.
    #[serde(default = "once")]
    pub times: Option<u32>,
    /// What goes wrong.
    #[serde(flatten)]
    pub fault: Fault,
}

#[expect(clippy::unnecessary_wraps, reason = "the default of an optional field")]
fn once() -> Option<u32> {
    Some(1)
}

impl FaultRule {
    /// Meets the next call of `method`, once.
    #[must_use]
    pub fn once(method: &str, fault: Fault) -> Self {
        Self {
            method: Some(method.to_owned()),
            chat: None,
            skip: 0,
            times: Some(1),
            fault,
        }
    }

    /// Meets every call of `method`.
    #[must_use]
    pub fn always(method: &str, fault: Fault) -> Self {
        Self {
            times: None,
            ..Self::once(method, fault)
        }
    }

    /// The same, for one chat only.
    #[must_use]
    pub fn in_chat(self, chat: i64) -> Self {
        Self {
            chat: Some(chat),
            ..self
        }
    }

    /// The same, after `skip` calls that go through.
    #[must_use]
    pub fn after(self, skip: u32) -> Self {
        Self { skip, ..self }
    }

    fn matches(&self, method: &str, chat: Option<i64>) -> bool {
        let same = |name: &String| name.eq_ignore_ascii_case(method);
        self.method.as_ref().is_none_or(same) && self.chat.is_none_or(|wanted| chat == Some(wanted))
    }
}

/// Whether the server can be reached at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outage {
    /// It can.
    #[default]
    None,
    /// Connections are refused.
    Refused,
    /// Connections open and break.
    Reset,
}

/// The script and the calls under way.
#[derive(Debug, Default)]
pub(super) struct Faults {
    rules: Vec<FaultRule>,
    pub(super) outage: Outage,
    pub(super) calls: Calls,
}

impl Faults {
    pub(super) fn add(&mut self, rule: FaultRule) {
        self.rules.push(rule);
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    /// The fault that meets this call; counts it. The first matching rule
    /// decides.
    pub(super) fn meet(&mut self, method: &str, chat: Option<i64>) -> Option<Fault> {
        let at = self
            .rules
            .iter()
            .position(|rule| rule.matches(method, chat))?;
        let rule = &mut self.rules[at];
        if rule.skip > 0 {
            rule.skip -= 1;
            return None;
        }
        let fault = rule.fault.clone();
        if let Some(times) = &mut rule.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.rules.remove(at);
            }
        }
        Some(fault)
    }
}
