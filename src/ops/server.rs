//! The socket of `ops.listen`: how many may be connected, and for how long.
//!
//! One request a connection, so that each either says what it wants, for which it
//! has little time, or is being answered. When all places are taken, the oldest
//! connection that has asked nothing goes, else the oldest that is being answered:
//! a crowd that says nothing, or hears slowly, keeps nobody out. A stream of the
//! console stays: it was let in by its token, and there are only so many
//! ([`super::console::STREAMS`]). Nothing here can delay the exit: every connection
//! is of the kind `Ops`, which the close cuts.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, middleware};
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::console::STREAMS;
use super::loopback;
use crate::shutdown::{Kind, Tasks};

/// Connections at a time; some are left when as many watch as may.
pub const PLACES: usize = 128;
const _: () = assert!(PLACES > STREAMS);

/// From accepting a connection to the end of its request's head.
const HEAD: Duration = Duration::from_secs(5);

/// From there to the head of the answer, the request's body included; longer than
/// any bound behind it.
const ANSWER: Duration = Duration::from_secs(30);

/// What is buffered of a connection, in bytes: a head with the cookies of whatever
/// else is served on this machine.
const BUFFER: usize = 64 * 1024;

/// After an answer: how much is still read, and how long, before closing. A close
/// with unread bytes is a reset, which can overtake the answer.
const REST_MAX: u64 = 1024 * 1024;
const REST: Duration = Duration::from_secs(1);

/// How long the loop rests when the system has no room for a connection.
const NO_ROOM: Duration = Duration::from_millis(200);

/// Serves these routes until dropped; on loopback only to who names this machine.
///
/// # Errors
/// When the listener does not say where it listens.
pub async fn serve(listener: TcpListener, router: Router, tasks: &Tasks) -> io::Result<()> {
    let router = match listener.local_addr()?.ip().is_loopback() {
        true => router.layer(middleware::from_fn(loopback::guard)),
        false => router,
    };
    let mut seats = Seats::new(PLACES);
    loop {
        let place = seats.place().await;
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!(%error, "failed to accept a connection of ops.listen");
                sleep(NO_ROOM).await;
                continue;
            }
        };
        let seat = Arc::new(seats.take(place));
        let router = router.clone();
        tasks.spawn(Kind::Ops, "ops-connection", async move {
            tokio::select! {
                biased;
                // Somebody else needs its place.
                () = seat.out.cancelled() => {}
                () = talk(stream, router, &seat) => {}
            }
        });
    }
}

/// Answers one request.
async fn talk(stream: TcpStream, router: Router, seat: &Arc<Seat>) {
    // Events are small packets that should not wait for another; without it we
    // are only slower.
    let _ = stream.set_nodelay(true);
    let router = TowerToHyperService::new(router);
    let service = service_fn(|request: Request<Incoming>| -> BoxFuture<'static, _> {
        seat.asks();
        let seat = Arc::clone(seat);
        let answer = router.call(request);
        Box::pin(async move {
            let response: Response = match timeout(ANSWER, answer).await {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
            };
            if is_stream(&response) {
                seat.stays();
            }
            Ok::<_, Infallible>(response)
        })
    });
    let talking = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .keep_alive(false)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service)
        .without_shutdown();
    // Whoever hangs up, or says nothing, is not waited for.
    let Ok(parts) = talking.await else { return };
    let mut stream = parts.io.into_inner();
    let _ = timeout(REST, async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(REST_MAX), &mut tokio::io::sink()).await
    })
    .await;
}

fn is_stream(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

/// How far a connection is that may have to go, those that go first before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// It has asked nothing yet.
    Silent,
    /// It is being answered.
    Asked,
}

/// Everybody who is connected.
#[derive(Debug)]
struct Seats {
    places: Arc<Semaphore>,
    next: u64,
    /// Those that may have to go, in that order.
    movable: Arc<Mutex<Movable>>,
}

type Movable = BTreeMap<(Stage, u64), CancellationToken>;

/// One connection; leaves its place when dropped.
#[derive(Debug)]
struct Seat {
    number: u64,
    out: CancellationToken,
    movable: Arc<Mutex<Movable>>,
    _place: OwnedSemaphorePermit,
}

impl Seats {
    fn new(places: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            next: 0,
            movable: Arc::default(),
        }
    }

    /// A free place; makes one where there is somebody who may have to go.
    ///
    /// # Cancel safety
    /// Cancel safe: somebody may have been sent away for nothing.
    async fn place(&self) -> OwnedSemaphorePermit {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return place;
        }
        let first = lock(&self.movable).pop_first();
        if let Some((_, out)) = first {
            out.cancel();
        }
        let freed = Arc::clone(&self.places).acquire_owned().await;
        freed.expect("the semaphore is never closed")
    }

    /// Somebody takes the place.
    fn take(&mut self, place: OwnedSemaphorePermit) -> Seat {
        self.next += 1;
        let seat = Seat {
            number: self.next,
            out: CancellationToken::new(),
            movable: Arc::clone(&self.movable),
            _place: place,
        };
        let silent = (Stage::Silent, seat.number);
        lock(&self.movable).insert(silent, seat.out.clone());
        seat
    }
}

impl Seat {
    /// It has asked something, and is answered unless it has to go already.
    fn asks(&self) {
        let mut movable = lock(&self.movable);
        if let Some(out) = movable.remove(&(Stage::Silent, self.number)) {
            movable.insert((Stage::Asked, self.number), out);
        }
    }

    /// It goes by itself only.
    fn stays(&self) {
        let mut movable = lock(&self.movable);
        for stage in [Stage::Silent, Stage::Asked] {
            movable.remove(&(stage, self.number));
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.stays();
    }
}

fn lock(shared: &Mutex<Movable>) -> MutexGuard<'_, Movable> {
    // Plain data, whole after every change.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn the_silent_go_before_the_answered_and_a_stream_stays() {
        let mut seats = Seats::new(4);
        let mut all = Vec::new();
        for _ in 0..4 {
            let place = seats.place().now_or_never().expect("there is room");
            all.push(seats.take(place));
        }
        all[0].asks();
        all[1].stays();
        all[2].asks();
        for expected in [3, 0, 2] {
            assert!(seats.place().now_or_never().is_none(), "all are taken");
            let gone: Vec<bool> = all.iter().map(|seat| seat.out.is_cancelled()).collect();
            assert!(gone[expected] && !gone[1], "{expected}: {gone:?}");
        }
        // Nobody else may be sent away.
        assert!(seats.place().now_or_never().is_none());
        assert!(!all[1].out.is_cancelled());
        all.clear();
        assert!(seats.place().now_or_never().is_some());
        assert!(lock(&seats.movable).is_empty());
    }
}
