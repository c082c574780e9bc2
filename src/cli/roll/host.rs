//! Who starts and stops instances here: systemd, when the running one is a
//! service, else we ourselves. Knows processes and units, nothing of stores.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::{Child, Command};

use super::process::{self, Process};
use crate::ops::systemd::unit;
use crate::shutdown::parent;

/// Whoever starts and stops.
#[derive(Debug)]
pub(super) enum Host {
    /// Nobody but us.
    Plain {
        arguments: Vec<OsString>,
        old: Process,
        child: Option<Child>,
        /// What could not be found out about the old one.
        doubt: Option<String>,
    },
    /// systemd.
    Systemd { old: Unit, new: Unit },
}

/// A unit and whose manager has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit {
    name: String,
    /// Of a person's own manager, not of the system's.
    of_user: bool,
}

impl Host {
    /// The host of a running instance; an error when that is nobody we can do
    /// for, with what to do instead.
    pub(super) fn of(pid: i32, unit: Option<&str>) -> Result<Self, String> {
        let unit = match unit {
            Some(name) => Some(Unit {
                name: name.to_owned(),
                of_user: false,
            }),
            None => unit_of(pid),
        };
        match unit {
            Some(old) => Ok(Self::Systemd {
                new: old.other(),
                old,
            }),
            None => {
                let doubt = process::may_be_replaced(pid)?;
                let old = Process::open(pid)
                    .map_err(|error| format!("its process {pid} cannot be held on to: {error}"))?;
                Ok(Self::Plain {
                    arguments: vec![OsString::from("run")],
                    old,
                    child: None,
                    doubt,
                })
            }
        }
    }

    /// Whether the new one is started with our own configuration.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self, Self::Plain { .. })
    }

    /// Has the new one started with this file, where it is we who start it.
    pub(super) fn configure(&mut self, file: Option<&Path>) {
        if let (Self::Plain { arguments, .. }, Some(file)) = (self, file) {
            arguments.extend(["--config".into(), file.into()]);
        }
    }

    /// What the operator should know, though it keeps nobody from rolling.
    pub(super) fn doubt(&self) -> Option<&str> {
        match self {
            Self::Plain { doubt, .. } => doubt.as_deref(),
            Self::Systemd { .. } => None,
        }
    }

    /// Whether starting the new one ends this process: systemd's restart does.
    pub(super) fn replaces(&self, pid: Option<i32>) -> bool {
        matches!(self, Self::Systemd { .. }) && self.is_new(pid)
    }

    /// Sends a standby home.
    pub(super) async fn dismiss(&self, pid: i32, process: &Process) {
        // Gone already is fine.
        match self {
            Self::Plain { .. } => drop(process.terminate()),
            Self::Systemd { .. } => {
                if let Some(unit) = unit_of(pid) {
                    drop(unit.control(&["stop", "--no-block"]).await);
                }
            }
        }
    }

    /// Starts the new one. systemd says when it is ready, too.
    pub(super) async fn start(&mut self, old: Option<i32>) -> Result<(), String> {
        match self {
            Self::Plain {
                arguments, child, ..
            } => {
                let program = std::env::current_exe().map_err(|error| error.to_string())?;
                let mut command = Command::new(program);
                command
                    .args(arguments)
                    // It is nobody's child, and a Ctrl-C here is not for it.
                    .env_remove(parent::VARIABLE)
                    .process_group(0)
                    .stdin(Stdio::null())
                    // Not ours: whoever reads what we print would wait for it.
                    .stdout(outlet(old, 1))
                    .stderr(outlet(old, 2));
                *child = Some(command.spawn().map_err(|error| error.to_string())?);
                Ok(())
            }
            // Started anew where it stands by with the version of before.
            Self::Systemd { new, .. } => new.control(&["restart"]).await,
        }
    }

    /// Fails when the new one has ended before it was ready.
    pub(super) fn is_coming(&mut self) -> Result<(), String> {
        match self {
            Self::Plain {
                child: Some(child), ..
            } => match child.try_wait() {
                Ok(Some(status)) => Err(format!("it ended with {status}")),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Whether this process is the new one.
    pub(super) fn is_new(&self, pid: Option<i32>) -> bool {
        let Some(pid) = pid else { return false };
        match self {
            Self::Plain { child, .. } => {
                let id = child.as_ref().and_then(Child::id);
                id.and_then(|id| i32::try_from(id).ok()) == Some(pid)
            }
            Self::Systemd { new, .. } => {
                let unit = unit_of(pid);
                // Where the kernel does not say, whoever came is meant: systemd
                // says that the new one is ready.
                unit.is_none_or(|unit| unit == *new)
            }
        }
    }

    /// Stops a new one that did not become ready.
    pub(super) async fn give_up(&mut self) {
        match self {
            Self::Plain { child, .. } => {
                // Our child, not waited for: its number is its own.
                let pid = child.as_ref().and_then(Child::id);
                if let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()) {
                    let _ = Process::open(pid).and_then(|new| new.terminate());
                }
            }
            // It would be started again and again, and take over some day.
            Self::Systemd { new, .. } => {
                let _ = new.control(&["stop", "--no-block"]).await;
            }
        }
    }

    /// Tells the old one to stop; does not wait for its end.
    pub(super) async fn tell(&self) -> Result<(), String> {
        match self {
            Self::Plain { old, .. } => old.terminate().map_err(|error| error.to_string()),
            Self::Systemd { old, .. } => old.control(&["stop", "--no-block"]).await,
        }
    }

    pub(super) fn old_unit(&self) -> Option<String> {
        match self {
            Self::Plain { .. } => None,
            Self::Systemd { old, .. } => Some(old.name.clone()),
        }
    }

    pub(super) fn new_unit(&self) -> Option<String> {
        match self {
            Self::Plain { .. } => None,
            Self::Systemd { new, .. } => Some(new.name.clone()),
        }
    }
}

impl Unit {
    /// The unit in a process's list of control groups (cgroups(7)); only one of
    /// ours counts: a shell may be some other service's.
    fn of(groups: &str) -> Option<Self> {
        let unit = unit::Unit::of(groups)?;
        unit.name().starts_with("lastword").then(|| Self {
            name: unit.name().to_owned(),
            of_user: unit.is_of_user(),
        })
    }

    /// The one that stands by beside it: `a` and `b` take turns.
    fn other(&self) -> Self {
        let stem = self.name.trim_end_matches(".service");
        let (prefix, letter) = stem.split_once('@').unwrap_or((stem, ""));
        let letter = if letter == "a" { "b" } else { "a" };
        Self {
            name: format!("{prefix}@{letter}.service"),
            of_user: self.of_user,
        }
    }

    async fn control(&self, verb: &[&str]) -> Result<(), String> {
        let mut command = Command::new("systemctl");
        if self.of_user {
            command.arg("--user");
        }
        command.args(verb).arg(&self.name).stdin(Stdio::null());
        // Its output is the operator's; ours is one line.
        command.stdout(std::io::stderr());
        match command.status().await {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!(
                "systemctl {} {} ended with {status}; see: journalctl -u {}",
                verb.join(" "),
                self.name,
                self.name
            )),
            Err(error) => Err(format!("systemctl: {error}")),
        }
    }
}

/// The name of the unit of ours that this process belongs to.
pub(in crate::cli) fn name_of_unit(pid: i32) -> Option<String> {
    Some(unit_of(pid)?.name)
}

/// The unit of ours that this process belongs to.
fn unit_of(pid: i32) -> Option<Unit> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup"));
    groups.ok().and_then(|groups| Unit::of(&groups))
}

/// Where the old one writes; nowhere if that cannot be opened twice.
fn outlet(old: Option<i32>, fd: u8) -> Stdio {
    let path = old.map(|pid| PathBuf::from(format!("/proc/{pid}/fd/{fd}")));
    path.and_then(|path| OpenOptions::new().append(true).open(path).ok())
        .map_or_else(Stdio::null, Stdio::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(name: &str) -> Unit {
        Unit {
            name: name.to_owned(),
            of_user: false,
        }
    }

    #[test]
    fn the_unit_is_read_off_the_control_groups() {
        for (groups, name, of_user) in [
            (
                "0::/system.slice/system-lastword.slice/lastword@a.service\n",
                "lastword@a.service",
                false,
            ),
            (
                "5:cpu:/\n1:name=systemd:/system.slice/lastword.service\n0::/\n",
                "lastword.service",
                false,
            ),
            (
                "0::/user.slice/user-1000.slice/user@1000.service/app.slice/lastword@b.service\n",
                "lastword@b.service",
                true,
            ),
        ] {
            let unit = Unit::of(groups).expect("it is one of ours");
            assert_eq!((unit.name.as_str(), unit.of_user), (name, of_user));
        }
        for groups in [
            "",
            "0::/\n",
            "0::/user.slice/user-1000.slice/session-3.scope\n",
            "0::/system.slice/ssh.service\n",
        ] {
            assert_eq!(Unit::of(groups), None, "{groups}");
        }
    }

    /// Left to itself it would look for one in another order than whoever rolls.
    #[test]
    fn a_new_one_is_started_with_the_configuration_that_was_checked() {
        let us = i32::try_from(std::process::id()).expect("a pid is small");
        let plain = |file: Option<&Path>| {
            let mut host = Host::Plain {
                arguments: vec![OsString::from("run")],
                old: Process::open(us).expect("we live"),
                child: None,
                doubt: None,
            };
            host.configure(file);
            match host {
                Host::Plain { arguments, .. } => arguments,
                Host::Systemd { .. } => panic!("it is none"),
            }
        };
        let named = ["run", "--config", "/etc/lastword/config.toml"];
        assert_eq!(plain(Some(Path::new(named[2]))), named);
        assert_eq!(plain(None), ["run"]);
    }

    #[test]
    fn a_and_b_take_turns() {
        for (old, new) in [
            ("lastword@a.service", "lastword@b.service"),
            ("lastword@b.service", "lastword@a.service"),
            ("lastword@x.service", "lastword@a.service"),
            ("lastword.service", "lastword@a.service"),
            ("lastword-two@a", "lastword-two@b.service"),
        ] {
            assert_eq!(unit(old).other(), unit(new));
        }
    }
}
