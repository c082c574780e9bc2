//! Who is on the stage: two people, their private chats with the bot and a
//! group of both. The same ids each time, so that a kept store knows them.

use super::bot_api::{Act, BotApi, ChatKind};

/// Ids of messages grow by this with every life of a kept store, so that no id
/// stands for two messages.
const IDS_PER_LIFE: u32 = 100_000;

/// A chat to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stage {
    /// Chat id.
    pub(super) chat: i64,
    /// What stands in the list.
    pub(super) title: &'static str,
    /// A line on what it is.
    pub(super) about: &'static str,
    /// Who may write there, the first one first.
    pub(super) people: Vec<Player>,
    /// Whether the bot has to be addressed.
    pub(super) kind: ChatKind,
    /// Something to begin with.
    pub(super) prompts: &'static [&'static str],
}

/// Somebody who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Player {
    /// User id.
    pub(super) id: i64,
    /// Shown name.
    pub(super) name: &'static str,
    username: &'static str,
}

const ADA: Player = Player {
    id: 1_001,
    name: "Ada",
    username: "ada_example",
};
const NOOR: Player = Player {
    id: 1_002,
    name: "Noor",
    username: "noor_example",
};

/// Brings people and chats into the world. `life` counts the playgrounds that
/// used the same store before.
pub(super) fn enter(api: &BotApi, life: u32) -> Vec<Stage> {
    let sure = "the cast fits together";
    for player in [ADA, NOOR] {
        let person = Act::AddPerson {
            id: Some(player.id),
            first_name: player.name.to_owned(),
            username: Some(player.username.to_owned()),
        };
        api.act(person).expect(sure);
        // Opens the private chat without a word: a kept store may still have an
        // answer for it.
        let open = Act::Unblock { person: player.id };
        api.act(open).expect(sure);
    }
    let messages = life.saturating_mul(IDS_PER_LIFE);
    api.act(Act::Noise { messages }).expect(sure);
    let group = Act::OpenGroup {
        // A basic group shares the ids of private chats, so that the line above
        // counts for it too.
        kind: ChatKind::Group,
        title: "Weekend trip".to_owned(),
        members: vec![ADA.id, NOOR.id],
    };
    let group = api.act(group).expect(sure).id.expect("a group has an id");
    vec![
        Stage {
            chat: ADA.id,
            title: ADA.name,
            about: "private chat",
            people: vec![ADA],
            kind: ChatKind::Private,
            prompts: &[
                "Hello!",
                "Tell me a long story",
                "Show me a table and some code",
                "/help",
            ],
        },
        Stage {
            chat: NOOR.id,
            title: NOOR.name,
            about: "another private chat",
            people: vec![NOOR],
            kind: ChatKind::Private,
            prompts: &[
                "Hi there",
                "Give me a list of ideas",
                "What did I say before?",
            ],
        },
        Stage {
            chat: group,
            title: "Weekend trip",
            about: "group; mention the bot or reply to it",
            people: vec![ADA, NOOR],
            kind: ChatKind::Group,
            prompts: &[
                "@lastword_bot make a plan",
                "@lastword_bot tell us a story",
                "Just talking among us",
            ],
        },
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::Clock;

    #[test]
    fn an_answer_of_an_earlier_life_finds_its_chat_and_no_id_of_that_life() {
        let clock = Clock::system();
        let mut last = 0;
        for life in 0..2 {
            let api = BotApi::sample(clock.clone());
            for stage in enter(&api, life) {
                let params = json!({"chat_id": stage.chat, "text": "late"});
                let _ = api.handle("sendMessage", &params, clock.now());
                let id = api
                    .chat(stage.chat)
                    .unwrap()
                    .from_bot()
                    .last()
                    .expect("the chat is open")
                    .id;
                assert!(id > last, "{id} stood for a message before");
                last = id;
            }
        }
    }
}
