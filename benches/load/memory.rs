//! Resident memory of the real program: idle, and with many chats gathering.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use anyhow::ensure;
use tempfile::TempDir;

use crate::Length;
use crate::client::{Load, Until, load};
use crate::house::{count, store_folder};
use crate::outside::Servers;
use crate::process::Process;
use crate::report::{Report, Row, Target};

/// The longest that can be configured.
const QUIET: Duration = Duration::from_secs(300);

/// Until allocations of the start have settled.
const SETTLE: Duration = Duration::from_secs(2);

/// Measures both.
pub fn measure(length: Length, report: &mut Report) -> anyhow::Result<()> {
    let chats = length.pick(100_000, 2_000);
    let servers = Servers::start()?;
    let folder = TempDir::new_in(store_folder())?;
    let process = Process::start(folder.path(), &servers, QUIET)?;
    process.listens()?;
    std::thread::sleep(SETTLE);
    let idle = process.resident_mb()?;
    report.row(Row::new("resident memory, idle", idle, "MB").target(Target::AtMost(20.0)));
    let ids = Arc::new(AtomicI64::new(1));
    let outcome = load(
        process.webhook,
        &ids,
        Load {
            connections: 40,
            chats: i64::MAX,
            until: Until::Sent(chats),
            pace: None,
        },
    )?;
    ensure!(
        outcome.confirmed == chats,
        "{} confirmed",
        outcome.confirmed
    );
    std::thread::sleep(SETTLE);
    let gathering = process.resident_mb()?;
    #[expect(clippy::cast_precision_loss, reason = "a count of one run")]
    let share = 100_000.0 / chats as f64;
    report.row(
        Row::new(
            "resident memory per 100 000 gathering chats",
            (gathering - idle) * share,
            "MB",
        )
        .against(idle, "idle"),
    );
    report.note(format!(
        "memory: {chats} chats gathered, {gathering:.1} MB in all"
    ));
    let stored = count(
        &folder.path().join("lastword.db"),
        "SELECT count(*) FROM messages",
    )?;
    ensure!(stored == chats, "{stored} of {chats} stored");
    process.stop()?;
    Ok(())
}
