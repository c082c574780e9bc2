//! One life of the daemon and where it dies.
//!
//! A crash is what `kill -9` is: from that very point on nothing of the life
//! has any effect. Its seams never answer again, its calls under way are
//! dropped, its store is closed without another word and its locks go with it,
//! as the kernel would see to.

use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};

use lastword::store::sqlite::SqliteStore;
use tokio_util::sync::CancellationToken;

use super::trace::About;
use super::world::World;

/// Where a life may end by itself: just before or just after something at a
/// seam. After means: it is done, but nobody has heard of it yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Point {
    /// Before or after an operation of the store is committed.
    Store(When),
    /// Before Telegram gets a call, or after it was carried out.
    Telegram(When),
    /// Around the opening of a completion, and among its deltas.
    Model(When),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Before,
    After,
}

/// What makes a life end: the n-th time it comes by this point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fuse {
    pub(super) point: Point,
    /// Only at this operation, method or event; any without.
    pub(super) name: Option<&'static str>,
    pub(super) left: u32,
}

/// One life.
#[derive(Debug)]
pub(super) struct Mortal {
    pub(super) number: u32,
    /// The id under which the store knows it.
    pub(super) instance: i64,
    pub(super) world: Arc<World>,
    pub(super) dead: CancellationToken,
    store: Mutex<Option<SqliteStore>>,
    fuse: Mutex<Option<Fuse>>,
}

impl Mortal {
    pub(super) fn new(
        world: &Arc<World>,
        number: u32,
        instance: i64,
        store: SqliteStore,
        fuse: Option<Fuse>,
    ) -> Arc<Self> {
        Arc::new(Self {
            number,
            instance,
            world: Arc::clone(world),
            dead: CancellationToken::new(),
            store: Mutex::new(Some(store)),
            fuse: Mutex::new(fuse),
        })
    }

    /// Whether nothing of it runs any more.
    pub(super) fn is_dead(&self) -> bool {
        self.dead.is_cancelled()
    }

    /// Its store, while it lives.
    pub(super) fn store(&self) -> Option<SqliteStore> {
        lock(&self.store).clone()
    }

    /// No crash by itself from now on.
    pub(super) fn defuse(&self) {
        lock(&self.fuse).take();
    }

    /// Ends here and now.
    pub(super) fn die(&self, how: &'static str) {
        if self.is_dead() {
            return;
        }
        self.world.trace.add(
            self.number,
            "world",
            how,
            About::number(u64::from(self.number)),
        );
        self.world.eye().life_ended(self.number, how);
        self.dead.cancel();
        // The connection and the locks of a process go with it.
        drop(lock(&self.store).take());
    }

    /// Whether the life ends at this point.
    pub(super) fn ends_at(&self, point: Point, name: &str) -> bool {
        if self.is_dead() {
            return true;
        }
        let mut fuse = lock(&self.fuse);
        let Some(armed) = fuse.as_mut() else {
            return false;
        };
        if armed.point != point || armed.name.is_some_and(|only| only != name) {
            return false;
        }
        armed.left = armed.left.saturating_sub(1);
        if armed.left > 0 {
            return false;
        }
        drop(fuse);
        self.defuse();
        self.die("crash");
        true
    }

    /// Goes on for as long as the life does; then never again.
    pub(super) async fn while_alive<T>(&self, what: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            () = self.dead.cancelled() => pending().await,
            done = what => done,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
