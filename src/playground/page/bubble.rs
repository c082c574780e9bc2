//! One line of a chat as HTML: a message with its quote, picture, words,
//! buttons and, under what a person wrote, its strip; or a draft.

use maud::{Markup, html};
use serde_json::Value;

use super::words;
use crate::playground::bot_api::{Author, ChatKind, ChatView, Draft, Post};
use crate::playground::cast;
use crate::playground::ledger::{Ending, Stage};

/// What the strip knows besides the stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Flow {
    /// The daemon is at work.
    Moving,
    /// There is no daemon now: what is stored waits.
    Paused,
}

/// The words of the strip, in order.
const STEPS: [&str; 5] = ["stored", "gathering", "generating", "answered", "delivered"];

/// A message.
pub(super) fn post(
    stage: &cast::Stage,
    chat: &ChatView,
    post: &Post,
    strip: Option<(Stage, Flow)>,
) -> Markup {
    if let Some(said) = service(post) {
        return html! { p.service { (said) } };
    }
    let (who, class) = author(stage, post);
    let is_group = stage.kind != ChatKind::Private;
    let content = post.content();
    let person = match post.author {
        Author::Person(id) => Some(id),
        Author::Bot => None,
    };
    let editable = person.filter(|_| !post.extra.contains_key("photo") && !content.text.is_empty());
    html! {
        article.bubble.(class) tabindex="-1" data-person=[person] aria-label={ (who) " wrote" } {
            @if is_group && person.is_some() { p.who { (who) } }
            (quote(stage, chat, post))
            @if post.extra.contains_key("photo") {
                img.photo src={ "/photo/" (chat.id) "/" (post.id) } alt="a photo" width="220" height="165";
            }
            @if let Some(what) = attached(post) {
                @if post.author == Author::Bot {
                    p.attached { a href={ "/file/" (chat.id) "/" (post.id) } download=(what.trim_start_matches("📄 ")) { (what) } }
                } @else { p.attached { (what) } }
            }
            @if !content.seen().is_empty() { (words::html(content)) }
            p.foot {
                @for reaction in &post.reactions {
                    @if let Some(emoji) = reaction.get("emoji").and_then(Value::as_str) { span.reaction { (emoji) } }
                }
                @if post.versions.len() > 1 { span.edited { "edited" } }
                time data-ms=(post.sent) {}
                button.tool type="button" data-reply=(post.id) data-who=(who) aria-label="Reply" title="Reply" { "↩" }
                @if editable.is_some() {
                    button.tool type="button" data-edit=(post.id) data-text=(content.text) aria-label="Edit" title="Edit" { "✎" }
                }
            }
        }
        (keys(post))
        @if let Some((stage, flow)) = strip { (way(stage, flow)) }
    }
}

/// A draft: an answer that is being written.
pub(super) fn draft(draft: &Draft) -> Markup {
    html! {
        article.bubble.bot.draft tabindex="-1" aria-label="Lastword is writing" {
            (words::html(&draft.content))
            p.foot {
                span.writing { "writing" span.dots aria-hidden="true" {} }
                @if draft.can_stop {
                    button.stop type="button" data-stop=(draft.id) { "Stop" }
                }
            }
        }
    }
}

fn author(stage: &cast::Stage, post: &Post) -> (&'static str, &'static str) {
    match post.author {
        Author::Bot => ("Lastword", "bot"),
        Author::Person(id) => {
            let at = stage.people.iter().position(|player| player.id == id);
            match at {
                Some(at) => (stage.people[at].name, ["me", "me second"][at.min(1)]),
                None => ("Somebody", "me"),
            }
        }
    }
}

/// What a message carries besides words and pictures.
fn attached(post: &Post) -> Option<String> {
    let (field, sign, what) = [
        ("voice", "🎤", "voice message"),
        ("audio", "🎵", "recording"),
        ("video_note", "📹", "video message"),
        ("video", "🎞", "video"),
        ("document", "📄", "document"),
        ("sticker", "", ""),
        ("location", "📍", "location"),
        ("contact", "👤", "contact"),
        ("poll", "📊", "poll"),
        ("dice", "🎲", ""),
    ]
    .into_iter()
    .find(|(field, ..)| post.extra.contains_key(*field))?;
    let value = post.extra.get(field)?;
    let name = ["file_name", "emoji", "question", "first_name"]
        .into_iter()
        .find_map(|name| value[name].as_str());
    Some(format!("{sign} {}", name.unwrap_or(what)))
}

fn service(post: &Post) -> Option<&'static str> {
    let has = |name: &str| post.extra.contains_key(name);
    if has("group_chat_created") || has("supergroup_chat_created") {
        Some("The group was made")
    } else if has("new_chat_members") {
        Some("Somebody joined")
    } else if has("left_chat_member") {
        Some("Somebody left")
    } else if has("migrate_to_chat_id") || has("migrate_from_chat_id") {
        Some("The group became a supergroup")
    } else {
        None
    }
}

fn quote(stage: &cast::Stage, chat: &ChatView, post: &Post) -> Markup {
    let replied = post
        .reply_to
        .and_then(|id| chat.posts.iter().find(|other| other.id == id));
    html! {
        @if let Some(replied) = replied {
            a.quote href={ "#m" (chat.id) "_" (replied.id) } {
                b { (author(stage, replied).0) }
                span {
                    @if replied.is_visible() { (first_line(replied.content().seen())) } @else { "deleted message" }
                }
            }
        }
    }
}

/// The beginning of a text on one line.
pub(super) fn first_line(text: &str) -> String {
    crate::http::shorten(text.trim(), 90)
}

fn keys(post: &Post) -> Markup {
    let rows = post
        .content()
        .markup
        .as_ref()
        .and_then(|markup| markup.get("inline_keyboard")?.as_array());
    let text =
        |button: &Value, name: &str| button.get(name).and_then(Value::as_str).map(str::to_owned);
    html! {
        @if let Some(rows) = rows {
            div.keys role="group" aria-label="Buttons of the message" {
                @for row in rows.iter().filter_map(Value::as_array) {
                    div {
                        @for button in row {
                            @if let Some(data) = text(button, "callback_data") {
                                button type="button" data-press=(post.id) data-data=(data) { (text(button, "text").unwrap_or_default()) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The way of a message.
fn way(stage: Stage, flow: Flow) -> Markup {
    // How many steps are done, and whether the next is being done.
    let (done, now, word) = match stage {
        Stage::Waiting => (0, false, "waits at Telegram"),
        Stage::Stored => (1, false, "stored"),
        Stage::Gathering => (1, true, "gathering"),
        Stage::Sealed => (2, false, "waits for its turn"),
        Stage::Generating => (2, true, "generating"),
        Stage::Answered => (4, true, "on its way"),
        Stage::Delivered => (5, false, "delivered"),
        Stage::Ended(Ending::Failed) => (2, false, "failed"),
        Stage::Ended(Ending::Cancelled) => (2, false, "stopped"),
        Stage::Ended(Ending::Undeliverable) => (4, false, "undeliverable"),
    };
    let paused = flow == Flow::Paused && stage.is_open();
    let word = match (paused, stage) {
        (true, Stage::Waiting) => "the daemon is down: Telegram keeps it",
        (true, _) => "the daemon is down: the store keeps it",
        (false, _) => word,
    };
    let ended = match stage {
        Stage::Ended(_) => "ended",
        Stage::Delivered => "delivered",
        Stage::Stored => "quiet",
        _ => "open",
    };
    html! {
        div.way.(ended).paused[paused] data-step=(word) {
            ol aria-hidden="true" {
                @for (at, step) in STEPS.iter().enumerate() {
                    li.done[at < done].now[now && at == done] { (step) }
                }
            }
            span.word { (word) }
        }
    }
}
