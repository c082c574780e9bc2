//! How a medium is spoken of to the model: a few words in brackets, and what
//! was heard or read in it. Pure.
//!
//! English, as the rest of what only the model reads.

use super::views::View;
use crate::domain::update::{File, FileKind, Media};
use crate::media::Trouble;

/// How much of a document the history still shows, in characters.
const REMEMBERED: usize = 12_000;

/// A medium in a message that is answered now; `view` is what is given of it.
pub(super) fn now(media: &Media, view: Option<&View>) -> String {
    let file = match media {
        Media::File(file) => file,
        Media::Said(said) => return spaced(&said.words()),
        Media::Other { kind } => return format!("[{}, not readable] ", kind.replace('_', " ")),
    };
    let Some(view) = view else {
        return before(media);
    };
    let what = what(file);
    if view.part.is_some() {
        return match file.kind {
            FileKind::Video => format!("[{what}; you see its first picture only] "),
            _ => format!("[{what}] "),
        };
    }
    if let Some(words) = &view.words {
        return with_words(file, words);
    }
    let why = match view.trouble {
        Some(Trouble::TooLarge) => "too large to be opened",
        Some(Trouble::Unperceived) => match file.kind {
            FileKind::Voice | FileKind::Audio | FileKind::VideoNote => "which you cannot hear",
            _ => "which you cannot see",
        },
        _ => "which could not be opened",
    };
    format!("[{what}, {why}] ")
}

/// A medium in a message that was answered.
pub(super) fn before(media: &Media) -> String {
    match media {
        Media::File(file) => match &file.words {
            Some(words) => with_words(file, &remembered(words)),
            None => format!("[{}] ", what(file)),
        },
        other => now(other, None),
    }
}

fn what(file: &File) -> String {
    let kind = match file.kind {
        FileKind::Photo => "photo",
        FileKind::Image => "picture",
        FileKind::Voice => "voice message",
        FileKind::Audio => "recording",
        FileKind::VideoNote => "video message",
        FileKind::Video => "video",
        FileKind::Document => "document",
    };
    match file.name.as_deref().map(plain) {
        Some(name) if !name.is_empty() => format!("{kind} {name}"),
        _ => kind.to_owned(),
    }
}

/// A name that cannot pass for something else: its sender chose it.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| !c.is_control() && !matches!(c, '[' | ']' | '`'))
        .take(100)
        .collect::<String>()
        .trim()
        .to_owned()
}

fn with_words(file: &File, words: &str) -> String {
    let what = what(file);
    match file.kind {
        FileKind::Document => {
            let fence = fence(words);
            format!("[{what}]\n{fence}\n{words}\n{fence}\n")
        }
        _ => format!("[{what}, transcribed] {words}\n"),
    }
}

/// Longer than any fence inside.
fn fence(words: &str) -> String {
    let longest = words
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    "`".repeat(longest.max(2) + 1)
}

fn remembered(words: &str) -> String {
    match words.char_indices().nth(REMEMBERED) {
        Some((at, _)) => format!("{}\n[the rest is not shown again]", &words[..at]),
        None => words.to_owned(),
    }
}

fn spaced(words: &str) -> String {
    format!("{words} ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(kind: FileKind, name: &str) -> File {
        File {
            name: Some(name.to_owned()),
            ..File::new(kind, "F".to_owned())
        }
    }

    #[test]
    fn a_document_is_fenced_so_that_nothing_in_it_ends_the_fence() {
        let media = Media::File(file(FileKind::Document, "a] [b`.md"));
        let view = View {
            words: Some("x\n````\ny".to_owned()),
            ..View::default()
        };
        assert_eq!(
            now(&media, Some(&view)),
            "[document a b.md]\n`````\nx\n````\ny\n`````\n"
        );
    }

    #[test]
    fn the_history_shows_the_beginning_of_a_long_document() {
        let mut read = file(FileKind::Document, "a");
        read.words = Some("ä".repeat(REMEMBERED + 1));
        let shown = before(&Media::File(read));
        assert!(shown.contains("[the rest is not shown again]"));
        assert_eq!(shown.matches('ä').count(), REMEMBERED);
    }

    #[test]
    fn what_cannot_be_given_is_spoken_of() {
        let trouble = |trouble| View {
            trouble: Some(trouble),
            ..View::default()
        };
        for (kind, why, said) in [
            (
                FileKind::Photo,
                Trouble::Unperceived,
                "[photo n, which you cannot see] ",
            ),
            (
                FileKind::Voice,
                Trouble::Unperceived,
                "[voice message n, which you cannot hear] ",
            ),
            (
                FileKind::Document,
                Trouble::TooLarge,
                "[document n, too large to be opened] ",
            ),
            (
                FileKind::Image,
                Trouble::Unavailable,
                "[picture n, which could not be opened] ",
            ),
        ] {
            let media = Media::File(file(kind, "n"));
            assert_eq!(now(&media, Some(&trouble(why))), said);
        }
    }
}
