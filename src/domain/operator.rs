//! What operators ask for in Telegram and what they are told there: the pure
//! part of it. Their words are English only and plain; whose message it was,
//! and what it said, never stands in them.

use crate::clock::Millis;

pub mod alarm;
pub mod broadcast;
pub mod life;
pub mod order;

/// A span of time as a person says it: at most two units.
#[must_use]
pub fn span(millis: Millis) -> String {
    let seconds = millis.max(0) / 1_000;
    let two = |large: i64, unit: &str, small: i64, next: &str| match small {
        0 => format!("{large} {unit}"),
        small => format!("{large} {unit} {small} {next}"),
    };
    match seconds {
        0 => format!("{} ms", millis.max(0)),
        1..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

/// "1 turn", "2 turns".
#[must_use]
pub fn count(number: i64, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_in_two_units_at_most() {
        for (millis, said) in [
            (-5, "0 ms"),
            (999, "999 ms"),
            (1_500, "1 s"),
            (60_000, "1 min"),
            (83_000, "1 min 23 s"),
            (7_260_000, "2 h 1 min"),
            (86_400_000 * 3 + 3_600_000, "3 d 1 h"),
        ] {
            assert_eq!(span(millis), said);
        }
    }
}
