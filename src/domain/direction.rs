//! Which way a text reads.
//!
//! Rich messages are told (`InputRichMessage.is_rtl`); classic ones find their
//! direction line by line.

/// Letters are counted this far; an answer does not change its script later.
const LETTERS_MAX: usize = 4000;

/// Whether most letters outside code are of a script that reads from right to
/// left.
#[must_use]
pub fn is_rtl(markdown: &str) -> bool {
    let (mut right, mut left, mut in_code) = (0_usize, 0_usize, false);
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            continue;
        }
        if in_code {
            continue;
        }
        // Every second piece between backticks is code.
        for text in line.split('`').step_by(2) {
            right += text.chars().filter(|c| is_rtl_letter(*c)).count();
            left += text
                .chars()
                .filter(|c| c.is_alphabetic() && !is_rtl_letter(*c))
                .count();
        }
        if right + left > LETTERS_MAX {
            break;
        }
    }
    right > left
}

/// Whether any letter is of such a script.
#[must_use]
pub fn has_rtl(text: &str) -> bool {
    text.chars().any(is_rtl_letter)
}

/// Hebrew, Arabic and their neighbours, as Unicode lays them out.
fn is_rtl_letter(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
        && c.is_alphabetic()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_reads_the_way_most_of_its_words_do() {
        for (text, rtl) in [
            ("سلام دنیا", true),
            ("## מתכון עם `chili flakes` ו-feta", true),
            ("```sh\nsystemctl status nginx\n```\nتم", true),
            ("The word سلام means peace", false),
            ("日本語", false),
            ("42", false),
        ] {
            assert_eq!(is_rtl(text), rtl, "{text}");
        }
    }
}
