//! Accepting beside a store full of what may be pruned, against an empty one:
//! two daemons, loaded in turns at the same moderate pace.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use anyhow::ensure;
use lastword::clock::Clock;
use lastword::domain::ids::BotId;
use lastword::store::sqlite::{Mode, SqliteStore};
use tempfile::TempDir;

use crate::Length;
use crate::client::{self, Load, Outcome, Until, load};
use crate::house::{House, count, runtime, store_folder};
use crate::outside::BOT;
use crate::report::{Report, Row, Target, percentile};

const QUIET: Duration = Duration::from_secs(120);

/// Measures accept's p99 in both.
pub fn measure(length: Length, report: &mut Report) -> anyhow::Result<()> {
    let rows = length.pick(1_000_000, 50_000);
    let rounds = length.pick(6, 2);
    let folder = TempDir::new_in(store_folder())?;
    let path = folder.path().join("lastword.db");
    fill(&path, rows)?;
    let full = House::start_at(path.clone(), QUIET)?;
    let empty = House::start(QUIET)?;
    let pace = Load {
        connections: 40,
        chats: 20_000,
        until: Until::Over(length.pick(Duration::from_secs(3), Duration::from_millis(700))),
        pace: Some(1_000.0),
    };
    // Far from the ids of what was filled in.
    let ids = Arc::new(AtomicI64::new(1));
    let others = Arc::new(AtomicI64::new(1));
    let (mut in_full, mut in_empty) = (Outcome::default(), Outcome::default());
    for _ in 0..rounds {
        in_empty = in_empty.join(load(empty.address, &others, pace)?);
        in_full = in_full.join(load(full.address, &ids, pace)?);
    }
    for (name, share, target) in [
        ("accept p50 beside prunable rows", 0.5, Target::None),
        ("accept p99 beside prunable rows", 0.99, Target::AtMost(2.0)),
    ] {
        report.row(
            Row::new(name, percentile(&in_full.latencies, share), "ms")
                .against(
                    percentile(&in_empty.latencies, share),
                    "an empty store, 1 000/s",
                )
                .ratio_target(target),
        );
    }
    report.note(format!("prunable: {rows} rows, being pruned meanwhile"));
    let left = count(
        &path,
        "SELECT count(*) FROM updates WHERE update_id > 1000000000000",
    )?;
    let stored = count(
        &path,
        "SELECT count(*) FROM updates WHERE update_id < 1000000000000",
    )?;
    ensure!(
        stored == in_full.confirmed,
        "confirmed {}, stored {stored}",
        in_full.confirmed
    );
    ensure!(left < rows, "nothing was pruned");
    full.stop()?;
    empty.stop()?;
    Ok(())
}

/// A store with this many updates that were settled a month ago.
fn fill(path: &Path, rows: i64) -> anyhow::Result<()> {
    let store = SqliteStore::open(path, BotId(BOT), Clock::system(), Mode::Thread)?;
    runtime()?.block_on(store.close())?;
    let conn = rusqlite::Connection::open(path)?;
    let month_ago = Clock::system().now() - 30 * 86_400_000;
    conn.execute_batch("PRAGMA synchronous = OFF; BEGIN")?;
    conn.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) \
         INSERT INTO updates (bot, update_id, received_at, kind, chat, raw, settled_at) \
         SELECT ?2, 1000000000000 + i, ?3 + i / 10, 0, i % 20000, ?4, ?3 + i / 10 FROM n",
        rusqlite::params![rows, BOT, month_ago, client::update(1, 1).into_bytes()],
    )?;
    conn.execute_batch("COMMIT")?;
    Ok(())
}
