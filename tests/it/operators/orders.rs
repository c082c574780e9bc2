//! `/admin`: who may, what it does, and that it does it once.

use std::time::Duration;

use lastword::playground::bot_api::ChatKind;
use lastword::playground::offline::{Fault, Pace};
use lastword::shutdown::ExitCode;

use super::{controls, looked_after, started};
use crate::house::{House, assert_balanced};
use crate::neighbours::{outcomes, pass};
use crate::scribe::Twist;

#[tokio::test(start_paused = true)]
async fn nobody_but_operators_in_their_own_chats_learns_that_there_is_an_admin() {
    let (mut house, ann) = looked_after();
    let life = started(&mut house).await;
    let eve = house.person("Eve");
    house.say(eve, "/admin status");
    assert_eq!(house.until_heard(eve, 1).await, ["echo: /admin status"]);
    house.say(eve, "/admin drain");
    assert_eq!(house.until_heard(eve, 2).await[1], "echo: /admin drain");
    // Nor does anybody who reads along in a group.
    let group = house.group(ChatKind::Supergroup, &[ann, eve]);
    house.say_in(group, ann, "/admin@lastword_bot drain");
    house
        .until("the group is answered", |house| {
            house.said(group, "echo") == 1
        })
        .await;
    pass(30_000).await;
    assert!(!life.shutdown.is_stopping());
    assert!(controls(&house, "admin_status").is_empty());
    assert!(controls(&house, "admin_drain").is_empty());
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn an_operator_is_told_what_there_is_and_how_it_stands() {
    let (mut house, ann) = looked_after();
    let scribe = house.scribe();
    let life = started(&mut house).await;
    assert!(house.order(ann, "/admin").await.contains("/admin drain"));
    let unknown = house.order(ann, "/admin dance").await;
    assert!(unknown.contains("\"dance\"") && unknown.contains("/admin usage"));
    let status = house.order(ann, "/admin status").await;
    for part in [
        "running (active)",
        "Turns: none open",
        "Intake: polling",
        "Today: 0 answers",
    ] {
        assert!(status.contains(part), "{part}: {status}");
    }
    house.say(ann, "hello");
    let before = house.heard(ann).len();
    house.until_heard(ann, before + 1).await;
    let usage = house.order(ann, "/admin usage").await;
    assert!(usage.contains("Today (UTC): 1 answers"), "{usage}");
    assert!(usage.contains(&format!("{ann}: 1 answers")), "{usage}");
    assert!(
        house
            .order(ann, "/admin turns")
            .await
            .contains("Nobody waits")
    );
    assert_eq!(scribe.bytes().len(), 1, "an order is no question");
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn whoever_has_claimed_the_bot_is_an_operator() {
    let mut house = House::new();
    house.config.access.mode = lastword::config::AccessMode::Claim;
    let _life = started(&mut house).await;
    let code = crate::access::claim_code(&house).await;
    let ann = house.person("Ann");
    house.order(ann, &format!("/start {code}")).await;
    assert!(house.order(ann, "/admin status").await.contains("active"));
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_over_a_restart_until_it_is_ended() {
    let (mut house, ann) = looked_after();
    let ben = house.person("Ben");
    let life = started(&mut house).await;
    assert!(
        house
            .order(ann, "/admin pause new key")
            .await
            .contains("Paused")
    );
    house.say(ben, "hello");
    pass(20_000).await;
    assert_eq!(house.said(ben, "echo"), 0);
    life.stop().await;
    let life = started(&mut house).await;
    pass(20_000).await;
    let status = house.order(ann, "/admin status").await;
    assert!(
        status.contains("Paused") && status.contains("new key"),
        "{status}"
    );
    assert_eq!(house.said(ben, "echo"), 0);
    assert!(house.order(ann, "/admin resume").await.contains("On again"));
    house
        .until("Ben is answered", |house| {
            house.said(ben, "echo: hello") == 1
        })
        .await;
    assert!(house.order(ann, "/admin resume").await.contains("no pause"));
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_the_instance_that_was_told_to_and_never_its_successor() {
    let (mut house, ann) = looked_after();
    let ben = house.person("Ben");
    house.model.change(|now| {
        now.pace = Pace {
            first: Duration::from_secs(6),
            ..now.pace
        };
    });
    let life = started(&mut house).await;
    house.say(ben, "hello");
    pass(4_000).await;
    house.say(ann, "/admin drain");
    // What is under way is answered first.
    assert_eq!(life.ended().await, ExitCode::Drained);
    assert_eq!(house.said(ben, "echo: hello"), 1);
    assert_eq!(house.said(ann, "as at SIGTERM"), 1);
    // Telegram was told of no offset any more: the order comes again.
    for _ in 0..2 {
        let life = started(&mut house).await;
        pass(60_000).await;
        assert!(!life.shutdown.is_stopping(), "the successor drains");
        life.stop().await;
    }
    assert_eq!(house.said(ann, "as at SIGTERM"), 1);
    assert_eq!(controls(&house, "admin_drain"), ["draining"]);
}

#[tokio::test(start_paused = true)]
async fn a_ban_ends_what_waits_and_holds_over_a_restart_until_it_is_taken_back() {
    let (mut house, ann) = looked_after();
    let ben = house.person("Ben");
    let life = started(&mut house).await;
    house.model.change(|now| now.fault = Fault::HoldAfter(0));
    house.say(ben, "what runs");
    pass(15_000).await;
    house.say(ben, "what waits");
    pass(5_000).await;
    let said = house.order(ann, &format!("/admin ban {ben}")).await;
    assert!(said.contains("2 answers were ended"), "{said}");
    house.model.change(|now| now.fault = Fault::Sound);
    pass(10_000).await;
    let before = house.heard(ben);
    assert!(
        before.iter().all(|text| !text.contains("echo")),
        "{before:?}"
    );
    house.say(ben, "let me in");
    house.say(ben, "/help");
    pass(30_000).await;
    assert!(
        house.heard(ben).len() <= before.len() + 1,
        "told once at most"
    );
    assert_eq!(outcomes(&life.books().await), [("cancelled", 2)]);
    life.stop().await;
    let life = started(&mut house).await;
    house.say(ben, "still?");
    pass(30_000).await;
    assert!(house.heard(ben).len() <= before.len() + 1);
    let again = house.order(ann, &format!("/admin ban {ben}")).await;
    assert!(again.contains("already"), "{again}");
    house.order(ann, &format!("/admin unban {ben}")).await;
    house.say(ben, "at last");
    house
        .until("Ben is answered", |house| {
            house.said(ben, "echo: at last") == 1
        })
        .await;
    assert_balanced(&life.books().await);
    // Nobody locks an operator out.
    let own = house.order(ann, &format!("/admin ban {ann}")).await;
    assert!(own.contains("operator"), "{own}");
}

#[tokio::test(start_paused = true)]
async fn who_is_allowed_may_talk_with_a_bot_that_is_private() {
    let (mut house, ann) = looked_after();
    house.config.access.mode = lastword::config::AccessMode::List;
    let ben = house.person("Ben");
    let _life = started(&mut house).await;
    house.say(ben, "hello");
    assert!(house.until_heard(ben, 1).await[0].contains("private"));
    let said = house.order(ann, &format!("/admin allow {ben}")).await;
    assert!(said.contains("may talk"), "{said}");
    house.say(ben, "and now?");
    assert_eq!(house.until_heard(ben, 2).await[1], "echo: and now?");
    assert!(
        house
            .order(ann, "/admin allow")
            .await
            .contains("numeric ID")
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_answer_is_listed_without_a_word_of_it_and_runs_again_once() {
    let (mut house, ann) = looked_after();
    house.config.operators.alerts = lastword::config::Alerts::Withheld;
    let ben = house.person("Ben");
    let scribe = house.scribe();
    let life = started(&mut house).await;
    scribe.twist(Twist::Refuse(lastword::llm::LlmError::Status {
        code: 400,
        message: "no such thing".to_owned(),
        retry_after: None,
    }));
    house.say(ben, "my secret");
    house.until_heard(ben, 1).await;
    let turns = house.order(ann, "/admin turns").await;
    assert!(
        turns.contains("Failed:") && turns.contains(&ben.to_string()),
        "{turns}"
    );
    assert!(!turns.contains("secret"), "{turns}");
    house.tap(ann, "op:replay:1");
    house.tap(ann, "op:replay:1");
    house
        .until("Ben is answered", |house| {
            house.said(ben, "echo: my secret") == 1
        })
        .await;
    pass(30_000).await;
    assert_eq!(house.said(ben, "echo: my secret"), 1);
    assert_eq!(controls(&house, "admin_replay"), ["replayed", "nothing"]);
    assert_balanced(&life.books().await);
}
