//! Files live exactly as long as their turn.

use lastword::playground::bot_api::{Medium, Place};
use lastword::playground::offline::Fault;

use super::cut_short;
use crate::house::{House, assert_balanced};
use crate::neighbours::{buttons, pass};

#[tokio::test(start_paused = true)]
async fn a_file_that_was_downloaded_is_not_downloaded_again_by_a_successor() {
    let (mut house, ears) = House::with_ears();
    let life = house.start();
    ears.0.open.send_replace(false);
    let ann = house.person("Ann");
    house.attach(ann, Medium::Voice, "v.ogg", b"OggS", "");
    pass(5_000).await;
    assert_eq!(ears.heard().len(), 1);
    assert_eq!(house.kept().len(), 1);
    cut_short(life).await;
    assert_eq!(house.kept().len(), 1, "its turn is not over");
    // The file cannot be had any more.
    house.lose_files();
    ears.0.open.send_replace(true);
    let life = house.start();
    assert!(house.until_heard(ann, 1).await[0].contains("what time is it?"));
    assert_eq!(ears.heard()[0], ears.heard()[1]);
    // Its turn is settled: the file goes.
    pass(10_000).await;
    assert_eq!(house.kept(), Vec::<String>::new());
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn what_was_heard_is_not_heard_again_by_a_successor() {
    let (mut house, ears) = House::with_ears();
    house.model.change(|now| now.fault = Fault::HoldAfter(0));
    let life = house.start();
    let ann = house.person("Ann");
    house.send(ann, Medium::Voice, "", 1);
    house.model.until(|now| now.running == 1).await;
    cut_short(life).await;
    // A correction drops the request that was kept; the words stay.
    let sql = "DELETE FROM requests";
    let store = rusqlite::Connection::open(&house.config.store.path).expect("the store exists");
    store.execute(sql, []).expect("the schema is known");
    drop(store);
    house.lose_files();
    house.model.change(|now| now.fault = Fault::Sound);
    let _life = house.start();
    assert!(house.until_heard(ann, 1).await[0].contains("what time is it?"));
    assert_eq!(ears.heard().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_lies_in_no_folder() {
    let (mut house, ears) = House::with_ears();
    let life = house.start();
    ears.0.open.send_replace(false);
    let ann = house.person("Ann");
    house.send(ann, Medium::Voice, "", 1);
    pass(5_000).await;
    assert_eq!(house.kept().len(), 1);
    house.say(ann, "/forget");
    let asked = house.until_heard(ann, 1).await;
    assert!(asked[0].contains("erase everything"), "{asked:?}");
    let question = house.answers(ann)[0].id;
    let yes = buttons(&house.post(ann, question)).remove(0);
    house.press(Place::private(ann), question, &yes);
    house.until_heard(ann, 2).await;
    pass(1_000).await;
    assert_eq!(house.kept(), Vec::<String>::new());
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_start_removes_what_belongs_to_no_turn() {
    let mut house = House::new();
    let life = house.start();
    house.send(house.person("Ann"), Medium::Photo, "", 1);
    pass(20_000).await;
    assert_eq!(house.kept(), Vec::<String>::new());
    life.stop().await;
    let folder = format!("{}.media", house.config.store.path.display());
    for name in ["77-1-0.9-9.draft", "78-1-0", "1-1-0"] {
        std::fs::write(format!("{folder}/{name}"), "left").expect("the folder is there");
    }
    let _life = house.start();
    pass(1_000).await;
    assert_eq!(house.kept(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_cannot_be_written_costs_nothing_but_a_second_download() {
    let (mut house, ears) = House::with_ears();
    // A file in its place.
    let folder = format!("{}.media", house.config.store.path.display());
    std::fs::write(folder, "in the way").expect("a place for the store");
    let life = house.start();
    let ann = house.person("Ann");
    house.send(ann, Medium::Voice, "", 1);
    assert!(house.until_heard(ann, 1).await[0].contains("what time is it?"));
    assert_eq!(ears.heard().len(), 1);
    assert_balanced(&life.books().await);
}
