//! Durations as people write them: `"2s"`, `"500ms"`, `"1h30m"`, `"7d"`.
//!
//! A unit is always required: a bare `2` is refused rather than guessed to be
//! seconds, because a wrong guess is a time-out a thousand times too long.

use std::time::Duration;

/// Unit names and their length in milliseconds, longest first.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Reads a duration: one or more whole numbers, each with a unit, largest
/// first. `None` when the text is anything else.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_u64;
    let mut smaller_than = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: u64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == &rest[..letters])?;
        if *unit >= smaller_than {
            return None;
        }
        smaller_than = *unit;
        total = total.checked_add(count.checked_mul(*unit)?)?;
        rest = rest[letters..].trim_start();
    }
    Some(Duration::from_millis(total))
}

/// Writes a duration so that [`parse`] reads it back: one unit, the largest
/// that divides it and of which there are at least two (so 90 s stays `90s`
/// and a day stays `24h`).
pub(super) fn show(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0s".to_owned();
    }
    let (name, unit) = UNITS
        .iter()
        .find(|(_, unit)| millis.is_multiple_of(*unit) && (millis / unit > 1 || *unit <= 1_000))
        .unwrap_or(&("ms", 1));
    format!("{}{name}", millis / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, millis) in [
            ("2s", 2_000),
            ("500ms", 500),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            (" 7d ", 604_800_000),
            ("0s", 0),
            ("1m1s1ms", 61_001),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn anything_without_a_clear_meaning_is_refused() {
        for text in [
            "",
            " ",
            "2",
            "s",
            "2 fortnights",
            "-2s",
            "1.5s",
            "30m1h",
            "1s1s",
            "2S",
            "99999999999999999999s",
            "18446744073709551615d",
            "2s,",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_shown_is_read_back_unchanged() {
        for millis in [
            0, 1, 999, 1_000, 1_500, 60_000, 90_000, 3_600_000, 86_400_000,
        ] {
            let span = Duration::from_millis(millis);
            assert_eq!(parse(&show(span)), Some(span), "{}", show(span));
        }
        assert_eq!(show(Duration::from_secs(90)), "90s");
        assert_eq!(show(Duration::from_secs(86_400)), "24h");
        assert_eq!(show(Duration::from_secs(7 * 86_400)), "7d");
        assert_eq!(show(Duration::from_secs(60)), "60s");
    }
}
