//! A process that hangs: the watchdog replaces it (promise P17).

use std::time::{Duration, Instant};

use lastword::playground::offline::Fault;

use super::Machine;
use crate::real::note;

const UNIT: &str = "lastword.service";

/// Promise P17, with the watchdog of the unit as it is shipped. From the last
/// time that the watchdog was fed, which may be a look before the hang.
const REPLACED: Duration = Duration::from_secs(35);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "boots a systemd: bash tests/systemd/run.sh"]
async fn a_process_that_hangs_is_replaced_and_its_turn_answered_within_35_seconds() {
    let Some(machine) = Machine::installed().await else {
        return;
    };
    machine.must("systemctl start lastword");
    let before = machine.main_pid(UNIT);
    let ann = machine.telegram.add_person("Ann");
    machine.model.fail_next(1, Fault::HoldAfter(3));
    machine.ask(ann, "are you there");
    machine.until_asked(1).await;

    machine.must("systemctl kill -s STOP lastword");
    let hung = Instant::now();
    machine.until_anew(UNIT, before).await;
    machine.until_heard(ann, "are you there").await;
    let took = hung.elapsed();
    note(&format!("replaced and answered after {took:?}"));
    assert!(took <= REPLACED, "{took:?}");
    machine.told_once(ann, "are you there");
    let journal = machine.must("journalctl --no-pager -o cat UNIT=lastword.service");
    assert!(journal.contains("Watchdog timeout"), "{journal}");
}
