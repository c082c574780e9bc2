//! What is refused, and in which words.

use super::*;

#[test]
fn a_wrong_value_names_key_value_what_is_allowed_and_the_line() {
    for (section, line, key, value, allowed) in [
        (
            "chat",
            "quiet_period = 2",
            "chat.quiet_period",
            "2",
            "a duration with its unit",
        ),
        (
            "chat",
            "quiet_period = \"2 parsecs\"",
            "chat.quiet_period",
            "2 parsecs",
            "from 0s to",
        ),
        (
            "chat",
            "window_messages = 0",
            "chat.window_messages",
            "0",
            "from 1 to 1000",
        ),
        (
            "chat",
            "busy = \"wait\"",
            "chat.busy",
            "wait",
            "\"queue\" or \"interrupt\"",
        ),
        (
            "chat",
            "groups = true",
            "chat.groups",
            "true",
            "\"mention\" or \"reply\" or \"command\" or \"always\"",
        ),
        (
            "telegram",
            "mode = \"pull\"",
            "telegram.mode",
            "pull",
            "\"polling\" or \"webhook\"",
        ),
        (
            "telegram",
            "api_url = \"ftp://x\"",
            "telegram.api_url",
            "ftp://x",
            "http or https",
        ),
        (
            "telegram.webhook",
            "url = \"http://a.org\"",
            "telegram.webhook.url",
            "a.org",
            "https",
        ),
        (
            "telegram.webhook",
            "listen = \"8443\"",
            "telegram.webhook.listen",
            "8443",
            "a port",
        ),
        (
            "telegram.webhook",
            "max_connections = 101",
            "telegram.webhook.max_connections",
            "101",
            "from 1 to 100",
        ),
        (
            "llm",
            "model = \"two words\"",
            "llm.model",
            "two words",
            "without spaces",
        ),
        (
            "llm",
            "fallback_models = \"one\"",
            "llm.fallback_models",
            "one",
            "a list",
        ),
        (
            "llm",
            "context_tokens = -1",
            "llm.context_tokens",
            "-1",
            "a whole number",
        ),
        (
            "llm",
            "response_cache = \"yes\"",
            "llm.response_cache",
            "yes",
            "true or false",
        ),
        (
            "llm",
            "whole = 1979-05-27",
            "llm.whole",
            "1979",
            "a duration",
        ),
        (
            "access",
            "ids = [\"@me\"]",
            "access.ids",
            "@me",
            "numeric user or chat ids",
        ),
        (
            "reply",
            "format = \"html\"",
            "reply.format",
            "html",
            "\"rich\" or \"entities\"",
        ),
        (
            "media",
            "photo_max_bytes = 1.5",
            "media.photo_max_bytes",
            "1.5",
            "a whole number",
        ),
        (
            "shutdown",
            "grace = \"4s\"",
            "shutdown.grace",
            "4s",
            "from 5s to",
        ),
        (
            "shutdown",
            "on_stop = [1]",
            "shutdown.on_stop",
            "[1]",
            "\"flush\" or \"park\"",
        ),
        (
            "store",
            "keep_updates = \"1h\"",
            "store.keep_updates",
            "1h",
            "from 24h to",
        ),
        (
            "store",
            "path = \"\"",
            "store.path",
            "\"\"",
            "the path of a file",
        ),
        (
            "ops",
            "listen = 9090",
            "ops.listen",
            "9090",
            "an IP address and a port",
        ),
        ("log", "filter = \"wran\"", "log.filter", "wran", "\"info\""),
        (
            "log",
            "format = {}",
            "log.format",
            "{}",
            "\"auto\" or \"text\"",
        ),
    ] {
        let message = said(load(&format!("# first\n[{section}]\n\n{line}\n"), &[]));
        for part in [key, value, allowed, "config.toml:4"] {
            assert!(
                message.contains(part),
                "{line}: {part:?} is not in {message:?}"
            );
        }
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[test]
fn a_wrong_value_in_the_environment_names_the_variable() {
    for (name, value, allowed) in [
        (
            "LASTWORD_CHAT__QUIET_PERIOD",
            "2",
            "a duration with its unit",
        ),
        (
            "LASTWORD_TELEGRAM__WEBHOOK__MAX_CONNECTIONS",
            "many",
            "from 1 to 100",
        ),
        ("LASTWORD_ACCESS__IDS", "1,me", "numeric user or chat ids"),
        ("LASTWORD_LLM__RESPONSE_CACHE", "1", "true or false"),
    ] {
        let message = said(load("", &[(name, value)]));
        for part in [name, value, allowed] {
            assert!(message.contains(part), "{part:?} is not in {message:?}");
        }
    }
}

#[test]
fn every_mistake_is_reported_at_once() {
    let message = said(bare(
        "[chat]\nquiet_period = 2\nbusy = oops\nwindow_mesages = 3\n[shutdown]\ngrace = \"1s\"\n[chatt]\na = 1\nb = 2\n",
        &[("HOME", "/h"), ("LASTWORD_LLM__WHOLE", "5")],
    ));
    for part in [
        "chat.quiet_period",
        "config.toml:3: not TOML",
        "chat.window_mesages; did you mean chat.window_messages?",
        "shutdown.grace",
        "unknown section [chatt]; did you mean [chat]?",
        "LASTWORD_LLM__WHOLE",
        "telegram.token is missing: talk to https://t.me/BotFather",
        "llm.api_key is missing: create one at https://openrouter.ai/keys",
    ] {
        assert!(message.contains(part), "{part:?} is not in\n{message}");
    }
    assert_eq!(message.lines().count(), 8, "{message}");
}

#[test]
fn a_typo_suggests_the_nearest_key() {
    for (file, nearest) in [
        ("[llm]\nmodle = \"a\"", "did you mean llm.model?"),
        ("[telegram]\nbot_token = \"a\"", "telegram.bot_token"),
        (
            "[llm]\nquiet_period = \"2s\"",
            "did you mean chat.quiet_period?",
        ),
        ("quiet_period = \"2s\"", "did you mean chat.quiet_period?"),
        ("chat = 3", "chat is a section: write [chat]"),
        (
            "[telegram.web_hook]\nurl = \"\"",
            "did you mean [telegram.webhook]?",
        ),
    ] {
        let message = said(load(file, &[]));
        assert!(message.contains(nearest), "{message}");
    }
    let message = said(load("", &[("LASTWORD_CHAT__QUIT_PERIOD", "2s")]));
    assert!(
        message.contains("did you mean LASTWORD_CHAT__QUIET_PERIOD?"),
        "{message}"
    );
}

#[test]
fn what_does_not_go_together_is_refused() {
    let hook = "[telegram]\nmode = \"webhook\"\n[telegram.webhook]\n";
    for (file, part) in [
        (hook.to_owned(), "telegram.webhook.url is missing"),
        (
            format!("{hook}url = \"https://a.org:9000/\""),
            "443, 80, 88 and 8443",
        ),
        (
            format!("{hook}url = \"https://a.org/\"\ntls_cert = \"/dev/null\""),
            "needs telegram.webhook.tls_key",
        ),
        (
            format!(
                "{hook}url = \"https://a.org/\"\ntls_cert = \"/dev/null\"\ntls_key = \"/absent\""
            ),
            "/absent",
        ),
        (
            format!("{hook}url = \"https://a.org/\"\n[ops]\nlisten = \"127.0.0.1:8443\""),
            "the same address",
        ),
        ("[access]\nmode = \"list\"".to_owned(), "needs access.ids"),
        (
            "[chat]\nquiet_period = \"11s\"".to_owned(),
            "is longer than chat.window_max = \"10s\" (default)",
        ),
        ("[llm]\nwhole = \"10s\"".to_owned(), "llm.first_content"),
    ] {
        let message = said(load(&file, &[]));
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
    assert!(load(&format!("{hook}url = \"https://a.org/hook\""), &[]).is_ok());
    assert!(
        load(
            &format!("{hook}url = \"http://127.0.0.1:9/hook\"\n[telegram]"),
            &[]
        )
        .is_err()
    );
}

#[test]
fn mistakes_are_told_in_the_order_of_the_file() {
    let message = said(load("[chat]\nbusy = 1\nnew = 2\nquiet_period = 3\n", &[]));
    let order = ["chat.busy", "chat.new", "chat.quiet_period"].map(|key| message.find(key));
    assert!(order.is_sorted() && order[0].is_some(), "{message}");
}

#[test]
fn a_line_that_is_not_toml_is_one_mistake_and_not_two() {
    let env = [("OPENROUTER_API_KEY", "k"), ("HOME", "/h")];
    for line in ["token_file = /etc/token", "token = 1:hush"] {
        let message = said(bare(&format!("[telegram]\n{line}"), &env));
        assert_eq!(message.lines().count(), 1, "{message}");
        assert!(message.contains("config.toml:2: not TOML"), "{message}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_reading_it_panic(
        file in "(\\[(chat|llm|telegram.webhook|[a-z]{3})\\]\n)?([a-z_]{1,9} ?= ?)?\\PC{0,40}",
        value in "\\PC{0,20}",
    ) {
        let env = ["CHAT__QUIET_PERIOD", "ACCESS__IDS", "LLM__BASE_URL", "TELEGRAM__TOKEN_FILE"]
            .map(|name| (format!("LASTWORD_{name}"), value.clone()));
        let env = env.each_ref().map(|(name, value)| (name.as_str(), value.as_str()));
        let _ = load(&file, &env).map_err(|errors| errors.to_string());
    }
}
