//! Start to READY, with an empty store and with ten thousand open rows, and
//! idle SIGTERM to exit: the real program, many times.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lastword::clock::Clock;
use lastword::daemon::Live;
use lastword::domain::address::BotUser;
use lastword::domain::ids::{BotId, InstanceId};
use lastword::store::Inbox as _;
use lastword::store::sqlite::{Mode, SqliteStore};
use tempfile::TempDir;

use crate::Length;
use crate::client;
use crate::house::{config, runtime, store_folder};
use crate::outside::{self, BOT, Servers};
use crate::process::{Process, nothing_ms};
use crate::report::{Report, Row, Target, percentile};

const QUIET: Duration = Duration::from_secs(2);

/// After READY and before the SIGTERM: it is idle then.
const IDLE: Duration = Duration::from_millis(300);

/// Measures starts and stops.
pub fn measure(length: Length, report: &mut Report) -> anyhow::Result<()> {
    let servers = Servers::start()?;
    let runs = length.pick(30, 5);
    let (mut nothing, mut ready, mut stop) = (Vec::new(), Vec::new(), Vec::new());
    let folder = TempDir::new_in(store_folder())?;
    for _ in 0..runs {
        nothing.push(nothing_ms()?);
        let process = Process::start(folder.path(), &servers, QUIET)?;
        ready.push(process.ready_ms);
        process.listens()?;
        std::thread::sleep(IDLE);
        stop.push(process.stop()?);
    }
    let what = "the program printing its version";
    for (name, samples, share, target) in [
        ("start to READY p50", &ready, 0.5, Target::None),
        ("start to READY, worst", &ready, 1.0, Target::AtMost(100.0)),
        ("idle SIGTERM to exit p50", &stop, 0.5, Target::None),
        (
            "idle SIGTERM to exit, worst",
            &stop,
            1.0,
            Target::AtMost(100.0),
        ),
    ] {
        report.row(
            Row::new(name, percentile(samples, share), "ms")
                .against(percentile(&nothing, share), what)
                .target(target),
        );
    }
    crowded(length, &servers, percentile(&ready, 0.5), report)
}

/// Starts beside what a full house left behind.
fn crowded(
    length: Length,
    servers: &Servers,
    empty: f64,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut ready = Vec::new();
    for _ in 0..length.pick(5, 1) {
        let folder = TempDir::new_in(store_folder())?;
        leave_open(&folder.path().join("lastword.db"), 10_000)?;
        let process = Process::start(folder.path(), servers, QUIET)?;
        ready.push(process.ready_ms);
        // Killed: what is open is not waited for.
        drop(process);
    }
    report.row(
        Row::new(
            "READY with 10 000 open turns, worst",
            percentile(&ready, 1.0),
            "ms",
        )
        .against(empty, "READY with an empty store")
        .target(Target::AtMost(1_000.0)),
    );
    Ok(())
}

/// A store as a dead process leaves it: half of the turns gathering, half
/// sealed, and those that ran still claimed.
fn leave_open(path: &Path, turns: i64) -> anyhow::Result<()> {
    const DEAD: i64 = 77;
    let store = SqliteStore::open(path, BotId(BOT), Clock::system(), Mode::Thread)?;
    let policy = Live::new(&config(path, QUIET)?, Arc::new(outside::model()), 1).policy(&BotUser {
        id: BotId(BOT),
        username: "load_bot".to_owned(),
        name: "Load".to_owned(),
        hears: lastword::domain::address::Hears::All,
    });
    let policy = Arc::new(policy);
    let ids: Vec<i64> = (1..=turns).collect();
    runtime()?.block_on(async {
        for some in ids.chunks(500) {
            let batch = some
                .iter()
                .map(|id| Bytes::from(client::update(*id, *id)))
                .collect();
            store
                .accept(InstanceId(DEAD), batch, Arc::clone(&policy))
                .await?;
        }
        store.close().await
    })?;
    let conn = rusqlite::Connection::open(path)?;
    conn.execute_batch(&format!(
        "INSERT INTO instances (id, bot, phase, version, started_at) \
         VALUES ({DEAD}, {BOT}, 'running', '0', 0); \
         UPDATE turns SET state = 1, seal_no = 1 WHERE id % 2 = 0; \
         UPDATE turns SET state = 2, seal_no = 1, claim_no = 1, owner = {DEAD} WHERE id <= 64;"
    ))?;
    Ok(())
}
