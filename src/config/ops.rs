//! `[ops]`: where health, metrics and the console are served.

use std::net::SocketAddr;

use super::kind::{Maybe, One};
use super::secret::{ConsoleToken, SecretSpec};
use super::walk::{Apply, Walk};

/// The endpoints for the operator.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ops {
    /// Where `/livez`, `/readyz`, `/metrics`, `/turns` and the console are
    /// served; off when not given, so that two instances on a host never fight
    /// for a port that nobody asked for.
    pub listen: Option<SocketAddr>,
    /// What opens the console; made at the first start when not given and
    /// `listen` is on loopback.
    pub console_token: Option<ConsoleToken>,
}

pub(super) static CONSOLE_TOKEN: SecretSpec = SecretSpec {
    key: "ops.console_token",
    file_key: "ops.console_token_file",
    env: "OPS_CONSOLE_TOKEN",
    credential: "ops_console_token",
    allowed: "16 to 256 visible ASCII characters without spaces (the value is not shown here)",
};

impl Ops {
    /// Whether the console would be open to other machines without a token of
    /// the operator's: it stays off then.
    #[must_use]
    pub fn is_console_off(&self) -> bool {
        let elsewhere = self.listen.is_some_and(|listen| !listen.ip().is_loopback());
        elsewhere && self.console_token.is_none()
    }

    pub(super) fn walk(&mut self, w: &mut impl Walk) {
        w.knob("ops.listen", Apply::Restart, &mut self.listen, Maybe(One));
        w.secret(&CONSOLE_TOKEN, &mut self.console_token);
    }
}
