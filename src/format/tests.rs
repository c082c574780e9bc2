//! What the formatter promises, over written answers and generated ones.

mod check;
mod constructs;
mod frames;
mod gallery;
mod generated;
mod spelt;
mod splitting;

use std::path::PathBuf;

use super::{classic, plain, preview_classic, preview_rich, rich, utf16_len};
use check::{assert_rich, assert_valid, in_order, letters};

/// Every answer under `tests/fixtures/format`, by name.
fn fixtures() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format");
    let mut found: Vec<(String, String)> = std::fs::read_dir(folder)
        .expect("the fixtures are part of the repository")
        .map(|entry| {
            let path = entry.expect("a readable folder").path();
            let text = std::fs::read_to_string(&path).expect("fixtures are UTF-8");
            (path.display().to_string(), text)
        })
        .collect();
    found.sort();
    found
}

#[test]
fn every_written_answer_gives_valid_classic_messages() {
    let fixtures = fixtures();
    assert!(fixtures.len() >= 25);
    for (name, text) in fixtures {
        for part in classic(&text) {
            assert_valid(&part, &name);
        }
    }
}

#[test]
fn no_written_answer_loses_a_letter_in_classic_messages() {
    for (name, text) in fixtures() {
        let shown: String = classic(&text).into_iter().map(|p| p.text + "\n").collect();
        in_order(&check::visible(&text), &letters(&shown), &name);
    }
}

#[test]
fn no_written_answer_loses_a_letter_in_plain_parts() {
    for (name, text) in fixtures() {
        let parts = plain(&text);
        for part in &parts {
            assert!(utf16_len(part) <= 4096 && !part.trim().is_empty(), "{name}");
        }
        assert_eq!(letters(&parts.concat()), letters(&text), "{name}");
    }
}

#[test]
fn every_written_answer_gives_rich_messages_within_the_limits() {
    for (name, text) in fixtures() {
        let parts = rich(&text);
        for part in &parts {
            assert_rich(part, &name);
        }
        in_order(
            &check::visible(&text),
            &check::visible_rich(&parts.join("\n\n")),
            &name,
        );
    }
}

#[test]
fn every_prefix_of_a_written_answer_gives_a_valid_frame() {
    for (name, text) in fixtures() {
        let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        // Of the long ones every 97th or 7th: primes, so that every state is met.
        let step = match text.len() {
            0..800 => 1,
            800..3000 => 7,
            _ => 97,
        };
        for end in ends.into_iter().step_by(step) {
            let what = format!("{name} up to {end}");
            if let Some(frame) = preview_classic(&text[..end]) {
                assert_valid(&frame, &what);
            }
            let frame = preview_rich(&text[..end]);
            if !frame.is_empty() {
                assert_rich(&frame, &what);
            }
        }
    }
}

#[test]
fn hostile_nesting_takes_no_more_than_its_length() {
    for text in [
        ">".repeat(30_000) + "x",
        "- ".repeat(10_000) + "x",
        "*".repeat(30_000) + "x",
        "[".repeat(30_000),
        "\\(".repeat(20_000),
        "$".repeat(30_000),
        "<b>".repeat(10_000),
        "||a".repeat(10_000),
        "`".repeat(30_000) + " `",
        "<details>".repeat(4_000),
        "<details".repeat(4_000),
        "<details><summary>x</summary>\n\n".repeat(1_000),
        "<sub>a".repeat(5_000),
        "<".repeat(30_000),
        "[^1] ".repeat(6_000),
        "$\\frac{a}{".repeat(3_000),
        format!(
            "$${}$$",
            "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}".repeat(100)
        ),
        "**（".repeat(6_000),
        "==a".repeat(8_000),
        "|a".repeat(4_000) + "\n" + &"|-".repeat(4_000) + "\n" + &"|b".repeat(4_000),
        "- [ ] <details>x\n".repeat(1_000),
        "![](".repeat(8_000),
        "\\begin{align}\n".repeat(4_000),
        "~a".repeat(8_000),
        "> [!NOTE]\n".repeat(2_000),
        "e\u{301}".repeat(20_000) + &"\u{301}".repeat(10_000),
    ] {
        for part in classic(&text) {
            assert_valid(&part, "hostile");
        }
        for part in rich(&text) {
            assert_rich(&part, "hostile");
        }
        let _ = (plain(&text), preview_rich(&text), preview_classic(&text));
    }
}

#[test]
fn a_parser_that_panics_costs_no_words() {
    assert_eq!(
        super::sheltered(|| -> u8 { panic!("a bug in the parser") }),
        None
    );
    let parts = super::rich::escaped("**a** <b>\n- [c](d)");
    assert_eq!(parts, ["\\*\\*a\\*\\* &lt;b&gt;  \n\\- \\[c\\]\\(d\\)"]);
    assert_rich(&parts[0], "escaped");
}
