//! `[ops]`: where health and metrics are served.

use std::net::SocketAddr;

use super::kind::{Maybe, One};
use super::walk::{Apply, Walk};

/// The endpoints for the operator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ops {
    /// Where `/livez`, `/readyz`, `/metrics` and `/turns` are served; off when
    /// not given, so that two instances on a host never fight for a port that
    /// nobody asked for.
    pub listen: Option<SocketAddr>,
}

impl Ops {
    pub(super) fn walk(&mut self, w: &mut impl Walk) {
        w.knob("ops.listen", Apply::Restart, &mut self.listen, Maybe(One));
    }
}
