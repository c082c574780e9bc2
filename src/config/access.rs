//! `[access]`: who may talk with the bot, and how much.

use std::collections::BTreeSet;

use super::kind::{Ids, Int, Named, OneOf};
use super::walk::{Apply, Walk};

/// Who may talk with the bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// How the bot decides.
    pub mode: AccessMode,
    /// User and chat ids that may always talk; in mode `list` only these.
    pub ids: BTreeSet<i64>,
    /// Messages per minute, per person and per chat; more of them wait.
    pub per_minute: u32,
}

/// How the bot decides who may talk with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessMode {
    /// Who opens the one-time link of the first start owns the bot.
    Claim,
    /// Only the ids that are listed.
    List,
    /// Everybody.
    Open,
}

impl Named for AccessMode {
    const ALL: &'static [(&'static str, Self)] = &[
        ("claim", Self::Claim),
        ("list", Self::List),
        ("open", Self::Open),
    ];
}

impl Default for Access {
    fn default() -> Self {
        Self {
            mode: AccessMode::Claim,
            ids: BTreeSet::new(),
            per_minute: 30,
        }
    }
}

impl Access {
    pub(super) fn walk(&mut self, w: &mut impl Walk) {
        w.knob("access.mode", Apply::Live, &mut self.mode, OneOf);
        w.knob("access.ids", Apply::Live, &mut self.ids, Ids);
        w.knob(
            "access.per_minute",
            Apply::Live,
            &mut self.per_minute,
            Int(1..=10_000),
        );
    }
}
