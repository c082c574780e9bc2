//! The command line of notify, and its gathering of lines.

use clap::Parser;

use super::lines::{Gather, Lines};
use super::*;
use crate::cli::{Cli, Command};

fn asked(line: &[&str]) -> Result<Notify, clap::Error> {
    let line = ["lastword", "notify"].iter().chain(line);
    match Cli::try_parse_from(line)?.verb() {
        Command::Notify(asked) => Ok(asked),
        other => panic!("{other:?}"),
    }
}

#[test]
fn groups_have_negative_ids_and_words_need_no_quotes() {
    let asked = asked(&["--chat", "-1001234567890", "--ttl", "1h30m", "disk", "91 %"]).unwrap();
    assert_eq!(asked.chat, -1_001_234_567_890);
    assert_eq!(asked.ttl, Some(Duration::from_secs(5_400)));
    assert_eq!(asked.text, ["disk", "91 %"]);
    assert_eq!(asked.level, Level::Info);
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_read() {
    for line in [
        &["--chat", "7"][..],
        &["text"],
        &["--chat", "0", "x"],
        &["--chat", "ann", "x"],
        &["--chat", "-9000000000000001", "x"],
        &["--chat", "7", "--topic", "0", "x"],
        &["--chat", "7", "--ttl", "10", "x"],
        &["--chat", "7", "--ttl", "31d", "x"],
        &["--chat", "7", "--key", "", "x"],
        &["--chat", "7", "--level", "loud", "x"],
        &["--chat", "7", "--stdin", "x"],
        &["--chat", "7", "--stdin", "--key", "k"],
    ] {
        let refused = asked(line).expect_err("it makes no sense");
        assert_eq!(refused.exit_code(), 2, "{line:?}");
    }
}

#[test]
fn its_help_names_every_exit_code() {
    for code in ["  0  ", "  1  ", "  2  ", " 75  ", " 78  "] {
        assert!(AFTER_HELP.contains(code), "{code}");
    }
}

#[test]
fn lines_are_cut_wherever_the_chunks_fall_and_the_longest_is_bounded() {
    let mut said = Vec::new();
    let mut lines = Lines::default();
    for chunk in ["on", "e\ntw", "o\n\nthr", "ee"] {
        lines.feed(chunk.as_bytes(), &mut |line| said.push(line.to_owned()));
    }
    lines.finish(&mut |line| said.push(line.to_owned()));
    lines.finish(&mut |line| said.push(line.to_owned()));
    assert_eq!(said, ["one", "two", "", "three"]);
    let mut longest = 0;
    for _ in 0..100 {
        lines.feed(&[b'x'; 4_096], &mut |_| {});
    }
    lines.finish(&mut |line| longest = line.len());
    assert_eq!(longest, 64 * 1024);
}

#[test]
fn a_second_of_quiet_ends_a_message_and_so_do_ten_without_any() {
    let at = Duration::from_millis;
    let mut gather = Gather::new("");
    assert_eq!(gather.due_in(at(5_000)), None);
    gather.push("a", at(5_000));
    gather.push("b", at(5_900));
    assert_eq!(gather.due_in(at(5_900)), Some(at(1_000)));
    assert_eq!(gather.due_in(at(7_000)), Some(at(0)));
    let mut gather = Gather::new("");
    for tenth in 0..=150 {
        gather.push("a", at(tenth * 100));
    }
    assert_eq!(gather.due_in(at(9_999)), Some(at(1)));
    assert_eq!(gather.due_in(at(10_000)), Some(at(0)));
}
