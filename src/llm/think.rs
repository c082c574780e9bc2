//! Thoughts that an endpoint leaves in the answer: a `<think>` block at its
//! beginning, as local models write it, is reasoning and no words to a person.
//!
//! Only the very first thing of an answer is looked at; one that merely speaks
//! of the tag is never touched, nor is a second block. Pure; holds back no more
//! than may be the beginning of a tag.

use super::Delta;

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// More white space before an answer is the answer, in bytes.
const BLANK_MAX: usize = 1024;

/// Sorts the content of one answer into thoughts and words.
#[derive(Debug)]
pub(super) enum Sorter {
    /// Nothing but what may become the tag was said.
    Beginning(String),
    /// Inside the block; its end may have begun.
    Thinking(String),
    /// Behind it: white space is left out.
    Thought,
    /// The answer itself.
    Speaking,
}

impl Default for Sorter {
    fn default() -> Self {
        Self::Beginning(String::new())
    }
}

impl Sorter {
    /// What a piece of content says, in order.
    pub(super) fn take(&mut self, piece: String, said: &mut impl Extend<Delta>) {
        match self {
            Self::Beginning(held) => {
                held.push_str(&piece);
                let words = held.trim_start();
                if let Some(thought) = words.strip_prefix(OPEN) {
                    let thought = thought.to_owned();
                    *self = Self::Thinking(String::new());
                    self.take(thought, said);
                } else if !OPEN.starts_with(words) || held.len() > BLANK_MAX {
                    self.end(said);
                }
            }
            Self::Thinking(held) => {
                held.push_str(&piece);
                if let Some((thought, words)) = held.split_once(CLOSE) {
                    let words = words.to_owned();
                    think(thought.to_owned(), said);
                    *self = Self::Thought;
                    self.take(words, said);
                } else {
                    let mut lengths = (0..CLOSE.len()).rev();
                    let kept = lengths.find(|len| held.ends_with(&CLOSE[..*len]));
                    let rest = held.split_off(held.len() - kept.unwrap_or(0));
                    think(std::mem::replace(held, rest), said);
                }
            }
            Self::Thought => {
                let words = piece.trim_start();
                if !words.is_empty() {
                    said.extend([Delta::Content(words.to_owned())]);
                    *self = Self::Speaking;
                }
            }
            Self::Speaking => said.extend([Delta::Content(piece)]),
        }
    }

    /// What was held back; nothing more is looked for.
    pub(super) fn end(&mut self, said: &mut impl Extend<Delta>) {
        match std::mem::replace(self, Self::Speaking) {
            Self::Beginning(held) if !held.is_empty() => said.extend([Delta::Content(held)]),
            Self::Thinking(held) => think(held, said),
            Self::Beginning(_) | Self::Thought | Self::Speaking => {}
        }
    }
}

fn think(thought: String, said: &mut impl Extend<Delta>) {
    if !thought.is_empty() {
        said.extend([Delta::Reasoning(thought)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The thoughts and the words of an answer that came in these pieces.
    fn sorted(pieces: &[&str]) -> (String, String) {
        let (mut sorter, mut said) = (Sorter::default(), Vec::new());
        for piece in pieces {
            sorter.take((*piece).to_owned(), &mut said);
        }
        sorter.end(&mut said);
        let (mut thoughts, mut words) = (String::new(), String::new());
        for delta in said {
            match delta {
                Delta::Reasoning(piece) => thoughts.push_str(&piece),
                Delta::Content(piece) => words.push_str(&piece),
                other => panic!("{other:?}"),
            }
        }
        (thoughts, words)
    }

    #[test]
    fn thoughts_are_no_words_wherever_the_stream_is_split() {
        for (text, thoughts, words) in [
            ("<think>über 1 < 2</think>\n\nYes.", "über 1 < 2", "Yes."),
            ("\n <think>\na</b></think>b", "\na</b>", "b"),
            (
                "<think></think>b <think>c</think>",
                "",
                "b <think>c</think>",
            ),
            ("<think>never closed</thi", "never closed</thi", ""),
            ("The tag <think> opens it.", "", "The tag <think> opens it."),
            ("`<think>` it is</think>", "", "`<think>` it is</think>"),
            ("<thinker>a</think>", "", "<thinker>a</think>"),
            ("<thi", "", "<thi"),
            (" \n a", "", " \n a"),
            ("", "", ""),
        ] {
            let wanted = (thoughts.to_owned(), words.to_owned());
            assert_eq!(sorted(&[text]), wanted, "{text:?}");
            let ends: Vec<usize> = (0..=text.len())
                .filter(|at| text.is_char_boundary(*at))
                .collect();
            for &one in &ends {
                for &two in ends.iter().filter(|end| **end >= one) {
                    let pieces = [&text[..one], &text[one..two], &text[two..]];
                    assert_eq!(sorted(&pieces), wanted, "{pieces:?}");
                }
            }
            let letters: Vec<String> = text.chars().map(String::from).collect();
            let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
            assert_eq!(sorted(&letters), wanted, "{text:?} letter by letter");
        }
    }

    #[test]
    fn blanks_without_end_are_not_held_back_without_end() {
        let (mut sorter, mut said) = (Sorter::default(), Vec::new());
        for _ in 0..=BLANK_MAX {
            sorter.take(" ".to_owned(), &mut said);
        }
        assert!(!said.is_empty());
    }
}
