//! What a person sees while an answer is being written: every frame is well
//! formed, what is finished stays, and the last frame is the answer.

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::check::{assert_rich, assert_valid, options};
use super::{fixtures, gallery};
use crate::format::{Formatted, classic, preview_classic, preview_rich, rich, utf16_len};

/// Marks that a reader must never see unless the whole answer shows them too.
const MARKS: [&str; 17] = [
    "**", "```", "](", "~~", "||", "==", "$$", "\\(", "\\[", "\\frac", "<details", "<sub", "<kbd",
    "|-", "[!", "\\begin", "\\end",
];

/// The gallery, and what is spelt otherwise than it is written.
fn answers() -> Vec<(String, String)> {
    let spelt = ["alerts.md", "latex_environments.md", "tildes.md"];
    let spelt = fixtures()
        .into_iter()
        .filter(|(name, _)| spelt.iter().any(|end| name.ends_with(end)))
        .map(|(name, text)| (name, text.trim_end().to_owned()));
    gallery::answers().into_iter().chain(spelt).collect()
}

/// The ends of the prefixes that are looked at: every one of a short answer, of
/// a long one a number that shares no rhythm with it.
fn ends(text: &str) -> Vec<usize> {
    let step = match text.len() {
        0..500 => 1,
        500..1500 => 7,
        1500..4000 => 41,
        _ => 997,
    };
    text.char_indices()
        .map(|(at, _)| at)
        .skip(1)
        .step_by(step)
        .chain([text.len()])
        .collect()
}

/// Where the last block of the top level begins: all before it is finished.
fn last_block(text: &str) -> usize {
    let (mut depth, mut last) = (0, 0);
    for (event, range) in Parser::new_ext(text, options()).into_offset_iter() {
        match event {
            Event::Start(_) => {
                if depth == 0 {
                    last = range.start;
                }
                depth += 1;
            }
            Event::End(_) => depth -= 1,
            _ if depth == 0 => last = range.start,
            _ => {}
        }
    }
    last
}

/// The words of Markdown outside code and formulas.
fn words(markdown: &str) -> String {
    let mut out = String::new();
    let mut in_code = false;
    for event in Parser::new_ext(markdown, options()) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(TagEnd::CodeBlock) => in_code = false,
            Event::Text(text) if !in_code => out.push_str(&text),
            Event::SoftBreak | Event::HardBreak | Event::End(_) => out.push('\n'),
            _ => {}
        }
    }
    out
}

/// The words of a classic message outside code.
fn classic_words(message: &Formatted) -> String {
    let mut units: Vec<u16> = message.text.encode_utf16().collect();
    for entity in &message.entities {
        let json = serde_json::to_value(entity).expect("entities serialise");
        if json["type"] == "pre" || json["type"] == "code" {
            let from = entity.offset as usize;
            units[from..from + entity.length as usize].fill(u16::from(b' '));
        }
    }
    String::from_utf16(&units).expect("whole characters")
}

fn assert_no_new_marks(frame: &str, whole: &str, what: &str) {
    for mark in MARKS {
        assert!(
            !frame.contains(mark) || whole.contains(mark),
            "{what}: {mark:?} is seen: {frame:?}"
        );
    }
}

#[test]
fn every_frame_of_the_gallery_is_well_formed_both_ways() {
    for (name, text) in answers() {
        let whole: String = classic(&text).iter().map(classic_words).collect();
        let whole_rich = words(&rich(&text).join("\n\n"));
        for end in ends(&text) {
            let what = format!("{name} up to {end}");
            if let Some(frame) = preview_classic(&text[..end]) {
                assert_valid(&frame, &what);
                assert_no_new_marks(&classic_words(&frame), &whole, &what);
            }
            let frame = preview_rich(&text[..end]);
            if !frame.is_empty() {
                assert_rich(&frame, &what);
                assert_no_new_marks(&words(&frame), &whole_rich, &what);
            }
        }
    }
}

/// The finished blocks of a classic frame: their text and their entities.
fn finished(text: &str) -> Option<Formatted> {
    preview_classic(&text[..last_block(text)]).filter(|frame| !frame.text.starts_with('…'))
}

#[test]
fn what_a_classic_frame_shows_as_finished_never_changes() {
    // A reference is a link once its address comes, at the very end.
    for (name, text) in answers().into_iter().filter(|answer| answer.0 != "links") {
        let ends = ends(&text);
        for pair in ends.windows(2) {
            let Some(done) = finished(&text[..pair[0]]) else {
                continue;
            };
            for end in pair {
                let what = format!("{name} up to {end}: {done:?}");
                let Some(frame) = preview_classic(&text[..*end]) else {
                    panic!("{what}: nothing is shown");
                };
                if frame.text.starts_with('…') {
                    continue;
                }
                assert!(frame.text.starts_with(&done.text), "{what}: {frame:?}");
                let end_of_done = utf16_len(&done.text);
                for entity in &done.entities {
                    // What reaches to the end of the finished may grow on.
                    let grows = (entity.offset + entity.length) as usize == end_of_done;
                    let stays = frame.entities.iter().any(|other| {
                        let longer = grows && other.length > entity.length;
                        other == entity
                            || (longer
                                && other.offset == entity.offset
                                && other.kind == entity.kind)
                    });
                    assert!(stays, "{what}: {frame:?}");
                }
            }
        }
    }
}

#[test]
fn what_a_rich_frame_shows_as_finished_never_changes() {
    // A footnote's mark is a link once the footnote comes, at the very end.
    let marks = |text: &str| text.replace("&#91;", "[").replace("[^", "[");
    for (name, text) in answers().into_iter().filter(|answer| answer.0 != "links") {
        let ends = ends(&text);
        for pair in ends.windows(2) {
            let before = &text[..pair[0]];
            let done = preview_rich(&before[..last_block(before)]);
            if done.starts_with('…') {
                continue;
            }
            let done = marks(done.trim_end_matches("</details>").trim_end());
            for end in pair {
                let frame = marks(&preview_rich(&text[..*end]));
                assert!(
                    frame.starts_with(&done) || frame.starts_with('…'),
                    "{name} up to {end}: {done:?} in {frame:?}"
                );
            }
        }
    }
}

#[test]
fn the_last_frame_is_the_answer() {
    for (name, text) in answers() {
        if let [whole] = &classic(&text)[..] {
            assert_eq!(preview_classic(&text).as_ref(), Some(whole), "{name}");
        }
        if let [whole] = &rich(&text)[..] {
            assert_eq!(&preview_rich(&text), whole, "{name}");
        }
    }
}
