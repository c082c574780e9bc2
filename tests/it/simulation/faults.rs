//! What goes wrong with the world round the daemon, and how often: one climate
//! for each seed, from fair to foul.

use std::time::Duration;

use lastword::playground::bot_api::{Fault, FaultRule};
use lastword::playground::offline;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::time::Instant;

/// How often things go wrong.
#[derive(Debug)]
pub(super) struct Faults {
    random: StdRng,
    /// Of a hundred completions so many meet a fault.
    model: u32,
    store_away_until: Option<Instant>,
    quiet: bool,
}

/// Operations that write; reading goes on when a disk is full, writing does
/// not.
const WRITES: [&str; 12] = [
    "accept",
    "claim",
    "keep_request",
    "plan_placeholder",
    "answer",
    "defer",
    "park",
    "begin_send",
    "finish_send",
    "replan",
    "reap",
    "set_phase",
];

impl Faults {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let model = *pick(&mut random, &[0, 0, 5, 15, 40]);
        Self {
            random,
            model,
            store_away_until: None,
            quiet: false,
        }
    }

    /// Nothing goes wrong any more.
    pub(super) fn rest(&mut self) {
        self.quiet = true;
        self.store_away_until = None;
    }

    /// The store takes nothing for this long.
    pub(super) fn store_goes_away(&mut self, for_ms: u64) {
        self.store_away_until = Some(Instant::now() + Duration::from_millis(for_ms));
    }

    pub(super) fn store_is_away(&self, operation: &str) -> bool {
        self.store_away_until
            .is_some_and(|until| Instant::now() < until)
            && WRITES.contains(&operation)
    }

    /// The fault that meets the next completion.
    pub(super) fn of_completion(&mut self) -> Option<offline::Fault> {
        use offline::Fault as F;
        if self.quiet || !self.random.random_ratio(self.model, 100) {
            return None;
        }
        let at = self.random.random_range(0..60);
        let wait = Duration::from_secs(self.random.random_range(1..20));
        let faults = [
            F::Outage,
            F::NoCredit,
            F::RateLimited(wait),
            F::StallAfter(at),
            F::CutAfter(at),
            F::ErrorAfter(at),
        ];
        Some(*pick(&mut self.random, &faults))
    }

    /// A fault for some calls of Telegram to come.
    pub(super) fn of_telegram(&mut self) -> FaultRule {
        let random = &mut self.random;
        let methods = [
            "sendMessage",
            "sendRichMessage",
            "editMessageText",
            "getUpdates",
            "sendRichMessageDraft",
            "getMe",
            "sendChatAction",
            "answerCallbackQuery",
        ];
        // Sends most of all: they decide what is doubled.
        let method = match random.random_range(0..3) {
            0 => *pick(random, &methods),
            _ => *pick(random, &methods[..3]),
        };
        let faults = [
            Fault::Refuse {
                code: 429,
                description: None,
                retry_after_s: Some(random.random_range(1..12)),
            },
            Fault::Refuse {
                code: 500,
                description: None,
                retry_after_s: None,
            },
            Fault::Gateway { code: 502 },
            Fault::Unreachable,
            Fault::CutBefore,
            Fault::CutAfter,
            Fault::GatewayAfter { code: 504 },
            Fault::HangAfter,
            Fault::Slow {
                before_ms: random.random_range(0..6_000),
                after_ms: random.random_range(0..6_000),
            },
        ];
        FaultRule {
            method: Some(method.to_owned()),
            chat: None,
            skip: random.random_range(0..3),
            times: Some(random.random_range(1..4)),
            fault: pick(random, &faults).clone(),
        }
    }
}

/// One of them.
pub(super) fn pick<'a, T>(random: &mut StdRng, from: &'a [T]) -> &'a T {
    &from[random.random_range(0..from.len())]
}
