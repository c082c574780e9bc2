//! When the disk is full or another process holds the store: nothing is
//! confirmed, nothing is lost, and it works again by itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use lastword::clock::Clock;
use lastword::domain::admission::Policy;
use lastword::domain::ids::InstanceId;
use lastword::store::sqlite::{Mode, SqliteStore};
use lastword::store::{Flush, Inbox, Next, StoreError, Turns};
use rusqlite::Connection;
use tempfile::TempDir;

use super::stage::{BOT_ID, inline, numbered, stores};
use super::talk::private;

/// A disk of eight megabytes, gone with the value.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None` where this machine does not let us mount one.
    fn mount() -> Option<Self> {
        let folder = TempDir::new().expect("a temporary folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
            .arg(folder.path())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Fills what is left.
    fn fill(&self) -> PathBuf {
        let ballast = self.path().join("ballast");
        let _ = fs::write(&ballast, vec![1; 9 << 20]);
        ballast
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

fn policy() -> Arc<Policy> {
    Arc::new(inline().policy)
}

#[tokio::test]
async fn on_a_full_disk_nothing_is_confirmed_and_nothing_lost() {
    for mode in [Mode::Inline, Mode::Thread] {
        let Some(disk) = SmallDisk::mount() else {
            eprintln!("SKIPPED: no small disk can be mounted here (needs root)");
            return;
        };
        let path = disk.path().join("store.db");
        let store = SqliteStore::open(&path, BOT_ID, Clock::system(), mode).unwrap();
        let (me, policy) = (InstanceId(1), policy());
        let update = |id| numbered(&private(7, id, &"x".repeat(3000)), id);
        let mut confirmed = Vec::new();
        let accept = async |id| {
            store
                .accept(me, vec![update(id)], Arc::clone(&policy))
                .await
        };
        for id in 0..10 {
            accept(id).await.unwrap();
            confirmed.push(id);
        }
        let ballast = disk.fill();
        let mut refused = Vec::new();
        for id in 10..60 {
            match accept(id).await {
                Ok(_) => confirmed.push(id),
                Err(error) => {
                    assert!(error.is_passing(), "{error}");
                    refused.push(id);
                }
            }
        }
        assert!(!refused.is_empty(), "the disk was never full");
        fs::remove_file(ballast).unwrap();
        // Telegram hands over again whatever was not confirmed.
        for id in &refused {
            accept(*id).await.expect("there is room again");
        }
        for id in &confirmed {
            assert_eq!(
                accept(*id).await.unwrap().duplicates,
                1,
                "update {id} was lost"
            );
        }
        let books = store.books().await.unwrap();
        assert_eq!(
            (books.messages, books.orphaned, books.unbalanced),
            (60, 0, 0)
        );
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_store_is_not_opened_where_nothing_can_be_written() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("SKIPPED: no small disk can be mounted here (needs root)");
        return;
    };
    let path = disk.path().join("store.db");
    let open = || SqliteStore::open(&path, BOT_ID, Clock::system(), Mode::Inline);
    drop(open().unwrap());
    let remount = |how| {
        let done = Command::new("mount")
            .args(["-o", how])
            .arg(disk.path())
            .status();
        done.is_ok_and(|status| status.success())
    };
    assert!(remount("remount,ro"));
    let refused = open().unwrap_err();
    assert!(refused.is_passing(), "{refused}");
    assert!(remount("remount,rw"));
    open().unwrap();
}

#[tokio::test]
async fn while_another_process_holds_the_store_nothing_is_confirmed() {
    for stage in stores() {
        let other = Connection::open(stage.path()).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let policy = Arc::new(stage.policy.clone());
        let update = stage.update(&private(7, 1, "hi"));
        let refused = stage
            .store
            .accept(stage.me, vec![update.clone()], policy)
            .await;
        assert!(
            matches!(refused, Err(StoreError::Unavailable { .. })),
            "{refused:?}"
        );
        other.execute_batch("ROLLBACK").unwrap();
        let accepted = stage.accept_raw(vec![update]).await;
        assert_eq!((accepted.stored, accepted.duplicates), (1, 0));
        let next = stage.ask(accepted.due[0].conversation, Flush::All).await;
        assert!(matches!(next, Next::Run(_)));
    }
}
