//! Any Markdown: valid messages within Telegram's limits, entities at whole
//! characters, no letter of the plain text lost, no live tag in a rich message.
//! Judged by the same checker as the tests of the formatter.

#![no_main]

use lastword::format;
use libfuzzer_sys::fuzz_target;

#[expect(dead_code, reason = "the tests of the formatter use the rest of it")]
#[path = "../../src/format/tests/check.rs"]
mod check;

fuzz_target!(|text: &str| {
    for part in format::classic(text) {
        check::assert_valid(&part, text);
    }
    for part in format::rich(text) {
        check::assert_rich(&part, text);
    }
    let plain = format::plain(text);
    for part in &plain {
        assert!((1..=format::CLASSIC_TEXT_MAX).contains(&format::utf16_len(part)));
    }
    assert_eq!(check::letters(&plain.concat()), check::letters(text));
    // Frames are of answers that are still being written: of any beginning.
    let middle = text.len() / 2;
    let half = (middle..=text.len()).find(|at| text.is_char_boundary(*at));
    for partial in [text, &text[..half.unwrap_or(0)]] {
        if let Some(frame) = format::preview_classic(partial) {
            check::assert_valid(&frame, partial);
        }
        let frame = format::preview_rich(partial);
        if !frame.is_empty() {
            check::assert_rich(&frame, partial);
        }
    }
});
