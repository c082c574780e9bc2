//! The simulation: the whole daemon in one process on a paused clock, over an
//! in-memory Telegram and model and a real store, through crashes at every
//! seam, signals, second instances, outages and clocks that are set.
//!
//! One seed decides everything. `SEED=n` runs only that one and prints its
//! trace's end; `LASTWORD_SEEDS=n` says how many, `LASTWORD_SEED_FROM=n` from
//! which on.

mod books;
mod defect;
mod eye;
mod faults;
mod host;
mod mortal;
mod people;
mod planting;
mod run;
mod screen;
mod seam_desk;
mod seam_leases;
mod seam_model;
mod seam_notices;
mod seam_operators;
mod seam_relays;
mod seam_signs;
mod seam_store;
mod seam_telegram;
mod trace;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use books::Books;
use defect::Defect;
use run::{Keep, Outcome, run};

/// How many seeds a plain `cargo test` runs.
const SEEDS: u64 = 200;

/// Threads that run seeds, each its own.
const THREADS: u64 = 2;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The seeds of this run of the tests.
fn seeds() -> std::ops::Range<u64> {
    match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            let from = number("LASTWORD_SEED_FROM").unwrap_or(1);
            from..from + number("LASTWORD_SEEDS").unwrap_or(SEEDS)
        }
    }
}

/// What to print about a run that went wrong.
fn report(seed: u64, outcome: &Outcome) -> String {
    let mut text = format!("\nseed {seed}:\n");
    for wrong in &outcome.wrongs {
        text += &format!("  {}\n", wrong.what);
    }
    text += &format!("its history, shortened:\n{}", outcome.history);
    text += &format!("repeat it with: SEED={seed} cargo test --test it simulation\n");
    text
}

/// Runs them all; the books, and what went wrong with which seed.
fn run_all(seeds: std::ops::Range<u64>) -> (Books, Vec<String>) {
    let next = AtomicU64::new(seeds.start);
    let books = Mutex::new(Books::default());
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS.min(seeds.end - seeds.start) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let failed = failures
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .len();
                    if seed >= seeds.end || failed >= 5 {
                        return;
                    }
                    let outcome = run(seed, None, Keep::Nothing);
                    *books.lock().unwrap_or_else(PoisonError::into_inner) += outcome.books;
                    if !outcome.wrongs.is_empty() {
                        let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
                        failures.push(report(seed, &outcome));
                    }
                }
            });
        }
    });
    let failures = failures
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    (
        books.into_inner().unwrap_or_else(PoisonError::into_inner),
        failures,
    )
}

#[test]
fn whatever_happens_every_message_is_answered_once_in_order_and_paid_once() {
    let begun = crate::books::now();
    let (books, failures) = run_all(seeds());
    let took = begun.elapsed().as_secs_f64();
    println!(
        "{books:?}\n{:.0} seeds a minute",
        books.runs as f64 / took * 60.0
    );
    let mut ledger = books.ledger();
    ledger.seconds = took.round();
    ledger.print();
    assert!(failures.is_empty(), "{}", failures.concat());
    ledger.judge();
}

#[test]
fn one_seed_has_one_trace_in_this_thread_and_in_any_other() {
    let first = number("SEED").unwrap_or(7);
    let seeds = if number("SEED").is_some() { 1 } else { 12 };
    for seed in first..first + seeds {
        let trace = run(seed, None, Keep::Trace).trace;
        let again = run(seed, None, Keep::Trace).trace;
        let elsewhere = std::thread::spawn(move || run(seed, None, Keep::Trace).trace);
        let elsewhere = elsewhere.join().expect("it does not panic");
        assert_same(seed, &trace, &again);
        assert_same(seed, &trace, &elsewhere);
        assert!(trace.lines().count() > 50, "{trace}");
    }
}

fn assert_same(seed: u64, one: &str, other: &str) {
    if one == other {
        return;
    }
    let differs = one.lines().zip(other.lines()).position(|(a, b)| a != b);
    let at = differs.unwrap_or(0);
    let around = |text: &str| {
        let lines = text.lines().skip(at.saturating_sub(8)).take(12);
        lines.collect::<Vec<_>>().join("\n")
    };
    panic!(
        "seed {seed} has two traces, from line {at} on:\n{}\n-- and --\n{}",
        around(one),
        around(other)
    );
}

/// Runs seeds with a planted defect until one finds it, and says so.
fn found(defect: Defect, words: &str, within: u64) {
    if number("SEED").is_some() {
        // One seed is asked for, and no planted defect has to do with it.
        return;
    }
    for seed in 1..=within {
        let outcome = run(seed, Some(defect), Keep::Nothing);
        let mut wrongs = outcome.wrongs.iter();
        if let Some(wrong) = wrongs.find(|wrong| wrong.what.contains(words)) {
            let what = &wrong.what;
            crate::real::note(&format!("{defect:?} is found at seed {seed}: {what}"));
            return;
        }
    }
    panic!("{defect:?} is not found within {within} seeds");
}

#[test]
fn an_update_confirmed_without_being_stored_is_found() {
    found(Defect::ConfirmsUnstored(20), "confirmed and not stored", 50);
}

#[test]
fn a_message_sent_twice_is_found() {
    found(Defect::SendsTwice(5), "copies", 50);
}

#[test]
fn a_completion_paid_twice_is_found() {
    found(Defect::PaysTwice(10), "paid twice", 50);
}

#[test]
fn a_send_without_an_intent_is_found() {
    found(Defect::ForgetsIntent(20), "without an intent", 50);
}

#[test]
fn a_turn_that_overtakes_another_is_found() {
    found(Defect::OvertakesTurns, "was answered before", 200);
}

#[test]
fn a_blind_resend_is_found() {
    found(Defect::ResendsBlindly, "copies", 100);
}

#[test]
fn an_answer_that_is_settled_unsent_is_found() {
    found(Defect::SettlesUnsent(10), "nobody sees it", 50);
}

#[test]
fn a_deadline_that_nobody_keeps_is_found() {
    found(Defect::KeepsNoDeadline, "by force", 200);
}

#[test]
fn a_successor_that_takes_the_living_for_dead_is_found() {
    found(Defect::BuriesTheLiving, "runs in lives", 100);
}
