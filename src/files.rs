//! How many file descriptors the process may hold.
//!
//! Connections from outside share them with the store and with our own calls;
//! whoever admits connections asks here how many there are to share.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than we ever use.
const ENOUGH: u64 = 65_536;

/// Raises the soft limit, which is often 1024, towards the hard one. Without it
/// we only admit fewer connections.
pub fn raise_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(ENOUGH).min(ENOUGH);
    if current.is_some_and(|current| current < wanted) {
        let raised = Rlimit {
            current: Some(wanted),
            maximum,
        };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::debug!(%error, "the limit of file descriptors stays as it is");
        }
    }
}

/// The soft limit in force.
#[must_use]
pub fn limit() -> usize {
    let current = getrlimit(Resource::Nofile).current.unwrap_or(ENOUGH);
    usize::try_from(current.min(ENOUGH)).unwrap_or(usize::MAX)
}
