//! The listening socket: handed over by the service manager, or bound here.
//!
//! A socket of our own is closed with the stop, one that was handed over lives
//! on in the service manager with the connections that wait in its queue.

use std::io;
use std::net::{self, SocketAddr};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// How often an address is tried that another process still holds.
const TAKEN: Duration = Duration::from_millis(100);

/// Where connections come from.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    origin: Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Bound,
    Given,
}

impl Listener {
    /// Takes over the socket of a service manager.
    ///
    /// # Errors
    /// When it is not usable.
    pub fn given(socket: net::TcpListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: TcpListener::from_std(socket)?,
            origin: Origin::Given,
        })
    }

    /// Binds `address`, which nobody else may hold.
    ///
    /// # Errors
    /// When it cannot be bound.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(Self {
            socket: TcpListener::bind(address).await?,
            origin: Origin::Bound,
        })
    }

    /// Binds `address` as soon as nobody else holds it: in a roll the
    /// predecessor closes it when it begins to drain.
    ///
    /// # Errors
    /// When it cannot be bound for another reason.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn bind_when_free(address: SocketAddr) -> io::Result<Self> {
        let mut said = false;
        loop {
            match Self::bind(address).await {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    if !said {
                        tracing::warn!(%address, "the webhook's address is taken; waiting for it");
                        said = true;
                    }
                    sleep(TAKEN).await;
                }
                done => return done,
            }
        }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Cancel safe.
    pub(super) async fn accept(&self) -> io::Result<TcpStream> {
        let (stream, _) = self.socket.accept().await?;
        Ok(prepared(stream))
    }

    /// A connection that is there already.
    pub(super) fn accept_now(&self) -> Option<TcpStream> {
        self.accept().now_or_never()?.ok()
    }

    /// Whether it was bound here, so that its queue dies with it.
    pub(super) fn is_ours(&self) -> bool {
        self.origin == Origin::Bound
    }
}

fn prepared(stream: TcpStream) -> TcpStream {
    // An answer is one small packet that should not wait for another; without
    // it we are only slower.
    let _ = stream.set_nodelay(true);
    stream
}

/// Whether an error of accept(2) concerns one connection only, so that the next
/// may be accepted at once; the others mean that the system has no room.
pub(super) fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
