//! A process that hangs (SIGSTOP) with a standby beside it: its work is nobody
//! else's while it lives, at whatever moment it stopped, and nothing is doubled
//! when it wakes up or is killed, which is what a watchdog does.

use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use futures_util::future::join_all;
use lastword::domain::turn;
use lastword::playground::bot_api::Place;
use lastword::playground::offline::Fault;
use rustix::process::Signal;

use super::kills::{Moment, Room, Scene, moments, reach, scene};
use super::verdict::Verdict;
use super::{Process, Real, Transport, in_turn, note, outcomes, within};

/// Several sweeps of a standby (one every 500 ms): enough for it to take what
/// it would take.
const SWEEPS: Duration = Duration::from_millis(1_600);

/// How the hang ends.
#[derive(Debug, Clone, Copy)]
enum End {
    WakesUp,
    IsKilled,
}

/// Cases at a time; each has a world of its own.
const TOGETHER: usize = 4;

async fn hang_at(transport: Transport, room: Room, moment: Moment, end: End) {
    let case = format!("{transport:?} {room:?} {moment:?} {end:?}");
    let mut scene = scene(transport, room, moment).await;
    let expected = reach(&scene, moment).await;
    // Not inside a transaction, which has its own test: no standby could start.
    let inode = shared_memory(&scene.real);
    scene.process.signal(Signal::STOP);
    stands_still(scene.process.pid()).await;
    while holds_the_write_lock(scene.process.pid(), inode) {
        scene.process.signal(Signal::CONT);
        tokio::time::sleep(Duration::from_millis(1)).await;
        scene.process.signal(Signal::STOP);
        stands_still(scene.process.pid()).await;
    }
    let before = observed(&scene);
    let mut standby = scene.real.start().await;
    tokio::time::sleep(SWEEPS).await;
    assert_eq!(observed(&scene), before, "{case}: it was taken");

    scene.real.telegram.clear_faults();
    if let End::IsKilled = end {
        scene.process.kill().await;
        scene.real.let_cut_sends_expire().await;
        scene.free_model();
    } else {
        scene.process.signal(Signal::CONT);
        scene.real.telegram.release();
        scene.real.let_cut_sends_expire().await;
        scene.free_model();
    }
    let books = scene.real.until_settled(expected.settled).await;
    assert_eq!(scene.real.verdict(&books), Verdict::default(), "{case}");
    let answered = outcomes(&books, turn::Outcome::Answered);
    let undelivered = outcomes(&books, turn::Outcome::Undeliverable);
    assert_eq!(
        answered + undelivered,
        expected.settled,
        "{case}: {books:?}"
    );
    let counts = scene.real.model.counts();
    assert_eq!(counts.paid_twice(), 0, "{case}: {counts:?}");
    assert_eq!(counts.requests.len(), expected.paid, "{case}: {counts:?}");
    if let End::WakesUp = end {
        assert_eq!(scene.process.stop().await.code, Some(0), "{case}");
    }
    assert_eq!(standby.stop().await.code, Some(0), "{case}");
    note(&case);
}

/// What a standby must not change: what people see, what was asked of the
/// model, who has which turn.
fn observed(scene: &Scene) -> (Vec<String>, usize, String) {
    let store = scene.real.sql();
    let rows = "SELECT group_concat(state || ':' || claim_no || ':' || coalesce(owner, 0)) \
                FROM turns";
    let parts = "SELECT group_concat(state || ':' || send_no || ':' || coalesce(owner, 0)) \
                 FROM parts";
    let read = |sql| {
        store
            .query_row(sql, [], |row| row.get::<_, Option<String>>(0))
            .expect("the store answers")
            .unwrap_or_default()
    };
    (
        scene.real.heard(scene.chat),
        scene.real.model.counts().asked(),
        format!("{} {}", read(rows), read(parts)),
    )
}

async fn hang_at_every_moment(transport: Transport, room: Room) {
    let mut cases = Vec::new();
    for moment in moments(room) {
        for end in [End::WakesUp, End::IsKilled] {
            cases.push((moment, end));
        }
    }
    for some in cases.chunks(TOGETHER) {
        let run = |(moment, end): &(Moment, End)| hang_at(transport, room, *moment, *end);
        join_all(some.iter().map(run)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_leaves_a_hung_instance_its_work_in_a_private_chat() {
    hang_at_every_moment(Transport::Polling, Room::Private).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_leaves_a_hung_instance_its_work_in_a_group_with_a_webhook() {
    hang_at_every_moment(Transport::Webhook, Room::Group).await;
}

/// People write all the while, so that the writer is often at it.
struct Crowded {
    real: Real,
    old: Process,
    new: Process,
    people: Vec<Place>,
}

impl Crowded {
    async fn gather() -> Self {
        let real = Real::new(Transport::Polling).await;
        let people = (0..6)
            .map(|n| Place::private(real.person(&format!("P{n}"))))
            .collect();
        let old = real.start().await;
        old.says("running").await;
        let new = real.start().await;
        Self {
            real,
            old,
            new,
            people,
        }
    }

    /// Stops the old one inside a transaction: it holds the store's lock.
    async fn hang_in_a_transaction(&mut self) {
        let inode = shared_memory(&self.real);
        for n in 0..5_000 {
            if n % 10 == 0 {
                self.real.ask(&self.people[n / 10 % self.people.len()]);
            }
            self.old.signal(Signal::STOP);
            // A thread that is still on its way may yet end the transaction.
            stands_still(self.old.pid()).await;
            if holds_the_write_lock(self.old.pid(), inode) {
                note(&format!("stopped inside a transaction at try {n}"));
                return;
            }
            self.old.signal(Signal::CONT);
            tokio::time::sleep(Duration::from_micros(700)).await;
        }
        panic!("it never was inside a transaction");
    }
}

/// The file through which the processes at a store see each other's locks.
fn shared_memory(real: &Real) -> u64 {
    let mut name = real.store_path().into_os_string();
    name.push("-shm");
    std::fs::metadata(name).expect("the store is open").ino()
}

/// Until every thread of it has stopped.
async fn stands_still(pid: i32) {
    let stopped = || {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it lives");
        threads.flatten().all(|thread| {
            let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            // The state follows the name, which is in brackets.
            stat.rsplit_once(") ")
                .is_none_or(|(_, rest)| rest.starts_with('T'))
        })
    };
    while !stopped() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Byte 120 of the shared memory is SQLite's write lock (its file walformat).
fn holds_the_write_lock(pid: i32, inode: u64) -> bool {
    let locks = std::fs::read_to_string("/proc/locks").expect("the kernel tells");
    let (pid, inode) = (pid.to_string(), format!(":{inode}"));
    locks.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        matches!(fields[..], [_, "POSIX", _, "WRITE", of, file, from, to]
            if of == pid && file.ends_with(&inode) && from <= "120" && to >= "120")
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_locked_by_a_hung_instance_is_free_when_that_wakes_up_or_is_killed() {
    for end in [End::WakesUp, End::IsKilled] {
        let mut crowd = Crowded::gather().await;
        crowd.hang_in_a_transaction().await;
        // Longer than anybody waits for the store: nobody else can write now.
        tokio::time::sleep(Duration::from_secs(6)).await;
        let blocked = rusqlite::Connection::open(crowd.real.store_path())
            .expect("the store exists")
            .execute_batch("BEGIN IMMEDIATE");
        assert!(blocked.is_err(), "it was not locked");
        match end {
            End::WakesUp => crowd.old.signal(Signal::CONT),
            End::IsKilled => {
                crowd.old.kill().await;
                crowd.real.let_cut_sends_expire().await;
            }
        }
        for person in &crowd.people {
            crowd.real.ask(person);
        }
        let asked = crowd.real.asked_so_far();
        crowd.real.until("accepted", |b| b.messages == asked).await;
        let books = crowd.real.until_settled(1).await;
        let verdict = crowd.real.verdict(&books);
        assert_eq!(verdict, Verdict::default());
        if let End::WakesUp = end {
            assert_eq!(crowd.real.model.counts().paid_twice(), 0);
            assert_eq!(crowd.old.stop().await.code, Some(0));
        }
        assert_eq!(crowd.new.stop().await.code, Some(0));
    }
}

/// The old one hangs in the middle of a roll, at an answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_one_that_hangs_in_its_drain_keeps_only_its_own_turn() {
    for transport in [Transport::Polling, Transport::Webhook] {
        for end in [End::WakesUp, End::IsKilled] {
            let real = Real::new(transport).await;
            let (ann, bob) = (real.person("Ann"), real.person("Bob"));
            let mut old = real.start().await;
            old.says("running").await;
            real.model.fail_next(1, Fault::HoldAfter(0));
            real.ask(&Place::private(ann));
            within("the model", real.model.until(|now| now.running == 1)).await;
            let mut new = real.start().await;
            old.signal(Signal::TERM);
            new.says("running").await;
            // Kept connections are closed by then; what is sent into one of a
            // hung process is Telegram's to send again, after a minute.
            tokio::time::sleep(Duration::from_millis(1_200)).await;
            old.signal(Signal::STOP);
            real.ask(&Place::private(bob));
            real.ask(&Place::private(ann));
            real.until_heard(bob, "q00001").await;
            assert_eq!(real.heard(ann), Vec::<String>::new());
            let claimed = |b: &_| in_turn(b, turn::State::Claimed) == 1;
            real.until("still the old one's", claimed).await;
            match end {
                End::WakesUp => old.signal(Signal::CONT),
                End::IsKilled => {
                    old.kill().await;
                    // What the dead one was at has ended, unpaid.
                    within("its end", real.model.until(|now| now.running == 0)).await;
                }
            }
            real.model.release();
            let books = real.until_settled(3).await;
            assert_eq!(real.verdict(&books), Verdict::default());
            // A death before the answer may cost one more completion.
            let at_most = usize::from(matches!(end, End::IsKilled));
            let twice = real.model.counts().paid_twice();
            assert!(twice <= at_most, "{transport:?} {end:?}: {twice}");
            if let End::WakesUp = end {
                assert_eq!(old.ended().await.code, Some(0));
            }
            assert_eq!(new.stop().await.code, Some(0));
        }
    }
}

/// It wakes up after its deadline: what it had is the other's then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_one_that_hangs_beyond_its_grace_leaves_its_turn() {
    let mut real = Real::new(Transport::Polling).await;
    real.env.insert("LASTWORD_SHUTDOWN__GRACE", "5s".to_owned());
    let ann = real.person("Ann");
    let mut old = real.start().await;
    old.says("running").await;
    real.model.fail_next(1, Fault::HoldAfter(0));
    real.ask(&Place::private(ann));
    within("the model", real.model.until(|now| now.running == 1)).await;
    let mut new = real.start().await;
    old.signal(Signal::TERM);
    new.says("running").await;
    old.signal(Signal::STOP);
    tokio::time::sleep(Duration::from_secs(7)).await;
    old.signal(Signal::CONT);
    let exit = old.ended().await;
    assert_eq!(exit.code, Some(3), "{exit:?}");
    let books = real.until_settled(1).await;
    assert_eq!(real.verdict(&books), Verdict::default());
    assert_eq!(real.model.counts().paid_twice(), 0);
    assert_eq!(new.stop().await.code, Some(0));
}
