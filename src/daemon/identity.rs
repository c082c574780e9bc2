//! Who we are: `getMe`, remembered in the store so that a start needs no
//! network. Only a token that Telegram refuses at the start is fatal.

use std::time::Duration;

use crate::daemon::{Daemon, StartError};
use crate::domain::address::{BotUser, Hears};
use crate::domain::ids::BotId;
use crate::telegram::methods;

/// How long the first look may delay READY.
const FIRST_LOOK: Duration = Duration::from_secs(2);

/// Between two later looks.
const AGAIN: Duration = Duration::from_secs(3);

/// Asks Telegram once. `None` when it does not answer and nothing is
/// remembered.
pub(super) async fn first_look(daemon: &Daemon) -> Result<Option<BotUser>, StartError> {
    let mut call = methods::get_me();
    call.timeout = FIRST_LOOK;
    let asked = tokio::select! {
        biased;
        // What is known is worth keeping, also for a start that is cut.
        asked = daemon.telegram.call(call) => asked,
        () = daemon.shutdown.intake().cancelled() => return Ok(None),
    };
    match asked {
        Ok(me) => {
            let user = read(&me, daemon.bot);
            remember(daemon, &user).await;
            Ok(Some(user))
        }
        Err(error) if error.refuses_token() => Err(StartError::Token),
        Err(error) => {
            tracing::warn!(%error, "Telegram does not answer; starting all the same");
            Ok(remembered(daemon).await)
        }
    }
}

/// Asks until Telegram answers.
pub(super) async fn insist(daemon: &Daemon) -> BotUser {
    loop {
        tokio::time::sleep(AGAIN).await;
        match daemon.telegram.call(methods::get_me()).await {
            Ok(me) => {
                let user = read(&me, daemon.bot);
                remember(daemon, &user).await;
                return user;
            }
            Err(error) if error.refuses_token() => {
                tracing::error!("Telegram refuses the token: check TELEGRAM_BOT_TOKEN");
                tokio::time::sleep(AGAIN * 10).await;
            }
            Err(error) => tracing::debug!(%error, "Telegram does not answer"),
        }
    }
}

fn read(me: &serde_json::Value, bot: BotId) -> BotUser {
    BotUser {
        id: bot,
        username: me["username"].as_str().unwrap_or_default().to_owned(),
        name: me["first_name"].as_str().unwrap_or_default().to_owned(),
        hears: match me["can_read_all_group_messages"].as_bool() {
            Some(true) => Hears::All,
            _ => Hears::Meant,
        },
    }
}

fn key(bot: BotId) -> String {
    format!("bot_user:{bot}")
}

async fn remember(daemon: &Daemon, user: &BotUser) {
    let value = serde_json::to_string(user).expect("a user is always JSON");
    if let Err(error) = daemon.store.set_value(&key(user.id), &value).await {
        tracing::debug!(%error, "failed to remember who we are");
    }
}

async fn remembered(daemon: &Daemon) -> Option<BotUser> {
    let value = daemon.store.value(&key(daemon.bot)).await.ok()??;
    serde_json::from_str(&value).ok()
}
