//! Versions that meet at one file: who may migrate, who may go on, and who is
//! seen living there.

use lastword::clock::Clock;
use lastword::domain::ids::InstanceId;
use lastword::domain::phase::Phase;
use lastword::store::sqlite::{Migration, Mode, Roster, Schema, SqliteStore};
use lastword::store::{Leases, Result, StoreError};

use super::stage::{BASE, BOT_ID, Stage, inline};
use super::talk::private;

const ADDS: Migration = Migration {
    sql: "CREATE TABLE more (id INTEGER)",
    additive: true,
};
const CHANGES: Migration = Migration {
    sql: "DROP TABLE senders",
    additive: false,
};

fn newer(stage: &Stage, migration: Migration) -> Result<SqliteStore> {
    let schema = Schema::default().and(migration);
    let clock = Clock::virtual_from(BASE);
    SqliteStore::open_with(&stage.path(), BOT_ID, clock, Mode::Inline, schema)
}

/// Only a registered instance is seen by whoever migrates.
#[tokio::test]
async fn a_migration_between_the_opening_and_the_registration_is_noticed() {
    let stage = inline();
    newer(&stage, CHANGES).expect("nobody lives here");
    let refused = stage.store.register(stage.me, "0.0.0").await;
    assert!(
        matches!(refused, Err(StoreError::Refused { .. })),
        "{refused:?}"
    );
    let stage = inline();
    newer(&stage, ADDS).expect("nobody is hurt");
    assert_eq!(stage.store.register(stage.me, "0.0.0").await, Ok(()));
}

#[tokio::test]
async fn a_registered_instance_is_never_migrated_under() {
    let stage = inline().lives("running").await;
    let refused = newer(&stage, CHANGES);
    assert!(matches!(refused, Err(StoreError::Refused { .. })));
    let newer = newer(&stage, ADDS).expect("nobody is hurt");
    assert_eq!(newer.register(InstanceId(99), "0.0.1").await, Ok(()));
    let conversation = stage.hears(private(7, 1, "a")).await;
    stage.converse(conversation, "an answer").await;
}

#[tokio::test]
async fn the_roster_lists_the_living_with_their_process_and_what_they_are_at() {
    let stage = inline().lives("running").await;
    let dead = stage.another().lives("standby").await;
    drop(dead);
    let conversation = stage.hears(private(7, 1, "a")).await;
    stage.claim(conversation).await;
    let roster = Roster::open(&stage.path()).expect("it can be read");
    let living = roster.living().expect("it can be read");
    assert_eq!(living.len(), 1, "{living:?}");
    let one = &living[0];
    assert_eq!((one.id, one.bot), (stage.me, BOT_ID));
    assert_eq!(one.pid, i32::try_from(std::process::id()).ok());
    assert_eq!((one.phase, one.turns), (Some(Phase::Running), 1));
}
