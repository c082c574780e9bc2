//! Telegram: the token, who else uses it, the webhook, and our clock against
//! its own.

use std::time::{Duration, UNIX_EPOCH};

use reqwest::Url;
use reqwest::header::DATE;
use secrecy::SecretString;
use serde::Deserialize;

use super::Finding;
use crate::clock::{Clock, Millis, millis};
use crate::config::{Config, Mode};
use crate::http;
use crate::telegram::client::Client;
use crate::telegram::{CallError, Telegram, methods};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How far our clock may be off before it is told, and before it hurts.
const OFF: Millis = 5_000;
const FAR_OFF: Millis = 120_000;

/// More waiting than this is told.
const MANY_PENDING: u64 = 100;

/// A failed delivery older than this is no news.
const NEWS: Millis = 3_600_000;

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let secret = SecretString::from(config.telegram.token.expose().to_owned());
    let client = match Client::new(config.telegram.api_url.as_str(), secret) {
        Ok(client) => client,
        Err(error) => {
            let todo = "correct telegram.api_url";
            return vec![Finding::bad("token", error.to_string(), todo)];
        }
    };
    let (of_token, of_webhook, of_clock) = tokio::join!(
        token(&client),
        webhook(&client, config),
        clock(config.telegram.api_url.as_str())
    );
    [of_token]
        .into_iter()
        .chain(of_webhook)
        .chain([of_clock])
        .collect()
}

async fn token(client: &Client) -> Finding {
    let mut call = methods::get_me();
    call.timeout = PATIENCE;
    match client.call(call).await {
        Ok(me) => Finding::ok(
            "token",
            format!(
                "@{} (id {})",
                me["username"].as_str().unwrap_or("?"),
                me["id"].as_i64().unwrap_or_default()
            ),
        ),
        Err(error) if error.refuses_token() => Finding::bad(
            "token",
            "Telegram refuses it",
            "@BotFather shows the current one under /mybots; put it where the old one is \
             (lastword check says where that is)",
        ),
        Err(error) => unreachable_by("token", &error),
    }
}

fn unreachable_by(what: &'static str, error: &CallError) -> Finding {
    Finding::bad(
        what,
        format!("Telegram was not reached: {error}"),
        "look at DNS, the firewall (port 443 outwards), a proxy, telegram.api_url",
    )
}

/// What we read of `WebhookInfo`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Info {
    url: String,
    pending_update_count: u64,
    last_error_date: Option<i64>,
    last_error_message: Option<String>,
}

async fn webhook(client: &Client, config: &Config) -> Vec<Finding> {
    let mut call = methods::get_webhook_info();
    call.timeout = PATIENCE;
    let info: Info = match client.call(call).await {
        Ok(answer) => serde_json::from_value(answer).unwrap_or_default(),
        // The token's line says it.
        Err(error) if error.refuses_token() => return Vec::new(),
        Err(error) => return vec![unreachable_by("webhook", &error)],
    };
    let ours = config.telegram.webhook.url.as_ref().map(|url| url.as_str());
    judge(&info, config.telegram.mode, ours, Clock::system().now())
}

fn judge(info: &Info, mode: Mode, ours: Option<&str>, now: Millis) -> Vec<Finding> {
    let what = "webhook";
    let mut findings = Vec::new();
    findings.push(match (mode, info.url.as_str()) {
        (Mode::Polling, "") => Finding::ok(what, "none, as it should be for polling"),
        // Its path may hold a secret: only its host is shown.
        (Mode::Polling, url) => Finding::warn(
            what,
            format!("set to {}, though updates are polled for", host(url)),
            "nothing, if you have just changed telegram.mode: the daemon removes it; if it comes \
             back, somebody else has this token: /revoke it at @BotFather",
        ),
        (Mode::Webhook, "") => Finding::warn(
            what,
            "not set",
            "start the daemon, which sets it; if it runs, see its log",
        ),
        (Mode::Webhook, url) if Some(url) == ours => {
            Finding::ok(what, format!("set, to {}", host(url)))
        }
        (Mode::Webhook, url) => Finding::bad(
            what,
            format!("points elsewhere, to {}", host(url)),
            "start the daemon, which takes it over; if it moves away again, somebody else has \
             this token: /revoke it at @BotFather",
        ),
    });
    let age = info.last_error_date.map(|at| now - at.saturating_mul(1000));
    if let (Some(age), Some(message)) = (age, &info.last_error_message)
        && age < NEWS
    {
        findings.push(Finding::warn(
            what,
            format!(
                "Telegram's last delivery failed {} min ago: {}",
                age.max(0) / 60_000,
                http::shorten(message, 120)
            ),
            "see that the address is reached from outside, with a certificate that is right",
        ));
    }
    if info.pending_update_count > MANY_PENDING {
        findings.push(Finding::warn(
            what,
            format!("{} updates wait at Telegram", info.pending_update_count),
            "nothing while the daemon catches up (lastword status); else see its log",
        ));
    }
    findings
}

fn host(url: &str) -> String {
    let parsed = Url::parse(url).ok();
    let host = parsed.as_ref().and_then(Url::host_str);
    host.unwrap_or("an address that cannot be read").to_owned()
}

/// Our clock against the one in the head of Telegram's answer. Asked without the
/// token.
pub(super) async fn clock(api_url: &str) -> Finding {
    let what = "clock";
    let unknown = |why: String| {
        Finding::warn(
            what,
            format!("not compared: {why}"),
            "see that the time is synchronised: timedatectl",
        )
    };
    let Ok(url) = Url::parse(api_url) else {
        return unknown("telegram.api_url cannot be read".to_owned());
    };
    let client = match http::builder(&url).timeout(PATIENCE).build() {
        Ok(client) => client,
        Err(error) => return unknown(http::reason(error)),
    };
    let answer = match client.get(url).send().await {
        Ok(answer) => answer,
        Err(error) => return unknown(http::reason(error)),
    };
    let now = Clock::system().now();
    let date = answer
        .headers()
        .get(DATE)
        .and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
    match date.and_then(|date| date.duration_since(UNIX_EPOCH).ok()) {
        Some(theirs) => compare(now - millis(theirs)),
        None => unknown("Telegram told no time".to_owned()),
    }
}

fn compare(ahead: Millis) -> Finding {
    let (what, off) = ("clock", ahead.abs());
    // Theirs is cut to the second.
    if off <= OFF {
        return Finding::ok(what, "agrees with Telegram's to a few seconds");
    }
    let side = if ahead > 0 { "ahead of" } else { "behind" };
    let says = format!("{} s {side} Telegram's", off / 1000);
    let todo = "let the time be synchronised (timedatectl set-ntp true, or chrony)";
    if off <= FAR_OFF {
        Finding::warn(what, says, todo)
    } else {
        Finding::bad(what, says, todo)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    const NOW: Millis = 1_790_000_000_000;

    fn info(url: &str) -> Info {
        Info {
            url: url.to_owned(),
            ..Info::default()
        }
    }

    #[test]
    fn a_foreign_webhook_is_found_and_its_path_is_not_shown() {
        let ours = Some("https://bot.example.org/hook");
        for (mode, url, verdict) in [
            (Mode::Polling, "", Verdict::Ok),
            (
                Mode::Polling,
                "https://evil.example/123:token",
                Verdict::Warn,
            ),
            (Mode::Webhook, "https://bot.example.org/hook", Verdict::Ok),
            (
                Mode::Webhook,
                "https://evil.example/123:token",
                Verdict::Bad,
            ),
            (Mode::Webhook, "", Verdict::Warn),
        ] {
            let found = judge(&info(url), mode, ours, NOW);
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].verdict, verdict, "{found:?}");
            assert!(!found[0].says.contains("token"), "{found:?}");
        }
    }

    #[test]
    fn what_waits_and_what_failed_lately_is_told() {
        let mut troubled = info("");
        troubled.pending_update_count = MANY_PENDING + 1;
        troubled.last_error_message = Some("Connection refused".to_owned());
        troubled.last_error_date = Some(NOW / 1000 - 600);
        let found = judge(&troubled, Mode::Polling, None, NOW);
        assert!(found[1].says.contains("10 min ago: Connection refused"));
        assert!(found[2].says.contains("101 updates wait"), "{found:?}");
        troubled.last_error_date = Some(NOW / 1000 - 7_200);
        assert_eq!(judge(&troubled, Mode::Polling, None, NOW).len(), 2);
    }

    #[test]
    fn a_clock_is_judged_by_how_far_it_is_off() {
        for (ahead, verdict) in [
            (900, Verdict::Ok),
            (-4_000, Verdict::Ok),
            (30_000, Verdict::Warn),
            (-600_000, Verdict::Bad),
        ] {
            assert_eq!(compare(ahead).verdict, verdict, "{ahead}");
        }
        assert!(compare(-600_000).says.contains("600 s behind"));
    }
}
