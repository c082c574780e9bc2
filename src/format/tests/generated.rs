//! The promises over generated Markdown: any string, and strings built from
//! the pieces that Markdown is made of.

use proptest::prelude::*;

use super::check::{assert_rich, assert_valid, in_order, letters, visible, visible_rich};
use crate::format::{classic, plain, preview_classic, preview_rich, rich, utf16_len};

/// Pieces whose combinations are where formatters break.
const PIECES: [&str; 81] = [
    "<details>",
    "<summary>",
    "</summary>",
    "</details>",
    "==",
    "\\frac{",
    "\\begin{pmatrix}",
    "\\begin{align}",
    "\n\\begin{equation}\n",
    "\\end{align}",
    "~",
    "> [!NOTE]\n",
    "\\\\",
    "<sub>",
    "</sub>",
    "（注意：",
    "<a href='https://a.bc'>",
    "**",
    "*",
    "_",
    "__",
    "~~",
    "||",
    "`",
    "``",
    "```",
    "```rust\n",
    "~~~\n",
    "$",
    "$$",
    "\\(",
    "\\)",
    "\\[",
    "\\]",
    "[",
    "]",
    "](",
    ")",
    "](https://a.bc/d)",
    "![",
    "<",
    ">",
    "<u>",
    "</u>",
    "<b ",
    "<tg-button>",
    "\\",
    "&lt;",
    "&",
    "|",
    "| a | b |\n",
    "|---|---|\n",
    "> ",
    ">> ",
    "- ",
    "* ",
    "1. ",
    "- [x] ",
    "# ",
    "## ",
    "---\n",
    "===\n",
    "[^1]",
    "[^1]: ",
    "[r]: https://e.fg\n",
    "[r]",
    "\n",
    "\n\n",
    "\n    ",
    "  \n",
    " ",
    "\t",
    "\r",
    "word",
    "日本",
    "👨‍👩‍👧‍👦",
    "e\u{301}",
    "سلام",
    "x",
    "42",
    "\u{200b}",
];

fn markdown() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&PIECES[..]), 0..60).prop_map(|p| p.concat())
}

/// Answers long enough to be cut.
fn long_markdown() -> impl Strategy<Value = String> {
    (prop::collection::vec(markdown(), 1..8), 1..60_usize).prop_map(|(p, n)| p.join(" ").repeat(n))
}

/// A failing run prints its input, which becomes a named test here.
fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(128)
    }
}

fn hold(text: &str) -> Result<(), TestCaseError> {
    let mut shown = String::new();
    for part in classic(text) {
        assert_valid(&part, text);
        shown.push_str(&part.text);
        shown.push('\n');
    }
    let parts = rich(text);
    for part in &parts {
        assert_rich(part, text);
    }
    if let Some(frame) = preview_classic(text) {
        assert_valid(&frame, text);
    }
    let frame = preview_rich(text);
    if !frame.is_empty() {
        assert_rich(&frame, text);
    }
    let plain = plain(text);
    prop_assert!(plain.iter().all(|p| (1..=4096).contains(&utf16_len(p))));
    prop_assert_eq!(letters(&plain.concat()), letters(text));
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_string_gives_valid_messages(text in any::<String>()) {
        hold(&text)?;
    }

    #[test]
    fn any_markdown_gives_valid_messages(text in markdown()) {
        hold(&text)?;
    }

    #[test]
    fn any_long_markdown_gives_valid_messages(text in long_markdown()) {
        hold(&text)?;
    }
}

proptest! {
    #![proptest_config(config())]

    /// Prose with well-formed markup of every kind: every word arrives.
    #[test]
    fn no_word_of_an_answer_is_lost(blocks in prop::collection::vec(block(), 1..40)) {
        let text = blocks.join("\n\n");
        let shown: String = classic(&text).into_iter().map(|p| p.text + "\n").collect();
        in_order(&visible(&text), &letters(&shown), &text);
        let shown = rich(&text).join("\n\n");
        in_order(&visible(&text), &visible_rich(&shown), &text);
    }
}

fn words() -> impl Strategy<Value = String> {
    "[a-zA-Zäß日本0-9]{1,8}( [a-zA-Zéñ語1-9]{1,12}){0,12}"
}

fn inline() -> impl Strategy<Value = String> {
    (words(), 0..10_u8).prop_map(|(words, kind)| match kind {
        0 => format!("**{words}**"),
        1 => format!("*{words}*"),
        2 => format!("`{words}`"),
        3 => format!("||{words}||"),
        9 => format!("<kbd>{words}</kbd> ==x== ||y||"),
        4 => format!("[{words}](https://example.com/x)"),
        5 => format!("~~{words}~~"),
        6 => format!("**{words} *nested* `code`**"),
        7 => format!("<u>{words}</u> < {words}"),
        _ => words,
    })
}

fn block() -> impl Strategy<Value = String> {
    (prop::collection::vec(inline(), 1..6), 0..9_u8, 1..40_usize).prop_map(|(parts, kind, n)| {
        let text = parts.join(" ");
        match kind {
            0 => format!("# {text}"),
            1 => parts.iter().map(|p| format!("- {p}\n")).collect(),
            2 => parts
                .iter()
                .map(|p| format!("1. {p}\n   - {p}\n"))
                .collect(),
            3 => format!("> {text}\n> {text}"),
            4 => format!("```py\n{}```", format!("{text}\n").repeat(n)),
            5 => {
                let cells: Vec<String> = parts.iter().map(|p| p.replace('|', "")).collect();
                let rule = "---|".repeat(cells.len());
                format!(
                    "| {} |\n|{rule}\n| {} |",
                    cells.join(" | "),
                    cells.join(" | ")
                )
            }
            6 => format!("{text}\n").repeat(n),
            _ => text,
        }
    })
}
