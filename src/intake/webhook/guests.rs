//! Who is in: every connection has a place, and there are only so many.
//!
//! One place is kept free for whoever knocks next. When all others are taken,
//! the connection goes that has been in longest without showing the secret: a
//! crowd that says nothing, or says it slowly, can keep nobody out who knows the
//! secret and says so at once. Whoever has shown it stays until a limit of its
//! own ends it. Never looks at a request itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use crate::domain::metric;

/// Everybody who is in.
#[derive(Debug)]
pub(super) struct Guests {
    places: Arc<Semaphore>,
    strangers: Mutex<Strangers>,
}

/// Those who have not shown the secret yet, in the order of their coming.
#[derive(Debug, Default)]
struct Strangers {
    next: u64,
    waiting: BTreeMap<u64, CancellationToken>,
}

/// A place for one connection.
pub(super) type Place = OwnedSemaphorePermit;

/// A connection that is in; leaves its place when dropped.
#[derive(Debug)]
pub(super) struct Guest {
    badge: Badge,
    out: CancellationToken,
    _place: Place,
}

/// What a request shows to prove its connection.
#[derive(Debug, Clone)]
pub(super) struct Badge {
    number: u64,
    guests: Arc<Guests>,
}

impl Guests {
    /// Room for `places` connections.
    pub(super) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self {
            places: Arc::new(Semaphore::new(places)),
            strangers: Mutex::default(),
        })
    }

    /// A free place; makes one where only strangers are in the way.
    ///
    /// # Cancel safety
    /// Cancel safe: a stranger may have been sent away for nothing.
    pub(super) async fn place(&self) -> Place {
        if let Some(place) = self.free_place() {
            return place;
        }
        self.send_oldest_away();
        let freed = Arc::clone(&self.places).acquire_owned().await;
        freed.expect("the semaphore is never closed")
    }

    /// A place, if one is free.
    pub(super) fn free_place(&self) -> Option<Place> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// Somebody takes the place.
    pub(super) fn enter(self: &Arc<Self>, place: Place) -> Guest {
        let out = CancellationToken::new();
        let mut strangers = self.strangers();
        let number = strangers.next;
        strangers.next += 1;
        strangers.waiting.insert(number, out.clone());
        drop(strangers);
        Guest {
            badge: Badge {
                number,
                guests: Arc::clone(self),
            },
            out,
            _place: place,
        }
    }

    fn send_oldest_away(&self) {
        if let Some((_, out)) = self.strangers().waiting.pop_first() {
            metrics::counter!(metric::WEBHOOK_CROWDED_OUT).increment(1);
            out.cancel();
        }
    }

    fn strangers(&self) -> MutexGuard<'_, Strangers> {
        // Plain data, whole after every change.
        self.strangers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guest {
    /// What its requests carry.
    pub(super) fn badge(&self) -> Badge {
        self.badge.clone()
    }

    /// Ready when its place is needed for somebody else.
    pub(super) fn must_go(&self) -> WaitForCancellationFuture<'_> {
        self.out.cancelled()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.badge.prove();
    }
}

impl Badge {
    /// It has shown the secret: it is a stranger no more.
    pub(super) fn prove(&self) {
        self.guests.strangers().waiting.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn must_go(guest: &Guest) -> bool {
        guest.must_go().now_or_never().is_some()
    }

    #[tokio::test]
    async fn the_oldest_stranger_goes_and_whoever_showed_the_secret_stays() {
        let guests = Guests::new(3);
        let mut house = Vec::new();
        for _ in 0..3 {
            let place = guests.place().await;
            house.push(guests.enter(place));
        }
        house[0].badge().prove();
        assert!(guests.place().now_or_never().is_none(), "all are taken");
        assert!(!must_go(&house[0]) && must_go(&house[1]) && !must_go(&house[2]));
        house.remove(1);
        let place = guests.place().now_or_never().expect("its place is free");
        house.push(guests.enter(place));
        assert!(guests.place().now_or_never().is_none());
        assert!(must_go(&house[1]), "the oldest is the next");
    }

    #[tokio::test]
    async fn nobody_goes_while_there_is_room_and_nothing_is_kept_of_who_went() {
        let guests = Guests::new(2);
        let first = guests.enter(guests.place().await);
        let _place = guests.place().await;
        assert!(!must_go(&first));
        drop(first);
        assert!(guests.strangers().waiting.is_empty());
    }
}
