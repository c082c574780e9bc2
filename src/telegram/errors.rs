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
    /// The message that this one answers is gone: send it without.
    ReplyGone,
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
    "message thread is closed",
    "forum topic not found",
    "chat_forbidden",
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
    "bot is not a participant",
    "bots can't send messages to bots",
    "bot can't send messages to bots",
    "bot can't initiate conversation",
    "bot was kicked",
    "bot was blocked",
    // A business account that does not let us write (any more).
    "business connection not found",
    "business connection is disabled",
    "business_connection_invalid",
    "business_connection_not_allowed",
    "business_peer_invalid",
    "business_peer_usage_missing",
];

/// The same of a guest query that has had its answer, or its time.
const QUERY_OVER: &[&str] = &["query_id_invalid", "query is too old"];

/// Parts of a 400's description that say: no such message of ours.
const NO_MESSAGE: &[&str] = &[
    "message to edit not found",
    "message can't be edited",
    "message to delete not found",
    "message can't be deleted",
    "message_id_invalid",
    "message_author_required",
    "message not found",
    // One of ours, but of another kind than what was sent.
    "there is no caption in the message to edit",
    "there is no text in the message to edit",
];

/// Parts of a 400's description that say: files may not be sent here, words may.
const NO_FILES: &[&str] = &["send documents", "chat_send_docs_forbidden"];

/// Parts of a 400's description that say: what it answers is gone.
const NO_REPLY: &[&str] = &[
    "message to be replied not found",
    "message to reply not found",
    "replied message not found",
    "reply_message_id_invalid",
    "reply_to_invalid",
    "quote_text_invalid",
];

/// Everything by which refusals are told from each other.
pub(super) fn known_parts() -> impl Iterator<Item = &'static str> {
    let all = [GONE, QUERY_OVER, NO_MESSAGE, NO_FILES, NO_REPLY];
    all.into_iter().flatten().copied()
}

impl CallError {
    /// The word in the metrics.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::NotSent { .. } => "not_sent",
            Self::Refused { code: 401, .. } => "token",
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
            _ if says(NO_REPLY) => Meaning::ReplyGone,
            _ if says(NO_FILES) => Meaning::FormatRefused,
            _ if says(NO_MESSAGE) => Meaning::MessageGone,
            _ if says(GONE) || says(QUERY_OVER) => Meaning::ChatGone,
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

    /// Whether a query takes no answer any more: it has had one, or its time.
    #[must_use]
    pub fn is_answered_query(&self) -> bool {
        let Self::Refused { description, .. } = self else {
            return false;
        };
        let text = description.to_lowercase();
        QUERY_OVER.iter().any(|part| text.contains(part))
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
        use Meaning::{
            Again, ChatGone, Conflict, FormatRefused, MessageGone, NotModified, ReplyGone,
            Unauthorized,
        };
        for (code, text, meaning) in [
            (403, "Forbidden: bot was blocked by the user", ChatGone),
            (
                403,
                "Forbidden: bot was kicked from the group chat",
                ChatGone,
            ),
            (
                403,
                "Forbidden: bot was kicked from the supergroup chat",
                ChatGone,
            ),
            (
                403,
                "Forbidden: bot was kicked from the channel chat",
                ChatGone,
            ),
            (
                403,
                "Forbidden: bot is not a member of the supergroup chat",
                ChatGone,
            ),
            (
                403,
                "Forbidden: bot is not a member of the channel chat",
                ChatGone,
            ),
            (403, "Forbidden: the group chat was deleted", ChatGone),
            (403, "Forbidden: user is deactivated", ChatGone),
            (
                403,
                "Forbidden: bot can't initiate conversation with a user",
                ChatGone,
            ),
            (403, "Forbidden: bot can't send messages to bots", ChatGone),
            (403, "Forbidden: CHAT_WRITE_FORBIDDEN", ChatGone),
            (403, "Forbidden", ChatGone),
            (400, "Bad Request: chat not found", ChatGone),
            (400, "Bad Request: user not found", ChatGone),
            (400, "Bad Request: PEER_ID_INVALID", ChatGone),
            (400, "Bad Request: INPUT_USER_DEACTIVATED", ChatGone),
            (400, "Bad Request: USER_IS_BLOCKED", ChatGone),
            (400, "Bad Request: group chat was deactivated", ChatGone),
            (400, "Bad Request: group is deactivated", ChatGone),
            (400, "Bad Request: CHANNEL_PRIVATE", ChatGone),
            (400, "Bad Request: TOPIC_DELETED", ChatGone),
            (400, "Bad Request: TOPIC_CLOSED", ChatGone),
            (400, "Bad Request: TOPIC_ID_INVALID", ChatGone),
            (400, "Bad Request: message thread not found", ChatGone),
            (
                400,
                "Bad Request: have no rights to send a message",
                ChatGone,
            ),
            (
                400,
                "Bad Request: not enough rights to send text messages to the chat",
                ChatGone,
            ),
            (
                400,
                "Bad Request: need administrator rights in the channel chat",
                ChatGone,
            ),
            (400, "Bad Request: CHAT_WRITE_FORBIDDEN", ChatGone),
            (400, "Bad Request: CHAT_RESTRICTED", ChatGone),
            (400, "Bad Request: CHAT_ADMIN_REQUIRED", ChatGone),
            (400, "Bad Request: CHAT_SEND_PLAIN_FORBIDDEN", ChatGone),
            (400, "Bad Request: USER_BANNED_IN_CHANNEL", ChatGone),
            // Words are not forbidden with files.
            (
                400,
                "Bad Request: not enough rights to send documents to the chat",
                FormatRefused,
            ),
            (400, "Bad Request: CHAT_SEND_DOCS_FORBIDDEN", FormatRefused),
            (
                400,
                "Bad Request: message to be replied not found",
                ReplyGone,
            ),
            (400, "Bad Request: replied message not found", ReplyGone),
            (401, "Unauthorized", Unauthorized),
            (404, "Not Found: method not found", FormatRefused),
            (404, "Not Found", FormatRefused),
            (
                409,
                "Conflict: terminated by other getUpdates request",
                Conflict,
            ),
            (
                400,
                "Bad Request: can't parse entities: Can't find end",
                FormatRefused,
            ),
            (400, "Bad Request: RICH_MESSAGE_INVALID", FormatRefused),
            (400, "Bad Request: message is too long", FormatRefused),
            (400, "Bad Request: something nobody has seen", FormatRefused),
            (413, "Request Entity Too Large", FormatRefused),
            (400, "Bad Request: message to edit not found", MessageGone),
            (400, "Bad Request: message can't be edited", MessageGone),
            (400, "Bad Request: MESSAGE_ID_INVALID", MessageGone),
            (400, "Bad Request: MESSAGE_AUTHOR_REQUIRED", MessageGone),
            (
                400,
                "Bad Request: there is no caption in the message to edit",
                MessageGone,
            ),
            (
                400,
                "Bad Request: there is no text in the message to edit",
                MessageGone,
            ),
            (
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are exactly the same",
                NotModified,
            ),
            (429, "Too Many Requests: retry after 5", Again(None)),
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
