//! Long answers in parts: whole, in order, each part well formed, cut where a
//! reader would cut. With limits far below Telegram's, so that every answer of
//! the gallery is a long one.

use pulldown_cmark::{Event, Parser, Tag};
use unicode_segmentation::UnicodeSegmentation;

use super::check::{assert_rich, assert_valid, in_order, letters, options, visible, visible_rich};
use super::gallery::answers;
use crate::format::rich::{self, Limits};
use crate::format::{Formatted, render, utf16_len};

/// Small parts, in UTF-16 units.
const SIZES: [usize; 3] = [220, 500, 1300];

fn small(units: usize) -> Limits {
    Limits { units, blocks: 12 }
}

fn classic_parts(text: &str, units: usize) -> Vec<Formatted> {
    render::render(text).parts(units)
}

#[test]
fn small_classic_parts_are_valid_and_lose_nothing() {
    for (name, text) in answers() {
        for units in SIZES {
            let what = format!("{name} in parts of {units}");
            let parts = classic_parts(&text, units);
            for part in &parts {
                assert_valid(part, &what);
                assert!(utf16_len(&part.text) <= units, "{what}");
            }
            let shown: String = parts.into_iter().map(|part| part.text + "\n").collect();
            in_order(&visible(&text), &letters(&shown), &what);
        }
    }
}

#[test]
fn small_rich_parts_are_valid_and_lose_nothing() {
    for (name, text) in answers() {
        for units in SIZES {
            let what = format!("{name} in parts of {units}");
            let parts = rich::parts(&text, small(units));
            for part in &parts {
                assert_rich(part, &what);
                assert!(
                    utf16_len(part) <= units,
                    "{what}: {} {part}",
                    utf16_len(part)
                );
            }
            let shown = visible_rich(&parts.join("\n\n"));
            in_order(&visible(&text), &shown, &what);
        }
    }
}

#[test]
fn no_part_begins_or_ends_inside_a_grapheme() {
    for (name, text) in answers() {
        for units in SIZES {
            let whole = render::render(&text);
            let whole: Vec<&str> = whole.text().graphemes(true).collect();
            let mut whole = whole.iter();
            for part in classic_parts(&text, units) {
                let head = part.text.graphemes(true).next().unwrap_or_default();
                let tail = part.text.graphemes(true).next_back().unwrap_or_default();
                for edge in [head, tail] {
                    let found = part.text.len() < 2 || whole.clone().any(|g| *g == edge);
                    assert!(found, "{name} in parts of {units}: {edge:?}");
                }
                whole.next();
            }
        }
    }
}

#[test]
fn a_list_goes_on_with_its_numbers_in_every_part() {
    let items: String = (1..=60).map(|n| format!("1. item number {n}\n")).collect();
    let parts = classic_parts(&items, 300);
    assert!(parts.len() > 3);
    let lines: Vec<&str> = parts.iter().flat_map(|part| part.text.lines()).collect();
    for (at, line) in lines.iter().enumerate() {
        assert_eq!(*line, format!("{0}. item number {0}", at + 1));
    }
    let mut next = 1;
    for part in rich::parts(&items, small(300)) {
        let first = Parser::new_ext(&part, options()).find_map(|event| match event {
            Event::Start(Tag::List(first)) => first,
            _ => None,
        });
        assert_eq!(first, Some(next), "{part}");
        next += part.lines().count() as u64;
    }
    assert_eq!(next, 61);
}

#[test]
fn a_nested_list_stays_nested_when_its_item_gets_a_wider_number() {
    let items: String = (1..=30)
        .map(|n| format!("1. item {n}\n   - below {n}\n"))
        .collect();
    for part in rich::parts(&items, small(300)) {
        let mut depth = 0;
        for event in Parser::new_ext(&part, options()) {
            match event {
                Event::Start(Tag::List(_)) => depth += 1,
                Event::End(pulldown_cmark::TagEnd::List(_)) => depth -= 1,
                Event::Text(text) => {
                    let wanted = if text.starts_with("below") { 2 } else { 1 };
                    assert_eq!(depth, wanted, "{text} in {part}");
                }
                _ => {}
            }
        }
    }
}

#[test]
fn a_table_repeats_its_head_in_every_part() {
    let rows: String = (0..60).map(|n| format!("| {n} | row {n} |\n")).collect();
    let text = format!("| No. | Name |\n|---|---|\n{rows}");
    for part in classic_parts(&text, 300) {
        assert!(part.text.starts_with("No. │ Name"), "{part:?}");
        assert_eq!(part.entities.len(), 1);
        assert_eq!(part.entities[0].length as usize, utf16_len(&part.text));
    }
    for part in rich::parts(&text, small(300)) {
        assert!(part.starts_with("| No. | Name |\n|---|---|\n"), "{part}");
    }
}

#[test]
fn code_and_folds_are_open_again_in_the_next_part() {
    let code = format!("```rust\n{}```", "let x = 1;\n".repeat(60));
    let fold = format!(
        "<details><summary>More</summary>\n\n{}</details>",
        "A paragraph of words.\n\n".repeat(40)
    );
    let parts = rich::parts(&format!("{code}\n\n{fold}"), small(300));
    assert!(parts.len() > 4);
    let folded = parts
        .iter()
        .filter(|part| part.contains("<details>"))
        .count();
    assert!(folded > 2);
    for part in &parts {
        assert_rich(part, part);
        let opened =
            part.contains("```rust\n") || part.contains("<details><summary>More</summary>");
        assert!(opened, "{part}");
    }
}
