//! A process that was killed has told its successor what language to speak.

use lastword::domain::language::Language;
use lastword::domain::turn::Outcome;
use lastword::playground::bot_api::Place;
use lastword::playground::offline::Fault;
use lastword::texts::Texts;

use super::{Real, Transport, outcomes, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_after_a_kill_is_in_the_language_of_who_had_asked() {
    let real = Real::new(Transport::Polling).await;
    let ann = real.person("Ann");
    let german = Texts::of(Language::German);
    let spoken = real.telegram.speak(ann, Some("de"));
    spoken.expect("there is such a person");
    let place = Place::group(ann, real.group(ann));
    let chat = place.chat.expect("a group");
    real.model.change(|now| now.fault = Fault::HoldAfter(9));
    let mut process = real.start().await;
    real.say(&place, "@lastword_bot tell me of the winter");
    within("the model", real.model.until(|now| now.running == 1)).await;
    process.kill().await;
    real.telegram.speak(ann, None).expect("she still exists");
    let mut process = real.start().await;
    within("the model", real.model.until(|now| now.running == 1)).await;
    real.say(&place, "/stop");
    real.until_heard(chat, german.stopped).await;
    let books = real.until_settled(1).await;
    assert_eq!(outcomes(&books, Outcome::Cancelled), 1);
    assert_eq!(real.heard(chat).len(), 1);
    assert_eq!(process.stop().await.code, Some(0));
}
