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

const PROPERTIES: &str =
    "LoadState,Type,TimeoutStopUSec,WatchdogUSec,Restart,KillMode,NotifyAccess";

pub(super) async fn look(asked: Option<&str>, config: &Config) -> Vec<Finding> {
    let running = || {
        let living = Roster::open(&config.store.path).ok()?.living().ok()?;
        living.iter().find_map(|one| roll::name_of_unit(one.pid?))
    };
    let name = match asked {
        Some(name) => name.to_owned(),
        None => running().unwrap_or_else(|| "lastword.service".to_owned()),
    };
    let mut command = Command::new("systemctl");
    command
        .args(["show", "--no-pager", "--property", PROPERTIES, "--", &name])
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
    let properties: BTreeMap<&str, &str> = shown
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    judge(&name, &properties, config.shutdown.grace)
}

fn judge(name: &str, unit: &BTreeMap<&str, &str>, grace: Duration) -> Vec<Finding> {
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
