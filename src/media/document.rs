//! Documents: which kind a file is and the text that is in it.
//!
//! Goes by what the bytes are, then by name and type, which the sender chose.
//! Pure.

use bytes::Bytes;

use super::prepare::Unprepared;

mod office;
mod pdf;
mod plain;

/// How much of a document is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Characters.
    pub(super) chars: usize,
    /// Pages, sheets or slides.
    pub(super) pages: usize,
}

/// The text of a document, cut at its limits with a note.
pub(super) fn text(
    file: &Bytes,
    name: &str,
    mime: &str,
    limits: Limits,
) -> Result<String, Unprepared> {
    let text = if is_pdf(file) {
        pdf::text(file, limits)?
    } else if file.starts_with(b"PK\x03\x04") {
        office::text(file, limits)?
    } else {
        plain::text(file, name, mime)?
    };
    let text = tidy(&text);
    if text.is_empty() {
        return Err(Unprepared::damaged("there is no text in it"));
    }
    Ok(cut(text, limits.chars))
}

/// Whether it is a PDF: some have a few bytes before their mark.
pub(super) fn is_pdf(file: &[u8]) -> bool {
    let head = &file[..file.len().min(1024)];
    head.windows(5).any(|window| window == b"%PDF-")
}

/// Without what no reader needs: control characters, white space at the ends of
/// lines, more than one empty line.
fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines() {
        let line: String = line
            .chars()
            .filter(|c| *c == '\t' || !c.is_control())
            .collect();
        let line = line.trim_end();
        if line.is_empty() {
            empty += 1;
            continue;
        }
        if !tidy.is_empty() {
            tidy.push_str(if empty > 0 { "\n\n" } else { "\n" });
        }
        empty = 0;
        tidy.push_str(line);
    }
    tidy
}

/// The first characters, and how many there are.
fn cut(text: String, chars: usize) -> String {
    let Some((at, _)) = text.char_indices().nth(chars) else {
        return text;
    };
    let all = text.chars().count();
    format!("{}\n[cut here: {chars} of {all} characters]", &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        chars: 10,
        pages: 10,
    };

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        let text = |text: &'static str| text_of(text).unwrap();
        assert_eq!(text("0123456789"), "0123456789");
        assert_eq!(
            text("0123456789äb"),
            "0123456789\n[cut here: 10 of 12 characters]"
        );
    }

    fn text_of(text: &'static str) -> Result<String, Unprepared> {
        super::text(
            &Bytes::from_static(text.as_bytes()),
            "a.txt",
            "text/plain",
            LIMITS,
        )
    }

    #[test]
    fn an_empty_document_is_no_text() {
        assert!(text_of(" \n\t\n").is_err());
    }

    #[test]
    fn what_no_reader_needs_is_left_out() {
        assert_eq!(tidy("a  \r\n\n\n\nb\u{7}\tc"), "a\n\nb\tc");
    }
}
