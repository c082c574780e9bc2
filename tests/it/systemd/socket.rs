//! Socket activation: the port of the webhook is open over every restart.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::Machine;
use crate::real::{PATIENCE, note};

const UNIT: &str = "lastword.service";
const RESTARTS: usize = 20;
const WEBHOOK: &str = "127.0.0.1:8443";

/// Somebody who connects again and again, as the proxy in front would.
struct Knocking {
    stop: Arc<AtomicBool>,
    knocks: Arc<AtomicU64>,
    thread: JoinHandle<Vec<String>>,
}

impl Knocking {
    fn on(machine: &Machine) -> Self {
        let network = File::open(format!("/proc/{}/ns/net", machine.pid)).expect("it lives");
        let (stop, knocks) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let (until, count) = (Arc::clone(&stop), Arc::clone(&knocks));
        let thread = std::thread::spawn(move || {
            move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("root may go there");
            let mut wrong = Vec::new();
            while !until.load(Ordering::Acquire) {
                if let Err(error) = knock() {
                    wrong.push(error.to_string());
                }
                count.fetch_add(1, Ordering::AcqRel);
            }
            wrong
        });
        Self {
            stop,
            knocks,
            thread,
        }
    }

    fn end(self) -> (u64, Vec<String>) {
        self.stop.store(true, Ordering::Release);
        let wrong = self.thread.join().expect("it only knocks");
        (self.knocks.load(Ordering::Acquire), wrong)
    }
}

/// One request from a stranger, who is turned away, but answered.
fn knock() -> std::io::Result<()> {
    let mut stream = TcpStream::connect(WEBHOOK)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(
        b"POST /hook HTTP/1.1\r\nHost: bot\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.starts_with("HTTP/1.1 ") {
        true => Ok(()),
        false => Err(std::io::Error::other(format!("no answer: {answer:?}"))),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "boots a systemd: bash tests/systemd/run.sh"]
async fn no_connection_is_refused_over_twenty_restarts() {
    let Some(machine) = Machine::installed().await else {
        return;
    };
    machine.configure(&format!(
        "[telegram.webhook]\nurl = \"http://{WEBHOOK}/hook\"\n"
    ));
    machine.edit(
        UNIT,
        "[Service]\nEnvironment=LASTWORD_TELEGRAM__MODE=webhook\n",
    );
    machine.must("systemctl enable --now lastword.socket lastword.service");
    let knocking = Knocking::on(&machine);
    let ann = machine.telegram.add_person("Ann");
    for round in 0..RESTARTS {
        machine.ask(ann, &format!("round-{round}."));
        machine.must("systemctl restart lastword");
        assert_eq!(machine.property(UNIT, "ActiveState"), "active");
    }
    for round in 0..RESTARTS {
        machine.until_heard(ann, &format!("round-{round}.")).await;
    }
    let (knocks, wrong) = knocking.end();
    note(&format!("{knocks} connections over {RESTARTS} restarts"));
    assert!(knocks > 0);
    assert_eq!(wrong, Vec::<String>::new(), "of {knocks}");
    let heard = machine.heard(ann).join("\n");
    for round in 0..RESTARTS {
        let word = format!("round-{round}.");
        assert_eq!(heard.matches(&word).count(), 1, "{word} in {heard}");
    }
}
