//! The dashboard and the alert rules that are shipped: every metric and label
//! they name exists, every expression is one, every alert fires when it should.
//!
//! Prometheus' own `promtool` judges expressions and alerts; where it is not
//! installed that is said, and CI installs it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use lastword::domain::metric::{self, Type};
use serde_json::Value;
use tempfile::TempDir;
use yaml_rust2::{Yaml, YamlLoader};

use crate::real::note;

/// Labels that Prometheus itself and the scrape's configuration add.
const OF_THE_SCRAPE: [&str; 4] = ["instance", "job", "le", "alertname"];

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(top().join(path)).expect("it is shipped")
}

fn dashboard() -> Value {
    serde_json::from_str(&read("docs/grafana-dashboard.json")).expect("the dashboard is JSON")
}

fn panels() -> Vec<Value> {
    let panels = dashboard()["panels"].as_array().cloned();
    panels.expect("it has panels")
}

/// Title and expression of every query of the dashboard.
fn queries() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for panel in panels() {
        let title = panel["title"].as_str().expect("a title").to_owned();
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().expect("an expression");
            found.push((title.clone(), expression.to_owned()));
        }
    }
    found
}

fn rules() -> Vec<Yaml> {
    let file = YamlLoader::load_from_str(&read("docs/alerts.yml")).expect("the rules are YAML");
    let groups = file[0]["groups"]
        .as_vec()
        .expect("they have groups")
        .clone();
    let rules = groups
        .iter()
        .map(|group| group["rules"].as_vec().expect("a group has rules").clone());
    rules.flatten().collect()
}

fn word<'a>(rule: &'a Yaml, key: &str) -> &'a str {
    let value = rule[key].as_str();
    value.unwrap_or_else(|| panic!("no {key} in {rule:?}"))
}

/// The words of an expression outside quotes, with what follows each.
fn words(expression: &str) -> Vec<(String, String)> {
    let bytes: Vec<char> = expression.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let c = bytes[at];
        if c == '"' || c == '\'' {
            at += 1;
            while at < bytes.len() && bytes[at] != c {
                at += 1;
            }
            at += 1;
        } else if c.is_ascii_alphabetic() || c == '_' {
            let from = at;
            while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || bytes[at] == '_') {
                at += 1;
            }
            found.push((
                bytes[from..at].iter().collect(),
                bytes[at..].iter().collect(),
            ));
        } else {
            at += 1;
        }
    }
    found
}

/// Every metric of ours in an expression, with the labels it is chosen by.
fn named(expression: &str) -> Vec<(String, Vec<(String, String)>)> {
    let ours = words(expression).into_iter();
    ours.filter(|(word, _)| word.starts_with("lastword_"))
        .map(|(word, rest)| {
            let chosen = match rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
                Some((labels, _)) => labels.to_owned(),
                None => String::new(),
            };
            let pairs = chosen.split(',').map(str::trim).filter(|l| !l.is_empty());
            let pairs = pairs.map(|pair| {
                let at = pair.find(['=', '!']).expect("a label is compared");
                let (label, value) = pair.split_at(at);
                let value = value.trim_start_matches(['=', '!', '~']).trim_matches('"');
                (label.trim().to_owned(), value.to_owned())
            });
            (word, pairs.collect())
        })
        .collect()
}

/// The labels that an expression groups or joins by.
fn grouped(expression: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (word, rest) in words(expression) {
        let by = [
            "by",
            "without",
            "on",
            "ignoring",
            "group_left",
            "group_right",
        ];
        let list = rest.trim_start().strip_prefix('(');
        if let (true, Some(list)) = (by.contains(&&*word), list) {
            let list = list.split(')').next().unwrap_or_default();
            found.extend(list.split(',').map(|label| label.trim().to_owned()));
        }
    }
    found
}

fn check(expression: &str, whose: &str) {
    let mut labels: BTreeSet<&str> = OF_THE_SCRAPE.into();
    for (name, chosen) in named(expression) {
        let known = metric::ALL.iter().find(|known| {
            let suffixes: &[&str] = match known.kind {
                Type::Counter | Type::Gauge => &[""],
                _ => &["_bucket", "_sum", "_count"],
            };
            suffixes
                .iter()
                .any(|s| format!("{}{s}", known.name) == name)
        });
        let known = known.unwrap_or_else(|| panic!("{whose} names {name}, which does not exist"));
        labels.extend(known.labels.iter().map(|(label, _)| *label));
        for (label, value) in chosen {
            if OF_THE_SCRAPE.contains(&&*label) {
                continue;
            }
            let listed = known.labels.iter().find(|(name, _)| *name == label);
            let (_, values) =
                listed.unwrap_or_else(|| panic!("{whose}: {name} has no label {label}"));
            for value in value.split('|') {
                assert!(
                    values.is_empty() || values.contains(&value),
                    "{whose}: {label} of {name} is never {value:?}"
                );
            }
        }
    }
    for label in grouped(expression) {
        assert!(
            labels.contains(&*label),
            "{whose} groups by {label}, which nothing in it has"
        );
    }
}

#[test]
fn every_metric_and_label_of_the_dashboard_exists() {
    let queries = queries();
    assert!(queries.len() > 50, "the queries were not found");
    for (title, expression) in &queries {
        check(expression, &format!("the panel {title:?}"));
        assert!(!named(expression).is_empty(), "{title}: {expression}");
    }
    // And the other way round: what is measured can be seen.
    let shown: String = queries.iter().map(|(_, e)| e.as_str()).collect();
    for metric in metric::ALL {
        assert!(
            shown.contains(metric.name),
            "no panel shows {}",
            metric.name
        );
    }
}

#[test]
fn the_dashboard_is_laid_out_without_overlaps_for_any_source_and_instance() {
    let variables = dashboard()["templating"]["list"].clone();
    let variables = variables.as_array().expect("it has variables");
    let names: Vec<_> = variables.iter().map(|v| v["name"].clone()).collect();
    assert_eq!(names, ["datasource", "instance"]);
    let mut taken = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in panels() {
        assert!(ids.insert(panel["id"].as_u64()), "two panels have one id");
        let place = |key: &str| panel["gridPos"][key].as_u64().expect("a place");
        let (x, y) = (place("x"), place("y"));
        assert!(x + place("w") <= 24, "{} is too wide", panel["title"]);
        for column in x..x + place("w") {
            for line in y..y + place("h") {
                assert!(taken.insert((column, line)), "{} overlaps", panel["title"]);
            }
        }
        if panel["type"] != "row" {
            assert_eq!(panel["datasource"]["uid"], "${datasource}");
            let told = panel["description"].as_str().unwrap_or_default();
            assert!(told.len() > 10, "{} is not explained", panel["title"]);
        }
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap_or_default();
            assert!(
                expression.contains("instance=~\"$instance\""),
                "{expression}"
            );
        }
    }
}

#[test]
fn every_alert_says_what_it_means_and_what_to_do_and_names_what_exists() {
    let rules = rules();
    assert!(rules.len() > 20, "the rules were not found");
    for rule in &rules {
        let name = word(rule, "alert");
        check(word(rule, "expr"), name);
        let severity = word(&rule["labels"], "severity");
        assert!(["page", "ticket"].contains(&severity), "{name}");
        assert!(word(&rule["annotations"], "summary").len() > 20, "{name}");
        assert!(word(&rule["annotations"], "action").len() > 40, "{name}");
    }
}

/// The recommended installation runs `lastword@a` and `@b`, another one
/// `lastword`: only the pattern finds each of them.
#[test]
fn what_alerts_and_the_console_say_to_look_at_finds_every_unit() {
    let mut found = 0;
    for path in ["docs/alerts.yml", "src/ops/console/console.js"] {
        // Wherever lines are broken.
        let text = read(path).split_whitespace().collect::<Vec<_>>().join(" ");
        for tool in ["systemctl ", "journalctl "] {
            for (at, _) in text.match_indices(tool) {
                let command = text[at..].split(['`', '"', '\n']).next();
                let command = command.unwrap_or_default();
                assert!(command.contains(" 'lastword*'"), "{path}: {command}");
                found += 1;
            }
        }
    }
    assert!(found >= 4, "the commands were not found");
}

/// What watches the watcher, or nothing with a loud word.
fn promtool(arguments: &[&str]) {
    let ran = Command::new("promtool")
        .args(arguments)
        .current_dir(top())
        .output();
    match ran {
        Ok(ran) => assert!(
            ran.status.success(),
            "promtool {arguments:?}:\n{}{}",
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr)
        ),
        Err(error) => {
            assert!(
                std::env::var_os("CI").is_none(),
                "no promtool in CI: {error}"
            );
            let what = "the expressions were not judged";
            note(&format!("!!!!!!!! SKIPPED: no promtool ({error}): {what}"));
        }
    }
}

#[test]
fn every_expression_of_the_dashboard_is_one() {
    let folder = TempDir::new().expect("a folder");
    let path: PathBuf = folder.path().join("dashboard.yml");
    let mut text = "groups:\n  - name: dashboard\n    rules:\n".to_owned();
    for (number, (_, expression)) in queries().into_iter().enumerate() {
        let expression = expression
            .replace("$__rate_interval", "5m")
            .replace("$instance", ".*");
        text += &format!("      - record: panel:{number}\n        expr: '{expression}'\n");
    }
    std::fs::write(&path, text).expect("the folder is writable");
    promtool(&["check", "rules", &path.display().to_string()]);
}

#[test]
fn every_alert_fires_when_it_should_and_none_in_good_times() {
    let tests = read("tests/alerts/firing.yml");
    for rule in rules() {
        let name = word(&rule, "alert");
        let tried = format!("- name: {name} fires\n");
        assert!(tests.contains(&tried), "{name} is never seen to fire");
    }
    promtool(&["check", "rules", "docs/alerts.yml"]);
    promtool(&["test", "rules", "tests/alerts/firing.yml"]);
}
