//! What a running completion has produced so far: the value of the `watch`
//! channel between a turn and whoever shows its progress. Latest wins; nobody
//! may depend on seeing every value.

/// Bytes of reasoning that are kept for the screen: it shows a few lines.
const REASONING: usize = 1_200;

/// The state of a completion that is still running.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preview {
    /// Content received so far (Markdown as the model writes it).
    pub text: String,
    /// Whether the model has begun to reason but not yet to answer.
    pub thinking: bool,
    /// The end of what it has thought, when the endpoint tells.
    pub reasoning: String,
}

impl Preview {
    /// The model has thought this.
    pub fn think(&mut self, piece: &str) {
        self.thinking |= self.text.is_empty();
        self.reasoning.push_str(piece);
        keep_end(&mut self.reasoning, REASONING);
    }
}

/// Drops the beginning of a text that is more than twice as long as `most`
/// bytes, so that a stream of pieces is not copied with each of them.
pub fn keep_end(text: &mut String, most: usize) {
    if text.len() <= most * 2 {
        return;
    }
    let mut from = text.len() - most;
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text.drain(..from);
}

/// How a preview ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finale {
    /// The answer is whole: its last frame is what the message will show.
    Whole,
    /// It is cut, or goes on elsewhere: nothing more is shown.
    Cut,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_thought_the_end_is_kept_and_never_half_a_letter() {
        let mut preview = Preview::default();
        for n in 0..2_000 {
            preview.think(&format!("ünd {n} "));
        }
        assert!(preview.thinking && preview.reasoning.len() <= REASONING * 2);
        assert!(preview.reasoning.ends_with("ünd 1999 "));
    }
}
