//! What people send besides a line of text: albums, corrections, files, presses, with a
//! signal or `kill -9` at every state of the turn and of its answer's part.
//!
//! The moments are those of `kills.rs`, so that a new state is tried here, too.

use futures_util::future::join_all;
use lastword::domain::turn;
use lastword::playground::bot_api::{Act, Medium, Place};
use rustix::process::Signal;

use super::kills::{Moment, Room, Scene, moments, reach, scene};
use super::verdict::Verdict;
use super::{Real, Transport, note, within};

/// Worlds at once; they mostly wait.
const TOGETHER: usize = 6;

/// How something is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A line of text.
    Text,
    /// Three pictures, the first with the words.
    Album,
    /// Words that are corrected at once.
    Corrected,
    /// A file, with the words inside.
    Document,
    /// A press on the button that asks for another answer.
    Again,
}

impl Real {
    /// Where somebody new writes.
    pub(super) fn place(&self, in_group: bool) -> Place {
        let person = self.person("Somebody");
        match in_group {
            true => Place::group(person, self.group(person)),
            false => Place::private(person),
        }
    }

    /// Asks the bot something new in this form; in groups by its name.
    pub(super) fn ask_as(&self, form: Form, place: &Place) {
        match form {
            Form::Text => self.ask(place),
            Form::Document => self.ask_in_a_document(place),
            Form::Again => {
                let (message_id, data) = self.again(place).expect("it has the button");
                let place = place.clone();
                let act = Act::Press {
                    place,
                    message_id,
                    data,
                };
                self.telegram.act(act).expect("people may press");
            }
            Form::Album => {
                let act = Act::Send {
                    place: place.clone(),
                    medium: Medium::Photo,
                    caption: self.question(place, ""),
                    count: 3,
                    base64: None,
                };
                self.telegram.act(act).expect("people may send pictures");
            }
            Form::Corrected => {
                let text = self.question(place, "");
                let wrong = text.replace('q', "w");
                let act = Act::Say {
                    place: place.clone(),
                    text: wrong,
                };
                let said = self.telegram.act(act).expect("people may write");
                self.correct(place, said.message(), text);
            }
        }
    }

    /// The button under an answer that asks for another one.
    fn again(&self, place: &Place) -> Option<(i64, String)> {
        let view = self.telegram.chat(place.chat.unwrap_or(place.person))?;
        view.from_bot().find_map(|post| {
            let keys = post.content().markup.as_ref()?["inline_keyboard"].as_array()?;
            let mut keys = keys.iter().filter_map(|row| row.as_array()).flatten();
            let data = keys.find_map(|key| {
                let data = key["callback_data"].as_str()?;
                data.starts_with("again:").then(|| data.to_owned())
            })?;
            Some((post.id, data))
        })
    }

    fn correct(&self, place: &Place, message_id: i64, text: String) {
        let act = Act::Edit {
            place: place.clone(),
            message_id,
            text,
        };
        self.telegram
            .act(act)
            .expect("people may correct themselves");
    }
}

/// Brings a daemon to the moment, ends it, and lets the next one finish.
async fn end_at(form: Form, room: Room, moment: Moment, signal: Signal) {
    let case = format!("{form:?} {room:?} {moment:?} {signal:?}");
    let mut scene = scene(Transport::Polling, room, moment).await;
    scene.form = form;
    let expected = reach(&scene, moment).await;
    end(&mut scene, signal, &case).await;
    scene.process = scene.real.start().await;
    let books = scene.real.until_settled(expected.settled).await;
    let heard = scene.real.heard(scene.chat);
    assert_eq!(
        scene.real.verdict(&books),
        Verdict::default(),
        "{case} {heard:?}"
    );
    if form == Form::Corrected {
        let wrong = heard.iter().any(|text| text.contains("w0000"));
        assert!(!wrong, "{case}: the wrong words were answered: {heard:?}");
    }
    assert_eq!(scene.real.model.counts().paid_twice(), 0, "{case}");
    let exit = scene.process.stop().await;
    assert_eq!(exit.code, Some(0), "{case} {exit:?}");
    note(&case);
}

/// Ends the process, with everything in the way of its drain removed.
async fn end(scene: &mut Scene, signal: Signal, case: &str) {
    if signal == Signal::KILL {
        scene.process.kill().await;
        scene.real.telegram.clear_faults();
        scene.free_model();
    } else {
        scene.process.signal(signal);
        scene.real.telegram.clear_faults();
        scene.real.telegram.release();
        scene.free_model();
        let exit = scene.process.ended().await;
        assert!(matches!(exit.code, Some(0 | 3)), "{case} {exit:?}");
        assert_eq!(exit.line["lost"], 0, "{case} {exit:?}");
    }
    scene.real.let_cut_sends_expire().await;
}

async fn end_at_every_moment(form: Form, room: Room) {
    let mut cases = Vec::new();
    for moment in moments(room) {
        for signal in [Signal::TERM, Signal::KILL] {
            cases.push((moment, signal));
        }
    }
    for some in cases.chunks(TOGETHER) {
        let run = |(moment, signal): &(Moment, Signal)| end_at(form, room, *moment, *signal);
        join_all(some.iter().map(run)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_album_is_answered_once_whenever_the_daemon_ends() {
    end_at_every_moment(Form::Album, Room::Private).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_album_in_a_group_is_answered_once_whenever_the_daemon_ends() {
    end_at_every_moment(Form::Album, Room::Group).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_correction_is_answered_once_whenever_the_daemon_ends() {
    end_at_every_moment(Form::Corrected, Room::Private).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_is_answered_once_whenever_the_daemon_ends() {
    end_at_every_moment(Form::Document, Room::Private).await;
}

/// The first answer stays, and one more comes: never none, never two.
async fn press_at(moment: Moment, signal: Signal) {
    let case = format!("press {moment:?} {signal:?}");
    let mut scene = scene(Transport::Polling, Room::Private, moment).await;
    scene.ask();
    scene.real.until_settled(1).await;
    let (real, place) = (&scene.real, &scene.place);
    let shown = real.telegram.until(|_| real.again(place).is_some());
    within("the button", shown).await;
    scene.form = Form::Again;
    let expected = reach(&scene, moment).await;
    end(&mut scene, signal, &case).await;
    scene.process = scene.real.start().await;
    let books = scene.real.until_settled(expected.settled + 1).await;
    crate::house::assert_balanced(&books);
    let undeliverable = super::outcomes(&books, turn::Outcome::Undeliverable);
    let heard = scene.real.heard(scene.chat);
    let answers = heard.iter().filter(|text| text.contains("q00000"));
    assert_eq!(
        answers.count() as u64,
        2 - undeliverable,
        "{case}: {heard:?}"
    );
    let exit = scene.process.stop().await;
    assert_eq!(exit.code, Some(0), "{case} {exit:?}");
    note(&case);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_press_for_another_answer_counts_once_whenever_the_daemon_ends() {
    // Such a turn never gathers, and nothing of its kind waits behind it.
    let never = [turn::State::Gathering, turn::State::Sealed];
    let mut cases = Vec::new();
    for moment in moments(Room::Private) {
        if !matches!(moment, Moment::Turn(state) if never.contains(&state)) {
            cases.extend([Signal::TERM, Signal::KILL].map(|signal| (moment, signal)));
        }
    }
    for some in cases.chunks(TOGETHER) {
        let run = |(moment, signal): &(Moment, Signal)| press_at(*moment, *signal);
        join_all(some.iter().map(run)).await;
    }
}

/// Nobody is there when the correction is made: what was not answered yet is
/// answered as corrected, what was answered is not answered again unasked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_correction_made_while_the_daemon_is_down_counts_where_it_can() {
    for moment in moments(Room::Private) {
        let mut scene = scene(Transport::Polling, Room::Private, moment).await;
        let expected = reach(&scene, moment).await;
        scene.process.kill().await;
        scene.real.telegram.clear_faults();
        scene.real.let_cut_sends_expire().await;
        let open = scene
            .real
            .count("SELECT count(*) FROM turns WHERE state < 3");
        let message = scene.real.last_message(&scene.place);
        scene
            .real
            .correct(&scene.place, message, "corrected".to_owned());
        // Which of the two comes first, the answer or the correction, is open.
        scene.hold_model();
        scene.process = scene.real.start().await;
        let telegram = &scene.real.telegram;
        within("the correction", telegram.until(|t| t.pending() == 0)).await;
        scene.free_model();
        let books = scene.real.until_settled(expected.settled).await;
        crate::house::assert_balanced(&books);
        let heard = scene.real.heard(scene.chat);
        let corrected = heard
            .iter()
            .filter(|text| text.contains("corrected"))
            .count();
        let counts = usize::from(open > Some(0));
        assert_eq!(corrected, counts, "{moment:?}: {heard:?}");
        let undeliverable = super::outcomes(&books, turn::Outcome::Undeliverable);
        let answers = heard.iter().filter(|text| text.starts_with("echo")).count() as u64;
        assert_eq!(
            answers + undeliverable,
            expected.settled,
            "{moment:?}: {heard:?}"
        );
        assert_eq!(scene.process.stop().await.code, Some(0));
    }
}

impl Real {
    /// The latest question of a person there.
    fn last_message(&self, place: &Place) -> i64 {
        let chat = place.chat.unwrap_or(place.person);
        let view = self.telegram.chat(chat).expect("somebody wrote there");
        let mut asked = view.posts.iter().rev();
        let question = asked.find(|post| post.content().text.starts_with("q0"));
        question.expect("somebody asked there").id
    }
}
