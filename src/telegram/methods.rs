//! The calls this daemon makes.
//!
//! Bodies come from teloxide's payload structs where it has them; methods and
//! fields newer than its Bot API 9.1, and lists of update kinds that it does
//! not know, are written out here. Entities and keyboards are handed in as JSON
//! because they are stored that way. The functions only build; nothing is sent.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use teloxide::payloads;
use teloxide::requests::Payload;
use teloxide::types::{
    BotCommand, BotCommandScope, CallbackQueryId, ChatAction, ChatId, FileId, MessageId, Recipient,
    ReplyParameters, ThreadId, UserId,
};

use super::{Call, Upload};
use crate::domain::direction;

/// Calls that must arrive: long enough for a slow answer, short enough that an
/// unknown outcome is found out while the person still looks.
const LASTING: Duration = Duration::from_secs(30);

/// Calls that are stale soon (drafts, typing, button answers).
const FLEETING: Duration = Duration::from_secs(5);

/// What a long poll may take beyond its own time: connecting, and an answer of
/// up to 4 MiB.
const POLL_MARGIN: Duration = Duration::from_secs(20);

/// A text and its marks.
#[derive(Debug, Clone, Copy)]
pub struct Formatted<'a> {
    /// 1–4096 UTF-16 units.
    pub text: &'a str,
    /// A JSON array of `MessageEntity`, or `Null` for none.
    pub entities: &'a Value,
}

impl<'a> Formatted<'a> {
    /// Text without marks.
    #[must_use]
    pub fn plain(text: &'a str) -> Self {
        Self {
            text,
            entities: &Value::Null,
        }
    }
}

/// Whether a draft carries a Stop button (Bot API 10.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopButton {
    /// No button.
    Absent,
    /// A button; what was drafted stays on screen until the bot sends.
    Keeps,
}

/// `getMe`.
#[must_use]
pub fn get_me() -> Call {
    typed("getMe", &payloads::GetMe {}, LASTING)
}

/// `getUpdates`: waits up to `timeout` (whole seconds, at most 50) for updates
/// from `offset` on; `None` asks for the oldest unconfirmed ones.
#[must_use]
pub fn get_updates(
    offset: Option<i64>,
    timeout: Duration,
    limit: u8,
    allowed_updates: &[&str],
) -> Call {
    let mut body = json!({
        "timeout": timeout.as_secs(),
        "limit": limit,
        "allowed_updates": allowed_updates,
    });
    set(&mut body, "offset", offset);
    raw("getUpdates", body, timeout + POLL_MARGIN)
}

/// `sendMessage`, without link previews; the reply is dropped, not refused,
/// when the message it points at is gone.
#[must_use]
pub fn send_message(
    chat: i64,
    topic: Option<i64>,
    content: Formatted<'_>,
    reply_to: Option<i64>,
    keyboard: Option<&Value>,
) -> Call {
    let mut payload = payloads::SendMessage::new(recipient(chat), content.text);
    payload.message_thread_id = topic.map(thread);
    payload.reply_parameters = reply_to.map(reply);
    let mut call = typed("sendMessage", &payload, LASTING);
    call.body["link_preview_options"] = no_preview();
    set_json(&mut call.body, "entities", Some(content.entities));
    set_json(&mut call.body, "reply_markup", keyboard);
    call
}

/// `sendRichMessage` with Markdown of at most 32 768 characters.
#[must_use]
pub fn send_rich_message(
    chat: i64,
    topic: Option<i64>,
    markdown: &str,
    reply_to: Option<i64>,
    keyboard: Option<&Value>,
) -> Call {
    let mut body = json!({"chat_id": chat, "rich_message": rich(markdown)});
    set(&mut body, "message_thread_id", topic);
    set(&mut body, "reply_parameters", reply_to.map(reply));
    set_json(&mut body, "reply_markup", keyboard);
    raw("sendRichMessage", body, LASTING)
}

/// Markdown as `InputRichMessage`, told which way it reads.
fn rich(markdown: &str) -> Value {
    let mut rich = json!({"markdown": markdown});
    if direction::is_rtl(markdown) {
        rich["is_rtl"] = true.into();
    }
    rich
}

/// `sendDocument` with a file that is uploaded; `caption` of at most 1024 UTF-16
/// units.
#[must_use]
pub fn send_document(
    chat: i64,
    topic: Option<i64>,
    file: Upload,
    caption: &str,
    reply_to: Option<i64>,
    keyboard: Option<&Value>,
) -> Call {
    let mut body = json!({
        "chat_id": chat,
        "caption": caption,
        // It is what it is called, whatever Telegram finds in it.
        "disable_content_type_detection": true,
    });
    set(&mut body, "message_thread_id", topic);
    set(&mut body, "reply_parameters", reply_to.map(reply));
    set_json(&mut body, "reply_markup", keyboard);
    Call {
        file: Some(file),
        ..raw("sendDocument", body, LASTING)
    }
}

/// `editMessageCaption`.
#[must_use]
pub fn edit_message_caption(
    chat: i64,
    message: i64,
    caption: &str,
    keyboard: Option<&Value>,
) -> Call {
    let mut body = json!({"chat_id": chat, "message_id": message, "caption": caption});
    set_json(&mut body, "reply_markup", keyboard);
    raw("editMessageCaption", body, LASTING)
}

/// `sendRichMessageDraft`: the preview of a growing answer in a private chat.
/// `draft_id` is not zero; the same id updates the same draft.
#[must_use]
pub fn send_rich_message_draft(
    chat: i64,
    topic: Option<i64>,
    draft_id: i64,
    markdown: &str,
    stop: StopButton,
) -> Call {
    let mut body = json!({
        "chat_id": chat,
        "draft_id": draft_id,
        "rich_message": rich(markdown),
    });
    set(&mut body, "message_thread_id", topic);
    set_stop(&mut body, stop);
    raw("sendRichMessageDraft", body, FLEETING)
}

/// `sendMessageDraft`: the same with classic entities; an empty text shows
/// "Thinking…".
#[must_use]
pub fn send_message_draft(
    chat: i64,
    topic: Option<i64>,
    draft_id: i64,
    content: Formatted<'_>,
    stop: StopButton,
) -> Call {
    let mut body = json!({"chat_id": chat, "draft_id": draft_id, "text": content.text});
    set(&mut body, "message_thread_id", topic);
    set_json(&mut body, "entities", Some(content.entities));
    set_stop(&mut body, stop);
    raw("sendMessageDraft", body, FLEETING)
}

/// `editMessageText` with classic entities. Without `keyboard` the message
/// loses the one it had.
#[must_use]
pub fn edit_message_text(
    chat: i64,
    message: i64,
    content: Formatted<'_>,
    keyboard: Option<&Value>,
) -> Call {
    let payload =
        payloads::EditMessageText::new(recipient(chat), message_id(message), content.text);
    let mut call = typed("editMessageText", &payload, LASTING);
    call.body["link_preview_options"] = no_preview();
    set_json(&mut call.body, "entities", Some(content.entities));
    set_json(&mut call.body, "reply_markup", keyboard);
    call
}

/// `editMessageText` with rich Markdown.
#[must_use]
pub fn edit_rich_message(
    chat: i64,
    message: i64,
    markdown: &str,
    keyboard: Option<&Value>,
) -> Call {
    let mut body = json!({
        "chat_id": chat,
        "message_id": message,
        "rich_message": rich(markdown),
    });
    set_json(&mut body, "reply_markup", keyboard);
    raw("editMessageText", body, LASTING)
}

/// `editMessageReplyMarkup`; `None` removes the keyboard.
#[must_use]
pub fn edit_message_reply_markup(chat: i64, message: i64, keyboard: Option<&Value>) -> Call {
    let payload = payloads::EditMessageReplyMarkup::new(recipient(chat), message_id(message));
    let mut call = typed("editMessageReplyMarkup", &payload, LASTING);
    set_json(&mut call.body, "reply_markup", keyboard);
    call
}

/// `setMessageReaction` with one emoji; `None` takes away what the bot has set.
#[must_use]
pub fn set_message_reaction(chat: i64, message: i64, emoji: Option<&str>) -> Call {
    let reaction: Vec<Value> = emoji
        .map(|emoji| json!({"type": "emoji", "emoji": emoji}))
        .into_iter()
        .collect();
    let body = json!({"chat_id": chat, "message_id": message, "reaction": reaction});
    raw("setMessageReaction", body, FLEETING)
}

/// `answerCallbackQuery`, which ends the button's spinner; `text` of at most
/// 200 characters.
#[must_use]
pub fn answer_callback_query(query: &str, text: Option<&str>) -> Call {
    let mut payload = payloads::AnswerCallbackQuery::new(CallbackQueryId(query.to_owned()));
    payload.text = text.map(str::to_owned);
    typed("answerCallbackQuery", &payload, FLEETING)
}

/// Where a menu of commands shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MenuScope {
    /// Wherever no other holds.
    Everywhere,
    /// In groups of every kind.
    Groups,
}

/// `setMyCommands`: pairs of name (without slash) and description, for those
/// whose client speaks the language with these two letters, else for everybody
/// who has no menu of their own.
#[must_use]
pub fn set_my_commands(
    commands: &[(&str, &str)],
    scope: MenuScope,
    language: Option<&str>,
) -> Call {
    let commands = commands
        .iter()
        .map(|(name, description)| BotCommand::new(*name, *description));
    let mut payload = payloads::SetMyCommands::new(commands);
    payload.scope = Some(match scope {
        MenuScope::Everywhere => BotCommandScope::Default,
        MenuScope::Groups => BotCommandScope::AllGroupChats,
    });
    payload.language_code = language.map(str::to_owned);
    typed("setMyCommands", &payload, LASTING)
}

/// `sendChatAction` "typing", which shows for 5 s.
#[must_use]
pub fn send_typing(chat: i64, topic: Option<i64>) -> Call {
    let mut payload = payloads::SendChatAction::new(recipient(chat), ChatAction::Typing);
    payload.message_thread_id = topic.map(thread);
    typed("sendChatAction", &payload, FLEETING)
}

/// `getBusinessConnection`.
#[must_use]
pub fn get_business_connection(id: &str) -> Call {
    raw(
        "getBusinessConnection",
        json!({"business_connection_id": id}),
        LASTING,
    )
}

/// `answerGuestQuery` (Bot API 10.0) with a message of this
/// `InputMessageContent`; parameters of it that are null are left out.
#[must_use]
pub fn answer_guest_query(query: &str, mut content: Value, timeout: Duration) -> Call {
    if let Some(fields) = content.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    let result = json!({
        "type": "article",
        "id": "answer",
        "title": "…",
        "input_message_content": content,
    });
    let body = json!({"guest_query_id": query, "result": result});
    raw("answerGuestQuery", body, timeout)
}

/// `getFile`; its `file_path` goes to [`super::Telegram::download`].
#[must_use]
pub fn get_file(file_id: &str) -> Call {
    let payload = payloads::GetFile::new(FileId(file_id.to_owned()));
    typed("getFile", &payload, LASTING)
}

/// `setWebhook`; never drops what is pending.
#[must_use]
pub fn set_webhook(url: &str, secret: &str, max_connections: u8, allowed_updates: &[&str]) -> Call {
    let body = json!({
        "url": url,
        "secret_token": secret,
        "max_connections": max_connections,
        "allowed_updates": allowed_updates,
    });
    raw("setWebhook", body, LASTING)
}

/// `deleteWebhook`; never drops what is pending.
#[must_use]
pub fn delete_webhook() -> Call {
    typed("deleteWebhook", &payloads::DeleteWebhook::new(), LASTING)
}

/// `getWebhookInfo`.
#[must_use]
pub fn get_webhook_info() -> Call {
    typed("getWebhookInfo", &payloads::GetWebhookInfo {}, LASTING)
}

/// `getChatAdministrators` of a group.
#[must_use]
pub fn get_chat_administrators(chat: i64) -> Call {
    let payload = payloads::GetChatAdministrators::new(recipient(chat));
    typed("getChatAdministrators", &payload, LASTING)
}

/// `getChatMember`.
#[must_use]
pub fn get_chat_member(chat: i64, user: i64) -> Call {
    // Negative ids belong to chats; id 0 is nobody, which Telegram says itself.
    let user = UserId(u64::try_from(user).unwrap_or(0));
    let payload = payloads::GetChatMember::new(recipient(chat), user);
    typed("getChatMember", &payload, LASTING)
}

fn typed<P: Payload + Serialize>(method: &'static str, payload: &P, timeout: Duration) -> Call {
    debug_assert!(
        method.eq_ignore_ascii_case(P::NAME),
        "{method} is built from the payload of {}",
        P::NAME
    );
    let body = serde_json::to_value(payload).expect("payloads are plain structs with string keys");
    // Payloads without fields serialise to null; the server wants an object.
    let body = if body.is_object() { body } else { json!({}) };
    raw(method, body, timeout)
}

fn raw(method: &'static str, body: Value, timeout: Duration) -> Call {
    Call {
        method,
        body,
        timeout,
        file: None,
    }
}

fn set<T: Serialize>(body: &mut Value, key: &str, value: Option<T>) {
    if let Some(value) = value {
        body[key] = serde_json::to_value(value).expect("parameters are plain data");
    }
}

fn set_json(body: &mut Value, key: &str, value: Option<&Value>) {
    if let Some(value) = value.filter(|value| !value.is_null()) {
        body[key] = value.clone();
    }
}

fn set_stop(body: &mut Value, stop: StopButton) {
    if stop == StopButton::Keeps {
        body["can_stop"] = Value::Bool(true);
        body["keep_on_stop"] = Value::Bool(true);
    }
}

fn recipient(chat: i64) -> Recipient {
    Recipient::Id(ChatId(chat))
}

/// Message ids fit 31 bits at Telegram; a larger one does not exist, and asking
/// for the largest gets the same answer.
fn message_id(id: i64) -> MessageId {
    MessageId(i32::try_from(id).unwrap_or(i32::MAX))
}

/// Topics are named by the id of their first message.
fn thread(topic: i64) -> ThreadId {
    ThreadId(message_id(topic))
}

fn reply(message: i64) -> ReplyParameters {
    ReplyParameters::new(message_id(message)).allow_sending_without_reply()
}

/// Written out, because teloxide's struct sends a null for every unset field.
fn no_preview() -> Value {
    json!({"is_disabled": true})
}

#[cfg(test)]
mod tests;
