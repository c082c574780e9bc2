//! The unit that this process runs in, and the limits its manager holds it to.
//!
//! The kernel says which unit it is (the control group), the manager says the
//! limits in force, an operator's own included. Asked with systemd's `busctl`,
//! which works within the sandbox of the unit; where there is no answer nothing
//! is known, and nothing depends on it.

use std::fmt;
use std::fs;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::shutdown::Grace;

/// How long the manager may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// What the unit's limit should be longer than the end by force, at least.
const AIR: Duration = Duration::from_secs(2);

/// A service and whose manager has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    name: String,
    /// Of a person's own manager, not of the system's.
    of_user: bool,
}

/// What the manager does to a unit that takes too long; `None` for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From the stop to SIGKILL (`TimeoutStopSec=`).
    pub stop: Option<Duration>,
    /// Between two messages of a living process (`WatchdogSec=`).
    pub watchdog: Option<Duration>,
}

/// Why the limits are not known.
#[derive(Debug, thiserror::Error)]
pub enum UnknownLimits {
    /// `busctl` cannot be run or has no answer.
    #[error("busctl: {0}")]
    Bus(String),
    /// It does not answer.
    #[error("the service manager does not answer")]
    Late,
}

impl Unit {
    /// The unit of this process, where it runs as a service.
    #[must_use]
    pub fn of_process() -> Option<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        Self::of(&groups)
    }

    /// The unit in a process's list of control groups (cgroups(7)).
    #[must_use]
    pub fn of(groups: &str) -> Option<Self> {
        groups.lines().find_map(|line| {
            let path = line.splitn(3, ':').nth(2)?;
            let name = path.rsplit('/').next()?;
            name.ends_with(".service").then(|| Self {
                name: name.to_owned(),
                of_user: path.contains("/user@"),
            })
        })
    }

    /// Its name, with `.service`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a person's own manager has it, not the system's.
    #[must_use]
    pub fn is_of_user(&self) -> bool {
        self.of_user
    }

    /// The limits in force.
    ///
    /// # Errors
    /// When the manager cannot be asked; nothing is known then.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn limits(&self) -> Result<Limits, UnknownLimits> {
        let mut command = Command::new("busctl");
        if self.of_user {
            command.arg("--user");
        }
        command
            .args(["get-property", "org.freedesktop.systemd1", &self.path()])
            .args(["org.freedesktop.systemd1.Service", "TimeoutStopUSec"])
            .arg("WatchdogUSec")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = timeout(ANSWER, command.output())
            .await
            .map_err(|_| UnknownLimits::Late)?
            .map_err(|error| UnknownLimits::Bus(error.to_string()))?;
        let said = String::from_utf8_lossy(&output.stdout);
        Limits::read(&said).ok_or_else(|| {
            UnknownLimits::Bus(String::from_utf8_lossy(&output.stderr).trim().to_owned())
        })
    }

    /// The object of the unit on the bus: whatever is no letter or digit, and a
    /// digit at the beginning, as `_` and its number (sd_bus_path_encode(3)).
    fn path(&self) -> String {
        let mut path = "/org/freedesktop/systemd1/unit/".to_owned();
        for (index, byte) in self.name.bytes().enumerate() {
            let plain = byte.is_ascii_alphabetic() || (byte.is_ascii_digit() && index > 0);
            if plain {
                path.push(char::from(byte));
            } else {
                path.push_str(&format!("_{byte:02x}"));
            }
        }
        path
    }
}

impl Limits {
    /// Two lines such as `t 100000000`, in microseconds.
    fn read(said: &str) -> Option<Self> {
        let mut lines = said.lines().map(|line| {
            let usec: u64 = line.strip_prefix("t ")?.trim().parse().ok()?;
            Some(usec)
        });
        let (stop, watchdog) = (lines.next()??, lines.next()??);
        Some(Self {
            stop: (stop != u64::MAX).then(|| Duration::from_micros(stop)),
            watchdog: (watchdog != 0 && watchdog != u64::MAX)
                .then(|| Duration::from_micros(watchdog)),
        })
    }

    /// What an operator should know of a limit and a grace that disagree.
    #[must_use]
    pub fn disagreement(self, grace: Grace) -> Option<Disagreement> {
        let needed = grace.limits().exit;
        match self.stop {
            Some(stop) if stop < needed => Some(Disagreement {
                stop,
                grace: grace.whole(),
                wanted: needed + AIR,
            }),
            _ => None,
        }
    }
}

/// A limit of the unit that is shorter than what the daemon would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disagreement {
    stop: Duration,
    grace: Duration,
    wanted: Duration,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "TimeoutStopSec={} of the unit is shorter than shutdown.grace ({} s): the daemon asks \
             for more time while it drains, but should say TimeoutStopSec={} or more \
             (systemctl edit)",
            self.stop.as_secs(),
            self.grace.as_secs(),
            self.wanted.as_secs(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_is_read_off_the_control_groups_and_found_on_the_bus() {
        for (groups, name, of_user, path) in [
            (
                "5:cpu:/\n0::/system.slice/system-lastword.slice/lastword@a.service\n",
                "lastword@a.service",
                false,
                "/org/freedesktop/systemd1/unit/lastword_40a_2eservice",
            ),
            (
                "0::/user.slice/user-7.slice/user@7.service/app.slice/2-bots.service\n",
                "2-bots.service",
                true,
                "/org/freedesktop/systemd1/unit/_32_2dbots_2eservice",
            ),
        ] {
            let unit = Unit::of(groups).expect("it is a service");
            assert_eq!((unit.name(), unit.of_user), (name, of_user));
            assert_eq!(unit.path(), path);
        }
        assert_eq!(Unit::of("0::/user.slice/session-3.scope\n"), None);
    }

    #[test]
    fn only_a_limit_shorter_than_the_grace_disagrees() {
        let grace = Grace::new(Duration::from_secs(90));
        for (said, disagrees) in [
            ("t 30000000\nt 30000000\n", true),
            ("t 90000000\nt 0\n", true),
            ("t 100000000\nt 30000000\n", false),
            ("t 18446744073709551615\nt 0\n", false),
        ] {
            let limits = Limits::read(said).expect("as busctl says it");
            assert_eq!(limits.disagreement(grace).is_some(), disagrees, "{said}");
        }
        let short = Limits::read("t 30000000\nt 0\n").expect("as busctl says it");
        let said = short.disagreement(grace).expect("it is").to_string();
        assert!(said.contains("TimeoutStopSec=30 ") && said.contains("TimeoutStopSec=93"));
        assert_eq!(Limits::read(""), None);
        assert_eq!(Limits::read("Call failed: No such unit\n"), None);
    }
}
