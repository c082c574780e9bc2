//! `lastword notify` by another program of the machine.

use super::{Machine, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "boots a systemd: bash tests/systemd/run.sh"]
async fn a_member_of_the_group_is_heard_whether_the_daemon_runs_or_not() {
    let Some(machine) = Machine::installed().await else {
        return;
    };
    machine.must("useradd --groups lastword job && useradd stranger");
    let ann = machine.telegram.add_person("Ann");
    machine.ask(ann, "hello");
    let notify = |who: &str, words: &str| {
        machine.run(&format!(
            "setpriv --reuid {who} --regid {who} --init-groups lastword notify --chat {ann} \
             '{words}'"
        ))
    };
    let done = notify("job", "before the first start");
    assert!(done.status.success(), "{}", text(&done));
    machine.must("systemctl start lastword");
    machine.until_heard(ann, "hello").await;
    machine.until_heard(ann, "before the first start").await;
    let done = notify("job", "backup is late");
    assert!(done.status.success(), "{}", text(&done));
    machine.until_heard(ann, "backup is late").await;
    assert!(!notify("stranger", "spam").status.success());

    machine.must("systemctl stop lastword");
    let done = notify("job", "while it was off");
    assert!(done.status.success(), "{}", text(&done));
    machine.must("systemctl start lastword");
    machine.until_heard(ann, "while it was off").await;
    for words in [
        "before the first start",
        "backup is late",
        "while it was off",
    ] {
        machine.told_once(ann, words);
    }
    assert!(machine.heard(ann).iter().all(|said| said != "spam"));
}
