//! What each construct looks like, spelled out.

use serde_json::{Value, json};

use super::check::{assert_rich, assert_valid};
use crate::format::{classic, plain, preview_classic, preview_rich, rich, utf16_len};

/// The only message of an answer: its text and, per entity, its type, the
/// text it covers and its address or language.
fn shown(markdown: &str) -> (String, Vec<[String; 3]>) {
    let parts = classic(markdown);
    assert_eq!(parts.len(), 1, "{parts:?}");
    assert_valid(&parts[0], markdown);
    let units: Vec<u16> = parts[0].text.encode_utf16().collect();
    let entities = parts[0]
        .entities
        .iter()
        .map(|entity| {
            let json = serde_json::to_value(entity).expect("entities serialise");
            let text = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
            let from = json["offset"].as_u64().expect("an offset") as usize;
            let to = from + json["length"].as_u64().expect("a length") as usize;
            let covered = String::from_utf16(&units[from..to]).expect("whole characters");
            [text("type"), covered, text("url") + &text("language")]
        })
        .collect();
    (parts[0].text.clone(), entities)
}

pub(super) fn assert_shows(markdown: &str, text: &str, entities: &[[&str; 3]]) {
    let (found, covered) = shown(markdown);
    assert_eq!(found, text, "{markdown}");
    let wanted: Vec<[String; 3]> = entities.iter().map(|e| e.map(str::to_owned)).collect();
    assert_eq!(covered, wanted, "{markdown}");
}

#[test]
fn entities_serialise_as_the_bot_api_writes_them() {
    let parts = classic("😀 **b**\n\n```rs\nx\n```\n\n[l](https://a.bc)");
    let json: Value = serde_json::to_value(&parts).expect("messages serialise");
    assert_eq!(
        json,
        json!([{ "text": "😀 b\n\nx\n\nl", "entities": [
            { "type": "bold", "offset": 3, "length": 1 },
            { "type": "pre", "language": "rs", "offset": 6, "length": 1 },
            { "type": "text_link", "url": "https://a.bc", "offset": 9, "length": 1 },
        ]}])
    );
    let back: Vec<crate::format::Formatted> = serde_json::from_value(json).expect("and back");
    assert_eq!(back, parts);
}

#[test]
fn nothing_visible_gives_no_messages() {
    for empty in ["", "  \n\t ", "\u{200b}\n", "```\n\n```", "\u{feff}"] {
        assert_eq!(classic(empty), []);
        assert!(rich(empty).is_empty(), "{empty:?}");
        assert!(plain("  \n").is_empty());
        assert_eq!(preview_classic(empty), None);
        assert_eq!(preview_rich(empty), "");
    }
}

#[test]
fn inline_styles_nest() {
    assert_shows(
        "**bold *both* `code`** ~~gone~~ ||hidden||",
        "bold both code gone hidden",
        &[
            ["bold", "bold both", ""],
            ["italic", "both", ""],
            ["code", "code", ""],
            ["strikethrough", "gone", ""],
            ["spoiler", "hidden", ""],
        ],
    );
}

#[test]
fn a_logical_or_is_no_spoiler() {
    assert_shows("a || b || c and p||q||r", "a || b || c and p||q||r", &[]);
}

#[test]
fn a_spoiler_across_bold_splits_rather_than_overlaps() {
    assert_shows(
        "**a ||b** c||",
        "a b c",
        &[
            ["bold", "a b", ""],
            ["spoiler", "b", ""],
            ["spoiler", "c", ""],
        ],
    );
}

#[test]
fn headings_are_bold_and_blocks_stand_apart() {
    assert_shows(
        "# Title **x**\nText\nmore\n\n---\nEnd",
        "Title x\n\nText\nmore\n\n──────────\n\nEnd",
        &[["bold", "Title x", ""]],
    );
}

#[test]
fn lists_keep_their_nesting_and_numbers() {
    assert_shows(
        "- a\n  - b\n    continued\n- c\n\n7. x\n8. y\n   - [ ] z\n   - [x] **w**",
        "• a\n    ◦ b\n        continued\n• c\n\n7. x\n8. y\n    ☐ z\n    ☑ w",
        &[["bold", "w", ""]],
    );
}

#[test]
fn a_nested_list_follows_its_item_without_a_blank_line() {
    assert_shows("- a\n  - b\n\n- c", "• a\n    ◦ b\n• c", &[]);
}

#[test]
fn code_in_a_list_is_not_indented() {
    assert_shows(
        "1. Run\n\n   ```sh\n   ls  \n     -l\n   ```\n2. Done",
        "1. Run\nls  \n  -l\n\n2. Done",
        &[["pre", "ls  \n  -l", "sh"]],
    );
}

#[test]
fn quotes_hold_other_markup_and_do_not_nest() {
    assert_shows(
        "> a **b**\n>\n> > c `d`\n\ne",
        "a b\n\n> c d\n\ne",
        &[
            ["blockquote", "a b\n\n> c d", ""],
            ["bold", "b", ""],
            ["code", "d", ""],
        ],
    );
}

#[test]
fn only_known_schemes_become_links() {
    assert_shows(
        "[a](https://x.y/z_(q)) [b](../f.md) [c](javascript:d) ![p](https://i.j/k.png) <https://u.v>",
        "a b (../f.md) c (javascript:d) p https://u.v",
        &[
            ["text_link", "a", "https://x.y/z_(q)"],
            ["text_link", "p", "https://i.j/k.png"],
            ["text_link", "https://u.v", "https://u.v"],
        ],
    );
}

#[test]
fn tables_line_up_on_the_screen() {
    assert_shows(
        "| Name | 数 |\n|:--|--:|\n| **Ann** | 7 |\n| 東京 | 1400 | extra |",
        "Name │   数\n─────┼──────┼──────\nAnn  │    7\n東京 │ 1400 │ extra",
        &[[
            "pre",
            "Name │   数\n─────┼──────┼──────\nAnn  │    7\n東京 │ 1400 │ extra",
            "",
        ]],
    );
}

#[test]
fn known_tags_are_obeyed_and_formulas_become_signs() {
    assert_shows(
        "<b>x</b> a<br>b \\(a_1 * b_1\\), $5 or $6\n\n\\[ x^2 \\]",
        "x a\nb a₁ * b₁, $5 or $6\n\nx²",
        &[["bold", "x", ""], ["code", "x²", ""]],
    );
}

#[test]
fn a_table_wider_than_a_phone_becomes_a_list() {
    assert_shows(
        "| Year | Where | What happened |\n|---|---|---|\n| 1969 | Moon | People **walk** on the [Moon](https://a.bc) for the first time |\n| Soon | | ? |",
        "Year: 1969\nWhere: Moon\nWhat happened: People walk on the Moon for the first time\n\nYear: Soon\nWhat happened: ?",
        &[
            ["bold", "Year: 1969", ""],
            ["bold", "walk", ""],
            ["text_link", "Moon", "https://a.bc"],
            ["bold", "Year: Soon", ""],
        ],
    );
    assert_shows(
        "| Code | Meaning |\n|---|---|\n| 429 | Too many requests: wait for a while |\n| 503 | **Unavailable** |",
        "Code — Meaning\n• 429 — Too many requests: wait for a while\n• 503 — Unavailable",
        &[
            ["italic", "Code — Meaning", ""],
            ["bold", "429", ""],
            ["bold", "503", ""],
            ["bold", "Unavailable", ""],
        ],
    );
}

#[test]
fn what_folds_stands_in_a_quotation_that_folds() {
    let text = "<details>\n<summary>Show <b>it</b></summary>\nIn *here*\n</details>\nAfter";
    assert_shows(
        text,
        "Show it\nIn here\n\nAfter",
        &[
            ["bold", "Show it", ""],
            ["expandable_blockquote", "In here", ""],
            ["italic", "here", ""],
        ],
    );
    let wanted = "<details><summary>Show it</summary>\n\nIn *here*\n\n</details>\n\nAfter";
    assert_eq!(rich(text), [wanted]);
    assert_rich(wanted, text);
}

#[test]
fn tags_do_what_they_are_known_for() {
    assert_shows(
        "H<sub>2</sub>O, 10<sup>-3</sup>, <kbd>Ctrl</kbd>+<kbd>C</kbd>, ==hot==, <u>u</u>, <a href=\"https://a.bc\">l</a>, Vec<T>, <b>open",
        "H₂O, 10⁻³, Ctrl+C, hot, u, l, Vec<T>, <b>open",
        &[
            ["code", "Ctrl", ""],
            ["code", "C", ""],
            ["bold", "hot", ""],
            ["underline", "u", ""],
            ["text_link", "l", "https://a.bc"],
        ],
    );
}

#[test]
fn bold_beside_punctuation_is_bold_in_scripts_without_spaces() {
    assert_shows(
        "**注意：**请看**“这里”**吧",
        "注意：\u{200a}请看\u{200a}“这里”\u{200a}吧",
        &[["bold", "注意：", ""], ["bold", "“这里”", ""]],
    );
}

#[test]
fn what_the_parser_swallows_is_shown() {
    assert_shows(
        "Note[^1] [r]\n\n[r]: https://a.bc\n[lost]: https://d.ef\n\n[^1]: foot\n\n```This is it\n```",
        "Note[1] r\n\n[lost]: https://d.ef\n\n[1] foot\n\nThis is it",
        &[["text_link", "r", "https://a.bc"]],
    );
}

#[test]
fn a_long_code_block_goes_on_in_the_next_message_with_its_language() {
    let code = "    let x = 1;\n".repeat(600);
    let parts = classic(&format!("Intro\n\n```rust\n{code}```\n\nEnd"));
    assert!(parts.len() > 2);
    for (number, part) in parts.iter().enumerate() {
        assert_valid(part, "long code");
        let json = serde_json::to_value(&part.entities[0]).expect("entities serialise");
        assert_eq!(
            (&json["type"], &json["language"]),
            (&json!("pre"), &json!("rust"))
        );
        assert!(
            number == 0 || part.text.starts_with("    let"),
            "indentation stays"
        );
    }
}

#[test]
fn a_message_does_not_end_with_a_heading() {
    let text = format!("{}\n\n# Head\n\n{}", "a ".repeat(1900), "b ".repeat(1000));
    let parts = classic(&text);
    assert_eq!(parts.len(), 2);
    assert!(parts[1].text.starts_with("Head\n\nb"), "{parts:?}");
}

#[test]
fn no_cut_falls_into_a_grapheme() {
    let family = "👨‍👩‍👧‍👦";
    for part in classic(&family.repeat(1000))
        .iter()
        .map(|p| &p.text)
        .chain(&plain(&family.repeat(1000)))
    {
        assert_eq!(part.replace(family, ""), "");
    }
}

#[test]
fn lengths_are_utf16_code_units() {
    assert_eq!(utf16_len("aé日😀"), 5);
}

#[test]
fn a_rich_answer_is_the_models_own_markdown() {
    let text = "# T\n\n**b** ==m== ||s|| $x^2$ H<sub>2</sub>O[^1]\n\n- [x] a\n  - b\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```html\n<tg-thinking>\n```\n\n[^1]: note";
    assert_eq!(rich(text), [text]);
}

#[test]
fn a_rich_answer_brings_no_live_tags_pictures_or_prices_set_as_formulas() {
    for (text, wanted) in [
        (
            "<tg-thinking>x</tg-thinking>",
            "&lt;tg-thinking>x&lt;/tg-thinking>",
        ),
        ("a \\<tg-button>b", "a &lt;tg-button>b"),
        ("`<tg-button>`", "`<\u{2060}tg-button>`"),
        ("x <u>y</u> <u>z < 1", "x <u>y</u> &lt;u>z &lt; 1"),
        ("![a](https://b.c/d.png)", "[a](https://b.c/d.png)"),
        ("![](https://b.c/d.png)", "https://b.c/d.png"),
        (
            "[![a](https://b.c/d.png)](https://e.fg)",
            "[a](https://e.fg)",
        ),
        (
            "[a](javascript:b) [c](../d)",
            "a (javascript\\:b) c (\\.\\.\\/d)",
        ),
        ("[a](<https://b.c/d e>)", "[a](https://b.c/d%20e)"),
        ("$5 or A$7", "\\$5 or A\\$7"),
        ("\\(x < y\\)", "$x < y$"),
        ("one\ntwo", "one  \ntwo"),
        ("<https://a.bc/d>", "https://a.bc/d"),
        ("<kbd>a</kbd> <center>b</center>", "<code>a</code> b"),
        ("<a href='https://b.c'>a</a>", "[a](https://b.c)"),
        ("2 &times; 3 &rarr; &lt;6&gt;", "2 × 3 → &lt;6&gt;"),
        (
            "<details><summary>a</summary>b",
            "<details><summary>a</summary>\n\nb\n\n</details>",
        ),
        (
            "- <details><summary>a</summary>b</details>",
            "- **a**\n\n  b",
        ),
        ("```\nopen", "```\nopen\n```"),
        ("- a\n  ```sh\n  ls", "- a\n  ```sh\n  ls\n  ```"),
    ] {
        assert_eq!(rich(text), [wanted]);
        assert_rich(wanted, text);
    }
}

#[test]
fn a_rich_answer_beyond_the_limits_is_cut_at_blocks() {
    let items: String = (1..=700).map(|n| format!("{n}. item\n")).collect();
    let parts = rich(&items);
    assert!(parts.len() > 1);
    assert_eq!(parts.join("\n"), items.trim_end());
    let code = format!("```py\n{}```", "x = 1\n".repeat(8000));
    for part in rich(&code) {
        assert!(part.starts_with("```py\nx") && part.ends_with("1\n```"));
        assert_rich(&part, "long code");
    }
    let wide = format!(
        "|{}\n|{}\n|{}",
        "h|".repeat(21),
        "-|".repeat(21),
        "c|".repeat(21)
    );
    assert!(rich(&wide)[0].starts_with("c  \nh\\: c"));
}

#[test]
fn indented_code_with_backticks_becomes_one_fence() {
    let parts = rich("a\n\n    ```\n    b\n\nc");
    assert_eq!(parts, ["a\n\n````\n```\nb\n````\n\nc"]);
}

#[test]
fn frames_close_or_hide_what_is_unfinished() {
    for (partial, wanted) in [
        ("Hi **bo", "Hi **bo**"),
        ("Hi **", "Hi"),
        ("see `co", "see `co`"),
        ("see [text](http://exa", "see text"),
        ("```rs\nlet a", "```rs\nlet a\n```"),
        ("```rs\nlet a;\n``", "```rs\nlet a;\n```"),
        ("A table:\n\n| a | b |\n|--", "A table:"),
        (
            "a\n\n| a | b |\n|---|---|\n| 1",
            "a\n\n| a | b |\n|---|---|",
        ),
        ("a ||secr", "a ||secr||"),
        ("**see `co", "**see `co`**"),
        ("an _ital", "an _ital_"),
        ("snake_case", "snake_case"),
        ("Intro\n-", "Intro"),
        ("Intro\n--", "Intro"),
        ("- a\n- [", "- a"),
        ("1. a\n2.", "1. a"),
        ("so $x^2 +", "so"),
        ("it costs $5", "it costs \\$5"),
        ("a note[^1", "a note"),
        ("a note[^1].", "a note&#91;1]."),
        ("say <details><summ", "say"),
        ("```py", ""),
        ("a\n\n```py", "a"),
        ("**bold*", "**bold**"),
        ("**bold**", "**bold**"),
        ("x ***both", "x ***both***"),
    ] {
        assert_eq!(preview_rich(partial), wanted, "{partial:?}");
    }
}

#[test]
fn a_long_frame_shows_the_newest_text() {
    let text: String = (0..2000).map(|n| format!("line **{n}**\n")).collect();
    let frame = preview_classic(&text).expect("there is text");
    assert_valid(&frame, "long frame");
    assert!(frame.text.starts_with("…\nline ") && frame.text.ends_with("line 1999"));
    assert!(utf16_len(&frame.text) > 4000);
    assert_eq!(frame.entities.len(), 100);
}
