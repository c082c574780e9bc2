//! Start, restart, stop, kill, reload: what an operator does every day.

use std::time::Duration;

use lastword::playground::offline::{Fault, Pace, Voice};

use super::Machine;

const UNIT: &str = "lastword.service";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "boots a systemd: bash tests/systemd/run.sh"]
async fn a_restart_in_the_middle_of_an_answer_is_noticed_by_nobody() {
    let Some(machine) = Machine::installed().await else {
        return;
    };
    machine.must("systemctl start lastword");
    assert_eq!(machine.property(UNIT, "ActiveState"), "active");
    assert_eq!(machine.property(UNIT, "StatusText"), "running");
    let before = machine.main_pid(UNIT);
    let ann = machine.telegram.add_person("Ann");
    machine.model.fail_next(1, Fault::HoldAfter(3));
    machine.ask(ann, "what is a unit");
    machine.until_asked(1).await;

    machine.must("systemctl restart --no-block lastword");
    machine
        .until("draining", || {
            machine
                .property(UNIT, "StatusText")
                .starts_with("draining: 1 turn")
        })
        .await;
    assert_eq!(machine.main_pid(UNIT), before, "it still answers");
    machine.model.release();
    machine.until_heard(ann, "what is a unit").await;
    machine.until_anew(UNIT, before).await;
    machine.ask(ann, "and a socket");
    machine.until_heard(ann, "and a socket").await;
    machine.told_once(ann, "what is a unit");
    assert_eq!(machine.model.counts().asked(), 2, "each once");
    assert_eq!(machine.property(UNIT, "Result"), "success");
}

/// The unit's limit is half of what the answer takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "boots a systemd: bash tests/systemd/run.sh"]
async fn a_stop_waits_for_an_answer_that_takes_longer_than_the_units_limit() {
    const PIECES: usize = 60;
    let Some(machine) = Machine::installed().await else {
        return;
    };
    machine.edit(UNIT, "[Service]\nTimeoutStopSec=30\n");
    machine.must("systemctl start lastword");
    let warning = "is shorter than shutdown.grace";
    machine
        .until("the disagreement is said", || {
            machine.journal(UNIT).contains(warning)
        })
        .await;
    let words: Vec<String> = (1..=PIECES).map(|n| format!("w{n}")).collect();
    machine.model.change(|behaviour| {
        behaviour.voice = Voice::Fixed(words.join(" "));
        behaviour.pace = Pace {
            first: Duration::from_secs(1),
            between: Duration::from_secs(1),
            words: 1,
        };
    });
    let ann = machine.telegram.add_person("Ann");
    machine.ask(ann, "count");
    machine.until_asked(1).await;

    machine.must("systemctl stop lastword");
    machine.until_heard(ann, "w1 w2").await;
    machine.told_once(ann, &words.join(" "));
    assert_eq!(machine.model.counts().asked(), 1);
    assert_eq!(machine.property(UNIT, "ActiveState"), "inactive");
    let journal = machine.journal(UNIT);
    for said in ["\"exit\":\"drained\"", "Deactivated successfully"] {
        assert!(journal.contains(said), "{said}: {journal}");
    }
    assert!(!journal.contains("timed out"), "{journal}");
    assert_eq!(journal.matches(warning).count(), 1, "said once: {journal}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "boots a systemd: bash tests/systemd/run.sh"]
async fn a_killed_process_is_started_anew_and_answers_what_was_open() {
    let Some(machine) = Machine::installed().await else {
        return;
    };
    machine.must("systemctl start lastword");
    let before = machine.main_pid(UNIT);
    let ann = machine.telegram.add_person("Ann");
    machine.model.fail_next(1, Fault::HoldAfter(3));
    machine.ask(ann, "who answers");
    machine.until_asked(1).await;

    machine.must("systemctl kill -s KILL lastword");
    machine.until_anew(UNIT, before).await;
    machine.until_heard(ann, "who answers").await;
    machine.told_once(ann, "who answers");
    assert_eq!(machine.property(UNIT, "NRestarts"), "1");
    // The unit agrees with the grace: nothing is said of limits.
    assert!(!machine.journal(UNIT).contains("TimeoutStopSec"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "boots a systemd: bash tests/systemd/run.sh"]
async fn a_wrong_configuration_ends_with_a_sentence_and_is_not_tried_again() {
    let Some(machine) = Machine::boot().await else {
        return;
    };
    // Freshly installed: there is no token.
    machine.install();
    for (settings, sentence) in [
        (None, "/etc/lastword/telegram_bot_token"),
        (Some("[chat]\nquiet_period = \"soon\"\n"), "quiet_period"),
    ] {
        if let Some(settings) = settings {
            machine.configure("");
            machine.write("/etc/lastword/config.toml", settings);
        }
        let started = machine.run("systemctl start lastword");
        assert!(!started.status.success(), "it cannot run");
        for (name, value) in [
            ("ActiveState", "failed"),
            ("ExecMainStatus", "78"),
            ("NRestarts", "0"),
        ] {
            assert_eq!(machine.property(UNIT, name), value, "{name}");
        }
        let journal = machine.journal(UNIT);
        assert!(journal.contains(sentence), "{journal}");
    }
    machine.configure("");
    machine.must("systemctl start lastword");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "boots a systemd: bash tests/systemd/run.sh"]
async fn a_reload_is_answered_and_a_wrong_one_changes_nothing() {
    let Some(machine) = Machine::installed().await else {
        return;
    };
    let version = machine.must("systemctl --version");
    let version: u32 = version
        .split_whitespace()
        .nth(1)
        .and_then(|word| word.parse().ok())
        .expect("systemd says its version");
    if version >= 253 {
        let examples = "/usr/share/doc/lastword/examples/notify-reload.conf";
        let folder = "/etc/systemd/system/lastword.service.d";
        machine.must(&format!(
            "install -Dm644 {examples} {folder}/notify-reload.conf"
        ));
        machine.must("systemctl daemon-reload");
    }
    machine.must("systemctl start lastword");
    let before = machine.main_pid(UNIT);
    for (settings, said) in [
        (
            "[reply]\nformat = \"entities\"\n",
            "configuration read anew",
        ),
        (
            "[reply]\nformat = \"nothing\"\n",
            "configuration not read anew",
        ),
    ] {
        machine.configure(settings);
        machine.must("systemctl reload lastword");
        machine
            .until(said, || machine.journal(UNIT).contains(said))
            .await;
        machine.until_property(UNIT, "ActiveState", "active").await;
    }
    assert_eq!(machine.main_pid(UNIT), before);
    let status = machine.property(UNIT, "StatusText");
    assert!(status.contains("not read anew"), "{status}");
    let ann = machine.telegram.add_person("Ann");
    machine.ask(ann, "still there");
    machine.until_heard(ann, "still there").await;
}
