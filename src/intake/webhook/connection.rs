//! One connection: HTTP/1.1 over TCP or TLS, with a limit on every wait.
//!
//! hyper reads and writes; the stage of the connection is noted by the socket
//! (bytes came) and the service (a request, its answer), all inside the polls of
//! one task, which therefore needs no lock against itself and checks the limit
//! after each poll. hyper's own limit for heads is off, for it counts the
//! idleness before a request as part of its head.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;

use super::Limits;
use super::guests::{Badge, Guest};

/// What hyper may buffer of a connection, in bytes: a head larger than that is
/// nobody's we know, and a thousand strangers must not cost more than a few
/// megabytes.
const BUFFER: usize = 16 * 1024;

/// After an answer that came before the end of the body: how much of the rest
/// is read, and how long, before closing. A close with unread bytes is a reset,
/// which can overtake the answer.
const REST_MAX: u64 = 4 * 1024 * 1024;
const REST: Duration = Duration::from_secs(1);

/// How long a connection whose first request was not seen yet is read when the
/// stop comes: it may lie here whole already, and hyper, told to stop, would
/// close without having looked. Short, for a stop waits for it.
const FIRST: Duration = Duration::from_millis(50);

/// What to do with a connection when the stop comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopping {
    /// Finish the request in flight.
    Now,
    /// Give the next one a moment to come, too.
    AfterLateRequests,
}

/// How connections are served.
pub(super) struct Connection {
    pub(super) router: Router,
    pub(super) acceptor: Option<TlsAcceptor>,
    pub(super) limits: Limits,
}

impl Connection {
    /// Serves until the client goes, a limit is reached, its place is needed,
    /// or what `stop` says is done.
    pub(super) async fn run(
        self,
        stream: TcpStream,
        guest: &Guest,
        stop: impl Future<Output = Stopping>,
    ) {
        let badge = guest.badge();
        tokio::select! {
            biased;
            // Nothing was asked that we would have had to answer.
            () = guest.must_go() => {}
            () = self.serve(stream, badge, stop) => {}
        }
    }

    async fn serve(self, stream: TcpStream, badge: Badge, stop: impl Future<Output = Stopping>) {
        let mut stop = pin!(stop);
        let Some(acceptor) = &self.acceptor else {
            return self.talk(stream, badge, stop).await;
        };
        let handshake = timeout(self.limits.head, acceptor.accept(stream));
        let stream = tokio::select! {
            shaken = handshake => match shaken {
                Ok(Ok(stream)) => stream,
                // Scanners do this all day.
                Ok(Err(_)) | Err(_) => return,
            },
            // Nothing was asked yet, so there is nothing to finish.
            _ = &mut stop => return,
        };
        self.talk(stream, badge, stop).await;
    }

    async fn talk<I>(self, io: I, badge: Badge, stop: Pin<&mut impl Future<Output = Stopping>>)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let progress = Progress::new(self.limits);
        let service = Answering {
            router: TowerToHyperService::new(self.router),
            progress: progress.clone(),
            badge,
        };
        let io = TokioIo::new(Noting {
            io,
            progress: progress.clone(),
        });
        let mut http = http1::Builder::new()
            .header_read_timeout(None)
            .max_buf_size(BUFFER)
            // What was sent whole is stored, though nobody waits for the answer.
            .half_close(true)
            .serve_connection(io, service);

        let ended = tokio::select! {
            biased;
            how = stop => Err(how),
            // Dropping it loses nothing: hyper's state is in `http`.
            end = progress.keep(|cx| http.poll_without_shutdown(cx)) => Ok(end),
        };
        let ended = match ended {
            Err(Stopping::AfterLateRequests) => {
                let late = progress.keep(|cx| http.poll_without_shutdown(cx));
                timeout(self.limits.late, late).await.ok()
            }
            Err(Stopping::Now) if progress.step().stage == Stage::Head => {
                let first = progress.keep(|cx| http.poll_without_shutdown(cx));
                timeout(FIRST, first).await.ok()
            }
            Err(Stopping::Now) => None,
            Ok(end) => Some(end),
        };
        let rest = async {
            let end = match ended {
                Some(end) => end,
                None => {
                    Pin::new(&mut http).graceful_shutdown();
                    progress.keep(|cx| http.poll_without_shutdown(cx)).await
                }
            };
            if end == End::Done {
                close(http.into_parts().io.into_inner().io, &progress).await;
            }
        };
        // What is not over by then is dropped: unconfirmed, it comes again.
        let _ = timeout(self.limits.finish, rest).await;
    }
}

/// Ends a connection in order, so that its last answer arrives.
async fn close<I: AsyncRead + AsyncWrite + Unpin>(mut io: I, progress: &Progress) {
    let _ = timeout(REST, async {
        io.shutdown().await?;
        if progress.step().early {
            let mut rest = io.take(REST_MAX);
            tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
        }
        io::Result::Ok(())
    })
    .await;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// hyper is done with it.
    Done,
    /// It broke, or a limit was reached.
    Dropped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// A head comes in.
    Head,
    /// A request is answered.
    Request,
    /// Nothing was asked since the last answer.
    Idle,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    stage: Stage,
    since: Instant,
    /// Whether an answer was given before its request was read.
    early: bool,
}

/// Where a connection stands.
#[derive(Debug, Clone)]
struct Progress {
    step: Arc<Mutex<Step>>,
    limits: Limits,
}

impl Progress {
    fn new(limits: Limits) -> Self {
        let step = Arc::new(Mutex::new(Step {
            stage: Stage::Head,
            since: Instant::now(),
            early: false,
        }));
        Self { step, limits }
    }

    fn step(&self) -> MutexGuard<'_, Step> {
        // Plain data, whole after every write.
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, stage: Stage) {
        let mut step = self.step();
        step.stage = stage;
        step.since = Instant::now();
    }

    fn deadline(&self) -> Instant {
        let limits = &self.limits;
        let step = self.step();
        step.since
            + match step.stage {
                Stage::Head => limits.head,
                // The desk keeps its own limits; this one is behind them.
                Stage::Request => limits.body + limits.store + limits.idle,
                Stage::Idle => limits.idle,
            }
    }
}

impl Progress {
    /// Polls until the end or until the stage that was reached lasts too long.
    async fn keep(&self, mut poll: impl FnMut(&mut Context<'_>) -> Poll<hyper::Result<()>>) -> End {
        let mut limit = pin!(sleep_until(self.deadline()));
        poll_fn(|cx| {
            match poll(cx) {
                Poll::Ready(Ok(())) => return Poll::Ready(End::Done),
                Poll::Ready(Err(_)) => return Poll::Ready(End::Dropped),
                Poll::Pending => {}
            }
            let deadline = self.deadline();
            if limit.deadline() != deadline {
                limit.as_mut().reset(deadline);
            }
            limit.as_mut().poll(cx).map(|()| End::Dropped)
        })
        .await
    }
}

/// The router, showing whose request it is and noting when a request begins and when its answer is there.
#[derive(Debug)]
struct Answering {
    router: TowerToHyperService<Router>,
    progress: Progress,
    badge: Badge,
}

impl Service<Request<Incoming>> for Answering {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.badge.clone());
        self.progress.enter(Stage::Request);
        let progress = self.progress.clone();
        let answer = self.router.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            progress.enter(Stage::Idle);
            // Everything but 200 may have been said before the body was read.
            progress.step().early = !answer.status().is_success();
            Ok(answer)
        })
    }
}

/// A socket that notes when a request begins to come in.
#[derive(Debug)]
struct Noting<I> {
    io: I,
    progress: Progress,
}

impl<I: AsyncRead + Unpin> AsyncRead for Noting<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        let came = buf.filled().len() > before;
        if came && self.progress.step().stage == Stage::Idle {
            self.progress.enter(Stage::Head);
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Noting<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::super::guests::Guests;
    use super::*;

    /// Accepted, and asked whole, in the moment of the stop.
    #[tokio::test]
    async fn a_request_that_was_there_before_the_stop_is_answered() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let request = b"GET / HTTP/1.1\r\nHost: bot\r\n\r\n";
        client.write_all(request).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let guests = Guests::new(1);
        let guest = guests.enter(guests.place().await);
        let connection = Connection {
            router: Router::new(),
            acceptor: None,
            limits: Limits::default(),
        };
        connection
            .run(stream, &guest, async { Stopping::Now })
            .await;
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer:?}");
    }
}
