//! Small things in words: spans of time, numbers, chats.
//!
//! The page's script says spans in the same words (`span` and `countdown` in
//! `console.js`).

use maud::{Markup, html};

use super::picture::Moment;
use crate::clock::Millis;

/// A span of time, as short as it can be said.
pub(super) fn span(millis: Millis) -> String {
    let seconds = (millis.max(0) + 500) / 1_000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// The span until something happens, to be watched.
pub(super) fn countdown(millis: Millis) -> String {
    let seconds = (millis.max(0) + 500) / 1_000;
    match seconds {
        60..600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => span(millis),
    }
}

/// A moment as the span since then or until then. Without `now` the script
/// fills it in, and goes on doing so: a picture does not change by growing old.
pub(super) fn moment(moment: Moment, now: Option<Millis>) -> Markup {
    match moment {
        Moment::Ago(at) => {
            let said = now.map(|now| span(now - at));
            html! { time data-at=(at) { (filled(said)) } }
        }
        Moment::Until(at) => {
            let said = now.map(|now| countdown(at - now));
            html! { time data-until=(at) { (filled(said)) } }
        }
    }
}

fn filled(said: Option<String>) -> String {
    // Not empty, so that nothing jumps before the script has run.
    said.unwrap_or_else(|| "…".to_owned())
}

/// Seconds on a plot.
pub(super) fn seconds(seconds: f32) -> String {
    match seconds {
        s if s < 1.0 => format!("{} ms", (s * 1_000.0).round()),
        s if s < 9.95 => format!("{s:.1} s"),
        s if s < 99.5 => format!("{s:.0} s"),
        s => format!("{:.1} min", s / 60.0),
    }
}

/// With thin spaces between thousands.
pub(super) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// Large numbers of tokens.
pub(super) fn thousands(n: u64) -> String {
    match n {
        0..10_000 => number(n),
        10_000..1_000_000 => format!("{} k", n / 1_000),
        _ => format!("{}.{} M", n / 1_000_000, n / 100_000 % 10),
    }
}

/// Credits with as many places as say something.
pub(super) fn credits(credits: f64) -> String {
    match credits {
        0.0 => "0".to_owned(),
        c if c < 0.1 => format!("{c:.4}"),
        c if c < 100.0 => format!("{c:.2}"),
        c => format!("{c:.0}"),
    }
}

/// The end of a chat's id: enough to tell a few apart, no more.
pub(super) fn chat(id: i64) -> String {
    let digits = id.unsigned_abs().to_string();
    let from = digits.len().saturating_sub(4);
    let end = digits.get(from..).unwrap_or(&digits);
    if from > 0 {
        format!("…{end}")
    } else {
        end.to_owned()
    }
}

/// `1 turn`, `2 turns`.
pub(super) fn count(n: u64, one: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {one}{s}", number(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_numbers_and_chats_are_short() {
        assert_eq!(span(-5), "0 s");
        assert_eq!(span(59_400), "59 s");
        assert_eq!(span(61_000), "1 min");
        assert_eq!(span(7_200_000), "2 h");
        assert_eq!(span(200_000_000), "2 d");
        assert_eq!(countdown(81_000), "1 min 21 s");
        assert_eq!(countdown(41_000), "41 s");
        assert_eq!(number(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(number(12), "12");
        assert_eq!(chat(-100_123_456), "…3456");
        assert_eq!(chat(12), "12");
        assert_eq!(seconds(0.25), "250 ms");
        assert_eq!(seconds(1.25), "1.2 s");
        assert_eq!(seconds(130.0), "2.2 min");
        assert_eq!(thousands(1_250_000), "1.2 M");
        assert_eq!(count(1, "turn"), "1 turn");
        assert_eq!(credits(0.0123), "0.0123");
    }
}
