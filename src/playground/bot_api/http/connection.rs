//! The listener and its connections, which can be cut like real ones: a reset
//! instead of an answer, a port that refuses.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::super::{BotApi, Outage};

/// After a failed accept or bind, before the next try.
const AGAIN: Duration = Duration::from_millis(20);

/// Lets a handler cut the connection it answers on.
#[derive(Debug, Clone)]
pub(super) struct Connection(CancellationToken);

impl Connection {
    pub(super) fn cut(&self) {
        self.0.cancel();
    }
}

impl Connected<IncomingStream<'_, Door>> for Connection {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        Self(stream.io().cut.clone())
    }
}

/// The listening side; closed while an outage refuses connections.
#[derive(Debug)]
pub(super) struct Door {
    listener: Option<TcpListener>,
    address: SocketAddr,
    api: Arc<BotApi>,
    changed: watch::Receiver<u64>,
    cancel: CancellationToken,
    /// Parent of every connection since the last outage.
    epoch: CancellationToken,
}

impl Door {
    pub(super) fn new(
        listener: TcpListener,
        api: Arc<BotApi>,
        cancel: CancellationToken,
    ) -> io::Result<Self> {
        Ok(Self {
            address: listener.local_addr()?,
            listener: Some(listener),
            changed: api.watch(),
            api,
            epoch: cancel.child_token(),
            cancel,
        })
    }

    /// Closes or reopens the port as the outage says.
    async fn follow_outage(&mut self) {
        let refused = self.api.outage() == Outage::Refused;
        if refused && self.listener.take().is_some() {
            self.epoch.cancel();
            self.epoch = self.cancel.child_token();
        }
        while !refused && self.listener.is_none() {
            match TcpListener::bind(self.address).await {
                Ok(listener) => self.listener = Some(listener),
                Err(_) => tokio::time::sleep(AGAIN).await,
            }
        }
    }
}

impl Listener for Door {
    type Io = Io;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Io, SocketAddr) {
        loop {
            self.changed.borrow_and_update();
            self.follow_outage().await;
            let accepted = async {
                match &self.listener {
                    Some(listener) => listener.accept().await,
                    None => std::future::pending().await,
                }
            };
            // Both are cancel-safe: no connection is lost, a change is seen by
            // its number.
            let accepted = tokio::select! {
                accepted = accepted => accepted,
                _ = self.changed.changed() => continue,
            };
            match accepted {
                Ok((stream, peer)) => {
                    return (Io::new(stream, &self.epoch, self.api.connection()), peer);
                }
                Err(_) => tokio::time::sleep(AGAIN).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// A connection that can be cut.
#[derive(Debug)]
pub(super) struct Io {
    stream: TcpStream,
    cut: CancellationToken,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Counts it as open.
    _open: Arc<()>,
}

impl Io {
    fn new(stream: TcpStream, epoch: &CancellationToken, open: Arc<()>) -> Self {
        // Small answers must not wait for an acknowledgement.
        let _ = stream.set_nodelay(true);
        let cut = epoch.child_token();
        Self {
            stream,
            cancelled: Box::pin(cut.clone().cancelled_owned()),
            cut,
            _open: open,
        }
    }

    /// An error once the connection is cut; closing it then sends a reset.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.cut.is_cancelled() || self.cancelled.as_mut().poll(cx).is_ready() {
            let _ = self.stream.set_zero_linger();
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
