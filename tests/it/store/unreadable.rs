//! Rows that nobody can read any more end visibly; they keep nobody waiting.

use lastword::domain::ids::ChatId;
use lastword::domain::part::Sent;
use lastword::domain::turn::Outcome;
use lastword::store::{Begin, Flush, Next};
use rusqlite::Connection;

use super::stage::{Stage, inline, of, parts_answer};
use super::talk::private;

const CHAT: ChatId = ChatId(7);

/// What a bad block leaves: no JSON, and no text either.
const DAMAGE: &str = "x'7bff00'";

fn damage(stage: &Stage, sql: &str) {
    let file = Connection::open(stage.path()).expect("the file opens");
    let changed = file.execute(sql, []).expect("the schema is known");
    assert_eq!(changed, 1, "{sql}");
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_message_ends_its_turn_and_the_next_one_runs() {
    for body in [DAMAGE, "'{'"] {
        let stage = inline();
        let conversation = stage.hears(private(7, 1, "first")).await;
        damage(&stage, &format!("UPDATE messages SET body = {body}"));
        // Asked once, it has its visible end; nobody asks for ever.
        assert_eq!(stage.ask(conversation, Flush::All).await, Next::Busy);
        let said = stage.deliver(CHAT).await;
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("send it once more"), "{said:?}");
        let books = stage.books().await;
        assert_eq!(of(&books.outcomes, Outcome::Failed.as_str()), 1);
        stage.hears(private(7, 2, "second")).await;
        let claimed = stage.claim(conversation).await;
        let past = stage.store.history(&claimed.claim, 10_000).await;
        assert_eq!(past, Ok(Vec::new()), "what cannot be read is no history");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_part_is_undeliverable_and_the_next_one_goes_out() {
    for broken in [
        format!("payload = {DAMAGE}"),
        "payload = '{'".to_owned(),
        "kind = 9".to_owned(),
    ] {
        let stage = inline();
        let conversation = stage.hears(private(7, 1, "first")).await;
        let claim = stage.claim(conversation).await.claim;
        let answer = parts_answer(&["1", "2"], Outcome::Answered);
        stage.store.answer(&claim, answer).await.expect("answers");
        damage(&stage, &format!("UPDATE parts SET {broken} WHERE seq = 0"));
        stage.accept(&[private(7, 2, "/help")]).await;
        let mut said = Vec::new();
        while let Begin::Send(sending) = stage.begin(CHAT).await {
            stage.finish(&sending, Sent::Receipt(stage.receipt())).await;
            said.push(super::stage::text_of(&sending.payload).to_owned());
        }
        assert_eq!(said.last().map(String::as_str), Some("<help>"), "{broken}");
        assert_eq!(stage.begin(CHAT).await, Begin::Idle, "{broken}");
        let books = stage.books().await;
        assert_eq!(of(&books.parts, "planned"), 0, "{books:?}");
        stage.hears(private(7, 3, "second")).await;
        stage.claim(conversation).await;
    }
}
