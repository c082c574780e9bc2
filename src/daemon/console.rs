//! The console of this daemon: whether there is one, and what opens it.

use std::net::SocketAddr;
use std::sync::Arc;

use super::Daemon;
use crate::ops::console::latency::Latency;
use crate::ops::console::scene::AtTheHelm;
use crate::ops::console::{Console, Door, token};

/// The console, unless nothing opens it: then the log says why. The other
/// endpoints do without.
pub(super) fn of(daemon: &Daemon, listen: SocketAddr, latency: Latency) -> Option<Console> {
    let ops = &daemon.config.ops;
    let (token, found_at) = match &ops.console_token {
        Some(token) => (token.clone(), None),
        // The configuration has warned of it.
        None if ops.is_console_off() => return None,
        None => {
            let path = token::beside(&daemon.config.store.path);
            match token::find_or_make(&path) {
                Ok(token) => {
                    tracing::info!(
                        "the console is at http://{listen}/console/; its token is in {}",
                        path.display()
                    );
                    (token, Some(path))
                }
                Err(error) => {
                    tracing::warn!(%error, "there is no console");
                    return None;
                }
            }
        }
    };
    let door = Door {
        token,
        found_at,
        listen,
        bot: daemon.bot.0,
    };
    let helm = Arc::clone(&daemon.helm);
    let store = Arc::clone(&daemon.store);
    let scene = AtTheHelm::new(helm, store, daemon.bot, &daemon.clock, latency);
    Some(Console::new(
        Arc::new(scene),
        &daemon.clock,
        &daemon.shutdown,
        door,
    ))
}
