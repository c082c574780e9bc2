//! Handing in and taking up: in order, whole, bounded, and by nobody else.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use super::*;
use crate::clock::Millis;
use crate::domain::ids::ChatId;

const NOW: Millis = 1_790_000_000_000;

fn note(text: &str) -> Note {
    Note {
        chat: ChatId(7),
        topic: None,
        bot: None,
        key: None,
        texts: vec![text.to_owned()],
        at: NOW,
        ttl_ms: None,
    }
}

fn spool() -> (tempfile::TempDir, Spool) {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::prepare(&folder.path().join("spool")).unwrap();
    (folder, spool)
}

fn said(spool: &Spool) -> Vec<String> {
    let waiting = spool.waiting().unwrap();
    let read = waiting.iter().map(|name| match spool.read(name).unwrap() {
        Found::Note(note) => note.texts.concat(),
        other => format!("{other:?}"),
    });
    read.collect()
}

#[test]
fn what_one_caller_hands_in_is_found_in_its_order_also_by_a_clock_that_is_set_back() {
    let (_folder, spool) = spool();
    for n in 0..300 {
        let mut note = note(&n.to_string());
        note.at = NOW - n;
        // The higher number first: only the stamp may decide.
        spool.hand_in(&note, u64::MAX - n.unsigned_abs()).unwrap();
    }
    let expected: Vec<String> = (0..300).map(|n| n.to_string()).collect();
    assert_eq!(said(&spool), expected);
}

#[test]
fn the_folder_is_its_groups_and_a_file_its_makers() {
    let (folder, spool) = spool();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let path = folder.path().join("spool");
    assert_eq!(mode(&path), 0o1770);
    spool.hand_in(&note("a"), 1).unwrap();
    let name = spool.waiting().unwrap().remove(0);
    assert_eq!(mode(&path.join(name.to_string())), 0o640);
    // Whoever has opened it for everybody: the next start closes it.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    Spool::prepare(&path).unwrap();
    assert_eq!(mode(&path), 0o1770);
    // A link in its place is not followed.
    let link = folder.path().join("link");
    symlink(&path, &link).unwrap();
    assert!(Spool::prepare(&link).is_err() && Spool::open(&link).is_err());
}

#[test]
fn nothing_but_a_plain_file_of_somebody_who_may_is_taken() {
    let (folder, spool) = spool();
    let path = folder.path().join("spool");
    let name = |random| Name { stamp: 5, random };
    let at = |random| path.join(name(random).to_string());
    let good = note("good").bytes();
    let secret = folder.path().join("secret");
    fs::write(&secret, &good).unwrap();
    symlink(&secret, at(1)).unwrap();
    fs::hard_link(&secret, at(2)).unwrap();
    fs::create_dir(at(3)).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        at(4),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o666),
        0,
    )
    .unwrap();
    fs::write(at(5), vec![b' '; FILE_MAX + 1]).unwrap();
    fs::write(at(6), "{\"chat\": 7").unwrap();
    fs::write(at(7), "").unwrap();
    for random in 1..=4 {
        assert_eq!(
            spool.read(&name(random)).unwrap(),
            Found::Flawed(Flaw::NotPlain)
        );
    }
    assert_eq!(spool.read(&name(5)).unwrap(), Found::Flawed(Flaw::Large));
    for random in [6, 7] {
        assert_eq!(
            spool.read(&name(random)).unwrap(),
            Found::Flawed(Flaw::Malformed)
        );
    }
    assert_eq!(spool.read(&name(8)).unwrap(), Found::Gone);
    // All of them are put out of the way, and the link's target stays.
    for random in 1..=7 {
        spool.put_aside(at(random).file_name().unwrap()).unwrap();
    }
    assert!(spool.waiting().unwrap().is_empty());
    assert_eq!(fs::read(&secret).unwrap(), good);
}

#[test]
fn a_file_of_somebody_outside_the_group_is_refused() {
    let (folder, spool) = spool();
    spool.hand_in(&note("a"), 1).unwrap();
    let name = spool.waiting().unwrap().remove(0);
    let file = folder.path().join("spool").join(name.to_string());
    if std::os::unix::fs::chown(&file, Some(12_345), Some(12_345)).is_err() {
        // Only root may give a file away.
        return;
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(spool.read(&name).unwrap(), Found::Flawed(Flaw::Stranger));
    // Of the group: taken, whoever made it.
    let group = spool.group().unwrap();
    std::os::unix::fs::chown(&file, Some(12_345), Some(group)).unwrap();
    assert!(matches!(spool.read(&name).unwrap(), Found::Note(_)));
}

#[test]
fn a_message_that_no_writer_of_ours_writes_is_malformed() {
    let with = |change: fn(&mut Note)| {
        let mut note = note("x");
        change(&mut note);
        Note::read(&note.bytes())
    };
    assert!(with(|_| {}).is_ok());
    assert!(with(|note| note.ttl_ms = Some(1)).is_ok());
    let changes: [fn(&mut Note); 10] = [
        |note| note.chat = ChatId(0),
        |note| note.chat = ChatId::relayed(1),
        |note| note.topic = Some(0),
        |note| note.key = Some(String::new()),
        |note| note.key = Some("k".repeat(KEY_MAX + 1)),
        |note| note.texts.clear(),
        |note| note.texts = vec!["x".to_owned(); PAGES_MAX + 1],
        |note| note.texts = vec![" \n".to_owned()],
        |note| note.texts = vec!["x".repeat(PAGE_UNITS + 1)],
        |note| note.ttl_ms = Some(0),
    ];
    for (n, change) in changes.into_iter().enumerate() {
        assert_eq!(with(change), Err(Flaw::Malformed), "{n}");
    }
}

#[test]
fn a_key_that_waits_here_is_handed_in_once_until_its_message_is_over() {
    let (_folder, spool) = spool();
    let mut keyed = note("disk");
    keyed.key = Some("disk".to_owned());
    keyed.ttl_ms = Some(60_000);
    assert_eq!(spool.hand_in(&keyed, 1).unwrap(), Handed::Stored);
    assert_eq!(spool.hand_in(&keyed, 2).unwrap(), Handed::Before);
    let mut elsewhere = keyed.clone();
    elsewhere.chat = ChatId(8);
    assert_eq!(spool.hand_in(&elsewhere, 3).unwrap(), Handed::Stored);
    keyed.at += 59_999;
    assert_eq!(spool.hand_in(&keyed, 4).unwrap(), Handed::Before);
    keyed.at += 1;
    assert_eq!(spool.hand_in(&keyed, 5).unwrap(), Handed::Stored);
}

#[test]
fn no_more_waits_than_may_here_and_in_the_store_together() {
    let (_folder, spool) = spool();
    let room = Room {
        max_rows: 5,
        rows: 3,
    };
    spool.tell_room(room).unwrap();
    assert_eq!(spool.room(), room);
    for n in 0..2 {
        spool.hand_in(&note("x"), n).unwrap();
    }
    let refused = spool.hand_in(&note("x"), 3);
    assert!(matches!(refused, Err(NotHanded::Full { waiting: 5 })));
    assert_eq!(spool.waiting().unwrap().len(), 2);
}

#[test]
fn what_was_put_aside_is_bounded_and_unfinished_files_of_the_dead_go() {
    let (folder, spool) = spool();
    let path = folder.path().join("spool");
    for n in 0..150 {
        fs::write(path.join(format!("stray{n:03}")), "x").unwrap();
    }
    fs::write(path.join(".1-2.3.draft"), "half").unwrap();
    let foreign = spool.foreign(NOW).unwrap();
    assert_eq!(foreign.len(), 150);
    for name in foreign {
        spool.put_aside(&name).unwrap();
    }
    let kept = fs::read_dir(path.join("aside")).unwrap().count();
    assert_eq!(kept, 100);
    // In a hundred years its writer is dead.
    assert!(path.join(".1-2.3.draft").exists());
    assert!(spool.foreign(NOW * 3).unwrap().is_empty());
    assert!(!path.join(".1-2.3.draft").exists());
}

#[test]
fn a_life_is_counted_from_its_writing_and_is_no_longer_by_a_clock_set_back() {
    let mut note = note("x");
    assert_eq!(note.life_left(NOW), None);
    assert_eq!(note.key_life(NOW), Duration::from_secs(86_400));
    note.ttl_ms = Some(60_000);
    let left = |now| note.life_left(now).unwrap();
    assert_eq!(left(NOW + 20_000), Duration::from_secs(40));
    assert_eq!(left(NOW - 3_600_000), Duration::from_secs(60));
    assert!(left(NOW + 60_000).is_zero() && note.is_over(NOW + 60_000));
    assert_eq!(note.key_life(NOW), Duration::from_secs(60));
}

fn paged<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut pages = Pages::new("⚠️ ");
    lines.for_each(|line| pages.push(line));
    pages.into_texts()
}

#[test]
fn a_storm_of_lines_becomes_a_few_messages_that_say_how_many_more_there_were() {
    let line = "a line of a storm, as they come";
    let texts = paged(std::iter::repeat_n(line, 100_000));
    assert_eq!(texts.len(), PAGES_MAX);
    let mut shown = 0;
    for text in &texts {
        assert!(crate::format::utf16_len(text) <= PAGE_UNITS);
        shown += text.lines().filter(|l| l.ends_with(line)).count();
    }
    let last = texts[PAGES_MAX - 1].lines().last().unwrap();
    assert_eq!(last, format!("… {} more lines", 100_000 - shown));
    let begins_with_mark = |text: &String| text.starts_with("⚠️ ");
    assert_eq!(texts.iter().filter(|t| begins_with_mark(t)).count(), 1);
    assert!(begins_with_mark(&texts[0]));
}

#[test]
fn lines_stay_whole_where_they_fit_and_colours_and_blank_ends_go() {
    let texts = paged(["", "one\u{1b}[1;31m red\u{1b}[0m\r", "", "two  ", ""].into_iter());
    assert_eq!(texts, ["⚠️ one red\n\ntwo"]);
    assert!(paged(["", " ", "\u{7}"].into_iter()).is_empty());
    let long = "word ".repeat(2_000);
    let texts = paged([long.as_str(), "end"].into_iter());
    assert_eq!(texts.len(), 3);
    assert!(texts[2].ends_with("\nend"));
    let endless = "x".repeat(50_000);
    let texts = paged([endless.as_str(), "end"].into_iter());
    assert!(texts[3].ends_with("\n… 2 more lines"));
}
