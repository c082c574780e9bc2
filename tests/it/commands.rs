//! What people ask for besides answers: commands, and the history they rule.

use lastword::llm::{FinishReason, LlmError};
use lastword::playground::bot_api::{Act, Fault as Trouble, FaultRule, Medium, Place};
use lastword::playground::offline::{Fault, Offline};

use crate::house::{House, assert_balanced};
use crate::neighbours::{buttons, outcomes, pass};
use crate::scribe::Twist;

fn refused() -> Twist {
    Twist::Refuse(LlmError::Status {
        code: 400,
        message: "no such thing".to_owned(),
        retry_after: None,
    })
}

#[tokio::test(start_paused = true)]
async fn start_and_help_are_answered_at_once_and_the_menu_knows_every_command() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    let begun = house.clock.now();
    house.say(ann, "/start");
    assert!(house.until_heard(ann, 1).await[0].starts_with("Hello!"));
    house.say(ann, "/help");
    assert!(house.until_heard(ann, 2).await[1].contains("/forget"));
    assert!(house.clock.now() - begun < 500);
    pass(20_000).await;
    assert_eq!(house.heard(ann).len(), 2);
    assert!(scribe.bytes().is_empty(), "the model was asked");
    // One menu per language, for private chats and for groups.
    assert_eq!(house.telegram.counts()["setMyCommands"].ok, 2 * 17);
    let asked = house
        .telegram
        .handle("getMyCommands", &serde_json::json!({}), begun);
    let menu = format!("{asked:?}");
    for command in ["start", "help", "new", "stop", "retry", "forget"] {
        assert!(
            menu.contains(&format!("String(\"{command}\")")),
            "{command}"
        );
    }
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn unknown_commands_and_those_of_other_bots_go_to_the_model() {
    let mut house = House::new();
    let _life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "/imagine a cat");
    assert_eq!(house.until_heard(ann, 1).await, ["echo: /imagine a cat"]);
    house.say(ann, "/stop@other_bot");
    assert_eq!(house.until_heard(ann, 2).await[1], "echo: /stop@other_bot");
}

#[tokio::test(start_paused = true)]
async fn answers_recall_what_was_said_until_new_begins_afresh() {
    let mut house = House::new();
    let scribe = house.scribe();
    let _life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "one");
    house.until_heard(ann, 1).await;
    house.say(ann, "two");
    house.until_heard(ann, 2).await;
    let said = scribe.said();
    let said: Vec<_> = said.iter().map(|(r, t)| (r.as_str(), t.as_str())).collect();
    assert_eq!(
        said,
        [("user", "one"), ("assistant", "echo: one"), ("user", "two")]
    );
    house.say(ann, "/new");
    house.until_heard(ann, 3).await;
    house.say(ann, "three");
    house.until_heard(ann, 4).await;
    assert_eq!(scribe.said().len(), 1, "{:?}", scribe.said());
}

#[tokio::test(start_paused = true)]
async fn what_came_before_new_is_answered_with_the_old_history() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "old");
    house.until_heard(ann, 1).await;
    house.say(ann, "still old");
    house.say(ann, "/new");
    house.say(ann, "fresh");
    house.until_heard(ann, 4).await;
    let requests = scribe.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests[1].to_string().contains("echo: old"));
    let last = scribe.said();
    assert_eq!(last.len(), 1, "{last:?}");
    assert_eq!(last[0].1, "fresh");
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn only_what_was_seen_is_remembered() {
    let mut house = House::new();
    let scribe = house.scribe();
    let _life = house.start();
    let ann = house.person("Ann");
    let blocked = Trouble::Refuse {
        code: 403,
        description: Some("Forbidden: bot was blocked by the user".to_owned()),
        retry_after_s: None,
    };
    house
        .telegram
        .fault(FaultRule::once("sendRichMessage", blocked));
    house.say(ann, "unseen");
    pass(10_000).await;
    house.say(ann, "next");
    house.until_heard(ann, 1).await;
    let said = scribe.said();
    assert!(said.iter().all(|(role, _)| role == "user"), "{said:?}");
    scribe.twist(refused());
    house.say(ann, "failing");
    house.until_heard(ann, 2).await;
    house.say(ann, "last");
    house.until_heard(ann, 3).await;
    let said = scribe.said();
    assert!(
        said.iter().all(|(_, text)| !text.contains("sorry")),
        "{said:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn commands_act_at_once_while_an_answer_is_written() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let _life = house.start();
    let ann = house.person("Ann");
    model.change(|now| now.fault = Fault::HoldAfter(4));
    house.say(ann, "question");
    model.until(|counts| counts.running == 1).await;
    house.say(ann, "/help");
    assert!(house.until_heard(ann, 1).await[0].contains("/new"));
    house.say(ann, "/new");
    house.until_heard(ann, 2).await;
    assert_eq!(model.counts().running, 1);
    model.change(|now| now.fault = Fault::Sound);
    assert_eq!(house.until_heard(ann, 3).await[2], "echo: question");
}

#[tokio::test(start_paused = true)]
async fn stop_ends_what_gathers_what_runs_and_what_waits_behind() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "/stop");
    assert!(house.until_heard(ann, 1).await[0].contains("nothing to stop"));
    // Gathering.
    house.say(ann, "never mind");
    pass(500).await;
    house.say(ann, "/stop");
    assert_eq!(house.until_heard(ann, 2).await[1], "⏹ Stopped");
    pass(10_000).await;
    assert_eq!(model.counts().asked(), 0);
    // Running, with another behind it.
    model.change(|now| now.fault = Fault::HoldAfter(8));
    house.say(ann, "a long story");
    model.until(|counts| counts.running == 1).await;
    house.say(ann, "behind");
    pass(3_000).await;
    let begun = house.clock.now();
    house.say(ann, "/stop");
    let heard = house.until_heard(ann, 3).await;
    assert!(house.clock.now() - begun < 500);
    assert!(heard[2].starts_with("echo: a"), "{heard:?}");
    assert!(heard[2].ends_with("⏹ Stopped"), "{heard:?}");
    pass(30_000).await;
    assert_eq!(house.heard(ann).len(), 3);
    assert_eq!(model.counts().asked(), 1);
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("cancelled", 3)]);
}

#[tokio::test(start_paused = true)]
async fn stop_takes_only_what_came_before_it() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let _life = house.start();
    let ann = house.person("Ann");
    model.change(|now| now.fault = Fault::HoldAfter(8));
    house.say(ann, "stop this");
    model.until(|counts| counts.running == 1).await;
    house.say(ann, "/stop");
    house.say(ann, "but answer this");
    model.change(|now| now.fault = Fault::Sound);
    let heard = house.until_heard(ann, 2).await;
    assert_eq!(heard[1], "echo: but answer this");
}

#[tokio::test(start_paused = true)]
async fn retry_tries_again_what_failed_and_nothing_else() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "/retry");
    assert!(house.until_heard(ann, 1).await[0].contains("nothing to try"));
    scribe.twist(refused());
    house.say(ann, "hard one");
    assert!(house.until_heard(ann, 2).await[1].contains("sorry"));
    house.say(ann, "/retry");
    assert_eq!(house.until_heard(ann, 3).await[2], "echo: hard one");
    house.say(ann, "/retry");
    assert!(house.until_heard(ann, 4).await[3].contains("nothing to try"));
    pass(30_000).await;
    assert_eq!(house.heard(ann).len(), 4);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn retry_right_behind_another_message_still_finds_what_failed() {
    let mut house = House::new();
    let scribe = house.scribe();
    let _life = house.start();
    let ann = house.person("Ann");
    scribe.twist(refused());
    house.say(ann, "hard one");
    house.until_heard(ann, 1).await;
    house.say(ann, "hello?");
    house.say(ann, "/retry");
    let heard = house.until_heard(ann, 3).await;
    assert_eq!(heard[1..], ["echo: hello?", "echo: hard one"]);
}

#[tokio::test(start_paused = true)]
async fn forget_asks_first_and_then_remembers_nothing() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "my secret");
    house.until_heard(ann, 1).await;
    house.say(ann, "/forget");
    house.until_heard(ann, 2).await;
    let question = house.answers(ann)[1].clone();
    assert_eq!(buttons(&question), ["forget:yes", "forget:no"]);
    house.press(Place::private(ann), question.id, "forget:no");
    pass(5_000).await;
    assert_eq!(house.toasts(ann).len(), 1);
    assert!(buttons(&house.post(ann, question.id)).is_empty());
    house.say(ann, "still there?");
    house.until_heard(ann, 3).await;
    assert!(
        scribe
            .said()
            .iter()
            .any(|(_, text)| text.contains("secret"))
    );
    house.say(ann, "/forget");
    house.until_heard(ann, 4).await;
    let question = house.answers(ann)[3].clone();
    house.press(Place::private(ann), question.id, "forget:yes");
    assert!(house.until_heard(ann, 5).await[4].contains("remember nothing"));
    pass(5_000).await;
    assert!(buttons(&house.post(ann, question.id)).is_empty());
    house.say(ann, "and now?");
    house.until_heard(ann, 6).await;
    assert_eq!(scribe.said().len(), 1, "{:?}", scribe.said());
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_answer_is_remembered_as_far_as_it_was_seen() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let scribe = house.scribe();
    let _life = house.start();
    let ann = house.person("Ann");
    model.change(|now| now.fault = Fault::HoldAfter(9));
    house.say(ann, "tell me of the long winter of that year");
    model.until(|counts| counts.running == 1).await;
    pass(1_500).await;
    house.say(ann, "/stop");
    house.until_heard(ann, 1).await;
    model.change(|now| now.fault = Fault::Sound);
    house.say(ann, "go on");
    house.until_heard(ann, 2).await;
    let said = scribe.said();
    assert_eq!(said[1].0, "assistant", "{said:?}");
    assert_eq!(said[1].1, "echo: tel", "no more than was seen, and no mark");
    scribe.twist(Twist::Say("", FinishReason::ContentFilter));
    house.say(ann, "something bad");
    let heard = house.until_heard(ann, 3).await;
    assert!(heard[2].contains("provider stopped it"), "{heard:?}");
    house.say(ann, "something good");
    house.until_heard(ann, 4).await;
    let said = scribe.said();
    assert!(said.iter().all(|(_, text)| !text.is_empty()), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn what_follows_new_is_asked_in_the_fresh_history() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "old matter");
    house.until_heard(ann, 1).await;
    for (n, command) in ["/new", "/new@lastword_bot", "/NEW\n"].iter().enumerate() {
        let begun = house.clock.now();
        let asked = house.say(ann, &format!("{command} What is the capital of France?"));
        let heard = house.until_heard(ann, 2 * n + 2).await;
        assert!(house.clock.now() - begun < 500, "the command waited");
        assert!(heard[2 * n + 1].contains("fresh"), "{heard:?}");
        // What nobody typed changes nothing, and an edit is read as it was said.
        house.edit(
            ann,
            asked,
            &format!("{command} What is the capital of France?"),
        );
        let heard = house.until_heard(ann, 2 * n + 3).await;
        assert_eq!(heard[2 * n + 2], "echo: What is the capital of France?");
        assert_eq!(scribe.said().len(), 1, "{:?}", scribe.said());
        assert_eq!(scribe.bytes().len(), n + 2);
    }
    // A medium is what follows.
    house.send(ann, Medium::Photo, "/new What is this?", 2);
    house.until_heard(ann, 9).await;
    let request = scribe.requests().pop().expect("a request").to_string();
    assert_eq!(request.matches("image_url\":{").count(), 2, "{request}");
    assert_eq!(scribe.said().len(), 1);
    assert!(request.contains("What is this?") && !request.contains("/new"));
    pass(60_000).await;
    assert_eq!(house.heard(ann).len(), 9);
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(
        (books.messages, outcomes(&books)),
        (6, vec![("answered", 5)])
    );
}

#[tokio::test(start_paused = true)]
async fn words_behind_a_command_are_answered_and_what_means_it_acts() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let life = house.start();
    let ann = house.person("Ann");
    for (n, text) in ["/help me with this", "/retry in French"]
        .iter()
        .enumerate()
    {
        house.say(ann, text);
        let heard = house.until_heard(ann, n + 1).await;
        assert_eq!(heard[n], format!("echo: {text}"));
    }
    house.say(ann, "/forget all that I said");
    assert!(house.until_heard(ann, 3).await[2].contains('?'));
    for (n, (stop, after)) in [
        ("/stop please", None),
        (
            "/stop and write it in verse",
            Some("echo: and write it in verse"),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        model.change(|now| now.fault = Fault::HoldAfter(8));
        house.say(ann, "a long story");
        model.until(|counts| counts.running == 1).await;
        house.say(ann, stop);
        let heard = house.until_heard(ann, n + 4).await;
        assert!(heard[n + 3].ends_with("⏹ Stopped"), "{heard:?}");
        model.change(|now| now.fault = Fault::Sound);
        pass(30_000).await;
        let heard = house.heard(ann);
        assert_eq!(heard.get(n + 4).map(String::as_str), after, "{heard:?}");
    }
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_forwards_commands_nothing() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "old matter");
    house.until_heard(ann, 1).await;
    for (n, command) in ["/new", "/stop", "/forget", "/help"].iter().enumerate() {
        house.act(Act::Forward {
            place: Place::private(ann),
            texts: vec![(*command).to_owned()],
        });
        let heard = house.until_heard(ann, n + 2).await;
        assert!(heard[n + 1].starts_with("echo: [Forwarded"), "{heard:?}");
        assert!(heard[n + 1].ends_with(command), "{heard:?}");
        assert_eq!(scribe.said()[0].1, "old matter", "history was cut");
    }
    assert_balanced(&life.books().await);
}
