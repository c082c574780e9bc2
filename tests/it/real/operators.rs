//! Operators of the real binary: whatever they order, and whatever they are
//! told, the process is killed on both sides of each commit on its way; the next
//! start does the rest, and nothing is done or said twice.

use futures_util::future::join_all;
use lastword::death::{Side, VARIABLE};
use lastword::playground::bot_api::{Act, Place};

use super::{Process, Real, Transport, within};
use crate::neighbours::buttons;

const WORDS: &str = "We move house tonight.";

/// People who know the bot.
const PEOPLE: usize = 25;

struct Office {
    real: Real,
    ann: i64,
    people: Vec<i64>,
}

impl Office {
    async fn new() -> Self {
        let mut real = Real::new(Transport::Polling).await;
        let ann = real.person("Ann");
        let act = real.telegram.act(Act::Unblock { person: ann });
        act.expect("a chat can be opened");
        real.env.insert("LASTWORD_OPERATORS__IDS", ann.to_string());
        let people = (0..PEOPLE).map(|n| real.person(&format!("P{n}")));
        let people: Vec<i64> = people.collect();
        Self { real, ann, people }
    }

    /// How often somebody was told something with these words.
    fn said(&self, chat: i64, words: &str) -> usize {
        let heard = self.real.heard(chat);
        heard.iter().filter(|text| text.contains(words)).count()
    }

    fn say(&self, text: &str) {
        self.real.say(&Place::private(self.ann), text);
    }

    async fn until(&self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let mut changed = self.real.telegram.watch();
        let looked = async {
            while !done(self) {
                let look = std::time::Duration::from_millis(50);
                let _ = tokio::time::timeout(look, changed.changed()).await;
            }
        };
        within(what, looked).await;
    }

    fn tap(&self, data: &str) {
        let view = self.real.telegram.chat(self.ann).expect("it is open");
        let (message_id, data) = view
            .from_bot()
            .filter_map(|post| {
                let found = buttons(post).into_iter().find(|d| d.starts_with(data));
                Some((post.id, found?))
            })
            .last()
            .expect("a button");
        let press = self.real.telegram.act(Act::Press {
            place: Place::private(self.ann),
            message_id,
            data,
        });
        press.expect("it can be pressed");
    }

    /// Starts one that dies at this moment, if it comes there.
    fn doomed(&mut self, at: &str) -> Process {
        self.real.env.insert(VARIABLE, at.to_owned());
        let process = self.real.spawn();
        self.real.env.remove(VARIABLE);
        process
    }
}

/// One death; then everything is done once.
async fn survives(at: &str) {
    let mut office = Office::new().await;
    let mut first = office.real.start().await;
    for person in office.people.clone() {
        office.real.say(&Place::private(person), "hello");
    }
    let everybody = office.people.clone();
    office
        .until("everybody is known", |office| {
            everybody.iter().all(|p| office.said(*p, "hello") == 1)
        })
        .await;
    assert_eq!(first.stop().await.code, Some(0), "{at}");
    let mut doomed = office.doomed(at);
    office.say("/admin status");
    office.say(&format!("/admin broadcast {WORDS}"));
    let dies = async {
        tokio::select! {
            () = doomed.gone() => {}
            () = office.until("the question", |office| office.said(office.ann, "Send this to") == 1) => {
                office.tap("op:send");
                doomed.gone().await;
            }
        }
    };
    within(at, dies).await;
    let mut process = office.real.start().await;
    if office
        .real
        .count("SELECT count(*) FROM controls WHERE verb = 'admin_send'")
        == Some(0)
    {
        office
            .until("the question", |office| {
                office.said(office.ann, "Send this to") == 1
            })
            .await;
        office.tap("op:send");
    }
    office
        .until("all is done", |office| {
            let told = office.people.iter().all(|p| office.said(*p, WORDS) >= 1);
            told && office.said(office.ann, "is done:") >= 1
                && office.said(office.ann, "Turns:") >= 1
        })
        .await;
    assert_eq!(process.stop().await.code, Some(0), "{at}");
    let told: Vec<usize> = office
        .people
        .iter()
        .map(|p| office.said(*p, WORDS))
        .collect();
    assert_eq!(told, vec![1; PEOPLE], "{at}");
    for words in ["is done:", "Turns:", "Send this to", "goes out to"] {
        let said = office.said(office.ann, words);
        assert_eq!(
            said,
            1,
            "{at}: {words}: {:?}",
            office.real.heard(office.ann)
        );
    }
    // The last one may wait for the next start: no exit waits long for it.
    let stops = office.said(office.ann, "has stopped");
    let heard = office.real.heard(office.ann);
    assert!((1..=2).contains(&stops), "{at}: {heard:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_operators_order_is_done_once_over_a_kill_at_every_commit() {
    let moments = [
        ("operators.rise", 1),
        ("operators.take_orders", 2),
        ("operators.reply", 1),
        ("operators.spread", 2),
        ("operators.spread", 3),
        ("inbox.accept", 1),
    ];
    // They mostly wait: for what a kill has left in flight.
    let deaths = moments.iter().flat_map(|(operation, hit)| {
        Side::ALL.map(|side| async move {
            survives(&format!("{}{operation}#{hit}", side.as_str())).await;
        })
    });
    join_all(deaths).await;
}

/// An order to drain, and a death; the successor lives on.
async fn drains_once(at: &str) {
    let mut office = Office::new().await;
    let mut doomed = office.doomed(at);
    doomed.ready().await;
    // The first look for orders is of the start.
    office
        .until("it runs", |office| {
            office.said(office.ann, "first start") == 1
        })
        .await;
    office.say("/admin drain");
    within(at, doomed.gone()).await;
    let mut process = office.real.start().await;
    office
        .until("it is told", |office| {
            office.said(office.ann, "as at SIGTERM") >= 1
        })
        .await;
    office.say("/admin status");
    office
        .until("it lives", |office| office.said(office.ann, "Turns:") == 1)
        .await;
    let exit = process.stop().await;
    let heard = office.real.heard(office.ann);
    assert_eq!(exit.code, Some(0), "{at}: {exit:?} {heard:?}");
    let told = office.said(office.ann, "as at SIGTERM");
    assert_eq!(told, 1, "{at}: {heard:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_is_carried_out_once_over_a_kill_on_its_way() {
    let moments = [
        "after the commit of inbox.accept#1",
        "before the commit of operators.take_orders#2",
        "after the commit of operators.take_orders#2",
        "drain: signal#1",
    ];
    join_all(moments.map(drains_once)).await;
}
