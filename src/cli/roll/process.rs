//! The process of the running instance: a hold on it, and whether it is one that
//! whoever rolls may replace by another one of his own.
//!
//! Never signals by number: a number comes to mean another process. What belongs
//! to a container, a service or another user is left to its own master, for that
//! one would end the new instance together with the old, or start a third.

use std::fs;
use std::io::{Error, ErrorKind};
use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, Signal, geteuid, pidfd_open, pidfd_send_signal};

/// One process, also after its end.
#[derive(Debug)]
pub(super) struct Process(OwnedFd);

impl Process {
    /// Whichever has this number now: look afterwards whether that is the one
    /// that was meant.
    pub(super) fn open(pid: i32) -> std::io::Result<Self> {
        let pid = Pid::from_raw(pid).ok_or(ErrorKind::NotFound)?;
        Ok(Self(pidfd_open(pid, PidfdFlags::empty())?))
    }

    /// SIGTERM to exactly this one; an error when it is gone.
    pub(super) fn terminate(&self) -> std::io::Result<()> {
        Ok(pidfd_send_signal(&self.0, Signal::TERM)?)
    }
}

/// Whether a process that is no unit of ours may be told to stop and replaced by
/// a child of this one. Says what could not be found out, where that is no
/// reason not to.
///
/// # Errors
/// Why not, and what to do instead.
pub(super) fn may_be_replaced(pid: i32) -> Result<Option<String>, String> {
    let read = |whose: &str, name: &str| fs::read_to_string(format!("/proc/{whose}/{name}"));
    let whose = pid.to_string();
    let seen = Seen {
        status: read(&whose, "status"),
        groups: read(&whose, "cgroup"),
        our_groups: read("self", "cgroup").unwrap_or_default(),
        our_user: geteuid().as_raw(),
    };
    seen.judge(pid)
}

/// What the kernel shows of a process, and of us (proc(5)).
struct Seen {
    status: Result<String, Error>,
    groups: Result<String, Error>,
    our_groups: String,
    our_user: u32,
}

impl Seen {
    fn judge(&self, pid: i32) -> Result<Option<String>, String> {
        if pid == 1 {
            return Err(
                "it is process 1, with which its container ends: let whatever runs the container \
                 replace it (start a second one at the same store, then stop the first)"
                    .to_owned(),
            );
        }
        let status = self.status.as_ref().map_err(|error| {
            format!(
                "its process {pid} is not to be seen here ({error}): roll where it runs, as its \
                 user, or let whatever runs its container replace it"
            )
        })?;
        let doubt = match &self.groups {
            Ok(groups) => {
                if let Some(path) = service(groups)
                    && service(&self.our_groups) != Some(path)
                {
                    let name = path.rsplit('/').next().unwrap_or(path);
                    return Err(format!(
                        "it is the service {name}: use systemctl restart {name}, or run it by \
                         the units lastword@a and lastword@b, which can be rolled"
                    ));
                }
                None
            }
            // A kernel without control groups has no services.
            Err(error) if error.kind() == ErrorKind::NotFound => Some(format!(
                "the control groups of process {pid} are not to be seen ({error}); taking it for \
                 no service"
            )),
            Err(error) => {
                return Err(format!(
                    "whether its process {pid} is a service is not to be seen ({error}): roll as \
                     root, or name its unit (--unit)"
                ));
            }
        };
        match user(status) {
            Some(user) if user == self.our_user => Ok(doubt),
            Some(user) => Err(format!(
                "it runs as user {user}, and the new one would as user {}: roll as user {user}",
                self.our_user
            )),
            None => Err(format!(
                "whose process {pid} is, is not to be seen: start the new one, then stop that"
            )),
        }
    }
}

/// The control group of the service that a process belongs to. What lies within
/// a scope, such as a person's session, is nobody's service.
fn service(groups: &str) -> Option<&str> {
    groups.lines().find_map(|line| {
        let mut path = line.splitn(3, ':').nth(2)?;
        loop {
            if path.ends_with(".scope") {
                return None;
            }
            if path.ends_with(".service") {
                return Some(path);
            }
            path = path.rsplit_once('/')?.0;
        }
    })
}

/// The effective user.
fn user(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(groups: &str, our_groups: &str, our_user: u32) -> Seen {
        Seen {
            status: Ok("Name:\tlastword\nUid:\t0\t1000\t0\t0\nGid:\t0\t0\t0\t0\n".to_owned()),
            groups: Ok(groups.to_owned()),
            our_groups: our_groups.to_owned(),
            our_user,
        }
    }

    #[test]
    fn what_is_nobodys_service_may_be_replaced_by_its_own_user() {
        const SHELL: &str = "0::/user.slice/user-1000.slice/session-3.scope\n";
        for groups in [
            "",
            "0::/\n",
            SHELL,
            "0::/user.slice/user-1000.slice/user@1000.service/app.slice/term.scope\n",
        ] {
            assert_eq!(seen(groups, SHELL, 1000).judge(7), Ok(None), "{groups}");
        }
        // A shell without a session of its own, and what was started in it.
        let ssh = "0::/system.slice/ssh.service\n";
        assert_eq!(seen(ssh, ssh, 1000).judge(7), Ok(None));
    }

    #[test]
    fn what_has_another_master_is_left_to_that() {
        for (groups, pid, our_user, what) in [
            ("0::/\n", 1, 1000, "let whatever runs the container"),
            ("0::/\n", 7, 0, "roll as user 1000"),
            (
                "5:cpu:/\n1:name=systemd:/system.slice/bot.service\n",
                7,
                1000,
                "systemctl restart bot.service",
            ),
            (
                "0::/system.slice/bot.service/inner\n",
                7,
                1000,
                "lastword@a",
            ),
        ] {
            let judged = seen(groups, "0::/system.slice/ssh.service\n", our_user).judge(pid);
            let reason = judged.expect_err(groups);
            assert!(reason.contains(what), "{reason}");
        }
    }

    #[test]
    fn what_is_not_to_be_seen_is_said() {
        let mut hidden = seen("", "", 1000);
        hidden.status = Err(ErrorKind::NotFound.into());
        let reason = hidden.judge(7).expect_err("it may be anybody's");
        assert!(reason.contains("roll where it runs"), "{reason}");
        let mut closed = seen("", "", 1000);
        closed.groups = Err(ErrorKind::PermissionDenied.into());
        let reason = closed.judge(7).expect_err("it may be a service");
        assert!(reason.contains("--unit"), "{reason}");
        closed.groups = Err(ErrorKind::NotFound.into());
        let doubt = closed.judge(7).expect("there are no services here");
        assert!(doubt.is_some_and(|doubt| doubt.contains("taking it for no service")));
    }

    #[test]
    fn a_hold_on_a_process_never_comes_to_mean_another() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .expect("there is a sleep");
        let process = Process::open(child.id().try_into().expect("a pid is small"));
        let process = process.expect("it lives");
        process.terminate().expect("it is ours");
        child.wait().expect("it is our child");
        // Its number is free for anybody from here on.
        assert!(process.terminate().is_err());
    }
}
