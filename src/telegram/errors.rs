//! What an error of the Bot API means for what we wanted to do.
//!
//! The only place that reads Telegram's descriptions: everybody else asks
//! [`CallError::meaning`] or one of the questions below. A 400 that nothing
//! here explains counts as a refused format, because sending the same words in
//! a plainer form is the one remedy that cannot lose an answer.

use std::time::Duration;

use super::CallError;

/// What to do about a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing happened; the same call may be made again, after this time.
    Again(Option<Duration>),
    /// The outcome is unknown; only probing can tell.
    Uncertain,
    /// The chat, the topic or our right to write there is gone for good.
    ChatGone,
    /// The group became this supergroup; make the call there.
    Migrated(i64),
    /// The token is not valid (any more): the operator's problem.
    Unauthorized,
    /// Somebody else polls, or a webhook is set (409).
    Conflict,
    /// The edit changes nothing: what we wanted is already there.
    NotModified,
    /// The message to edit does not exist or is not ours to edit.
    MessageGone,
    /// The server does not know the method, or did not like the content: send
    /// it again in a plainer form.
    FormatRefused,
}

/// Parts of a 400's description that say: nobody will read this here.
const GONE: &[&str] = &[
    "chat not found",
    "chat_not_found",
    "user not found",
    "peer_id_invalid",
    "input_user_deactivated",
    "user is deactivated",
    "group is deactivated",
    "group chat was deactivated",
    "topic_deleted",
    "topic_closed",
    "message thread not found",
    "topic_id_invalid",
    "channel_private",
    "channel_invalid",
    "chat_id_invalid",
    "user_is_blocked",
    "user_banned_in_channel",
    "chat_write_forbidden",
    "chat_restricted",
    "chat_send_plain_forbidden",
    "chat_admin_required",
    "have no rights to send a message",
    "not enough rights to send",
    "need administrator rights in the channel",
    "bot is not a member",
    "bot was kicked",
    "bot was blocked",
    // A business account that does not let us write (any more), and a guest
    // query that has had its answer.
    "business connection not found",
    "business connection is disabled",
    "business_connection_invalid",
    "business_connection_not_allowed",
    "business_peer_invalid",
    "business_peer_usage_missing",
    "query_id_invalid",
    "query is too old",
];

/// Parts of a 400's description that say: no such message of ours.
const NO_MESSAGE: &[&str] = &[
    "message to edit not found",
    "message can't be edited",
    "message to delete not found",
    "message can't be deleted",
    "message_id_invalid",
    "message_author_required",
    "message not found",
];

impl CallError {
    /// The word in the metrics.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::NotSent { .. } => "not_sent",
            Self::Refused { .. } => "refused",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        let (code, description, retry_after, migrate_to) = match self {
            Self::NotSent { .. } => return Meaning::Again(None),
            Self::Unknown { .. } => return Meaning::Uncertain,
            Self::Refused {
                code,
                description,
                retry_after,
                migrate_to,
            } => (*code, description, *retry_after, *migrate_to),
        };
        if let Some(chat) = migrate_to {
            return Meaning::Migrated(chat);
        }
        let text = description.to_lowercase();
        let says = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
        match code {
            429 => Meaning::Again(retry_after),
            401 => Meaning::Unauthorized,
            403 => Meaning::ChatGone,
            409 => Meaning::Conflict,
            _ if says(&["message is not modified", "message_not_modified"]) => Meaning::NotModified,
            _ if says(NO_MESSAGE) => Meaning::MessageGone,
            _ if says(GONE) => Meaning::ChatGone,
            _ => Meaning::FormatRefused,
        }
    }

    /// Whether the request was provably not carried out for a reason that
    /// passes (no connection, 429): the same bytes may be sent again.
    #[must_use]
    pub fn is_definitely_not_sent(&self) -> bool {
        matches!(self.meaning(), Meaning::Again(_))
    }

    /// Whether the call may or may not have been carried out.
    #[must_use]
    pub fn is_uncertain(&self) -> bool {
        self.meaning() == Meaning::Uncertain
    }

    /// Whether nothing can be delivered to this chat or topic any more.
    #[must_use]
    pub fn chat_is_gone(&self) -> bool {
        self.meaning() == Meaning::ChatGone
    }

    /// The question to ask about a failed `getMe`: is the token wrong (rather
    /// than the network down)?
    #[must_use]
    pub fn refuses_token(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if matches!(code, 401 | 404))
    }

    /// Whether an edit found the content already there.
    #[must_use]
    pub fn not_modified(&self) -> bool {
        self.meaning() == Meaning::NotModified
    }

    /// Whether `getUpdates` was refused because a webhook is set, which
    /// `deleteWebhook` cures; the other 409 is a second poller.
    #[must_use]
    pub fn webhook_is_set(&self) -> bool {
        matches!(self, Self::Refused { code: 409, description, .. }
            if description.to_lowercase().contains("webhook"))
    }

    /// How long Telegram asks us to wait (429).
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: u16, description: &str) -> CallError {
        CallError::Refused {
            code,
            description: description.to_owned(),
            retry_after: None,
            migrate_to: None,
        }
    }

    #[test]
    fn every_known_description_has_its_meaning() {
        for (code, text, meaning) in [
            (
                403,
                "Forbidden: bot was blocked by the user",
                Meaning::ChatGone,
            ),
            (
                403,
                "Forbidden: bot was kicked from the supergroup chat",
                Meaning::ChatGone,
            ),
            (403, "Forbidden: user is deactivated", Meaning::ChatGone),
            (400, "Bad Request: chat not found", Meaning::ChatGone),
            (400, "Bad Request: TOPIC_DELETED", Meaning::ChatGone),
            (
                400,
                "Bad Request: message thread not found",
                Meaning::ChatGone,
            ),
            (
                400,
                "Bad Request: have no rights to send a message",
                Meaning::ChatGone,
            ),
            (
                400,
                "Bad Request: not enough rights to send text messages to the chat",
                Meaning::ChatGone,
            ),
            (401, "Unauthorized", Meaning::Unauthorized),
            (404, "Not Found: method not found", Meaning::FormatRefused),
            (404, "Not Found", Meaning::FormatRefused),
            (
                409,
                "Conflict: terminated by other getUpdates request",
                Meaning::Conflict,
            ),
            (
                400,
                "Bad Request: can't parse entities: Can't find end",
                Meaning::FormatRefused,
            ),
            (
                400,
                "Bad Request: RICH_MESSAGE_INVALID",
                Meaning::FormatRefused,
            ),
            (
                400,
                "Bad Request: message is too long",
                Meaning::FormatRefused,
            ),
            (
                400,
                "Bad Request: something nobody has seen",
                Meaning::FormatRefused,
            ),
            (413, "Request Entity Too Large", Meaning::FormatRefused),
            (
                400,
                "Bad Request: message to edit not found",
                Meaning::MessageGone,
            ),
            (
                400,
                "Bad Request: message can't be edited",
                Meaning::MessageGone,
            ),
            (400, "Bad Request: MESSAGE_ID_INVALID", Meaning::MessageGone),
            (
                400,
                "Bad Request: MESSAGE_AUTHOR_REQUIRED",
                Meaning::MessageGone,
            ),
            (
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are exactly the same",
                Meaning::NotModified,
            ),
            (
                429,
                "Too Many Requests: retry after 5",
                Meaning::Again(None),
            ),
        ] {
            assert_eq!(refused(code, text).meaning(), meaning, "{text}");
        }
    }

    #[test]
    fn an_unknown_outcome_is_never_sent_again_as_it_is() {
        let unknown = CallError::Unknown {
            reason: "reset".into(),
        };
        assert!(unknown.is_uncertain());
        assert!(!unknown.is_definitely_not_sent());
        let not_sent = CallError::NotSent {
            reason: "refused".into(),
        };
        assert!(not_sent.is_definitely_not_sent());
    }

    #[test]
    fn a_migrated_group_is_followed_and_not_given_up() {
        let error = CallError::Refused {
            code: 400,
            description: "Bad Request: group chat was upgraded to a supergroup chat".into(),
            retry_after: None,
            migrate_to: Some(-1005),
        };
        assert_eq!(error.meaning(), Meaning::Migrated(-1005));
        assert!(!error.chat_is_gone());
    }

    #[test]
    fn only_the_conflict_that_a_webhook_causes_names_it() {
        assert!(
            refused(
                409,
                "Conflict: can't use getUpdates method while webhook is active"
            )
            .webhook_is_set()
        );
        assert!(!refused(409, "Conflict: terminated by other getUpdates request").webhook_is_set());
    }
}
