//! What a turn takes beyond its quiet period and its model: from the delivery
//! of a message to the call that sends the answer, less the quiet period. The
//! model answers at once, so everything else is ours.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::ensure;
use tokio::time::Instant;

use crate::Length;
use crate::client;
use crate::house::{House, count, store_folder};
use crate::report::{Report, Row, Target, percentile};

const QUIET: Duration = Duration::from_millis(200);

/// Between two messages: below the thirty a second that Telegram allows, so
/// that what is measured is not the wait for its limits.
const EVERY: Duration = Duration::from_millis(50);

/// How long the last answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Measures calm turns, then how fast a crowd is answered.
pub fn measure(length: Length, report: &mut Report) -> anyhow::Result<()> {
    calm(length, report)?;
    crowd(length, report)
}

fn calm(length: Length, report: &mut Report) -> anyhow::Result<()> {
    let turns = length.pick(600, 60);
    let mut house = House::start(QUIET)?;
    let mut stream = TcpStream::connect(house.address)?;
    stream.set_nodelay(true)?;
    let mut said = HashMap::new();
    let mut overhead = Vec::new();
    let begun = Instant::now();
    for (id, nth) in (1..=turns).zip(0..) {
        std::thread::sleep((begun + EVERY * nth).saturating_duration_since(Instant::now()));
        let request = client::request(id, id);
        said.insert(1_000_000 + id, Instant::now());
        stream.write_all(&request)?;
        let read = stream.read(&mut [0; 4096])?;
        ensure!(read > 0, "the connection was closed");
    }
    let until = Instant::now() + PATIENCE;
    while !said.is_empty() {
        while let Ok(sent) = house.sent.try_recv() {
            let Some(at) = said.remove(&sent.chat) else {
                anyhow::bail!("a second answer in one chat");
            };
            overhead.push(((sent.at - at).as_secs_f64() - QUIET.as_secs_f64()) * 1e3);
        }
        ensure!(
            Instant::now() < until,
            "{} turns have no answer",
            said.len()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    let commit = commit_ms()?;
    let what = "one durable commit of one row";
    for (name, share, target) in [
        ("overhead per turn p50", 0.5, Target::None),
        ("overhead per turn p99", 0.99, Target::AtMost(20.0)),
    ] {
        report.row(
            Row::new(name, percentile(&overhead, share), "ms")
                .against(commit, what)
                .target(target),
        );
    }
    settled(house, turns)
}

/// Everybody writes at once.
fn crowd(length: Length, report: &mut Report) -> anyhow::Result<()> {
    let chats = length.pick(300, 90);
    let mut house = House::start(QUIET)?;
    let ids = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(1));
    let begun = Instant::now();
    client::load(
        house.address,
        &ids,
        client::Load {
            connections: 100,
            chats: i64::MAX,
            until: client::Until::Sent(chats),
            pace: None,
        },
    )?;
    let mut answers: HashMap<i64, u32> = HashMap::new();
    let mut last = begun;
    let until = begun + PATIENCE * 3;
    while answers.len() < usize::try_from(chats)? {
        while let Ok(sent) = house.sent.try_recv() {
            *answers.entry(sent.chat).or_default() += 1;
            last = sent.at;
        }
        ensure!(
            Instant::now() < until,
            "{} of {chats} answered",
            answers.len()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    ensure!(answers.values().all(|n| *n == 1), "a chat has two answers");
    #[expect(clippy::cast_precision_loss, reason = "a count of one run")]
    let rate = chats as f64 / ((last - begun) - QUIET).as_secs_f64();
    report.row(
        Row::new("answers sent, a crowd at once", rate, "/s")
            .against(30.0, "what Telegram allows; 30 go at once"),
    );
    settled(house, chats)
}

/// Nothing is open and nothing is answered twice.
fn settled(house: House, turns: i64) -> anyhow::Result<()> {
    let path = house.path.clone();
    let (seconds, folder) = house.stop()?;
    let answered = count(
        &path,
        "SELECT count(*) FROM turns WHERE state = 4 AND outcome = 0",
    )?;
    let sent = count(&path, "SELECT count(*) FROM parts WHERE state = 2")?;
    ensure!(
        answered == turns && sent == turns,
        "{turns} turns, {answered} answered, {sent} parts sent; the stop took {seconds} s"
    );
    drop(folder);
    Ok(())
}

/// The median of durable commits of one row, on the disk of the stores.
fn commit_ms() -> anyhow::Result<f64> {
    let folder = tempfile::TempDir::new_in(store_folder())?;
    let conn = rusqlite::Connection::open(folder.path().join("commit.db"))?;
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (x INTEGER)",
    )?;
    let mut samples = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        conn.execute("INSERT INTO t VALUES (1)", [])?;
        samples.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(percentile(&samples, 0.5))
}
