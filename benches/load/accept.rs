//! Accepted updates a second, each durably committed before its 200, against a
//! bare axum handler that only parses; and how long the accepted then take to
//! drain.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use anyhow::ensure;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::Length;
use crate::client::{Load, Outcome, PATH, Until, load};
use crate::house::{House, count, runtime};
use crate::report::{Report, Row, Target, percentile};

/// As many as Telegram opens at most.
const CONNECTIONS: usize = 100;

/// Different people.
const CHATS: i64 = 20_000;

/// Longer than the measure: what gathers is not answered meanwhile.
const QUIET: Duration = Duration::from_secs(120);

/// A server that does nothing but parse.
struct Bare {
    address: SocketAddr,
    runtime: Runtime,
}

impl Bare {
    fn start() -> anyhow::Result<Self> {
        let runtime = runtime()?;
        let listener = runtime.block_on(tokio::net::TcpListener::bind(("127.0.0.1", 0)))?;
        let address = listener.local_addr()?;
        let app = Router::new().route(
            PATH,
            post(async |Json(update): Json<Value>| drop(std::hint::black_box(update))),
        );
        runtime.spawn(axum::serve(listener, app).into_future());
        Ok(Self { address, runtime })
    }
}

/// Measures both in turns, so that whatever else the machine does hits both.
pub fn measure(length: Length, report: &mut Report) -> anyhow::Result<()> {
    let rounds = length.pick(5, 2);
    let slice = length.pick(Duration::from_secs(3), Duration::from_secs(1));
    let bare = Bare::start()?;
    let house = House::start(QUIET)?;
    let ids = Arc::new(AtomicI64::new(1));
    let spare = Arc::new(AtomicI64::new(1));
    let flat_out = |until| Load {
        connections: CONNECTIONS,
        chats: CHATS,
        until,
        pace: None,
    };
    let warm = flat_out(Until::Sent(length.pick(5_000, 500)));
    let mut confirmed = load(house.address, &ids, warm)?.confirmed;
    load(bare.address, &spare, warm)?;
    let (mut ours, mut theirs) = (Outcome::default(), Outcome::default());
    let mut ratios = Vec::new();
    for _ in 0..rounds {
        let bare = load(bare.address, &spare, flat_out(Until::Over(slice)))?;
        let here = load(house.address, &ids, flat_out(Until::Over(slice)))?;
        ratios.push(here.rate() / bare.rate());
        (ours, theirs) = (ours.join(here), theirs.join(bare));
    }
    bare.runtime.shutdown_background();
    confirmed += ours.confirmed;
    report.row(
        Row::new("updates accepted and committed", ours.rate(), "/s")
            .against(theirs.rate(), "bare axum handler that parses")
            .target(Target::AtLeast(5_000.0))
            .ratio_target(Target::AtLeast(0.5)),
    );
    for (name, share) in [
        ("accept p50, flat out", 0.5),
        ("accept p99, flat out", 0.99),
    ] {
        report.row(
            Row::new(name, percentile(&ours.latencies, share), "ms").against(
                percentile(&theirs.latencies, share),
                "the same handler, 100 connections",
            ),
        );
    }
    report.note(format!(
        "accept: {rounds} rounds in turns, ratio of each: {}",
        ratios
            .iter()
            .map(|ratio| format!("{ratio:.2}"))
            .collect::<Vec<_>>()
            .join(" ")
    ));
    moderate(length, &house, &ids, report).map(|more| confirmed += more)?;
    check(house, confirmed)
}

/// The latency of accepting while the machine is not saturated.
fn moderate(
    length: Length,
    house: &House,
    ids: &Arc<AtomicI64>,
    report: &mut Report,
) -> anyhow::Result<i64> {
    let outcome = load(
        house.address,
        ids,
        Load {
            connections: 40,
            chats: CHATS,
            until: Until::Over(length.pick(Duration::from_secs(5), Duration::from_secs(1))),
            pace: Some(1_000.0),
        },
    )?;
    let at = |share| percentile(&outcome.latencies, share);
    report.row(Row::new("accept p50, 1 000/s", at(0.5), "ms"));
    report.row(Row::new("accept p99, 1 000/s", at(0.99), "ms"));
    Ok(outcome.confirmed)
}

/// Every confirmed update is stored once and belongs to one turn.
fn check(house: House, confirmed: i64) -> anyhow::Result<()> {
    let path = house.path.clone();
    let (_, folder) = house.stop()?;
    let stored = count(&path, "SELECT count(*) FROM updates")?;
    let distinct = count(&path, "SELECT count(DISTINCT update_id) FROM updates")?;
    let joined = count(
        &path,
        "SELECT count(*) FROM messages AS m JOIN turns AS t ON t.id = m.turn",
    )?;
    ensure!(
        stored == confirmed && distinct == confirmed && joined == confirmed,
        "confirmed {confirmed}, stored {stored}, distinct {distinct}, in turns {joined}"
    );
    drop(folder);
    Ok(())
}
