//! `[operators]`: who looks after the bot from Telegram, and what they hear.

use std::collections::BTreeSet;

use super::kind::{Flag, Named, OneOf, People};
use super::walk::{Apply, Walk};

/// Who looks after the bot from Telegram, and what they hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operators {
    /// Numeric ids of people; whoever claimed the bot is one of them anyway.
    pub ids: BTreeSet<i64>,
    /// Which notices of its life the bot sends them.
    pub notices: Notices,
    /// Whether they hear of troubles.
    pub alerts: Alerts,
}

/// Which notices of its life the bot sends its operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notices {
    /// That it started and that it stopped.
    All,
    /// That it stopped.
    Stop,
    /// None.
    Off,
}

impl Named for Notices {
    const ALL: &'static [(&'static str, Self)] = &[
        ("all", Self::All),
        ("stop", Self::Stop),
        ("none", Self::Off),
    ];
}

/// Whether operators hear of troubles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alerts {
    /// They do.
    Told,
    /// The log alone does.
    Withheld,
}

impl From<bool> for Alerts {
    fn from(told: bool) -> Self {
        if told { Self::Told } else { Self::Withheld }
    }
}

impl From<Alerts> for bool {
    fn from(alerts: Alerts) -> Self {
        alerts == Alerts::Told
    }
}

impl Default for Operators {
    fn default() -> Self {
        Self {
            ids: BTreeSet::new(),
            notices: Notices::All,
            alerts: Alerts::Told,
        }
    }
}

impl Operators {
    pub(super) fn walk(&mut self, w: &mut impl Walk) {
        w.knob("operators.ids", Apply::Live, &mut self.ids, People);
        w.knob("operators.notices", Apply::Live, &mut self.notices, OneOf);
        w.knob("operators.alerts", Apply::Live, &mut self.alerts, Flag);
    }
}
