//! How planted defects do their damage in the store, behind the daemon's back.

use rusqlite::Connection;

use super::eye::Eye;

impl Eye {
    fn damage(&self, sql: &str, of: &[i64]) {
        self.with(|store: &Connection| {
            store
                .execute(sql, rusqlite::params_from_iter(of))
                .expect("the schema is known")
        });
    }

    /// Two turns of one person that wait exchange what is in them.
    pub(super) fn swap_turns(&self, conversation: i64) {
        let waiting: Vec<i64> = self.with(|store| {
            let mut statement = store
                .prepare_cached(
                    "SELECT id FROM turns AS t WHERE conversation = ?1 AND state < 2 \
                     AND EXISTS (SELECT 1 FROM messages WHERE turn = t.id) ORDER BY id LIMIT 2",
                )
                .expect("the schema is known");
            let rows = statement.query_map([conversation], |row| row.get(0));
            rows.expect("the schema is known")
                .collect::<rusqlite::Result<_>>()
                .expect("the schema is known")
        });
        if let [first, second] = waiting[..] {
            self.damage("UPDATE messages SET turn = -1 WHERE turn = ?1", &[first]);
            self.damage(
                "UPDATE messages SET turn = ?1 WHERE turn = ?2",
                &[first, second],
            );
            self.damage("UPDATE messages SET turn = ?1 WHERE turn = -1", &[second]);
        }
    }

    /// All processes but this one count as dead.
    pub(super) fn bury_others(&self, me: i64) {
        self.damage("DELETE FROM instances WHERE id <> ?1", &[me]);
    }

    /// What is stored of an answer counts as delivered.
    pub(super) fn settle_unsent(&self, turn: i64) {
        self.damage(
            "UPDATE parts SET state = 2, settled_at = 1 WHERE turn = ?1 AND state = 0",
            &[turn],
        );
        self.damage(
            "UPDATE turns SET state = 4, outcome = ending, settled_at = 1 WHERE id = ?1 AND state = 3",
            &[turn],
        );
    }

    /// The intent is taken back although the call is about to be made.
    pub(super) fn forget_intent(&self, part: i64) {
        self.damage("UPDATE parts SET state = 0 WHERE id = ?1", &[part]);
    }

    /// What is of unknown arrival counts as never sent.
    pub(super) fn plan_again(&self, chat: i64, owner: i64) {
        self.damage(
            "UPDATE parts SET state = 0 WHERE chat = ?1 AND state IN (1, 3) AND owner = ?2",
            &[chat, owner],
        );
    }
}
