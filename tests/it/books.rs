//! The books of a proof: what people sent and what became of it, counted the
//! same way by every run, and printed as one machine-readable line.
//!
//! A run counts first and judges afterwards, so that a failing one still shows
//! its figures. `tests/proof/run.sh` collects the lines and renders them.

use std::ops::AddAssign;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::real::note;

/// What one proof came to. Lines of one name are added up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ledger {
    /// Which proof: one word or two, the same in every line of it.
    pub(crate) proof: String,
    /// Worlds that were judged: seeds, cases, lives between two judgements.
    pub(crate) runs: u64,
    /// Messages that people addressed to the bot.
    pub(crate) sent: u64,
    /// Those of them that have exactly one visible answer, or an end that no
    /// answer can reach (blocked, gone).
    pub(crate) answered_once: u64,
    /// Of those, messages whose end is an apology: three failures of the model.
    pub(crate) apologies: u64,
    /// Those without one.
    pub(crate) lost: u64,
    /// Answers that are there a second time without being owned up to.
    pub(crate) doubled: u64,
    /// Answers that stand before the answer to an earlier message.
    pub(crate) reordered: u64,
    /// Updates that were confirmed before they were in the store.
    pub(crate) unstored: u64,
    /// Sends of unknown arrival that were found in the chat.
    pub(crate) uncertain_bound: u64,
    /// Sends of unknown arrival that were made again, with the mark.
    pub(crate) uncertain_resent: u64,
    /// Of those, copies that people see twice.
    pub(crate) resent_visible_twice: u64,
    /// Of those, copies that no probe could have prevented: another message was
    /// given up unproven in that chat before, and no id between is known.
    #[serde(default)]
    pub(crate) haunted_twice: u64,
    /// Completions finished more than once for the same request.
    pub(crate) paid_twice: u64,
    /// Deaths by `kill -9` or at a fail point.
    pub(crate) kills: u64,
    /// Ends after a signal, by the drain or a second signal.
    pub(crate) drains: u64,
    /// Power cuts.
    pub(crate) cuts: u64,
    /// Hand-overs to a second process.
    pub(crate) rolls: u64,
    /// Outages of Telegram, of the model, of the disk.
    pub(crate) outages: u64,
    /// How long it took.
    pub(crate) seconds: f64,
}

impl Ledger {
    /// Empty books of a proof.
    pub(crate) fn of(proof: &str) -> Self {
        Self {
            proof: proof.to_owned(),
            ..Self::default()
        }
    }

    /// Prints the line; call it once per proof, before judging.
    pub(crate) fn print(&self) {
        let line = serde_json::to_string(self).expect("numbers are always JSON");
        note(&format!("BOOKS {line}"));
    }

    /// Prints the line with the time since `begun`, then judges.
    pub(crate) fn close(&mut self, begun: Instant) {
        self.seconds = seconds(begun.elapsed());
        self.print();
        self.judge();
    }

    /// Every copy that a probe could have prevented was, and the others are few:
    /// at most one in `of` deaths.
    pub(crate) fn judge_copies(&self, deaths: u64, of: u64) {
        assert_eq!(self.resent_visible_twice, self.haunted_twice, "{self:?}");
        assert!(self.haunted_twice <= 1 + deaths / of, "{self:?}");
    }

    /// In = out: fails unless nothing was lost, doubled or inverted.
    pub(crate) fn judge(&self) {
        assert_eq!(self.lost, 0, "lost: {self:?}");
        assert_eq!(self.doubled, 0, "doubled: {self:?}");
        assert_eq!(self.reordered, 0, "reordered: {self:?}");
        assert_eq!(self.unstored, 0, "confirmed but not stored: {self:?}");
        assert_eq!(self.sent, self.answered_once, "unbalanced: {self:?}");
    }
}

impl AddAssign<&Self> for Ledger {
    /// Adds what another run of the same proof came to; keeps the name.
    fn add_assign(&mut self, other: &Self) {
        self.runs += other.runs;
        self.sent += other.sent;
        self.answered_once += other.answered_once;
        self.apologies += other.apologies;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.reordered += other.reordered;
        self.unstored += other.unstored;
        self.uncertain_bound += other.uncertain_bound;
        self.uncertain_resent += other.uncertain_resent;
        self.resent_visible_twice += other.resent_visible_twice;
        self.haunted_twice += other.haunted_twice;
        self.paid_twice += other.paid_twice;
        self.kills += other.kills;
        self.drains += other.drains;
        self.cuts += other.cuts;
        self.rolls += other.rolls;
        self.outages += other.outages;
        self.seconds += other.seconds;
    }
}

/// The time that a wall clock would measure: a paused one stands still.
#[expect(
    clippy::disallowed_methods,
    reason = "a proof is timed, not its daemon"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
}

#[test]
fn books_that_do_not_balance_are_told() {
    let balanced = Ledger {
        sent: 2,
        answered_once: 2,
        ..Ledger::of("sample")
    };
    balanced.judge();
    let faults: [fn(&mut Ledger); 5] = [
        |books| books.lost = 1,
        |books| books.doubled = 1,
        |books| books.reordered = 1,
        |books| books.unstored = 1,
        |books| books.answered_once = 1,
    ];
    for fault in faults {
        let mut books = balanced.clone();
        fault(&mut books);
        let judged = std::panic::catch_unwind(|| books.judge());
        assert!(judged.is_err(), "{books:?} was passed");
    }
}

#[test]
fn books_of_one_proof_add_up() {
    let one = serde_json::to_value(Ledger {
        runs: 1,
        sent: 1,
        answered_once: 1,
        apologies: 1,
        lost: 1,
        doubled: 1,
        reordered: 1,
        unstored: 1,
        uncertain_bound: 1,
        uncertain_resent: 1,
        resent_visible_twice: 1,
        haunted_twice: 1,
        paid_twice: 1,
        kills: 1,
        drains: 1,
        cuts: 1,
        rolls: 1,
        outages: 1,
        seconds: 1.0,
        proof: "sample".to_owned(),
    });
    let one = one.expect("numbers are always JSON");
    let mut sum = Ledger::of("sample");
    let each: Ledger = serde_json::from_value(one).expect("its own line");
    sum += &each;
    sum += &each;
    let sum = serde_json::to_value(&sum).expect("numbers are always JSON");
    for (field, value) in sum.as_object().expect("an object") {
        assert!(
            field == "proof" || value.as_f64() == Some(2.0),
            "{field}: {value}"
        );
    }
}

#[test]
fn a_copy_that_a_probe_could_have_prevented_is_not_excused() {
    let ledger = |seen, haunted| Ledger {
        resent_visible_twice: seen,
        haunted_twice: haunted,
        ..Ledger::of("sample")
    };
    ledger(2, 2).judge_copies(20, 20);
    for (seen, haunted) in [(1, 0), (2, 1), (3, 3)] {
        let judged = std::panic::catch_unwind(|| ledger(seen, haunted).judge_copies(20, 20));
        assert!(judged.is_err(), "{seen} copies, {haunted} excused");
    }
}
