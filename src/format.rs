//! From a model's Markdown to what Telegram can show.
//!
//! Owns every decision about the look of an answer: entities (`classic`), the
//! dialect of rich messages (`rich`), the last resort (`plain`) and the frames
//! of an answer that is still being written (`preview_*`).
//!
//! Pure and total: no input panics, no call waits, and a surprise in the
//! Markdown may cost its looks but never its words. Nothing here sends.

mod alerts;
mod cut;
mod details;
mod dialect;
mod document;
mod entity;
mod fence;
mod flank;
mod fold;
mod heal;
mod latex;
pub(crate) mod marks;
mod math;
mod render;
mod rich;
mod summary;
mod table;
mod tags;
mod tildes;

#[cfg(test)]
mod tests;

pub use entity::{Entity, EntityKind, Formatted};
pub use fold::{
    folded_classic, folded_rich, last_thought, thinking_classic, thinking_rich, unfolded,
};
use rich::Limits;

/// Most UTF-16 code units in the text of one classic message.
///
/// Source: Bot API, `sendMessage`, `text`: 1–4096 characters after entities parsing.
pub const CLASSIC_TEXT_MAX: usize = 4096;

/// Most entities of one message; Telegram ignores those beyond it.
pub const CLASSIC_ENTITIES_MAX: usize = 100;

/// Most characters in one rich message, counted here in UTF-16 code units of
/// the Markdown, which is never less than Telegram's own count of the text.
///
/// Source: Bot API, "Rich Message Limits".
pub const RICH_TEXT_MAX: usize = 32_768;

/// The mark before a preview whose beginning no longer fits.
const CUT_MARK: &str = "…";

/// The length of a text in UTF-16 code units, the measure of the Bot API.
#[must_use]
pub fn utf16_len(text: &str) -> usize {
    cut::units(text)
}

/// The whole answer as classic messages: text and entities, ready for `sendMessage`.
///
/// Every part holds 1–4096 UTF-16 code units and at most 100 entities. Parts
/// end at block borders where possible, then at lines, words and at last
/// between graphemes; an entity cut by a border goes on in the next part. An
/// answer without anything visible gives no parts.
#[must_use]
pub fn classic(markdown: &str) -> Vec<Formatted> {
    sheltered(|| render::render(markdown).parts(CLASSIC_TEXT_MAX)).unwrap_or_else(|| {
        plain(markdown)
            .into_iter()
            .map(|text| Formatted {
                text,
                entities: Vec::new(),
            })
            .collect()
    })
}

/// The whole answer as Markdown for `InputRichMessage.markdown`.
///
/// The text stays as the model wrote it, except for what Telegram's dialect
/// would take for something else: HTML tags, images (Telegram would fetch
/// them), single dollars, and what exceeds its limits (32 768 characters, 500
/// blocks, 16 levels, 20 columns). Line breaks inside a paragraph become hard
/// ones. An answer without anything visible gives no parts.
#[must_use]
pub fn rich(markdown: &str) -> Vec<String> {
    sheltered(|| rich::parts(markdown, Limits::TELEGRAM)).unwrap_or_else(|| rich::escaped(markdown))
}

/// A formula as text: LaTeX in signs, line by line.
#[must_use]
pub fn formula(latex: &str) -> Vec<String> {
    latex::display(latex)
}

/// The Markdown source itself in parts of 1–4096 UTF-16 code units: what is
/// left when Telegram refuses every format.
#[must_use]
pub fn plain(markdown: &str) -> Vec<String> {
    cut::plain_parts(markdown, CLASSIC_TEXT_MAX)
}

/// Plain text in parts of at most `units` UTF-16 code units, cut at lines, words
/// and at last between graphemes; none without anything visible.
#[must_use]
pub fn pieces(text: &str, units: usize) -> Vec<String> {
    cut::plain_parts(text, units)
}

/// The first blocks of an answer, of about `max` UTF-16 units, as Markdown.
#[must_use]
pub fn summary(markdown: &str, max: usize) -> String {
    sheltered(|| summary::summary(markdown, max)).unwrap_or_default()
}

/// What an answer is about: its first heading, else its first line, as text.
#[must_use]
pub fn title(markdown: &str) -> String {
    sheltered(|| summary::title(markdown)).unwrap_or_default()
}

/// An answer whose end may have been cut, so that what stands below it is no
/// part of it: an open fence of code is closed, and so is what folds.
#[must_use]
pub fn closed(markdown: &str) -> String {
    sheltered(|| fence::closed(markdown)).unwrap_or_else(|| markdown.to_owned())
}

/// The first line of the fence of code that an answer leaves open at its end.
#[must_use]
pub fn open_fence(markdown: &str) -> Option<String> {
    sheltered(|| fence::open(markdown)).flatten()
}

/// A frame of a running answer for `sendRichMessageDraft`.
///
/// Unfinished constructs are closed or left out until they can be shown. Of an
/// answer longer than one message the last part is shown, after "…". Empty
/// when there is nothing to show yet.
#[must_use]
pub fn preview_rich(partial: &str) -> String {
    let parts = sheltered(|| rich::parts(&heal::heal(partial), Limits::TELEGRAM));
    let mut parts = parts.unwrap_or_else(|| rich::escaped(partial));
    let Some(last) = parts.pop() else {
        return String::new();
    };
    let marked = format!("{CUT_MARK}\n\n{last}");
    if parts.is_empty() || utf16_len(&marked) > RICH_TEXT_MAX {
        last
    } else {
        marked
    }
}

/// A frame of a running answer as a classic message.
///
/// Of an answer longer than one message the newest text is shown, from the
/// start of a line where possible, after "…". `None` when there is nothing to
/// show yet.
#[must_use]
pub fn preview_classic(partial: &str) -> Option<Formatted> {
    sheltered(|| render::render(&heal::heal(partial)).tail(CUT_MARK)).flatten()
}

/// Runs a step that parses Markdown; `None` if it panicked.
///
/// No input is known that does. But the parser is not ours, and a bug in it
/// must cost an answer its looks, not the person the answer.
fn sheltered<T>(step: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(step)).ok()
}
