//! A process that hangs: the watchdog replaces it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use lastword::playground::offline::Fault;
use tokio::time::Instant;

use super::Machine;
use crate::real::note;

const UNIT: &str = "lastword.service";

/// With the watchdog of the unit as it is shipped.
const REPLACED: Duration = Duration::from_secs(35);

/// What hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hang {
    /// All of it: SIGSTOP, as a kernel that does not let it run.
    Process,
    /// The threads that run tasks: something blocks them all.
    Runtime,
}

async fn is_replaced(hang: Hang) {
    let Some(machine) = Machine::installed().await else {
        return;
    };
    machine.must("systemctl start lastword");
    let before = machine.main_pid(UNIT);
    let ann = machine.telegram.add_person("Ann");
    machine.model.fail_next(1, Fault::HoldAfter(3));
    machine.ask(ann, "are you there");
    machine.until_asked(1).await;

    let hung = Instant::now();
    match hang {
        Hang::Process => drop(machine.must("systemctl kill -s STOP lastword")),
        Hang::Runtime => {
            let block = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/systemd/block.py");
            fs::copy(block, machine.path("/srv/block.py")).expect("there is room");
            machine.must(&format!(
                "python3 /srv/block.py {before} >/srv/block.log 2>&1 &"
            ));
            machine
                .until("its threads are held", || {
                    machine.must("cat /srv/block.log").contains("held")
                })
                .await;
        }
    }
    machine.until_anew(UNIT, before).await;
    machine.until_heard(ann, "are you there").await;
    let took = hung.elapsed();
    note(&format!("{hang:?}: replaced and answered after {took:?}"));
    assert!(took <= REPLACED, "{took:?}");
    machine.told_once(ann, "are you there");
    let journal = machine.must("journalctl --no-pager -o cat UNIT=lastword.service");
    assert!(journal.contains("Watchdog timeout"), "{journal}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "boots a systemd: bash tests/systemd/run.sh"]
async fn a_process_that_hangs_is_replaced_and_its_turn_answered_within_35_seconds() {
    is_replaced(Hang::Process).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "boots a systemd: bash tests/systemd/run.sh"]
async fn a_runtime_that_is_blocked_is_replaced_and_its_turn_answered_within_35_seconds() {
    is_replaced(Hang::Runtime).await;
}
