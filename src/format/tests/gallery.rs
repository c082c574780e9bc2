//! The gallery: answers as today's models write them, and how each is shown.
//!
//! `tests/fixtures/gallery/NAME.md` is an answer, `shown/NAME.rich.md` what
//! `sendRichMessage` is given and `shown/NAME.classic.html` what `sendMessage`
//! shows, its entities written as tags. After a change that is meant, read the
//! differences that this writes:
//!
//! `LASTWORD_WRITE_GALLERY=1 cargo test --lib gallery`

use std::path::{Path, PathBuf};

use super::check::{assert_rich, assert_valid, in_order, letters, visible, visible_rich};
use crate::format::{Formatted, classic, rich};

/// Stands between the parts of an answer.
const BETWEEN: &str = "\n\n════════ next message ════════\n\n";

/// Every answer of the gallery, by name.
pub(super) fn answers() -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = std::fs::read_dir(folder())
        .expect("the gallery is part of the repository")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .map(|path| {
            let name = path.file_stem().expect("a name").display().to_string();
            let text = std::fs::read_to_string(&path).expect("answers are UTF-8");
            (name, text.trim_end().to_owned())
        })
        .collect();
    found.sort();
    found
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gallery")
}

/// A message as HTML, the way Telegram's own HTML style is written.
fn as_html(message: &Formatted) -> String {
    let units: Vec<u16> = message.text.encode_utf16().collect();
    let mut opens: Vec<String> = vec![String::new(); units.len() + 1];
    let mut closes: Vec<String> = vec![String::new(); units.len() + 1];
    for entity in &message.entities {
        let json = serde_json::to_value(entity).expect("entities serialise");
        let text = |key: &str| json[key].as_str().unwrap_or_default();
        let (tag, attribute) = match text("type") {
            "bold" => ("b", String::new()),
            "italic" => ("i", String::new()),
            "underline" => ("u", String::new()),
            "strikethrough" => ("s", String::new()),
            "spoiler" => ("tg-spoiler", String::new()),
            "code" => ("code", String::new()),
            "pre" => ("pre", format!(" {}", text("language"))),
            "text_link" => ("a", format!(" {}", text("url"))),
            "blockquote" => ("blockquote", String::new()),
            "expandable_blockquote" => ("blockquote", " expandable".to_owned()),
            other => panic!("an entity that is not expected: {other}"),
        };
        let from = entity.offset as usize;
        let to = from + entity.length as usize;
        opens[from].push_str(&format!("<{}>", format!("{tag}{attribute}").trim_end()));
        closes[to].insert_str(0, &format!("</{tag}>"));
    }
    let mut out = String::new();
    let mut at = 0;
    for c in message.text.chars() {
        out.push_str(&closes[at]);
        out.push_str(&opens[at]);
        match c {
            '<' => out.push_str("&lt;"),
            c => out.push(c),
        }
        at += c.len_utf16();
    }
    out.push_str(&closes[at]);
    out
}

#[test]
fn every_answer_of_the_gallery_is_shown_as_it_was_read_and_found_good() {
    let write = std::env::var_os("LASTWORD_WRITE_GALLERY").is_some();
    let shown = folder().join("shown");
    let answers = answers();
    assert!(answers.len() >= 60, "{} answers", answers.len());
    let mut wrong = Vec::new();
    for (name, text) in &answers {
        let html: Vec<String> = classic(text).iter().map(as_html).collect();
        for (ending, now) in [
            ("rich.md", rich(text).join(BETWEEN)),
            ("classic.html", html.join(BETWEEN)),
        ] {
            let path = shown.join(format!("{name}.{ending}"));
            if write {
                std::fs::create_dir_all(&shown).expect("a folder");
                std::fs::write(&path, now + "\n").expect("a writable folder");
                continue;
            }
            let before = std::fs::read_to_string(&path).unwrap_or_default();
            if before.trim_end_matches('\n') != now {
                wrong.push(format!("{name}.{ending}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "shown otherwise than before: {wrong:?}; LASTWORD_WRITE_GALLERY=1 writes them anew"
    );
}

#[test]
fn every_answer_of_the_gallery_is_valid_and_whole_both_ways() {
    for (name, text) in answers() {
        let parts = classic(&text);
        for part in &parts {
            assert_valid(part, &name);
        }
        let shown: String = parts.into_iter().map(|p| p.text + "\n").collect();
        in_order(&visible(&text), &letters(&shown), &name);
        let parts = rich(&text);
        for part in &parts {
            assert_rich(part, &name);
        }
        let shown = visible_rich(&parts.join("\n\n"));
        in_order(&visible(&text), &shown, &name);
    }
}
