//! What people see in a chat of the simulation.

use std::collections::BTreeSet;

use lastword::playground::bot_api::Post;

/// An answer on a screen: when it appeared, and where.
pub(super) type Seen = (i64, i64);

/// What stands in a chat, post by post.
pub(super) struct Screen {
    pub(super) posts: Vec<(Seen, BTreeSet<String>)>,
    pub(super) texts: Vec<String>,
}

impl Screen {
    pub(super) fn of<'a>(posts: impl Iterator<Item = &'a Post>) -> Self {
        let mut screen = Self {
            posts: Vec::new(),
            texts: Vec::new(),
        };
        for post in posts {
            let text = post.content().seen();
            let words = text
                .split_whitespace()
                .filter(|word| word.starts_with('w') && word.ends_with('.'))
                .map(str::to_owned)
                .collect();
            // What a stop has cut, or what is still growing, answers nothing.
            if !text.contains('⏹') && !text.ends_with('…') {
                screen.posts.push(((post.sent, post.id), words));
            }
            screen.texts.push(text.to_owned());
        }
        screen
    }

    pub(super) fn count(&self, sentence: &str) -> u64 {
        self.texts
            .iter()
            .filter(|text| text.contains(sentence))
            .count() as u64
    }
}
