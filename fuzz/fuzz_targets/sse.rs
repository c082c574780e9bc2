//! The bytes of a model's answer, whatever they are and however they are cut:
//! the same events, no panic, no word after the last one, and never a finished
//! answer that was not finished.
//!
//! The first byte says how many lengths of chunks follow it, the rest is the
//! answer.

#![no_main]

use lastword::llm::openrouter::heard;
use lastword::llm::sse::{Event, Reader, TooLong};
use lastword::llm::{Delta, LlmError};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((count, rest)) = input.split_first() else {
        return;
    };
    let count = usize::from(*count).min(8).min(rest.len());
    let (lengths, bytes) = rest.split_at(count);
    let whole = [bytes];
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    let split = cut(bytes, lengths);

    let events = read(&whole);
    assert_eq!(events, read(&single), "cut into bytes");
    assert_eq!(events, read(&split), "cut at {lengths:?}");

    let said = heard(whole);
    assert_eq!(said, heard(single), "cut into bytes");
    assert_eq!(said, heard(split), "cut at {lengths:?}");
    judge(&said);
});

fn cut<'a>(mut bytes: &'a [u8], lengths: &[u8]) -> Vec<&'a [u8]> {
    let mut chunks = Vec::new();
    for length in lengths {
        let (chunk, rest) = bytes.split_at(usize::from(*length).min(bytes.len()));
        chunks.push(chunk);
        bytes = rest;
    }
    chunks.push(bytes);
    chunks
}

fn read(chunks: &[&[u8]]) -> (Vec<Event>, Result<(), TooLong>) {
    let mut reader = Reader::default();
    let mut events = Vec::new();
    let end = chunks
        .iter()
        .try_for_each(|chunk| reader.push(chunk, &mut events));
    (events, end)
}

fn judge(said: &[Result<Delta, LlmError>]) {
    let errors = said.iter().filter(|item| item.is_err()).count();
    let finished = said
        .iter()
        .filter(|item| matches!(item, Ok(Delta::Finish(_))))
        .count();
    // Either it was finished, or it says that it was not.
    assert_eq!(errors + finished, 1, "{said:?}");
    if errors == 1 {
        assert!(said.last().is_some_and(Result::is_err), "{said:?}");
    }
}
