//! The plots, drawn as SVG: how long answers took, what they cost.
//!
//! Each says in words what it shows, and nothing by its colours alone: the two
//! lines differ in how they are drawn. Sizes are attributes, for the policy
//! allows no styles inside the page.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::latency::{MINUTES, Plot, Point};
use super::picture::Day;
use super::words;

/// Of the drawing, in its own units.
const WIDTH: f32 = 290.0;
const HEIGHT: f32 = 132.0;

/// Where the lines are: the rest is for what stands at the edges.
const LEFT: f32 = 46.0;
const TOP: f32 = 10.0;
const BOTTOM: f32 = 112.0;

/// One distribution over the last hour.
pub(super) fn latency(title: &str, plot: &Plot) -> Markup {
    let points: Vec<(f32, Point)> = placed(plot);
    let highest = points.iter().fold(0.0_f32, |high, (_, p)| high.max(p.p95));
    let top = ceiling(highest);
    let y = |seconds: f32| BOTTOM - (BOTTOM - TOP) * (seconds / top).min(1.0);
    let line = |of: &dyn Fn(&Point) -> f32| {
        points.iter().fold(String::new(), |mut line, (x, point)| {
            let _ = write!(line, "{x:.1},{:.1} ", y(of(point)));
            line
        })
    };
    let (half, most) = (line(&|p| p.p50), line(&|p| p.p95));
    let back: String = most.split_whitespace().rev().collect::<Vec<_>>().join(" ");
    let said = match plot.hour {
        Some(hour) => format!(
            "{title}: half within {}, 95 of 100 within {}, in the last hour",
            words::seconds(hour.p50),
            words::seconds(hour.p95)
        ),
        None => format!("{title}: nothing in the last hour"),
    };
    html! {
        figure.plot {
            figcaption {
                h3 { (title) }
                @match plot.hour {
                    Some(hour) => p.numbers {
                        span.key.half { "half " b { (words::seconds(hour.p50)) } }
                        span.key.most { "95 % " b { (words::seconds(hour.p95)) } }
                    },
                    None => p.numbers.none { "no answers in the last hour" },
                }
            }
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(said) {
                (grid(if points.is_empty() { None } else { Some(top) }))
                @if points.len() > 1 {
                    polygon.band points={ (half) (back) } {}
                    polyline.line.most points=(most.trim_end()) {}
                    polyline.line.half points=(half.trim_end()) {}
                }
                @if let Some((x, point)) = points.last() {
                    circle.dot.most cx=(x) cy=(y(point.p95)) r="2.5" {}
                    circle.dot.half cx=(x) cy=(y(point.p50)) r="3.5" {}
                }
            }
        }
    }
}

/// Lines with their seconds; where there is nothing to measure, the ground only.
fn grid(top: Option<f32>) -> Markup {
    let rows = match top {
        Some(top) => &[(top, TOP), (top / 2.0, (TOP + BOTTOM) / 2.0), (0.0, BOTTOM)][..],
        None => &[(0.0, BOTTOM)],
    };
    html! {
        g.grid aria-hidden="true" {
            @for (seconds, y) in rows {
                line x1=(LEFT) x2=(WIDTH) y1=(y) y2=(y) {}
                text x=(LEFT - 6.0) y=(y + 3.5) text-anchor="end" {
                    @if *seconds > 0.0 { (words::seconds(*seconds)) } @else { "0" }
                }
            }
            text x=(LEFT) y=(HEIGHT - 4.0) { "1 h ago" }
            text x=(WIDTH) y=(HEIGHT - 4.0) text-anchor="end" { "now" }
        }
    }
}

/// The minutes with answers, from the left.
fn placed(plot: &Plot) -> Vec<(f32, Point)> {
    let missing = MINUTES.saturating_sub(plot.points.len());
    #[expect(clippy::cast_precision_loss, reason = "at most sixty")]
    let x = |at: usize| LEFT + (WIDTH - LEFT - 5.0) * (missing + at) as f32 / (MINUTES - 1) as f32;
    let points = plot.points.iter().enumerate();
    points
        .filter_map(|(at, point)| Some((x(at), (*point)?)))
        .collect()
}

/// A round number of seconds not below `highest`.
fn ceiling(highest: f32) -> f32 {
    const ROUND: [f32; 14] = [
        0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 6.0, 10.0, 20.0, 40.0, 60.0, 120.0, 300.0, 600.0,
    ];
    ROUND
        .into_iter()
        .find(|round| *round >= highest)
        .unwrap_or(highest)
}

/// Whether the provider tells what answers cost; a model of one's own does not.
pub(super) fn tells_credits(days: &[Day]) -> bool {
    days.iter().any(|day| day.credits > 0.0)
}

/// What the last days cost: a bar each, today last.
pub(super) fn spend(days: &[Day]) -> Markup {
    let told = tells_credits(days);
    // Where the provider tells no costs, tokens say as much.
    let worth = |day: &Day| if told { day.credits } else { tokens(day) };
    let highest = days.iter().map(worth).fold(0.0_f64, f64::max);
    let said = days.iter().map(|day| {
        let cost = if told {
            words::credits(day.credits)
        } else {
            words::thousands(day.tokens)
        };
        format!("{} {cost}", weekday(&day.date))
    });
    let what = if told { "Credits" } else { "Tokens" };
    let said = format!("{what} a day: {}", said.collect::<Vec<_>>().join(", "));
    let (width, step) = (30.0, 46.0);
    html! {
        svg.bars viewBox="0 0 322 104" role="img" aria-label=(said) {
            @for (at, day) in days.iter().enumerate() {
                @let x = place(at, step);
                @let tall = if highest > 0.0 { 64.0 * worth(day) / highest } else { 0.0 };
                rect.bar.today[at + 1 == days.len()] x=(x) y=(82.0 - tall.max(2.0)) width=(width) height=(tall.max(2.0)) rx="4" {}
                @if worth(day) > 0.0 {
                    text.value x=(x + width / 2.0) y=(76.0 - tall.max(2.0)) text-anchor="middle" {
                        @if told { (words::credits(day.credits)) } @else { (words::thousands(day.tokens)) }
                    }
                }
                text x=(x + width / 2.0) y="99" text-anchor="middle" {
                    @if at + 1 == days.len() { "today" } @else { (weekday(&day.date)) }
                }
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "the height of a bar")]
fn tokens(day: &Day) -> f64 {
    day.tokens as f64
}

#[expect(clippy::cast_precision_loss, reason = "at most seven")]
fn place(at: usize, step: f64) -> f64 {
    8.0 + at as f64 * step
}

/// `Mon` of a date `YYYY-MM-DD`; the date itself where it is none.
fn weekday(date: &str) -> String {
    const NAMES: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    let parts: Vec<i64> = date
        .split('-')
        .filter_map(|part| part.parse().ok())
        .collect();
    let [year, month @ 1..=12, day] = parts[..] else {
        return date.to_owned();
    };
    // Sakamoto's rule.
    const SHIFT: [i64; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
    let year = if month < 3 { year - 1 } else { year };
    let month = usize::try_from(month - 1).unwrap_or(0);
    let days = year + year / 4 - year / 100 + year / 400 + SHIFT[month] + day;
    let name = usize::try_from(days.rem_euclid(7)).unwrap_or(0);
    NAMES[name].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_says_in_words_what_it_shows() {
        let point = Point { p50: 1.2, p95: 4.0 };
        let plot = Plot {
            points: vec![None, Some(point), Some(point)],
            hour: Some(point),
        };
        let drawn = latency("First word", &plot).into_string();
        assert!(
            drawn.contains("half within 1.2 s, 95 of 100 within 4.0 s"),
            "{drawn}"
        );
        assert!(!drawn.contains("style="), "{drawn}");
        let none = latency("First word", &Plot::default()).into_string();
        assert!(none.contains("nothing in the last hour"), "{none}");
    }

    #[test]
    fn weekdays_are_those_of_the_calendar() {
        assert_eq!(weekday("2026-11-21"), "Sat");
        assert_eq!(weekday("2000-02-29"), "Tue");
        assert_eq!(weekday("soon"), "soon");
    }
}
