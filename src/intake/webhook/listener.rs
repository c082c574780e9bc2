//! The listening socket: handed over by the service manager, inherited from the
//! predecessor, or bound here.
//!
//! What the system has accepted for a socket waits in its queue and is reset
//! when the last process closes it. So in a roll nobody closes it: the
//! successor holds the same socket before the predecessor stops
//! (`succession.rs`), or the service manager does.

use std::io;
use std::net::{self, SocketAddr};

use futures_util::FutureExt;
use tokio::net::{TcpListener, TcpStream};

use super::succession::{Bond, Heirs};

/// Where connections come from.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    origin: Origin,
    heirs: Heirs,
    /// Tells the predecessor for as long as we hold its socket.
    _bond: Option<Bond>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Ours alone, unless there are heirs.
    Own,
    /// The service manager's too.
    Given,
}

impl Listener {
    /// Takes over the socket of a service manager.
    ///
    /// # Errors
    /// When it is not usable.
    pub fn given(socket: net::TcpListener) -> io::Result<Self> {
        Self::from(socket, Origin::Given, None)
    }

    /// Takes over the socket of a predecessor.
    pub(super) fn inherited(socket: net::TcpListener, bond: Bond) -> io::Result<Self> {
        Self::from(socket, Origin::Own, Some(bond))
    }

    fn from(socket: net::TcpListener, origin: Origin, bond: Option<Bond>) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: TcpListener::from_std(socket)?,
            origin,
            heirs: Heirs::default(),
            _bond: bond,
        })
    }

    /// Binds `address`, which nobody else may hold.
    ///
    /// # Errors
    /// When it cannot be bound.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(Self {
            socket: TcpListener::bind(address).await?,
            origin: Origin::Own,
            heirs: Heirs::default(),
            _bond: None,
        })
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

    /// The socket itself, to be handed on.
    pub(super) fn socket(&self) -> &TcpListener {
        &self.socket
    }

    /// Who else holds it.
    pub(super) fn heirs(&self) -> &Heirs {
        &self.heirs
    }

    /// Whether its queue outlives this process.
    pub(super) fn lives_on(&self) -> bool {
        self.origin == Origin::Given || self.heirs.any()
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
