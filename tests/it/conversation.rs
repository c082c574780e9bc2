//! A person talks with the whole daemon.

use std::time::Duration;

use lastword::shutdown::ExitCode;

use crate::house::{House, assert_balanced};

#[tokio::test(start_paused = true)]
async fn a_message_gets_exactly_one_answer() {
    let mut house = House::new();
    let life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "hello there");
    let heard = house.until_heard(ann, 1).await;
    assert_eq!(heard.len(), 1);
    assert!(heard[0].contains("hello there"), "{heard:?}");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(house.heard(ann).len(), 1);
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(life.stop().await, ExitCode::Drained);
}
