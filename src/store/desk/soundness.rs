//! Whether a store is sound.

use crate::domain::ids::BotId;
use crate::store::Books;

/// What a look over the whole store found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Soundness {
    /// Damaged pages and indexes, in SQLite's words.
    pub damage: Vec<String>,
    /// Rows that point at rows that are not there.
    pub loose: Vec<String>,
    /// The books of every bot.
    pub books: Vec<(BotId, Books)>,
}

impl Soundness {
    /// Whether there is nothing to find fault with.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let balanced = |(_, books): &(BotId, Books)| books.orphaned + books.unbalanced == 0;
        self.damage.is_empty() && self.loose.is_empty() && self.books.iter().all(balanced)
    }
}
