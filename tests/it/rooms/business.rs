//! Business accounts: the bot answers in their name, in their chats and nowhere
//! else, and never talks into what their owner writes.

use lastword::config::{AccessMode, Strangers};
use lastword::playground::bot_api::{BusinessSide, Fault as Trouble, FaultRule};
use lastword::playground::offline::{Fault, Offline};
use lastword::shutdown::Cause;

use super::*;
use crate::neighbours::outcomes;

const LINK: &str = "link-1";

fn connect(house: &House, owner: i64, enabled: bool, told: bool) {
    house.act(Act::ConnectBusiness {
        connection: LINK.to_owned(),
        owner,
        can_reply: true,
        enabled,
        told,
    });
}

/// Says something in the account's chat with `peer`; the chat and the message.
fn say(house: &House, peer: i64, side: BusinessSide, text: &str) -> (i64, i64) {
    let acted = house.act(Act::SayBusiness {
        connection: LINK.to_owned(),
        peer,
        side,
        text: text.to_owned(),
    });
    (acted.id.expect("a chat"), acted.message())
}

#[tokio::test(start_paused = true)]
async fn a_customer_is_answered_in_the_accounts_name_once() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let (owner, peer) = (house.person("Olga"), house.person("Pete"));
    connect(&house, owner, true, true);
    let (chat, _) = say(&house, peer, BusinessSide::Peer, "are you open?");
    house.until_heard(chat, 1).await;
    assert_eq!(house.heard(chat), ["echo: are you open?"]);
    assert!(!house.chat(chat).typing.is_empty(), "it is seen typing");
    say(&house, peer, BusinessSide::Peer, "and tomorrow?");
    house.until_heard(chat, 2).await;
    assert_eq!(scribe.said().len(), 3, "one conversation with a history");
    // Commands are for the bot's own chats.
    say(&house, peer, BusinessSide::Peer, "/forget");
    house.until_heard(chat, 3).await;
    assert_eq!(last(&scribe), "/forget");
    pass(60_000).await;
    assert_eq!(house.heard(chat).len(), 3);
    assert!(house.drafts(peer).is_empty() && house.drafts(chat).is_empty());
    assert!(house.telegram.chat(peer).is_none(), "not the private chat");
    let refused: Vec<_> = house.telegram.counts().into_iter().collect();
    assert!(
        refused
            .iter()
            .all(|(name, count)| count.ok == count.calls || name == "getUpdates"),
        "{refused:?}"
    );
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn one_person_in_two_chats_is_never_mixed_up() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let (owner, peer) = (house.person("Olga"), house.person("Pete"));
    connect(&house, owner, true, true);
    let (chat, first) = say(&house, peer, BusinessSide::Peer, "to the shop: one");
    house.say(peer, "to the bot: one");
    house.until_heard(chat, 1).await;
    house.until_heard(peer, 1).await;
    // Also where a message id is the same in both.
    let (_, second) = say(&house, peer, BusinessSide::Peer, "to the shop: two");
    assert!(second > first);
    house.say(peer, "to the bot: two");
    house.until_heard(chat, 2).await;
    house.until_heard(peer, 2).await;
    house.say(peer, "/forget");
    house.until_heard(peer, 3).await;
    let question = house.answers(peer).pop().expect("a question").id;
    house.press(Place::private(peer), question, "forget:yes");
    pass(20_000).await;
    say(&house, peer, BusinessSide::Peer, "to the shop: three");
    house.until_heard(chat, 3).await;
    let said = scribe.said();
    assert_eq!(
        said.len(),
        5,
        "the account's chat is not forgotten: {said:?}"
    );
    for request in scribe.requests() {
        let text = request.to_string();
        assert!(!(text.contains("to the shop") && text.contains("to the bot")));
    }
    assert!(house.heard(chat).iter().all(|text| text.contains("shop")));
    assert!(house.heard(peer).iter().all(|text| !text.contains("shop")));
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn nobody_talks_into_what_the_owner_writes() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let scribe = house.scribe();
    let life = house.start();
    let (owner, peer) = (house.person("Olga"), house.person("Pete"));
    connect(&house, owner, true, true);
    model.change(|now| now.fault = Fault::HoldAfter(1));
    let (chat, _) = say(&house, peer, BusinessSide::Peer, "a discount?");
    model.until(|counts| counts.running == 1).await;
    // A greeting is nobody's hand.
    say(&house, peer, BusinessSide::Away, "We'll be right back");
    pass(5_000).await;
    assert_eq!(model.counts().running, 1);
    say(&house, peer, BusinessSide::Owner, "for you, ten percent");
    model.until(|counts| counts.running == 0).await;
    model.change(|now| now.fault = Fault::Sound);
    say(&house, peer, BusinessSide::Peer, "thanks Olga");
    pass(300_000).await;
    assert!(house.heard(chat).is_empty());
    pass(400_000).await;
    say(&house, peer, BusinessSide::Peer, "and delivery?");
    house.until_heard(chat, 1).await;
    let said = scribe.said();
    let context = &said[said.len() - 2].1;
    assert!(
        context.ends_with("Olga: for you, ten percent\nPete: thanks Olga]"),
        "{said:?}"
    );
    pass(60_000).await;
    assert_eq!(house.heard(chat).len(), 1);
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("answered", 1), ("cancelled", 1)]);
}

#[tokio::test(start_paused = true)]
async fn only_where_it_is_wanted_allowed_and_admitted() {
    let mut house = House::new();
    house.config.chat.business = Strangers::Ignored;
    let life = house.start();
    let (owner, peer) = (house.person("Olga"), house.person("Pete"));
    connect(&house, owner, true, true);
    let (chat, _) = say(&house, peer, BusinessSide::Peer, "switched off");
    pass(60_000).await;
    life.stop().await;
    house.config.chat.business = Strangers::Answered;
    house.config.access.mode = AccessMode::List;
    let life = house.start();
    say(&house, peer, BusinessSide::Peer, "of a stranger's account");
    pass(60_000).await;
    life.stop().await;
    house.config.access.ids = [owner].into();
    let life = house.start();
    house.act(Act::ConnectBusiness {
        connection: LINK.to_owned(),
        owner,
        can_reply: false,
        enabled: true,
        told: true,
    });
    say(&house, peer, BusinessSide::Peer, "without the right");
    pass(60_000).await;
    assert!(house.heard(chat).is_empty());
    assert_eq!(life.books().await.messages, 0);
    connect(&house, owner, true, true);
    say(&house, peer, BusinessSide::Peer, "now");
    house.until_heard(chat, 1).await;
    assert_eq!(house.heard(chat), ["echo: now"]);
    // The peer is nobody in the bot's own chat.
    house.say(peer, "me too?");
    house.until_heard(peer, 1).await;
    assert!(house.heard(peer)[0].contains("private"));
}

#[tokio::test(start_paused = true)]
async fn what_came_through_an_unknown_connection_waits_also_over_a_kill() {
    let mut house = House::new();
    let life = house.start();
    let (owner, peer) = (house.person("Olga"), house.person("Pete"));
    connect(&house, owner, true, false);
    let rule = |trouble| FaultRule::always("getBusinessConnection", trouble);
    house.telegram.fault(rule(Trouble::Unreachable));
    let (chat, _) = say(&house, peer, BusinessSide::Peer, "first of all");
    pass(30_000).await;
    // A token that was changed says nothing of the connection.
    house.telegram.clear_faults();
    house.telegram.fault(rule(Trouble::Refuse {
        code: 401,
        description: None,
        retry_after_s: None,
    }));
    pass(60_000).await;
    assert!(house.heard(chat).is_empty());
    life.shutdown.stop(Cause::Terminate);
    life.stop().await;
    house.telegram.clear_faults();
    let life = house.start();
    house.until_heard(chat, 1).await;
    pass(60_000).await;
    assert_eq!(house.heard(chat), ["echo: first of all"]);
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(books.messages, 1);
}

#[tokio::test(start_paused = true)]
async fn a_cut_send_changes_nothing_that_the_owner_wrote() {
    let mut house = House::new();
    let life = house.start();
    let (owner, peer) = (house.person("Olga"), house.person("Pete"));
    connect(&house, owner, true, true);
    let (chat, _) = say(&house, peer, BusinessSide::Peer, "hello");
    house.until_heard(chat, 1).await;
    let rule = FaultRule::once("sendRichMessage", Trouble::CutBefore);
    house.telegram.fault(rule);
    say(&house, peer, BusinessSide::Peer, "again");
    pass(10_000).await;
    let (_, own) = say(&house, peer, BusinessSide::Owner, "by my hand");
    house.until_heard(chat, 2).await;
    pass(120_000).await;
    assert_eq!(house.post(chat, own).content().seen(), "by my hand");
    assert_eq!(house.post(chat, own).versions.len(), 1);
    assert_eq!(house.telegram.counts().get("editMessageText"), None);
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!((books.resent, books.bound), (1, 0), "marked, not probed");
    assert!(house.heard(chat)[1].starts_with("echo: again"));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_ends_its_turns() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let life = house.start();
    let (owner, peer) = (house.person("Olga"), house.person("Pete"));
    connect(&house, owner, true, true);
    model.change(|now| now.fault = Fault::HoldAfter(1));
    let (chat, _) = say(&house, peer, BusinessSide::Peer, "too late");
    model.until(|counts| counts.running == 1).await;
    connect(&house, owner, false, true);
    model.until(|counts| counts.running == 0).await;
    model.change(|now| now.fault = Fault::Sound);
    pass(60_000).await;
    // One that ends unheard of is found out by the send.
    connect(&house, owner, true, true);
    say(&house, peer, BusinessSide::Peer, "cut off");
    pass(100).await;
    connect(&house, owner, false, false);
    pass(600_000).await;
    assert!(house.heard(chat).is_empty());
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("undeliverable", 2)]);
    let sends = house.telegram.counts();
    assert!(sends["sendRichMessage"].calls < 3, "{sends:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_is_not_answered_and_not_kept() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let scribe = house.scribe();
    let life = house.start();
    let (owner, peer) = (house.person("Olga"), house.person("Pete"));
    connect(&house, owner, true, true);
    let (chat, first) = say(&house, peer, BusinessSide::Peer, "my card is 4711");
    house.until_heard(chat, 1).await;
    model.change(|now| now.fault = Fault::HoldAfter(1));
    let (_, second) = say(&house, peer, BusinessSide::Peer, "never mind");
    model.until(|counts| counts.running == 1).await;
    house.act(Act::DeleteBusiness {
        connection: LINK.to_owned(),
        peer,
        messages: vec![first, second],
    });
    model.until(|counts| counts.running == 0).await;
    model.change(|now| now.fault = Fault::Sound);
    say(&house, peer, BusinessSide::Peer, "hello again");
    house.until_heard(chat, 2).await;
    assert!(
        !scribe
            .requests()
            .pop()
            .expect("one")
            .to_string()
            .contains("never mind")
    );
    let said = scribe.said();
    assert!(
        said.iter()
            .all(|(role, text)| role != "user" || !text.contains("4711"))
    );
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn after_a_kill_in_the_middle_a_customer_is_answered_once() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let life = house.start();
    let (owner, peer) = (house.person("Olga"), house.person("Pete"));
    connect(&house, owner, true, true);
    model.change(|now| now.fault = Fault::HoldAfter(1));
    let (chat, _) = say(&house, peer, BusinessSide::Peer, "still there?");
    house.say(peer, "and the bot?");
    model.until(|counts| counts.running == 2).await;
    life.shutdown.stop(Cause::Terminate);
    life.stop().await;
    model.change(|now| now.fault = Fault::Sound);
    let life = house.start();
    house.until_heard(chat, 1).await;
    house.until_heard(peer, 1).await;
    pass(60_000).await;
    assert_eq!(house.heard(chat), ["echo: still there?"]);
    assert_eq!(house.heard(peer), ["echo: and the bot?"]);
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(books.resent, 0);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_may_not_send_rich_messages_answers_in_plainer_ones() {
    let mut house = House::new();
    let life = house.start();
    let (owner, peer) = (house.person("Olga"), house.person("Pete"));
    connect(&house, owner, true, true);
    let refused = Trouble::Refuse {
        code: 403,
        description: Some("Forbidden: not enough rights to send rich messages".to_owned()),
        retry_after_s: None,
    };
    house
        .telegram
        .fault(FaultRule::always("sendRichMessage", refused));
    let (chat, _) = say(&house, peer, BusinessSide::Peer, "**bold** enough?");
    house.until_heard(chat, 1).await;
    assert_eq!(house.heard(chat), ["echo: bold enough?"]);
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("answered", 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_customer_hears_nothing_of_the_bots_own_troubles() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let life = house.start();
    let (owner, peer) = (house.person("Olga"), house.person("Pete"));
    connect(&house, owner, true, true);
    model.change(|now| now.fault = Fault::NoCredit);
    let (chat, _) = say(&house, peer, BusinessSide::Peer, "are you open?");
    pass(60_000).await;
    assert!(house.heard(chat).is_empty());
    model.change(|now| now.fault = Fault::Sound);
    house.until_heard(chat, 1).await;
    assert_eq!(house.heard(chat), ["echo: are you open?"]);
    assert_balanced(&life.books().await);
}
