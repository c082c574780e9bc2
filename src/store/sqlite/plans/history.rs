//! A store with a long past, to be asked how it finds its way.

use tempfile::TempDir;

use super::super::*;
use super::with;

/// A bot's year: settled turns with what belongs to them.
const HISTORY: &str = "
    INSERT INTO conversations (id, bot, chat, topic, kind, title, last_seal)
        SELECT value, 1, value, 0, 'private', 'x', 1000 FROM generate(100);
    INSERT INTO turns (id, bot, conversation, sender, state, outcome, seal_no, opened_at, due_at, settled_at)
        SELECT value, 1, 1 + value % 100, 1, 4, 0, value, value, value, value FROM generate(20000);
    INSERT INTO updates (id, bot, update_id, received_at, kind, chat, settled_at)
        SELECT value, 1, value, value, 0, 1 + value % 100, value FROM generate(20000);
    INSERT INTO messages (id, bot, conversation, turn, update_row, message_id, sender, accepted_at)
        SELECT value, 1, 1 + value % 100, value, value, value, 1, value FROM generate(20000);
    INSERT INTO parts (bot, chat, topic, conversation, turn, kind, state, seq, payload, created_at, settled_at)
        SELECT 1, 1 + value % 100, 0, 1 + value % 100, value, 0, 2, 0, '', value, value FROM generate(20000);
    INSERT INTO requests SELECT value, 'x' FROM generate(5000);
    INSERT INTO answers SELECT value, 'x' FROM generate(20000);
    INSERT INTO controls (bot, update_row, conversation, sender, verb, effect, at)
        SELECT 1, value, 1 + value % 100, 1, 'new', 'begun', value FROM generate(5000);
    INSERT INTO people SELECT 1, value + 1000, 0, 0 FROM generate(2000);
    INSERT INTO senders (bot, chat, sender, since, count) SELECT 1, value, value, 0, 0 FROM generate(5000);
    INSERT INTO administrators SELECT 1, -value, 0, '[]' FROM generate(500);
    INSERT INTO chatter (conversation, number, message_id, sender, name, text, at)
        SELECT 1 + value % 100, value, value, 1, 'x', 'x', value FROM generate(5000);
    UPDATE parts SET message_id = id;
    INSERT INTO relays (bot, owner, chat, connection, at)
        SELECT 1, value, value, 'x' || value, value FROM generate(5000);
    INSERT INTO relays (bot, query, at) SELECT 1, 'q' || value, value FROM generate(5000);
    INSERT INTO connections SELECT 1, 'x' || value, value, 1 FROM generate(5000);
    INSERT INTO sequences SELECT 1, -value, 0 FROM generate(500);
    INSERT INTO notice_keys SELECT 1, value, 'x', value FROM generate(5000);
";

/// A store that holds it.
pub(super) fn filled() -> (TempDir, SqliteStore) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path, BotId(1), Clock::system(), Mode::Inline).unwrap();
    with(&store, |conn| {
        for statement in HISTORY.split(';').filter(|s| !s.trim().is_empty()) {
            if !statement.contains("generate(") {
                conn.execute_batch(statement).unwrap();
                continue;
            }
            let (head, count) = statement
                .trim()
                .trim_end_matches(')')
                .rsplit_once("generate(")
                .unwrap();
            let sql = format!(
                "{head} (WITH RECURSIVE n(value) AS \
                 (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < {count}) SELECT value FROM n)"
            );
            conn.execute_batch(&sql).unwrap();
        }
    });
    (folder, store)
}
