//! How the listening socket passes to the next instance: as a descriptor over a
//! Unix socket (`SCM_RIGHTS`, unix(7)), so that in a roll it is never closed and
//! no connection that waits in its queue is reset.
//!
//! Each instance that holds a listening socket leaves a will at an abstract
//! address made of its id; both sides insist on being the same user, for anyone
//! in the network namespace can call there. The operator has nothing to
//! configure but one host, one user and one network namespace. `SO_REUSEPORT` would not do: a socket
//! that closes takes its own queue with it (unless `tcp_migrate_req` is set),
//! and one that a standby opens would let connections wait for nobody.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net as unix;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use tokio::io::{AsyncReadExt, Interest};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{sleep, timeout};

use super::listener::Listener;
use crate::domain::ids::InstanceId;
use crate::shutdown::{Kind, Tasks};

/// How long a predecessor may take to hand its socket over; one that hangs does
/// not answer at all.
const PATIENCE: Duration = Duration::from_millis(300);

/// How long the will rests after a failure of the system.
const REST: Duration = Duration::from_millis(100);

/// What goes with the descriptor: a message must have a byte.
const BYTE: u8 = b'L';

/// Held by an heir for as long as it holds the socket, so that the predecessor
/// knows.
pub(super) type Bond = UnixStream;

/// How many others hold the same socket; clones are the same count.
#[derive(Debug, Clone, Default)]
pub(super) struct Heirs(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    now: AtomicUsize,
    ever: AtomicUsize,
}

/// One of them; counted until dropped.
struct Heir(Heirs);

impl Heirs {
    pub(super) fn any(&self) -> bool {
        self.0.now.load(Ordering::Acquire) > 0
    }

    /// Whether there was one at any time.
    pub(super) fn any_ever(&self) -> bool {
        self.0.ever.load(Ordering::Acquire) > 0
    }

    fn add(&self) -> Heir {
        self.0.now.fetch_add(1, Ordering::AcqRel);
        self.0.ever.fetch_add(1, Ordering::AcqRel);
        Heir(self.clone())
    }
}

impl Drop for Heir {
    fn drop(&mut self) {
        self.0.0.now.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Hands the socket to every successor that asks, until [`Tasks::close`]. Does
/// not keep it open: a successor that cannot ask needs the address free.
///
/// # Errors
/// When the system has no room for the will; then a successor has to wait until
/// the address is free.
pub fn bequeath(listener: &Arc<Listener>, instance: InstanceId, tasks: &Tasks) -> io::Result<()> {
    let will = unix::UnixListener::bind_addr(&address(instance)?)?;
    will.set_nonblocking(true)?;
    let will = Arc::new(UnixListener::from_std(will)?);
    let (listener, own) = (Arc::downgrade(listener), tasks.clone());
    // Detached on purpose: cut by the close.
    tasks.keep(Kind::Ops, "webhook-will", move || {
        execute(Arc::clone(&will), Weak::clone(&listener), own.clone())
    });
    Ok(())
}

async fn execute(will: Arc<UnixListener>, listener: Weak<Listener>, tasks: Tasks) {
    loop {
        match will.accept().await {
            Ok((stream, _)) => {
                let Some(listener) = listener.upgrade() else {
                    return;
                };
                tasks.spawn(Kind::Ops, "webhook-heir", async move {
                    if let Err(error) = hand_over(stream, listener).await {
                        tracing::debug!(%error, "failed to hand the webhook's socket over");
                    }
                });
            }
            Err(_) => sleep(REST).await,
        }
    }
}

/// Gives a copy away and waits until it is closed.
async fn hand_over(mut heir: UnixStream, listener: Arc<Listener>) -> io::Result<()> {
    is_of_our_user(&heir)?;
    let _counted = listener.heirs().add();
    heir.async_io(Interest::WRITABLE, || {
        let sockets = [listener.socket().as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&sockets));
        let flags = SendFlags::NOSIGNAL;
        Ok(sendmsg(
            &heir,
            &[IoSlice::new(&[BYTE])],
            &mut control,
            flags,
        )?)
    })
    .await?;
    drop(listener);
    // It says nothing; this ends with it.
    heir.read(&mut [0]).await.map(drop)
}

/// Asks an instance for the socket it listens with at `address`.
///
/// # Errors
/// When it has none there, or does not answer.
///
/// # Cancel safety
/// Cancel safe.
pub async fn inherit(from: InstanceId, at: SocketAddr) -> io::Result<Listener> {
    let stream = unix::UnixStream::connect_addr(&address(from)?)?;
    stream.set_nonblocking(true)?;
    let bond = UnixStream::from_std(stream)?;
    is_of_our_user(&bond)?;
    let received = timeout(
        PATIENCE,
        bond.async_io(Interest::READABLE, || receive(&bond)),
    );
    let socket = net::TcpListener::from(received.await??);
    if socket.local_addr()? != at {
        return Err(io::ErrorKind::AddrNotAvailable.into());
    }
    Listener::inherited(socket, bond)
}

fn receive(bond: &UnixStream) -> io::Result<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    // No child keeps the port.
    let flags = RecvFlags::CMSG_CLOEXEC;
    recvmsg(bond, &mut [IoSliceMut::new(&mut byte)], &mut control, flags)?;
    let sent = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut sockets) => sockets.next(),
        _ => None,
    });
    sent.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// Nobody else may have the socket, or give us one.
fn is_of_our_user(stream: &UnixStream) -> io::Result<()> {
    let ours = rustix::process::geteuid().as_raw();
    if stream.peer_cred()?.uid() == ours {
        Ok(())
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

fn address(instance: InstanceId) -> io::Result<unix::SocketAddr> {
    unix::SocketAddr::from_abstract_name(format!("lastword-webhook-{instance}"))
}
