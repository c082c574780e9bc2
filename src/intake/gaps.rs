//! Gaps in the ids of updates: what was lost before it reached us.
//!
//! A long poll brings every update that we ask for, in the order of their ids,
//! and those that we do not ask for take none. So within one life of the
//! sequence a missing id is an update that Telegram dropped (after 24 hours, or
//! for want of room), or that somebody else who knows the token took. Pure;
//! whatever is in doubt counts as nothing: an alarm that is false is worse than
//! none.
//!
//! Not for webhooks: there order holds per chat only, and what could not be
//! delivered comes again for a day. A missing id proves nothing before then.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

/// After about a week without an update Telegram begins a new sequence at
/// random; from a day before on nobody can tell.
const SILENCE: Duration = Duration::from_secs(6 * 86_400);

/// Further from the last id is another sequence: no queue holds so many.
const FAR: i64 = 1_000_000;

/// What a life of the process knows of the sequence.
#[derive(Debug, Default)]
pub struct Gaps {
    /// The highest id of this sequence, and when it came.
    last: Option<(i64, Instant)>,
}

impl Gaps {
    /// Takes the ids of a batch that came at `now`, in whatever order, and
    /// again if it likes. Returns how many are missing in each gap that they
    /// show.
    pub fn note(&mut self, ids: &[i64], now: Instant) -> Vec<u64> {
        let ids: BTreeSet<i64> = ids.iter().copied().collect();
        let mut gaps = Vec::new();
        for id in ids {
            let Some((last, at)) = self.last else {
                self.last = Some((id, now));
                continue;
            };
            let ahead = id.saturating_sub(last);
            let is_another = now.duration_since(at) >= SILENCE || ahead.saturating_abs() > FAR;
            if !is_another && ahead <= 0 {
                // It comes again: our last confirmation did not arrive. That is
                // a sign of life all the same.
                self.last = Some((last, now));
                continue;
            }
            if !is_another && ahead > 1 {
                gaps.push((ahead - 1).unsigned_abs());
            }
            self.last = Some((id, now));
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn after(batches: &[(&[i64], u32)]) -> Vec<u64> {
        let mut gaps = Gaps::default();
        let mut now = Instant::now();
        let mut found = Vec::new();
        for (ids, days) in batches {
            now += DAY * *days;
            found.extend(gaps.note(ids, now));
        }
        found
    }

    #[test]
    fn what_is_a_gap_and_what_is_none() {
        let far = 7 + FAR + 1;
        for (batches, found) in [
            (&[(&[5, 6][..], 0), (&[7], 0)][..], &[][..]),
            // At the start nothing is known.
            (&[(&[500], 0)], &[]),
            (&[(&[5], 0), (&[7], 0)], &[1]),
            (&[(&[5, 8, 9, 12], 0)], &[2, 2]),
            // In another order, and again.
            (&[(&[7, 5, 6], 0), (&[6, 7, 8], 0)], &[]),
            (&[(&[5, 9], 0), (&[5, 9], 0), (&[9, 10], 0)], &[3]),
            // Each of the six days is a life; a week is another.
            (&[(&[5], 0), (&[7], 5)], &[1]),
            (&[(&[5], 0), (&[7], 6)], &[]),
            (&[(&[5], 0), (&[5], 5), (&[7], 5)], &[1]),
            (&[(&[5], 0), (&[9], 7), (&[12], 0)], &[2]),
            // Another sequence, upwards and downwards.
            (&[(&[7], 0), (&[far], 0), (&[far + 2], 0)], &[1]),
            (&[(&[far], 0), (&[6], 0), (&[8], 0)], &[1]),
            (&[(&[i64::MIN], 0), (&[i64::MAX], 0)], &[]),
        ] {
            assert_eq!(after(batches), found, "{batches:?}");
        }
    }

    /// What happens to a sequence between two batches.
    #[derive(Debug, Clone)]
    enum Turn {
        Comes(usize),
        IsLost(i64),
        ComesAgain,
        Restart,
        Reseed(i64),
        Days(u32),
    }

    fn turn() -> impl Strategy<Value = Turn> {
        prop_oneof![
            6 => (1..30_usize).prop_map(Turn::Comes),
            2 => (1..200_i64).prop_map(Turn::IsLost),
            2 => Just(Turn::ComesAgain),
            1 => Just(Turn::Restart),
            1 => (0..2_000_000_000_i64).prop_map(Turn::Reseed),
            1 => (1..6_u32).prop_map(Turn::Days),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

        /// Every gap within a life is found, with its size, and nothing else.
        #[test]
        fn all_gaps_and_nothing_but_gaps(
            turns in prop::collection::vec(turn(), 1..60),
            shuffle in any::<u64>(),
        ) {
            let mut gaps = Gaps::default();
            let (mut next, mut lost, mut known) = (1_000_i64, 0_i64, false);
            let mut now = Instant::now();
            let mut batch: Vec<i64> = Vec::new();
            let mut silent = 0;
            for turn in turns {
                match turn {
                    Turn::Comes(count) => {
                        batch = (next..).take(count).collect();
                        next += count as i64;
                        let missing = std::mem::take(&mut lost);
                        let expected: Vec<u64> = (known && missing > 0 && silent < 6)
                            .then_some(missing.unsigned_abs())
                            .into_iter()
                            .collect();
                        let by = (shuffle as usize) % batch.len();
                        batch.rotate_left(by);
                        prop_assert_eq!(gaps.note(&batch, now), expected);
                        (known, silent) = (true, 0);
                    }
                    Turn::IsLost(count) => {
                        next += count;
                        lost += count;
                    }
                    Turn::ComesAgain => {
                        // Only while it is the last that came.
                        if known && silent == 0 {
                            prop_assert_eq!(gaps.note(&batch, now), Vec::<u64>::new());
                        }
                    }
                    Turn::Restart => {
                        gaps = Gaps::default();
                        known = false;
                    }
                    Turn::Reseed(seed) => {
                        now += DAY * 7;
                        silent += 7;
                        next = seed;
                        lost = 0;
                    }
                    Turn::Days(days) => {
                        now += DAY * days;
                        silent += days;
                    }
                }
            }
        }
    }
}
