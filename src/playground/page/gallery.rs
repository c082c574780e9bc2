//! The gallery: answers as today's models write them, and how each is shown,
//! as a rich message and as classic ones, side by side.
//!
//! The answers are part of the program. Each is formatted by the daemon's own
//! formatter and drawn by what draws the chats, so this page shows what the
//! chats would.

use maud::{DOCTYPE, Markup, html};
use serde_json::to_value;

use super::{shell, words};
use crate::format;
use crate::playground::bot_api::{Content, Rich};

/// Every answer, by name.
macro_rules! answers {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../tests/fixtures/gallery/", $name, ".md")))),*]
    };
}

const ANSWERS: &[(&str, &str)] = answers![
    "arabic",
    "ascii-art",
    "bold-in-quote-list",
    "chatty",
    "chemistry",
    "chinese",
    "citations",
    "code-in-lists",
    "comparison",
    "definition-list",
    "dialogue",
    "diff-review",
    "email",
    "emoji",
    "feature-matrix",
    "folding",
    "footnotes",
    "headings-all",
    "hebrew",
    "hindi",
    "html-code",
    "html-fragments",
    "japanese",
    "json-answer",
    "korean",
    "latex-brackets",
    "latex-inline",
    "linear-algebra",
    "links",
    "long-list",
    "long-quote",
    "long-table",
    "many-languages",
    "math-proof",
    "mermaid",
    "money",
    "narrow-table",
    "nested-fences",
    "nested-lists",
    "persian",
    "physics",
    "plain-paragraphs",
    "poem",
    "python-script",
    "quotes",
    "ragged-table",
    "recipe",
    "regex",
    "rules-and-breaks",
    "russian",
    "rust-retry",
    "shell-transcript",
    "short-answer",
    "spoilers",
    "sql-explained",
    "statistics",
    "step-by-step",
    "task-list",
    "travel-plan",
    "two-column-table",
    "unclosed-fence",
    "very-long",
    "wide-code",
    "wide-table",
    "yaml-docker",
];

/// The whole page.
pub(super) fn html() -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Lastword gallery" }
                link rel="icon" href=(shell::ICON);
                link rel="stylesheet" href="/page.css";
                link rel="stylesheet" href="/gallery.css";
                script src="/gallery.js" defer {}
            }
            body.gallery {
                header.top {
                    h1 { "Gallery " small { "how answers look" } }
                    label.sr for="search" { "Search by name or words" }
                    input #search type="search" placeholder="Search" autocomplete="off";
                    a.back href="/" { "Chats" }
                }
                main {
                    p.about {
                        (ANSWERS.len()) " answers as models write them, formatted by the daemon: "
                        "left as one rich message, right as classic messages for servers and apps that know no others."
                    }
                    p.none hidden { "No answer has these words." }
                    @for (name, text) in ANSWERS { (answer(name, text)) }
                }
            }
        }
    }
}

fn answer(name: &str, text: &str) -> Markup {
    let rich = format::rich(text).into_iter().map(|markdown| Content {
        rich: Some(Rich::Markdown(markdown)),
        ..Content::default()
    });
    let classic = format::classic(text).into_iter().map(|message| Content {
        entities: message
            .entities
            .iter()
            .filter_map(|entity| to_value(entity).ok())
            .collect(),
        text: message.text,
        ..Content::default()
    });
    html! {
        section.answer id=(name) {
            h2 { a href={ "#" (name) } { (name.replace('-', " ")) } }
            div.ways {
                (way("Rich", rich))
                (way("Classic", classic))
            }
            details.source {
                summary { "Source" }
                pre tabindex="0" { (text) }
            }
        }
    }
}

fn way(title: &str, messages: impl Iterator<Item = Content>) -> Markup {
    html! {
        div.way-of {
            h3 { (title) }
            @for content in messages {
                article.bubble.bot { (words::html(&content)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_of_the_gallery_is_on_the_page_both_ways_and_nothing_of_it_runs() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/gallery");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
            .map(|path| path.file_stem().unwrap().display().to_string())
            .collect();
        names.sort();
        let listed: Vec<&str> = ANSWERS.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, listed);

        let page = html().into_string();
        for name in listed {
            assert!(page.contains(&format!("<section class=\"answer\" id=\"{name}\">")));
        }
        assert!(page.matches("<article class=\"bubble bot\">").count() >= 2 * names.len());
        for foreign in [
            "<script>",
            "<img",
            "<dialog",
            "<kbd",
            "style=",
            "javascript:",
        ] {
            let shown = page.replace("&lt;", "");
            assert!(!shown.contains(foreign), "{foreign}");
        }
        // A table, a formula, a fold and a spoiler, drawn rather than written.
        for drawn in [
            "<td class=\"right\">1 204 331</td>",
            "<span class=\"formula\">ax² + bx + c = 0</span>",
            "<details><summary>Solution</summary>",
            "<span class=\"spoiler\" tabindex=\"0\">It was",
        ] {
            assert!(page.contains(drawn), "{drawn}");
        }
    }
}
