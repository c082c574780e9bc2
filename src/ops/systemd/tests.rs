//! What a service manager hears from us, at a socket of our own.

use super::*;
use crate::pulse::Organ;

struct FakeManager {
    socket: UnixDatagram,
    _dir: tempfile::TempDir,
    ours: Systemd,
}

fn manager(watchdog: Option<Duration>) -> FakeManager {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_nonblocking(true).expect("a socket option");
    let ours = Systemd::at(path.as_os_str(), watchdog).expect("it listens");
    FakeManager {
        socket,
        _dir: dir,
        ours,
    }
}

impl FakeManager {
    fn heard(&self) -> Vec<String> {
        let mut heard = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            heard.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
        heard
    }
}

#[test]
fn a_life_is_told_in_the_words_of_the_protocol() {
    let fake = manager(None);
    fake.ours.ready("running");
    fake.ours.stopping("draining");
    fake.ours
        .going_on("draining: 3 turns\n41 s left", Duration::from_secs(5));
    assert_eq!(
        fake.heard(),
        [
            "READY=1\nSTATUS=running\n",
            "STOPPING=1\nSTATUS=draining\n",
            "EXTEND_TIMEOUT_USEC=15000000\nSTATUS=draining: 3 turns 41 s left\n",
        ]
    );
}

/// As systemd.service(5) asks of `Type=notify-reload`.
#[test]
fn a_reload_is_told_with_its_time_and_ends_with_ready() {
    let fake = manager(None);
    fake.ours.reloading();
    fake.ours.ready("running");
    let heard = fake.heard();
    let time = heard[0]
        .strip_prefix("RELOADING=1\nMONOTONIC_USEC=")
        .and_then(|rest| rest.strip_suffix('\n'))
        .unwrap_or_else(|| panic!("{heard:?}"));
    assert!(time.parse::<u64>().is_ok_and(|usec| usec > 0), "{time}");
    assert_eq!(heard[1..], ["READY=1\nSTATUS=running\n"]);
}

#[test]
fn an_abstract_socket_is_reached_too() {
    let name = format!("lastword-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a short name");
    let socket = UnixDatagram::bind_addr(&address).expect("a socket");
    let ours = Systemd::at(OsStr::new(&format!("@{name}")), None).expect("it listens");
    ours.status("standby");
    let mut buffer = [0; 64];
    let length = socket.recv(&mut buffer).expect("a message");
    assert_eq!(&buffer[..length], b"STATUS=standby\n");
}

#[test]
fn without_a_service_manager_nothing_happens() {
    let none = Systemd::default();
    none.ready("running");
    none.stopping("draining");
    assert!(!none.is_there());
}

#[test]
fn a_service_manager_that_does_not_listen_never_makes_us_wait() {
    let fake = manager(None);
    // More than the socket takes: the rest is dropped.
    for _ in 0..10_000 {
        fake.ours.status("running");
    }
    assert!(!fake.heard().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_watchdog_is_fed_within_its_time_and_starves_while_an_organ_is_stuck() {
    let fake = manager(Some(Duration::from_secs(30)));
    let pulse = Pulse::default();
    let mut complaints = Vec::new();
    let hang = {
        let feeding = fake
            .ours
            .feed_watchdog(&pulse, |_| panic!("nothing is stuck"));
        let fed = tokio::time::timeout(Duration::from_secs(31), feeding).await;
        assert!(fed.is_err());
        assert_eq!(fake.heard(), ["WATCHDOG=1\n"; 11]);
        pulse.busy(Organ::Store)
    };
    let feeding = fake
        .ours
        .feed_watchdog(&pulse, |stuck| complaints.push(stuck.to_vec()));
    let fed = tokio::time::timeout(Duration::from_secs(31), feeding).await;
    assert!(fed.is_err());
    assert_eq!(
        fake.heard(),
        ["WATCHDOG=1\n"],
        "only the look that began it"
    );
    assert_eq!(complaints, vec![[Organ::Store]; 10]);
    drop(hang);
}

#[tokio::test(start_paused = true)]
async fn where_no_watchdog_is_set_nothing_is_fed() {
    let fake = manager(None);
    let pulse = Pulse::default();
    let feeding = fake.ours.feed_watchdog(&pulse, |_| {});
    let fed = tokio::time::timeout(Duration::from_secs(100), feeding).await;
    assert!(fed.is_err());
    assert!(fake.heard().is_empty());
}

#[test]
fn without_socket_activation_there_are_no_listeners_however_often_one_asks() {
    assert!(listeners().expect("nothing to take").is_empty());
    assert!(listeners().expect("nothing to take").is_empty());
}
