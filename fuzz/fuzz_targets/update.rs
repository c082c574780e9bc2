//! Updates of any shape, one a line, accepted into a store: each is stored or
//! known already, only what cannot be read is kept unread, whatever made a turn
//! can be claimed, and the books balance.

#![no_main]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use lastword::clock::Clock;
use lastword::domain::address::{BotUser, Groups};
use lastword::domain::admission::{Access, Busy, Policy};
use lastword::domain::ids::{BotId, InstanceId};
use lastword::domain::update;
use lastword::domain::window::Rules;
use lastword::domain::words::{Wordbook, Words};
use lastword::store::sqlite::{Mode, SqliteStore};
use lastword::store::{Ask, Company, Flush, Inbox, Leases, Next, Turns};
use libfuzzer_sys::fuzz_target;

const BOT: BotId = BotId(42);
const ME: InstanceId = InstanceId(1);

fuzz_target!(|input: &[u8]| {
    let batch: Vec<Bytes> = input
        .split(|byte| *byte == b'\n')
        .take(16)
        .map(Bytes::copy_from_slice)
        .collect();
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime")
        .block_on(hold(batch));
});

async fn hold(batch: Vec<Bytes>) {
    let read: Vec<_> = batch.iter().map(|raw| update::parse(raw)).collect();
    // A store is dear, and what says nothing shows nothing in it.
    if read.iter().all(|update| update.event.is_none()) {
        return;
    }
    let folder = folder();
    let path = folder.path().join("store.db");
    let clock = Clock::virtual_from(1_790_000_000_000);
    let store = SqliteStore::open(&path, BOT, clock, Mode::Inline).expect("a fresh store opens");
    store.register(ME, "fuzz").await.expect("registers");
    let policy = Arc::new(policy());

    let mut ids = BTreeSet::new();
    let new: Vec<_> = read
        .iter()
        .filter(|update| update.id.is_none_or(|id| ids.insert(id)))
        .collect();
    let accepted = store
        .accept(ME, batch.clone(), Arc::clone(&policy))
        .await
        .expect("whatever comes is accepted");
    assert_eq!(accepted.stored, new.len());
    assert_eq!(accepted.stored + accepted.duplicates, batch.len());
    let unread = new.iter().filter(|update| update.event.is_none()).count();
    assert_eq!(accepted.unparsed, unread, "one could be read, not applied");

    for due in &accepted.due {
        let ask = Ask {
            conversation: due.conversation,
            owner: ME,
            flush: Flush::All,
            company: Company::Others,
            rules: Rules::default(),
        };
        if let Next::Run(claimed) = store.claim(ask).await.expect("it can be claimed") {
            let past = store.history(&claimed.claim, 100_000).await;
            past.expect("its history can be read");
            store.park(&claimed.claim).await.expect("it is ours");
        }
    }
    let books = store.books().await.expect("the books");
    assert_eq!((books.orphaned, books.unbalanced), (0, 0), "{books:?}");

    let nameless = read.iter().filter(|update| update.id.is_none()).count();
    let again = store.accept(ME, batch, policy).await.expect("again");
    assert_eq!(again.stored, nameless, "what is known changes nothing");
    let books = store.books().await.expect("the books");
    assert_eq!((books.orphaned, books.unbalanced), (0, 0), "{books:?}");
}

/// In memory where there is a file system for that.
fn folder() -> tempfile::TempDir {
    let shared = Path::new("/dev/shm");
    let made = match shared.is_dir() {
        true => tempfile::TempDir::new_in(shared),
        false => tempfile::TempDir::new(),
    };
    made.expect("a temporary folder")
}

fn policy() -> Policy {
    let word = || "word".to_owned();
    Policy {
        bot: BotUser {
            id: BOT,
            username: "lastword_bot".to_owned(),
            name: "Lastword".to_owned(),
            hears: lastword::domain::address::Hears::All,
        },
        rules: Rules::default(),
        busy: Busy::Queue,
        groups: Groups::Mention,
        access: Access::Open,
        ids: BTreeSet::new(),
        operators: BTreeSet::new(),
        per_minute: 3,
        edits: lastword::domain::variant::OnEdit::Answer,
        words: Wordbook::new(None, |_| Words {
            greeting: word(),
            help: word(),
            help_group: word(),
            claim_invalid: word(),
            retrying: word(),
            button_expired: word(),
            refused: word(),
            claimed: word(),
            too_fast: word(),
            new_begun: word(),
            stopped: word(),
            nothing_to_stop: word(),
            not_yours: word(),
            nothing_to_retry: word(),
            forget_question: word(),
            forget_yes: word(),
            answer_again: word(),
            forget_no: word(),
            forgotten: word(),
            kept: word(),
        }),
        rooms: lastword::domain::admission::Rooms::default(),
    }
}
