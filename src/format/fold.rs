//! What a model thought, as people may see it: its end while it thinks, and
//! folded away above the answer.
//!
//! Thoughts are plain text here: whatever marks they hold are shown as letters,
//! and nothing in them can become markup.

use super::entity::{Entity, EntityKind, Formatted};
use super::{RICH_TEXT_MAX, cut, dialect};

/// Letters of a thought on the screen while the model thinks.
const GLIMPSE: usize = 240;

/// Most UTF-16 units of folded thoughts; what came first is left out.
const FOLDED: usize = 3_000;

/// Fewer units are not worth a fold.
const LEAST: usize = 80;

const OPEN: &str = "<details><summary>";
const CLOSE: &str = "</details>\n\n";

/// The end of a thought on one line: its last paragraph, or as much of that as
/// a glance takes in.
#[must_use]
pub fn last_thought(reasoning: &str) -> String {
    let paragraph = reasoning
        .trim_end()
        .rsplit("\n\n")
        .find(|paragraph| cut::is_visible(paragraph))
        .unwrap_or_default();
    let words: Vec<&str> = paragraph.split_whitespace().collect();
    let line = words.join(" ").replace("**", "");
    let letters = line.chars().count();
    if letters <= GLIMPSE {
        return line;
    }
    let tail: String = line.chars().skip(letters - GLIMPSE).collect();
    let from = tail.find(' ').map_or(0, |at| at + 1);
    format!("…{}", &tail[from..])
}

/// A draft that shows that the model thinks, and of what.
#[must_use]
pub fn thinking_rich(label: &str, thought: &str) -> String {
    let mut text = String::new();
    dialect::escape(if thought.is_empty() { label } else { thought }, &mut text);
    format!("<tg-thinking>{text}</tg-thinking>")
}

/// The same as a classic draft.
#[must_use]
pub fn thinking_classic(label: &str, thought: &str) -> Formatted {
    if thought.is_empty() {
        return Formatted {
            text: label.to_owned(),
            entities: Vec::new(),
        };
    }
    Formatted {
        entities: vec![stretch(
            EntityKind::Blockquote,
            cut::units(label) + 1,
            cut::units(thought),
        )],
        text: format!("{label}\n{thought}"),
    }
}

/// The first rich part of an answer with the thoughts folded away above it;
/// `None` when there is no room for any.
#[must_use]
pub fn folded_rich(markdown: &str, label: &str, reasoning: &str) -> Option<String> {
    let frame = OPEN.len() + label.len() * 5 + CLOSE.len() + 64;
    let room = RICH_TEXT_MAX.checked_sub(cut::units(markdown) + frame)?;
    // Escaped, a letter may grow to five.
    let thoughts = tail(reasoning, FOLDED.min(room / 5))?;
    let mut out = String::from(OPEN);
    dialect::escape(label, &mut out);
    out.push_str("</summary>\n\n");
    for line in thoughts.lines().filter(|line| !line.trim().is_empty()) {
        dialect::escape(line.trim(), &mut out);
        out.push_str("  \n");
    }
    out.truncate(out.trim_end().len());
    out.push_str("\n\n");
    out.push_str(CLOSE);
    out.push_str(markdown);
    Some(out)
}

/// The part without what [`folded_rich`] has put above it.
#[must_use]
pub fn unfolded(markdown: &str) -> &str {
    // A model's own tags are escaped: this one is ours.
    match markdown.strip_prefix(OPEN) {
        Some(rest) => rest.split_once(CLOSE).map_or(markdown, |(_, rest)| rest),
        None => markdown,
    }
}

/// The same as a classic message: the new text, and by how much everything in
/// it moved. The fold is its first entity.
#[must_use]
pub fn folded_classic(text: &str, label: &str, reasoning: &str) -> Option<(String, Entity)> {
    let head = format!("{label}\n");
    let room = super::CLASSIC_TEXT_MAX.checked_sub(cut::units(text) + cut::units(&head) + 2)?;
    let thoughts = tail(reasoning, FOLDED.min(room))?;
    let quote = format!("{head}{thoughts}");
    let entity = stretch(EntityKind::ExpandableBlockquote, 0, cut::units(&quote));
    Some((format!("{quote}\n"), entity))
}

/// The end of the thoughts, from a word's beginning, in so many UTF-16 units.
fn tail(reasoning: &str, units: usize) -> Option<String> {
    let reasoning = reasoning.trim();
    if !cut::is_visible(reasoning) || units < LEAST {
        return None;
    }
    if cut::units(reasoning) <= units {
        return Some(reasoning.to_owned());
    }
    let mut from = reasoning.len();
    let mut left = units - 1;
    for (at, c) in reasoning.char_indices().rev() {
        if c.len_utf16() > left {
            break;
        }
        left -= c.len_utf16();
        from = at;
    }
    let tail = &reasoning[from..];
    let word = tail.find(char::is_whitespace).map_or(0, |at| at + 1);
    let tail = tail.get(word..).unwrap_or(tail);
    Some(format!("…{}", tail.trim_start()))
}

fn stretch(kind: EntityKind, offset: usize, length: usize) -> Entity {
    let fit = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Entity {
        kind,
        offset: fit(offset),
        length: fit(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_thought_its_last_paragraph_is_shown() {
        assert_eq!(last_thought(""), "");
        assert_eq!(last_thought("first\n\n**Now**\nthis\n\n"), "Now this");
        let long = "word ".repeat(200);
        let shown = last_thought(&long);
        assert!(shown.starts_with("…word") && shown.chars().count() <= GLIMPSE + 1);
    }

    #[test]
    fn nothing_thought_can_become_markup() {
        let shown = thinking_rich("Thinking…", "</tg-thinking> <b>x & *y*");
        let inner = shown.trim_start_matches("<tg-thinking>");
        assert_eq!(inner.matches('<').count(), 1, "{shown}");
        let folded = folded_rich("answer", "Thoughts", "</details>\n\nevil <b>").expect("room");
        assert_eq!(folded.matches("</details>").count(), 1, "{folded}");
        assert_eq!(unfolded(&folded), "answer");
        assert_eq!(unfolded("no <details> here"), "no <details> here");
    }

    #[test]
    fn a_fold_fits_into_its_message_or_is_left_out() {
        let long = "мысль ".repeat(5_000);
        for size in [10, 30_000, 32_000, 32_700, 32_768] {
            let answer = "x".repeat(size);
            if let Some(folded) = folded_rich(&answer, "Thoughts", &long) {
                assert!(cut::units(&folded) <= RICH_TEXT_MAX, "{size}");
            } else {
                assert!(size > 30_000);
            }
        }
        for size in [1, 2_000, 3_900, 4_096] {
            let answer = "y".repeat(size);
            if let Some((quote, entity)) = folded_classic(&answer, "Thoughts", &long) {
                let whole = cut::units(&quote) + size;
                assert!(whole <= super::super::CLASSIC_TEXT_MAX, "{size}");
                assert!((entity.length as usize) < cut::units(&quote));
            } else {
                assert!(size >= 3_900);
            }
        }
    }
}
