//! A long answer as a file: what the message beside it says, and what the file
//! is called. Pure.

use super::{Settings, Speaker};
use crate::domain::part::Payload;
use crate::format;
use crate::texts::Texts;

/// The message beside the file holds about so much of the answer.
const SUMMARY: usize = 800;

/// The longest name of a file, in characters, without its ending.
const NAME: usize = 48;

/// Whether an answer is long enough to be a file.
pub(super) fn is_long(settings: &Settings, shown: &str) -> bool {
    settings.file_above > 0 && shown.chars().count() > settings.file_above
}

/// The parts of a long answer: its beginning with the note below it, and the
/// whole of it as a file.
pub(super) fn parts(
    texts: &Texts,
    speaker: &dyn Speaker,
    (said, note): (&str, Option<&str>),
    question: &str,
) -> Vec<Payload> {
    let mut beginning = format::summary(said, SUMMARY);
    for more in note.into_iter().chain([texts.file_below]) {
        beginning.push_str("\n\n");
        beginning.push_str(more);
    }
    let mut parts = speaker.plan(&beginning);
    parts.push(Payload {
        document: Some(name(said, question)),
        ..Payload::plain(texts.file_caption)
    });
    parts
}

/// A name that every file system takes, by the first heading of the answer, or
/// else by the question.
fn name(answer: &str, question: &str) -> String {
    let has_heading = answer.lines().any(|line| line.starts_with('#'));
    let title = match has_heading || question.trim().is_empty() {
        true => format::title(answer),
        false => question.to_owned(),
    };
    let kept = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let words: Vec<&str> = title
        .split(|c: char| !kept(c))
        .filter(|word| !word.is_empty())
        .collect();
    let name: String = words.join("-").chars().take(NAME).collect();
    match name.trim_end_matches(['-', '_']) {
        "" => "answer.md".to_owned(),
        name => format!("{name}.md"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_by_what_it_is_about_and_every_disk_takes_it() {
        for (answer, question, expected) in [
            ("# Cats & dogs\n\nx", "why?", "Cats-dogs.md"),
            (
                "no heading",
                "What is 1/2 \"really\"?",
                "What-is-1-2-really.md",
            ),
            ("no heading", "", "no-heading.md"),
            ("# ../../etc/passwd", "", "etc-passwd.md"),
            ("# Привет, мир", "", "Привет-мир.md"),
            ("# …", "…", "answer.md"),
            ("", "", "answer.md"),
        ] {
            assert_eq!(name(answer, question), expected, "{answer:?} {question:?}");
        }
        let long = name(&format!("# {}", "word ".repeat(100)), "");
        assert!(long.chars().count() <= NAME + 3, "{long}");
    }
}
