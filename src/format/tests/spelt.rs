//! What models write that neither Telegram nor our parser reads as it is meant:
//! formulas without marks, single tildes, alerts.

use super::check::{assert_rich, assert_valid};
use super::constructs::assert_shows;
use crate::format::{classic, preview_rich, rich};

#[test]
fn an_environment_without_dollars_is_a_formula() {
    for (text, wanted) in [
        (
            "So:\n\\begin{align*}\na &= b \\\\\n- c &= d\n\\end{align*}",
            "So:  \n$$\\begin{aligned} a &= b \\\\ - c &= d \\end{aligned}$$",
        ),
        (
            "\\begin{equation}\nE = mc^2\n\\end{equation}",
            "$$E = mc^2$$",
        ),
        (
            "\\begin{gather}\na\\\\\nb\n\\end{gather} holds.",
            "$$\\begin{gathered} a\\\\ b \\end{gathered}$$ holds.",
        ),
        (
            "$$\n\\begin{aligned}\na\n\\end{aligned}\n$$",
            "$$\n\\begin{aligned}\na\n\\end{aligned}\n$$",
        ),
        (
            "\\[\\begin{align}a^2\\end{align}\\]",
            "$$\\begin{align}a^2\\end{align}$$",
        ),
        // No formulas: within a line, of another kind, in code, without an end.
        (
            "a \\begin{align}b\\end{align}",
            "a \\begin{align}b\\end{align}",
        ),
        (
            "\\begin{itemize}\n\\end{itemize}",
            "\\begin{itemize}  \n\\end{itemize}",
        ),
        (
            "`\\begin{align}b\\end{align}`",
            "`\\begin{align}b\\end{align}`",
        ),
        ("\\begin{align}\na", "\\begin{align}  \na"),
    ] {
        assert_eq!(rich(text), [wanted]);
        assert_rich(wanted, text);
    }
    let text = "\\begin{align}\nx + y &= 3 \\\\\n- y &= -1\n\\end{align}";
    let lines = "x + y = 3\n− y = −1";
    assert_shows(text, lines, &[["pre", lines, ""]]);
}

#[test]
fn a_formula_without_dollars_is_hidden_until_it_is_whole() {
    let text = "So:\n\\begin{align}\na &= b\n\\end{align}";
    for end in "So:\n".len()..text.len() {
        assert_eq!(preview_rich(&text[..end]), "So:", "{end}");
    }
    assert_eq!(preview_rich(text), rich(text)[0]);
}

#[test]
fn single_tildes_never_strike() {
    for text in [
        "3~5일, 10~20개",
        "~5분~ 정도",
        "~5 min, or 10~ at worst~",
        "**~a~** and *b~c~d*",
        "| a |\n|---|\n| ~b~ |",
        "- ~a~ b ~c~",
        "> ~a\n> b~",
        "# ~a~",
    ] {
        for part in classic(text) {
            assert_valid(&part, text);
            let entities = serde_json::to_string(&part.entities).expect("entities serialise");
            assert!(!entities.contains("strike"), "{text}: {entities}");
            assert_eq!(part.text.matches('~').count(), text.matches('~').count());
        }
        for part in rich(text) {
            assert_rich(&part, text);
            assert_eq!(
                part.matches("\\~").count(),
                text.matches('~').count(),
                "{part}"
            );
        }
    }
    let kept = "~~gone~~ `~a~` https://a.bc/~d/e~f ~/g \\~h\n\n```\n~i~\n```";
    assert_eq!(rich(kept), [kept]);
    assert_shows("~~gone~~ ~5~", "gone ~5~", &[["strikethrough", "gone", ""]]);
}

#[test]
fn an_alert_is_a_quotation_that_begins_with_its_name() {
    let text = "> [!WARNING]\n> It **hurts**.";
    assert_eq!(rich(text), ["> **⚠️ Warning**  \n> It **hurts**."]);
    assert_shows(
        text,
        "⚠️ Warning\nIt hurts.",
        &[
            ["blockquote", "⚠️ Warning\nIt hurts.", ""],
            ["bold", "⚠️ Warning", ""],
            ["bold", "hurts", ""],
        ],
    );
    for (text, wanted) in [
        (">[!note]\n>\n>a", ">**ℹ️ Note**\n>\n>a"),
        ("> [!TIP] a `b`", "> **💡 Tip**  \n> a `b`"),
        (
            "a\n\n> [!IMPORTANT]\n> - b",
            "a\n\n> **❗ Important**\n> - b",
        ),
        ("> [!CAUTION]", "> **🛑 Caution**"),
        // None: further down, in code, of another kind, without a quotation.
        ("> a\n> [!NOTE]", "> a  \n> [!NOTE]"),
        ("```\n> [!NOTE]\n```", "```\n> [!NOTE]\n```"),
        ("> [!BUG]", "> [!BUG]"),
        ("[!NOTE]", "[!NOTE]"),
    ] {
        assert_eq!(rich(text), [wanted]);
        assert_rich(wanted, text);
    }
    for partial in ["a\n\n> [", "a\n\n> [!NO", "a\n\n> [!NOTE"] {
        assert_eq!(preview_rich(partial), "a", "{partial:?}");
    }
    assert_eq!(preview_rich("a\n\n> [!NOTE]"), "a\n\n> **ℹ️ Note**");
}

#[test]
fn what_stands_below_a_cut_answer_is_no_part_of_its_code() {
    let shown = format!("{}\n\nNote", crate::format::closed("Look:\n\n```rs\nlet a"));
    assert_eq!(rich(&shown), ["Look:\n\n```rs\nlet a\n```\n\nNote"]);
    assert_shows(&shown, "Look:\n\nlet a\n\nNote", &[["pre", "let a", "rs"]]);
    let folded = "<details><summary>a</summary>\n\nb";
    let shown = format!("{}\n\nNote", crate::format::closed(folded));
    let [part] = &rich(&shown)[..] else {
        panic!("more than one part");
    };
    let (inside, below) = part.split_once("</details>").expect("it is closed");
    assert!(
        inside.trim_end().ends_with('b') && below.trim() == "Note",
        "{part}"
    );
    assert_shows(
        &shown,
        "a\nb\n\nNote",
        &[["bold", "a", ""], ["expandable_blockquote", "b", ""]],
    );
}
