//! The package: installed, upgraded while answering, removed, purged.

use std::fs;

use lastword::playground::offline::Fault;

use super::{Machine, mode};

const UNIT: &str = "lastword.service";

/// Installs the next version, as `apt upgrade` does.
fn upgrade(machine: &Machine) -> String {
    let next = std::env::var_os("LASTWORD_UPGRADE").expect("tests/systemd/run.sh sets it");
    fs::copy(next, machine.path("/srv/upgrade.deb")).expect("there is room");
    machine.must("DEBIAN_FRONTEND=noninteractive dpkg --force-unsafe-io -i /srv/upgrade.deb")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "boots a systemd: bash tests/systemd/run.sh"]
async fn an_installation_starts_nothing_and_says_what_to_do_next() {
    let Some(machine) = Machine::boot().await else {
        return;
    };
    let said = machine.install();
    for word in ["/etc/lastword/telegram_bot_token", "systemctl enable --now"] {
        assert!(said.contains(word), "{said}");
    }
    let units = machine.must("systemctl list-units --all --plain --no-legend 'lastword*'");
    assert!(!units.contains("lastword.service"), "{units}");
    assert!(
        !machine
            .run("systemctl is-enabled lastword lastword@a")
            .status
            .success()
    );
    for (file, wanted) in [
        ("/etc/lastword", 0o750),
        ("/etc/lastword/config.toml", 0o640),
        ("/etc/lastword/telegram_bot_token", 0o600),
        ("/etc/lastword/openrouter_api_key", 0o600),
        ("/usr/bin/lastword", 0o755),
        ("/var/lib/lastword", 0o750),
        ("/var/lib/lastword/spool", 0o1770),
    ] {
        assert_eq!(mode(&machine.path(file)), wanted, "{file}");
    }
    machine.must("setpriv --reuid lastword --regid lastword --clear-groups lastword --version");
    for page in ["lastword", "lastword-roll"] {
        let file = format!("/usr/share/man/man1/{page}.1.gz");
        assert!(machine.path(&file).exists(), "{file}");
    }
    machine.must("bash -n /usr/share/bash-completion/completions/lastword");
    for page in [
        "OPERATING.md",
        "SECURITY.md",
        "alerts.yml",
        "grafana-dashboard.json",
    ] {
        let file = format!("/usr/share/doc/lastword/{page}");
        assert!(machine.path(&file).exists(), "{file}");
    }
    // Settings as they are shipped are sound, but for the secrets.
    let checked = machine.run("lastword check");
    assert!(super::text(&checked).contains("telegram.token"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "boots a systemd: bash tests/systemd/run.sh"]
async fn an_upgrade_of_an_instance_is_a_roll_and_settings_stay() {
    let Some(machine) = Machine::installed().await else {
        return;
    };
    machine.must("systemctl enable --now lastword@a");
    let (ann, bob) = (
        machine.telegram.add_person("Ann"),
        machine.telegram.add_person("Bob"),
    );
    machine.model.fail_next(1, Fault::HoldAfter(3));
    machine.ask(ann, "the old version");
    machine.until_asked(1).await;

    upgrade(&machine);
    assert_eq!(
        machine.property("lastword@a.service", "ActiveState"),
        "deactivating"
    );
    assert_eq!(
        machine.property("lastword@b.service", "ActiveState"),
        "active"
    );
    machine.ask(bob, "the new version");
    machine.until_heard(bob, "the new version").await;
    machine.model.release();
    machine.until_heard(ann, "the old version").await;
    machine
        .until_property("lastword@a.service", "ActiveState", "inactive")
        .await;
    machine.told_once(ann, "the old version");
    assert_eq!(machine.model.counts().asked(), 2, "each once");
    let config = fs::read_to_string(machine.path("/etc/lastword/config.toml"));
    assert!(config.is_ok_and(|text| text.contains("quiet_period")));

    // Removed while it answers: what was asked is answered, and kept.
    machine.model.fail_next(1, Fault::HoldAfter(3));
    machine.ask(ann, "one more");
    machine.until_asked(3).await;
    let removing = std::thread::scope(|scope| {
        let removing = scope.spawn(|| machine.must("dpkg -r lastword"));
        while machine.property("lastword@b.service", "ActiveState") == "active" {
            std::thread::sleep(super::LOOK);
        }
        machine.model.release();
        removing.join().expect("it does not panic")
    });
    machine.told_once(ann, "one more");
    for file in [
        "/var/lib/lastword/lastword.db",
        "/etc/lastword/config.toml",
        "/etc/lastword/telegram_bot_token",
    ] {
        assert!(machine.path(file).exists(), "{file} {removing}");
    }
    assert!(!machine.path("/usr/bin/lastword").exists());
    let failed = machine.must("systemctl list-units --failed --plain --no-legend");
    assert_eq!(failed.trim(), "", "{removing}");

    // Installed again it goes on from there.
    machine.install();
    machine.must("systemctl start lastword@a");
    machine.must("systemctl stop lastword@a");
    machine.must("dpkg -P lastword");
    for gone in ["/var/lib/lastword", "/etc/lastword", "/usr/bin/lastword"] {
        assert!(!machine.path(gone).exists(), "{gone}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "boots a systemd: bash tests/systemd/run.sh"]
async fn an_upgrade_of_the_one_unit_answers_first_and_then_restarts() {
    let Some(machine) = Machine::installed().await else {
        return;
    };
    machine.must("systemctl enable --now lastword");
    let before = machine.main_pid(UNIT);
    let ann = machine.telegram.add_person("Ann");
    machine.model.fail_next(1, Fault::HoldAfter(3));
    machine.ask(ann, "the old version");
    machine.until_asked(1).await;
    std::thread::scope(|scope| {
        let upgrading = scope.spawn(|| upgrade(&machine));
        while machine.property(UNIT, "ActiveState") == "active" {
            std::thread::sleep(super::LOOK);
        }
        // What comes while nobody polls is taken in by the new one.
        machine.ask(ann, "the new version");
        machine.model.release();
        upgrading.join().expect("it does not panic")
    });
    machine.until_heard(ann, "the new version").await;
    machine.told_once(ann, "the old version");
    machine.told_once(ann, "the new version");
    assert_ne!(machine.main_pid(UNIT), before);
    assert_eq!(machine.property(UNIT, "ActiveState"), "active");
    assert_eq!(machine.property(UNIT, "Result"), "success");
}
