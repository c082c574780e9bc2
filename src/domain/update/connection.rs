//! Reading what updates say of business accounts: connections, and messages
//! deleted from their chats.
//!
//! As tolerant as everything that reads an update; must never panic.

use serde_json::Value;

use super::read::string;
use super::{Connection, ConnectionStanding, Event};
use crate::domain::ids::{ChatId, UserId};

/// The event of an update about a business account; `None` when it is about
/// something else, `Some(None)` when it cannot be read.
pub(super) fn event(value: &Value) -> Option<Option<Event>> {
    if let Some(found) = value.get("business_connection") {
        return Some(
            read_connection(found).map(|connection| Event::Connected(Box::new(connection))),
        );
    }
    let deleted = value.get("deleted_business_messages")?;
    let event = || {
        let messages = deleted["message_ids"].as_array()?;
        Some(Event::Deleted {
            connection: string(&deleted["business_connection_id"])?,
            chat: ChatId(deleted["chat"]["id"].as_i64()?),
            messages: messages.iter().filter_map(Value::as_i64).collect(),
        })
    };
    Some(event())
}

/// A `BusinessConnection`. Without rights (Bot API 8 and earlier told
/// `can_reply` in their place) the bot may not answer.
pub fn read_connection(value: &Value) -> Option<Connection> {
    let said = |value: &Value| value.as_bool().unwrap_or(false);
    let may = said(&value["rights"]["can_reply"]) || said(&value["can_reply"]);
    Some(Connection {
        id: string(&value["id"])?,
        owner: UserId(value["user"]["id"].as_i64()?),
        standing: match said(&value["is_enabled"]) && may {
            true => ConnectionStanding::Usable,
            false => ConnectionStanding::Idle,
        },
    })
}
