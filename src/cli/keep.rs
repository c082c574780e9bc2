//! `lastword backup` and `lastword verify`: copies of the store beside a daemon
//! that runs, and whether it is sound.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::desk::{Place, Shut, ended, path_of_one};
use crate::config::Sources;
use crate::shutdown::Tasks;
use crate::store::desk::Soundness;
use crate::store::sqlite::SqliteStore;
use crate::store::{Result as Stored, StoreError};

/// Exit code when the store is not sound.
const EXIT_UNSOUND: u8 = 4;

/// Where the copy goes.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Backup {
    /// The new file; one that exists is never overwritten
    #[arg(value_name = "FILE")]
    pub to: PathBuf,
    /// Which store.
    #[command(flatten)]
    pub place: Place,
}

const VERIFY_HELP: &str = "\
Exit codes:
   0  sound
   1  it could not be looked over, and why
   4  damaged, or no store at all, or its books do not balance: restore a backup
  78  the configuration does not say where the store is
 130  interrupted";

/// What is looked over.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(after_help = VERIFY_HELP)]
pub struct Verify {
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
    /// Which store.
    #[command(flatten)]
    pub place: Place,
}

/// Copies the store. Answers the exit code.
pub async fn backup(
    asked: &Backup,
    sources: &Sources,
    out: &mut (dyn Write + Send),
    err: &mut (dyn Write + Send),
) -> u8 {
    let copied = async {
        let path = path_of_one(&asked.place, sources)?;
        let (from, to) = (path.clone(), asked.to.clone());
        let size = aside(move || SqliteStore::backup(&from, &to)).await;
        let size = size.map_err(|source| Shut::Copy {
            path: asked.to.clone(),
            source,
        })?;
        writeln!(
            out,
            "{}: {size} bytes, sound. It holds what people wrote: keep it safe.\n\
             Photos and files that wait for their answer lie in {}.media and are not in it.",
            asked.to.display(),
            path.display()
        )?;
        Ok(0)
    };
    let copied = copied.await;
    ended(copied, err)
}

/// Looks the store over. Answers the exit code.
pub async fn verify(
    asked: &Verify,
    sources: &Sources,
    out: &mut (dyn Write + Send),
    err: &mut (dyn Write + Send),
) -> u8 {
    let verified = async {
        let path = path_of_one(&asked.place, sources)?;
        let looked = path.clone();
        let found = aside(move || SqliteStore::verify(&looked)).await;
        let found = found.map_err(|source| Shut::Store { path, source })?;
        match asked.json {
            true => writeln!(out, "{}", object(&found))?,
            false => page(&found, out)?,
        }
        Ok(if found.is_sound() { 0 } else { EXIT_UNSOUND })
    };
    let verified = verified.await;
    ended(verified, err)
}

/// Beside the runtime, so that an interrupt is heard.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Stored<T> + Send + 'static) -> Stored<T> {
    match Tasks::aside(work).await {
        Some(done) => done,
        None => Err(StoreError::Defect {
            reason: "it panicked".to_owned(),
        }),
    }
}

fn object(found: &Soundness) -> serde_json::Value {
    let books: Vec<_> = found
        .books
        .iter()
        .map(|(bot, books)| json!({"bot": bot, "books": books}))
        .collect();
    // What was not looked at is not said to be empty.
    let whole = found.damage.is_empty();
    json!({
        "sound": found.is_sound(),
        "damage": found.damage,
        "loose": whole.then_some(&found.loose),
        "bots": whole.then_some(books),
    })
}

fn page(found: &Soundness, out: &mut dyn Write) -> std::io::Result<()> {
    let verdict = |bad: usize| if bad == 0 { "ok " } else { "bad" };
    let (damage, loose) = (found.damage.len(), found.loose.len());
    writeln!(out, "{}  pages and indexes", verdict(damage))?;
    match damage {
        0 => writeln!(out, "{}  references", verdict(loose))?,
        _ => writeln!(out, "     references and books were not looked at")?,
    }
    for finding in found.damage.iter().chain(&found.loose) {
        writeln!(out, "     {finding}")?;
    }
    for (bot, books) in &found.books {
        let wrong = books.orphaned + books.unbalanced;
        let outcomes: Vec<String> = books
            .outcomes
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(outcome, count)| format!("{count} {outcome}"))
            .collect();
        let open: u64 = books.states.iter().map(|(_, count)| count).sum();
        let settled: u64 = books.outcomes.iter().map(|(_, count)| count).sum();
        writeln!(
            out,
            "{}  books of bot {bot}: {} messages in {open} turns: {} open, {}",
            if wrong == 0 { "ok " } else { "bad" },
            books.messages,
            open.saturating_sub(settled),
            match outcomes.is_empty() {
                true => "none settled".to_owned(),
                false => outcomes.join(", "),
            }
        )?;
        if wrong > 0 {
            writeln!(
                out,
                "     {} messages without a turn of theirs, {} turns without a right end",
                books.orphaned, books.unbalanced
            )?;
        }
    }
    if !found.is_sound() {
        writeln!(
            out,
            "Copy the file and its -wal aside before anything else; then restore a backup: stop \
             the daemon, put the copy in its place, take -wal and -shm away."
        )?;
    }
    Ok(())
}
