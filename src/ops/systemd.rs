//! The service manager: readiness, status, the watchdog and its sockets.
//!
//! Speaks the protocol of sd_notify(3) over the socket that `NOTIFY_SOCKET`
//! names and is silent where there is none. Never waits: the socket does not
//! block, and a message that is not taken is dropped, for each is repeated or
//! only informs. Never changes the environment. A reload is told as
//! `Type=notify-reload` wants it, which `Type=notify` allows too.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{env, io, net};

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};

use crate::pulse::{Listener, Organ, Pulse};

pub mod unit;

/// By how much each drain message extends the stop, as a multiple of the time
/// until the next one: two of them may be late or lost.
const EXTENSIONS: u32 = 3;

/// How often per watchdog time the organs are looked at. Half that time would
/// do for a process that is dead; a hang is noticed only once the time since the
/// last *healthy* look is over, so short steps make the replacement prompt
/// (promise P17: 35 s with a watchdog of 30 s).
const LOOKS: u32 = 10;

/// The way to the service manager; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Systemd {
    socket: Option<Arc<UnixDatagram>>,
    watchdog: Option<Duration>,
}

impl Systemd {
    /// The service manager that started this process, if one did.
    ///
    /// # Errors
    /// When it named a socket that cannot be reached; the daemon should go on
    /// with [`Systemd::default`] and say so.
    pub fn from_env() -> io::Result<Self> {
        match env::var_os("NOTIFY_SOCKET") {
            Some(name) => Self::at(&name, sd_notify::watchdog_enabled()),
            None => Ok(Self::default()),
        }
    }

    /// The service manager behind the socket `name`: a path, or an abstract name
    /// after `@`.
    ///
    /// # Errors
    /// When the socket cannot be reached.
    pub fn at(name: &OsStr, watchdog: Option<Duration>) -> io::Result<Self> {
        let address = match name.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(name)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: Some(Arc::new(socket)),
            watchdog,
        })
    }

    /// Whether there is one.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.socket.is_some()
    }

    /// Start-up is over. Sent by a standby too: it is ready to take over.
    pub fn ready(&self, status: &str) {
        self.tell(&[NotifyState::Ready, NotifyState::Status(&line(status))]);
    }

    /// One line on what the daemon is doing.
    pub fn status(&self, status: &str) {
        self.tell(&[NotifyState::Status(&line(status))]);
    }

    /// The configuration is read anew, which [`Systemd::ready`] ends. With the
    /// time of the kernel's monotonic clock, by which the manager tells that this
    /// answers its own request (systemd.service(5), `Type=notify-reload`).
    pub fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.tell(&[NotifyState::Reloading, now]),
            Err(_) => self.tell(&[NotifyState::Reloading]),
        }
    }

    /// The stop has begun.
    pub fn stopping(&self, status: &str) {
        self.tell(&[NotifyState::Stopping, NotifyState::Status(&line(status))]);
    }

    /// The start or the stop goes on: what it is doing, and that the next such
    /// message follows after `next`. The first must come before the limit of
    /// the unit, which the service manager then overrules.
    pub fn going_on(&self, status: &str, next: Duration) {
        let usec = (next * EXTENSIONS).as_micros();
        let usec = u32::try_from(usec).unwrap_or(u32::MAX);
        self.tell(&[
            NotifyState::ExtendTimeoutUsec(usec),
            NotifyState::Status(&line(status)),
        ]);
    }

    /// Feeds the watchdog well within its time, but only while every organ moves;
    /// `complain` is called with each look that found some stuck. Runs until
    /// dropped, and does nothing where no watchdog is set.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn feed_watchdog(
        &self,
        pulse: &Pulse,
        mut complain: impl FnMut(&[Organ]) + Send,
    ) -> std::convert::Infallible {
        let Some(limit) = self.watchdog.filter(|limit| !limit.is_zero()) else {
            return std::future::pending().await;
        };
        let mut listener = Listener::new(pulse);
        let mut looks = interval(limit / LOOKS);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let stuck = listener.stuck();
            if stuck.is_empty() {
                self.tell(&[NotifyState::Watchdog]);
            } else {
                complain(&stuck);
            }
        }
    }

    fn tell(&self, states: &[NotifyState<'_>]) {
        let Some(socket) = &self.socket else { return };
        let message: String = states.iter().map(|state| format!("{state}\n")).collect();
        // Nothing to do about a manager that does not listen.
        let _ = socket.send(message.as_bytes());
    }
}

/// A status is one line: a newline would begin another assignment.
fn line(status: &str) -> String {
    status.replace(['\n', '\r'], " ")
}

/// Why the sockets handed over cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// `LISTEN_PID`, `LISTEN_FDS` or a descriptor is not what it should be.
    #[error("the service manager handed over unusable sockets")]
    Malformed(#[source] io::Error),
    /// They were taken before; a descriptor has one owner.
    #[error("the sockets of the service manager were taken before")]
    Taken,
}

/// The listening sockets that the service manager holds open over restarts, with
/// their `FileDescriptorName=`. Empty without socket activation.
///
/// # Errors
/// See [`ListenError`]; the second call of a process always fails, unless it
/// has nothing to take.
pub fn listeners() -> Result<Vec<(Option<String>, net::TcpListener)>, ListenError> {
    // Descriptors belong to the process, and so does the memory of having given
    // them away.
    static TAKEN: AtomicBool = AtomicBool::new(false);
    // Sets close-on-exec, so that no child keeps the port.
    let count = sd_notify::listen_fds()
        .map_err(ListenError::Malformed)?
        .len();
    if count == 0 {
        return Ok(Vec::new());
    }
    if TAKEN.swap(true, Ordering::AcqRel) {
        return Err(ListenError::Taken);
    }
    let malformed =
        |error| ListenError::Malformed(io::Error::new(io::ErrorKind::InvalidInput, error));
    sd_listen_fds::get()
        .map_err(malformed)?
        .into_iter()
        .map(|(name, fd)| {
            let listener = net::TcpListener::from(fd);
            listener.local_addr().map_err(ListenError::Malformed)?;
            // What tokio expects.
            listener
                .set_nonblocking(true)
                .map_err(ListenError::Malformed)?;
            Ok((name, listener))
        })
        .collect()
}

#[cfg(test)]
mod tests;
