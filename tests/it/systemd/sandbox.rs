//! What the unit keeps from the daemon, and what of the daemon from others.

use super::{Machine, mode};

const UNIT: &str = "lastword.service";

/// systemd says 9.6 of a bare unit.
const EXPOSURE_MAX: f64 = 1.5;

/// Somebody else on the machine, the daemon's own user outside of its unit.
const NOBODY: &str = "setpriv --reuid nobody --regid nogroup --clear-groups";
const USER: &str = "setpriv --reuid lastword --regid lastword --clear-groups";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "boots a systemd: bash tests/systemd/run.sh"]
async fn secrets_are_the_daemons_alone() {
    let Some(machine) = Machine::installed().await else {
        return;
    };
    machine.must("systemctl start lastword");
    let secret = machine.telegram.bot().token.clone();
    let credential = "/run/credentials/lastword.service/telegram_bot_token";
    // That it runs shows that it reads it: the token is given nowhere else.
    assert_eq!(machine.property(UNIT, "StatusText"), "running");
    for (who, file) in [
        (NOBODY, credential),
        (NOBODY, "/etc/lastword/telegram_bot_token"),
        (NOBODY, "/etc/lastword/config.toml"),
        (NOBODY, "/var/lib/lastword/lastword.db"),
        // The file itself is root's; the daemon is handed a copy.
        (USER, "/etc/lastword/telegram_bot_token"),
    ] {
        let read = machine.run(&format!("{who} cat {file}"));
        assert!(!read.status.success(), "{who} reads {file}");
    }
    machine.must(&format!("{USER} cat /etc/lastword/config.toml"));
    let pid = machine.main_pid(UNIT);
    for place in [
        format!("tr '\\0' '\\n' </proc/{pid}/environ"),
        format!("tr '\\0' ' ' </proc/{pid}/cmdline"),
        "journalctl --no-pager".to_owned(),
        "systemctl show lastword.service".to_owned(),
        "grep -r . /var/lib/lastword --text".to_owned(),
    ] {
        let said = machine.must(&place);
        assert!(!said.contains(&secret), "{place}");
    }
    assert_eq!(mode(&machine.path("/var/lib/lastword")), 0o750);
    for file in ["lastword.db", "lastword.db-wal"] {
        let path = machine.path(&format!("/var/lib/lastword/{file}"));
        assert_eq!(mode(&path), 0o600, "{file}");
    }
    let limits = machine.must(&format!("cat /proc/{pid}/limits"));
    let core = limits.lines().find(|line| line.contains("core file size"));
    let zeros = core.map(|line| line.matches(" 0 ").count());
    assert_eq!(zeros, Some(2), "no core dump: {limits}");
}

/// As its own user, within its own mounts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "boots a systemd: bash tests/systemd/run.sh"]
async fn nothing_outside_of_its_state_can_be_written() {
    let Some(machine) = Machine::installed().await else {
        return;
    };
    machine.must("systemctl start lastword");
    let find = format!(
        "nsenter -t {} -m {USER} find / -path /proc -prune -o -writable '(' -type d -o -type f \
         ')' -print 2>/dev/null || true",
        machine.main_pid(UNIT)
    );
    let writable = machine.must(&find);
    let outside: Vec<_> = writable
        .lines()
        .filter(|path| {
            // Temporary folders of its own, which end with it.
            let own = [
                "/var/lib/lastword",
                "/tmp",
                "/var/tmp",
                "/dev/shm",
                "/dev/mqueue",
            ];
            !own.iter()
                .any(|own| *path == *own || path.starts_with(&format!("{own}/")))
        })
        .collect();
    assert!(outside.is_empty(), "{outside:?}");
    assert!(writable.lines().any(|path| path == "/var/lib/lastword"));
    for (what, line) in [
        ("the program", "test -w /usr/bin/lastword"),
        ("people's homes", "ls /root /home"),
    ] {
        let pid = machine.main_pid(UNIT);
        let tried = machine.run(&format!("nsenter -t {pid} -m {USER} sh -c '{line}'"));
        assert!(!tried.status.success(), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "boots a systemd: bash tests/systemd/run.sh"]
async fn systemd_finds_every_unit_hardened() {
    let Some(machine) = Machine::installed().await else {
        return;
    };
    machine.must("systemctl start lastword lastword@a");
    for unit in [UNIT, "lastword@a.service"] {
        let said = machine.must(&format!("systemd-analyze security --no-pager {unit}"));
        let score: f64 = said
            .lines()
            .find_map(|line| line.split(&format!("{unit}: ")).nth(1))
            .and_then(|verdict| verdict.split_whitespace().next()?.parse().ok())
            .unwrap_or_else(|| panic!("no verdict in {said}"));
        assert!(score <= EXPOSURE_MAX, "{said}");
    }
}
