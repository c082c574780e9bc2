//! Start and good-bye: one of each, whatever happens, and no stop waits long for
//! them.

use lastword::config::Notices;
use lastword::playground::bot_api::{Fault, FaultRule};
use lastword::shutdown::ExitCode;

use super::{looked_after, started};
use crate::house::assert_balanced;
use crate::neighbours::pass;

#[tokio::test(start_paused = true)]
async fn the_good_bye_is_the_drain_report_and_arrives_before_the_exit() {
    let (mut house, ann) = looked_after();
    house.config.operators.notices = Notices::All;
    let ben = house.person("Ben");
    let life = started(&mut house).await;
    assert_eq!(house.said(ann, "first start"), 1, "{:?}", house.heard(ann));
    house.say(ben, "hello");
    pass(500).await;
    assert_eq!(life.stop().await, ExitCode::Drained);
    let heard = house.heard(ann);
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert!(heard[1].contains("has stopped") && heard[1].contains("1 turn answered, 0 left"));
    pass(30_000).await;
    let life = started(&mut house).await;
    let heard = house.until_heard(ann, 3).await;
    assert!(heard[2].contains("last stop was clean, 3"), "{heard:?}");
    pass(60_000).await;
    assert_eq!(house.heard(ann).len(), 3);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_roll_yields_one_start_and_one_good_bye() {
    let (mut house, ann) = looked_after();
    house.config.operators.notices = Notices::All;
    let old = started(&mut house).await;
    let new = house.start();
    pass(2_000).await;
    let before = house.heard(ann).len();
    assert_eq!(before, 1, "a standby says nothing: {:?}", house.heard(ann));
    assert_eq!(old.stop().await, ExitCode::Drained);
    pass(60_000).await;
    let said = house.heard(ann).split_off(before);
    assert_eq!(said.len(), 2, "{said:?}");
    assert_eq!(house.said(ann, "has stopped"), 1);
    assert_eq!(house.said(ann, "is running"), 2);
    assert_balanced(&new.books().await);
    // A standby that goes unused is nobody's business.
    let standby = house.start();
    pass(2_000).await;
    standby.stop().await;
    pass(5_000).await;
    assert_eq!(house.heard(ann).len(), before + 2);
}

#[tokio::test(start_paused = true)]
async fn a_dead_telegram_delays_no_exit_and_the_good_bye_comes_later_once() {
    for fault in [Fault::HangBefore, Fault::Unreachable, Fault::CutBefore] {
        let (mut house, ann) = looked_after();
        house.config.operators.notices = Notices::Stop;
        let life = started(&mut house).await;
        house
            .telegram
            .fault(FaultRule::always("sendMessage", fault.clone()));
        let begun = house.clock.now();
        assert_eq!(life.stop().await, ExitCode::Drained, "{fault:?}");
        let took = house.clock.now() - begun;
        assert!(took <= 2_000, "{fault:?}: {took} ms");
        house.telegram.clear_faults();
        assert!(house.heard(ann).is_empty());
        let life = started(&mut house).await;
        house.until_heard(ann, 1).await;
        pass(120_000).await;
        assert_eq!(house.said(ann, "has stopped"), 1, "{fault:?}");
        assert_balanced(&life.books().await);
    }
}

#[tokio::test(start_paused = true)]
async fn who_wants_no_notices_gets_none() {
    let (mut house, ann) = looked_after();
    for _ in 0..2 {
        let life = started(&mut house).await;
        life.stop().await;
    }
    pass(5_000).await;
    assert!(house.heard(ann).is_empty(), "{:?}", house.heard(ann));
}
