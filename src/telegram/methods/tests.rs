//! The bodies, as the Bot API documents them.

use super::*;

#[test]
fn bodies_are_what_the_bot_api_documents() {
    let keyboard = json!({"inline_keyboard": [[{"text": "Stop", "callback_data": "s"}]]});
    let entities = json!([{"type": "bold", "offset": 0, "length": 2}]);
    let content = Formatted {
        text: "hi",
        entities: &entities,
    };
    for (call, method, body) in [
        (get_me(), "getMe", json!({})),
        (
            get_updates(Some(5), Duration::from_secs(30), 100, &["message"]),
            "getUpdates",
            json!({"offset": 5, "timeout": 30, "limit": 100, "allowed_updates": ["message"]}),
        ),
        (
            send_message(-7, Some(3), content, Some(9), Some(&keyboard)),
            "sendMessage",
            json!({"chat_id": -7, "message_thread_id": 3, "text": "hi", "entities": entities,
                "link_preview_options": {"is_disabled": true},
                "reply_parameters": {"message_id": 9, "allow_sending_without_reply": true},
                "reply_markup": keyboard}),
        ),
        (
            send_rich_message(7, None, "# x", Some(9), None),
            "sendRichMessage",
            json!({"chat_id": 7, "rich_message": {"markdown": "# x"},
                "reply_parameters": {"message_id": 9, "allow_sending_without_reply": true}}),
        ),
        (
            send_rich_message(7, None, "سلام", None, None),
            "sendRichMessage",
            json!({"chat_id": 7, "rich_message": {"markdown": "سلام", "is_rtl": true}}),
        ),
        (
            send_rich_message_draft(7, None, 4, "x", StopButton::Keeps),
            "sendRichMessageDraft",
            json!({"chat_id": 7, "draft_id": 4, "rich_message": {"markdown": "x"},
                "can_stop": true, "keep_on_stop": true}),
        ),
        (
            send_message_draft(7, Some(2), 4, Formatted::plain(""), StopButton::Absent),
            "sendMessageDraft",
            json!({"chat_id": 7, "message_thread_id": 2, "draft_id": 4, "text": ""}),
        ),
        (
            edit_message_text(7, 12, content, None),
            "editMessageText",
            json!({"chat_id": 7, "message_id": 12, "text": "hi", "entities": entities,
                "link_preview_options": {"is_disabled": true}}),
        ),
        (
            edit_rich_message(7, 12, "x", Some(&keyboard)),
            "editMessageText",
            json!({"chat_id": 7, "message_id": 12, "rich_message": {"markdown": "x"}, "reply_markup": keyboard}),
        ),
        (
            edit_message_reply_markup(7, 12, None),
            "editMessageReplyMarkup",
            json!({"chat_id": 7, "message_id": 12}),
        ),
        (
            answer_callback_query("q", Some("done")),
            "answerCallbackQuery",
            json!({"callback_query_id": "q", "text": "done"}),
        ),
        (
            set_my_commands(&[("new", "Start afresh")], MenuScope::Everywhere, None),
            "setMyCommands",
            json!({"commands": [{"command": "new", "description": "Start afresh"}], "scope": {"type": "default"}}),
        ),
        (
            set_my_commands(&[("new", "Von vorn")], MenuScope::Groups, Some("de")),
            "setMyCommands",
            json!({"commands": [{"command": "new", "description": "Von vorn"}], "scope": {"type": "all_group_chats"}, "language_code": "de"}),
        ),
        (
            send_typing(7, Some(3)),
            "sendChatAction",
            json!({"chat_id": 7, "message_thread_id": 3, "action": "typing"}),
        ),
        (get_file("f"), "getFile", json!({"file_id": "f"})),
        (
            set_webhook("https://x/y", "s", 40, &["message"]),
            "setWebhook",
            json!({"url": "https://x/y", "secret_token": "s", "max_connections": 40, "allowed_updates": ["message"]}),
        ),
        (delete_webhook(), "deleteWebhook", json!({})),
        (get_webhook_info(), "getWebhookInfo", json!({})),
        (
            get_chat_administrators(-7),
            "getChatAdministrators",
            json!({"chat_id": -7}),
        ),
        (
            get_chat_member(-7, 8),
            "getChatMember",
            json!({"chat_id": -7, "user_id": 8}),
        ),
    ] {
        assert_eq!(call.method, method);
        assert_eq!(call.body, body, "{method}");
    }
}
