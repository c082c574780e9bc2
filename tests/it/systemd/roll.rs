//! `lastword roll` between the two instances of the template.

use lastword::playground::offline::Fault;
use serde_json::Value;

use super::Machine;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "boots a systemd: bash tests/systemd/run.sh"]
async fn a_roll_takes_in_what_comes_while_the_old_one_still_answers() {
    let Some(machine) = Machine::installed().await else {
        return;
    };
    machine.must("systemctl enable --now lastword@a");
    for (old, new) in [("a", "b"), ("b", "a")] {
        let [old, new] = [old, new].map(|name| format!("lastword@{name}.service"));
        let ann = machine.telegram.add_person("Ann");
        let bob = machine.telegram.add_person("Bob");
        let asked = machine.model.counts().asked();
        machine.model.fail_next(1, Fault::HoldAfter(3));
        machine.ask(ann, "the old one's");
        machine.until_asked(asked + 1).await;

        let line = machine.must("lastword roll");
        let line = line.lines().last().unwrap_or_default();
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert_eq!(line["old"]["unit"], old.as_str(), "{line}");
        assert_eq!(line["new"]["unit"], new.as_str(), "{line}");
        assert_eq!(machine.property(&old, "ActiveState"), "deactivating");
        assert_eq!(machine.property(&new, "ActiveState"), "active");
        // Answered by the new one, while the old one is not done.
        machine.ask(bob, "the new one's");
        machine.until_heard(bob, "the new one's").await;
        assert!(
            machine
                .heard(ann)
                .iter()
                .all(|text| text != "the old one's")
        );
        machine.model.release();
        machine.until_heard(ann, "the old one's").await;
        machine
            .until_property(&old, "ActiveState", "inactive")
            .await;
        assert_eq!(machine.property(&old, "Result"), "success");
        machine.told_once(ann, "the old one's");
        assert_eq!(machine.model.counts().asked(), asked + 2, "each once");
    }
    assert_eq!(machine.telegram.conflicts(), 0, "one poller at a time");
}
