//! The unit: whether the service manager gives a stop the time it needs, watches
//! over the daemon and starts it again.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::super::roll;
use super::Finding;
use crate::config::Config;
use crate::store::sqlite::Roster;

/// How long systemctl may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a stop takes beyond `shutdown.grace` at the most, with something to spare.
const BEYOND: Duration = Duration::from_secs(5);

const PROPERTIES: &str = "Id,LoadState,ActiveState,UnitFileState,Type,TimeoutStopUSec,\
                          WatchdogUSec,Restart,KillMode,NotifyAccess";

/// The units it may be where none runs, the likeliest first; the pattern is for
/// those that systemd has in memory under another name.
const USUAL: [&str; 4] = [
    "lastword@a.service",
    "lastword@b.service",
    "lastword.service",
    "lastword*.service",
];

/// One unit's properties.
type Unit<'a> = BTreeMap<&'a str, &'a str>;

pub(super) async fn look(asked: Option<&str>, config: &Config) -> Vec<Finding> {
    let running = || {
        let living = Roster::open(&config.store.path).ok()?.living().ok()?;
        living.iter().find_map(|one| roll::name_of_unit(one.pid?))
    };
    let names = match asked.map(str::to_owned).or_else(running) {
        Some(name) => vec![name],
        None => USUAL.map(str::to_owned).to_vec(),
    };
    let mut command = Command::new("systemctl");
    command
        .args(["show", "--no-pager", "--property", PROPERTIES, "--"])
        .args(&names)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let shown = match timeout(PATIENCE, command.output()).await {
        Ok(Ok(shown)) if shown.status.success() => shown.stdout,
        _ => {
            let says = "no systemd here, so no unit was looked at";
            return vec![Finding::ok("unit", says)];
        }
    };
    let shown = String::from_utf8_lossy(&shown);
    let unit = units(&shown).into_iter().rev().max_by_key(rank);
    let unit = unit.unwrap_or_default();
    let name = unit.get("Id").copied().unwrap_or(&names[0]);
    judge(name, &unit, config.shutdown.grace)
}

/// What `systemctl show` prints of several units, an empty line between them.
fn units(shown: &str) -> Vec<Unit<'_>> {
    shown
        .split("\n\n")
        .map(|unit| {
            unit.lines()
                .filter_map(|line| line.split_once('='))
                .collect()
        })
        .collect()
}

/// How likely it is meant: what runs, before what begins with the machine, before
/// what has failed, before what is merely there.
fn rank(unit: &Unit<'_>) -> u8 {
    let is = |property: &str, value: &str| unit.get(property).is_some_and(|now| *now == value);
    if !is("LoadState", "loaded") {
        0
    } else if !is("ActiveState", "inactive") && !is("ActiveState", "failed") {
        4
    } else if is("UnitFileState", "enabled") || is("UnitFileState", "enabled-runtime") {
        3
    } else if is("ActiveState", "failed") {
        2
    } else {
        1
    }
}

fn judge(name: &str, unit: &Unit<'_>, grace: Duration) -> Vec<Finding> {
    let what = "unit";
    let get = |property: &str| unit.get(property).copied().unwrap_or_default();
    if get("LoadState") != "loaded" {
        return vec![Finding::ok(
            what,
            format!("{name} is not installed, so no unit was looked at"),
        )];
    }
    let mut findings = Vec::new();
    let needs = grace + BEYOND;
    let notifies = get("Type").starts_with("notify");
    match span(get("TimeoutStopUSec")) {
        Some(limit) if limit < needs && notifies => findings.push(Finding::ok(
            what,
            format!(
                "{name}: TimeoutStopSec={} s is below shutdown.grace ({} s) and 5 s; the daemon \
                 asks for more time as it needs it",
                limit.as_secs(),
                grace.as_secs()
            ),
        )),
        Some(limit) if limit < needs => findings.push(Finding::bad(
            what,
            format!(
                "{name}: TimeoutStopSec={} s is shorter than shutdown.grace ({} s): answers are \
                 killed",
                limit.as_secs(),
                grace.as_secs()
            ),
            format!(
                "TimeoutStopSec={} in the unit, or Type=notify",
                needs.as_secs()
            ),
        )),
        Some(_) | None => {}
    }
    if !notifies {
        findings.push(Finding::warn(
            what,
            format!(
                "{name}: Type={}, so nobody hears when it is ready",
                get("Type")
            ),
            "Type=notify in the unit",
        ));
    }
    if span(get("WatchdogUSec")).is_none_or(|limit| limit.is_zero()) {
        findings.push(Finding::warn(
            what,
            format!("{name}: no watchdog, so a hung process stays"),
            "WatchdogSec=30 in the unit",
        ));
    }
    if get("Restart") != "always" {
        findings.push(Finding::warn(
            what,
            format!("{name}: Restart={}, so it may stay away", get("Restart")),
            "Restart=always in the unit",
        ));
    }
    if !matches!(get("KillMode"), "mixed" | "process" | "") {
        findings.push(Finding::warn(
            what,
            format!("{name}: KillMode={}", get("KillMode")),
            "KillMode=mixed in the unit: only the daemon itself hears of a stop",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            what,
            format!("{name}: its limits agree with shutdown.grace, watchdog on, restarts always"),
        ));
    }
    findings
}

/// A time span as `systemctl show` prints it: `1min 35s`, `30s`, `infinity`.
/// Without an end it is `None`.
fn span(text: &str) -> Option<Duration> {
    let mut whole = Duration::ZERO;
    for word in text.split_whitespace() {
        let digits = word.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, unit) = word.split_at(digits.unwrap_or(word.len()));
        let seconds = match unit {
            "us" => 0.000_001,
            "ms" => 0.001,
            "s" | "" => 1.0,
            "min" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            "w" => 604_800.0,
            _ => return None,
        };
        let number: f64 = number.parse().ok()?;
        whole += Duration::try_from_secs_f64(number * seconds).ok()?;
    }
    (!text.trim().is_empty()).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    const GRACE: Duration = Duration::from_secs(90);

    fn worst(changes: &[(&'static str, &'static str)]) -> (Verdict, String) {
        let mut unit = BTreeMap::from([
            ("LoadState", "loaded"),
            ("Type", "notify"),
            ("TimeoutStopUSec", "1min 40s"),
            ("WatchdogUSec", "30s"),
            ("Restart", "always"),
            ("KillMode", "mixed"),
        ]);
        unit.extend(changes.iter().copied());
        let found = judge("lastword.service", &unit, GRACE);
        let worst = found.into_iter().max_by_key(|finding| finding.verdict);
        let worst = worst.expect("there is always a finding");
        (worst.verdict, worst.says)
    }

    #[test]
    fn a_unit_that_would_kill_answers_is_bad_unless_it_can_be_asked_for_time() {
        assert_eq!(worst(&[]).0, Verdict::Ok);
        assert_eq!(worst(&[("TimeoutStopUSec", "infinity")]).0, Verdict::Ok);
        assert_eq!(worst(&[("TimeoutStopUSec", "30s")]).0, Verdict::Ok);
        let short = worst(&[("TimeoutStopUSec", "30s"), ("Type", "simple")]);
        assert_eq!(short.0, Verdict::Bad);
        assert!(short.1.contains("answers are killed"), "{}", short.1);
    }

    #[test]
    fn a_unit_that_leaves_a_hung_or_dead_daemon_is_told() {
        for (change, words) in [
            (("WatchdogUSec", "0"), "watchdog"),
            (("WatchdogUSec", "infinity"), "watchdog"),
            (("Restart", "on-failure"), "Restart"),
            (("KillMode", "control-group"), "KillMode"),
        ] {
            let (verdict, says) = worst(&[change]);
            assert_eq!(verdict, Verdict::Warn);
            assert!(says.contains(words), "{says}");
        }
        assert_eq!(worst(&[("LoadState", "not-found")]).0, Verdict::Ok);
    }

    #[test]
    fn with_the_daemon_down_the_unit_that_is_used_is_looked_at() {
        let shown =
            |a: [&str; 3], b: [&str; 3], plain: [&str; 3]| {
                let names = [
                    "lastword@a.service",
                    "lastword@b.service",
                    "lastword.service",
                ];
                let blocks = names.iter().zip([a, b, plain]).map(|(name, [load, active, file])| {
                format!("Id={name}\nLoadState={load}\nActiveState={active}\nUnitFileState={file}\n")
            });
                blocks.collect::<Vec<_>>().join("\n")
            };
        let absent = ["not-found", "inactive", ""];
        let there = ["loaded", "inactive", "disabled"];
        let enabled = ["loaded", "inactive", "enabled"];
        let failed = ["loaded", "failed", "disabled"];
        let active = ["loaded", "activating", "disabled"];
        for (a, b, plain, meant) in [
            (enabled, there, there, "lastword@a.service"),
            (there, enabled, there, "lastword@b.service"),
            (there, there, enabled, "lastword.service"),
            (there, failed, there, "lastword@b.service"),
            (enabled, failed, there, "lastword@a.service"),
            (enabled, active, there, "lastword@b.service"),
            (there, there, there, "lastword@a.service"),
            (absent, absent, there, "lastword.service"),
        ] {
            let shown = shown(a, b, plain);
            let units = units(&shown);
            assert_eq!(units.len(), 3);
            let found = units.into_iter().rev().max_by_key(rank);
            assert_eq!(found.expect("there are three")["Id"], meant, "{shown}");
        }
    }

    #[test]
    fn spans_are_read_as_systemd_prints_them() {
        for (text, millis) in [
            ("1min 35s", Some(95_000)),
            ("0", Some(0)),
            ("500ms", Some(500)),
            ("1h 1s", Some(3_601_000)),
            ("infinity", None),
            ("", None),
        ] {
            assert_eq!(span(text), millis.map(Duration::from_millis), "{text}");
        }
    }
}
