//! The page around the chats: what stands still.

use maud::{DOCTYPE, Markup, html};

use super::Page;
use crate::playground::bot_api::ChatKind;
use crate::playground::cast::Stage;

pub(super) const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E\
                    %3Crect width='32' height='32' rx='9' fill='%232f7dd1'/%3E\
                    %3Cpath d='M8 9h16v11H15l-5 5v-5H8z' fill='white'/%3E%3C/svg%3E";

const CLIP: &str = "M20 11.5l-8.2 8.2a5.2 5.2 0 0 1-7.4-7.4l8.5-8.5a3.5 3.5 0 0 1 5 5l-8.4 8.4a1.8 1.8 0 0 1-2.6-2.6l7.5-7.5";
const SEND: &str = "M5 12h14M13 6l6 6-6 6";

/// The whole page.
pub(super) fn html(page: &Page) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Lastword playground" }
                link rel="icon" href=(ICON);
                link rel="stylesheet" href="/page.css";
                script src="/page.js" defer {}
            }
            body {
                a.skip href="#composer-text" { "To the message field" }
                (top())
                (list(&page.cast))
                main #chat {
                    @for (at, stage) in page.cast.iter().enumerate() { (pane(stage, at == 0)) }
                    (composer())
                }
                (backstage(page))
                div #toast role="status" aria-live="polite" {}
                noscript { p.lost { "This page needs JavaScript; everything it runs comes from this machine." } }
            }
        }
    }
}

fn top() -> Markup {
    html! {
        header.top {
            h1 { "Lastword " small { "playground" } }
            div #banner role="status" aria-live="polite" { span.lamp.busy {} span.phase { "connecting" } }
            button #tourist type="button" data-do="tour" title="What it is good at, step by step" { "Tour" }
            a.to-gallery href="/gallery" { "Gallery" }
            button #curtain type="button" aria-expanded="false" aria-controls="backstage" { "Backstage" }
        }
    }
}

fn list(cast: &[Stage]) -> Markup {
    html! {
        nav.chats aria-label="Chats" {
            @for (at, stage) in cast.iter().enumerate() {
                button.entry type="button" data-chat=(stage.chat) aria-current=(at == 0) {
                    span.face.{ "face" (at) } aria-hidden="true" { (initial(stage)) }
                    span.name { (stage.title) }
                    span.last { (stage.about) }
                    span.unread hidden { span.number {} span.sr { " new answers" } }
                }
            }
        }
    }
}

fn initial(stage: &Stage) -> String {
    stage.title.chars().take(1).collect()
}

fn pane(stage: &Stage, is_open: bool) -> Markup {
    let names: Vec<&str> = stage.people.iter().map(|player| player.name).collect();
    html! {
        section.pane data-chat=(stage.chat) data-group=(stage.kind != ChatKind::Private)
            hidden[!is_open] aria-label={ "Chat " (stage.title) } {
            header {
                h2 { @if stage.kind == ChatKind::Private { "Lastword" } @else { (stage.title) } }
                p.sub data-still={ @if stage.people.len() == 1 { "you are " (names[0]) } @else { "Lastword, " (names.join(", ")) } } {}
            }
            div.scroll tabindex="0" role="region" aria-label="Messages" {
                div.empty {
                    p { "Say something, several things in a row if you like: one answer comes for all." }
                    div.prompts {
                        @for prompt in stage.prompts { button type="button" data-prompt=(prompt) { (prompt) } }
                    }
                }
                ol.lines role="log" aria-live="polite" aria-relevant="additions" {}
            }
            @if stage.people.len() > 1 {
                fieldset.as {
                    legend { "Write as" }
                    @for (at, player) in stage.people.iter().enumerate() {
                        label {
                            input type="radio" name={ "as" (stage.chat) } value=(player.id) checked[at == 0];
                            span { (player.name) }
                        }
                    }
                    span.hint { "the bot answers when mentioned, replied to or commanded" }
                }
            } @else {
                @for player in &stage.people { input.as type="hidden" value=(player.id); }
            }
        }
    }
}

fn composer() -> Markup {
    html! {
        form #composer autocomplete="off" {
            p #about hidden { span {} button type="button" aria-label="Do not reply or edit" { "✕" } }
            label.clip title="Send a photo, a recording or a file" {
                input #photo type="file";
                (icon(CLIP)) span.sr { "Send a photo, a recording or a file" }
            }
            label.sr for="composer-text" { "Message" }
            textarea #composer-text rows="1" placeholder="Message" enterkeyhint="send" maxlength="20000" {}
            button.send type="submit" aria-label="Send" { (icon(SEND)) }
        }
    }
}

fn icon(path: &str) -> Markup {
    html! {
        svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" {
            path d=(path) fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" {}
        }
    }
}

fn backstage(page: &Page) -> Markup {
    let real = page.offline.is_none();
    html! {
        aside #backstage aria-label="Backstage" {
            div.controls role="group" aria-label="The daemon and the world around it" {
                button type="button" data-do="restart" title="SIGTERM: it drains, then starts again" { "Restart" small { "SIGTERM" } }
                button.danger type="button" data-do="kill" title="SIGKILL: gone in mid-word" { "Kill" small { "kill −9" } }
                button type="button" data-switch="telegram" aria-pressed="false" { "Telegram" small { "outage" } }
                button type="button" data-switch="model" aria-pressed="false" disabled[real] { "Model" small { "outage" } }
                button type="button" data-switch="slow" aria-pressed="false" disabled[real] { "Model" small { "slow" } }
            }
            div #tour role="status" aria-live="polite" {}
            p.honest {
                @if real {
                    "Telegram here is a stand-in on this machine. The model is the real OpenRouter, at your expense. "
                } @else {
                    "Everything here is local: Telegram and the model are stand-ins. "
                }
                b { "The daemon is the real one" }
                ", a process of its own. Send something, then kill it."
                " How answers of every kind look: " a href="/gallery" { "the gallery" } "."
                @if page.keeps { " The store is kept; the chats on this page begin anew each time." }
            }
            h2 { "Lives" }
            div #lives {}
            details open {
                summary { "Log" }
                pre #log tabindex="0" aria-label="The daemon's log" {}
            }
        }
    }
}
