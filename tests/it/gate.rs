//! The gate, modelled: the very source of `shutdown/gate/count.rs` over loom's
//! atomics, every interleaving of entering, leaving and closing tried.

use loom::sync::Arc;
use loom::thread;

mod atomic {
    pub(super) use loom::sync::atomic::{AtomicUsize, Ordering};
}

#[path = "../../src/shutdown/gate/count.rs"]
mod count;

use count::{Count, Left};

/// Runs one visitor; true when it was the one that saw the gate empty.
fn visit(count: &Count) -> Visit {
    if !count.enter() {
        return Visit::TurnedAway;
    }
    match count.leave() {
        Left::Nobody => Visit::LastOut,
        Left::Others => Visit::Out,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Visit {
    TurnedAway,
    Out,
    LastOut,
}

#[test]
fn exactly_one_sees_the_gate_closed_and_empty() {
    loom::model(|| {
        let count = Arc::new(Count::default());
        let visitors: Vec<_> = (0..2)
            .map(|_| {
                let count = Arc::clone(&count);
                thread::spawn(move || visit(&count))
            })
            .collect();
        let closed = count.close();
        let after = visit(&count);
        let mut last = usize::from(closed == Left::Nobody);
        for visitor in visitors {
            let visit = visitor.join().expect("a visitor does not panic");
            last += usize::from(visit == Visit::LastOut);
        }
        assert_eq!(last, 1, "whoever waits for the end is woken once");
        assert_eq!(after, Visit::TurnedAway, "nobody enters after the close");
        assert!(count.is_closed());
        assert_eq!(count.inside(), 0);
    });
}

#[test]
fn closing_twice_does_not_tell_the_end_twice() {
    loom::model(|| {
        let count = Arc::new(Count::default());
        let other = Arc::clone(&count);
        let closer = thread::spawn(move || other.close());
        let mine = count.close();
        let theirs = closer.join().expect("a closer does not panic");
        assert_ne!(mine, theirs, "one of them made it empty");
    });
}
