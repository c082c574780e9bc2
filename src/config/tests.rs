//! The promises of the configuration as a whole.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;

mod refused;
mod secrets;
mod shipped;

const TOKEN: &str = "123456:hush-token";

/// Loads a file's text under an environment that has both secrets.
fn load(file: &str, env: &[(&str, &str)]) -> Result<Loaded, Errors> {
    let mut all = vec![
        ("TELEGRAM_BOT_TOKEN", TOKEN),
        ("OPENROUTER_API_KEY", "hush-key"),
        ("HOME", "/var/somebody"),
    ];
    all.extend_from_slice(env);
    bare(file, &all)
}

/// The same without the secrets.
fn bare(file: &str, env: &[(&str, &str)]) -> Result<Loaded, Errors> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("config.toml");
    fs::write(&path, file).expect("a file in it");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
    Config::load(&sources(&path, env))
}

fn sources(path: &Path, env: &[(&str, &str)]) -> Sources {
    Sources {
        file: Some(path.to_owned()),
        env: env
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)))
            .collect(),
        ..Sources::default()
    }
}

fn said(result: Result<Loaded, Errors>) -> String {
    result.map(|_| "no error").unwrap_err().to_string()
}

#[test]
fn variables_of_somebody_else_do_no_harm() {
    let kubernetes = [
        ("LASTWORD_PORT", "tcp://10.0.0.1:80"),
        ("LASTWORD_SERVICE_HOST", "10.0.0.1"),
        ("LASTWORD_PORT_80_TCP_ADDR", "10.0.0.1"),
    ];
    assert!(load("", &kubernetes).unwrap().warnings.is_empty());
    let warnings = load("", &[("LASTWORD_CHAT_QUIET_PERIOD", "3s")])
        .unwrap()
        .warnings;
    assert!(
        warnings[0]
            .to_string()
            .contains("LASTWORD_CHAT__QUIET_PERIOD")
    );
}

#[test]
fn a_higher_layer_wins_and_says_so() {
    let file =
        "[chat]\nquiet_period = \"3s\"\nwindow_max = \"20s\"\n[llm]\nfallback_models = [\"a\"]\n";
    let env = [
        ("LASTWORD_CHAT__QUIET_PERIOD", "5s"),
        ("LASTWORD_LLM__FALLBACK_MODELS", "x/y, z"),
        ("LASTWORD_OPS__LISTEN", ""),
    ];
    let loaded = load(file, &env).unwrap();
    let chat = &loaded.config.chat;
    assert_eq!(
        (chat.quiet_period.as_secs(), chat.window_max.as_secs()),
        (5, 20)
    );
    let names: Vec<_> = loaded
        .config
        .llm
        .fallback_models
        .iter()
        .map(ModelName::as_str)
        .collect();
    assert_eq!(names, ["x/y", "z"]);
    assert_eq!(
        loaded.origins["chat.quiet_period"],
        Origin::Env("LASTWORD_CHAT__QUIET_PERIOD".to_owned())
    );
    assert!(matches!(
        loaded.origins["chat.window_max"],
        Origin::File { line: 3, .. }
    ));
    assert!(!loaded.origins.contains_key("chat.busy"));
}

#[test]
fn every_key_can_be_given_in_the_environment() {
    let defaults = load("", &[]).unwrap().config;
    for setting in defaults.settings() {
        let Shown::Toml(value) = &setting.shown else {
            continue;
        };
        let text = format!("v = {value}").parse::<toml::Table>().unwrap()["v"].clone();
        let text = match text {
            toml::Value::String(text) => text,
            toml::Value::Array(items) => {
                let texts = items.iter().map(|item| item.as_str().unwrap_or_default());
                texts.collect::<Vec<_>>().join(",")
            }
            other => other.to_string(),
        };
        let name = layers::variable(setting.key);
        let loaded = load("", &[(&name, &text)]).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(loaded.origins[setting.key], Origin::Env(name));
        assert_eq!(loaded.config, defaults);
    }
}

#[test]
fn a_webhook_on_this_machine_may_be_plain_http() {
    let file = "[telegram]\napi_url = \"http://127.0.0.1:8081\"\nmode = \"webhook\"\n\
                [telegram.webhook]\nurl = \"http://127.0.0.1:9000/hook\"";
    let loaded = load(file, &[]).unwrap();
    assert_eq!(loaded.config.telegram.webhook.url.unwrap().path(), "/hook");
    assert!(loaded.warnings.is_empty());
}

#[test]
fn the_first_file_of_the_search_is_read_and_none_is_fine() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("a.toml"), folder.path().join("b.toml"));
    fs::write(&second, "[turns]\nmax_concurrent = 2").unwrap();
    let mut sources = sources(&first, &[("HOME", "/h")]);
    let env = [
        ("TELEGRAM_BOT_TOKEN", TOKEN),
        ("OPENROUTER_API_KEY", "k"),
        ("HOME", "/h"),
    ];
    sources.env = env
        .iter()
        .map(|(n, v)| ((*n).into(), (*v).into()))
        .collect();
    assert!(said(Config::load(&sources)).contains("a.toml"));

    let first = sources.file.take().unwrap();
    sources.search = vec![Spot::Here(first), Spot::Installed(second.clone())];
    let loaded = Config::load(&sources).unwrap();
    assert_eq!(
        (loaded.origin, loaded.config.turns.max_concurrent),
        (Some(second), 2)
    );
    sources.search.pop();
    assert_eq!(Config::load(&sources).unwrap().origin, None);
}

#[test]
fn the_store_is_where_the_system_keeps_state() {
    let paths = [
        (
            vec![("STATE_DIRECTORY", "/var/lib/lastword:/x")],
            "/var/lib/lastword/lastword.db",
        ),
        (
            vec![("XDG_STATE_HOME", "/s"), ("HOME", "/h")],
            "/s/lastword/lastword.db",
        ),
        (
            vec![("XDG_STATE_HOME", "s"), ("HOME", "/h")],
            "/h/.local/state/lastword/lastword.db",
        ),
    ];
    let secrets = [("TELEGRAM_BOT_TOKEN", TOKEN), ("OPENROUTER_API_KEY", "k")];
    for (env, path) in paths {
        let env = [&secrets[..], &env[..]].concat();
        assert_eq!(bare("", &env).unwrap().config.store.path, Path::new(path));
    }
    assert!(said(bare("", &secrets)).contains("store.path is missing"));
    assert!(bare("[store]\npath = \"a.db\"", &secrets).is_ok());
}

#[test]
fn a_reload_takes_over_what_is_live_and_names_the_rest() {
    let old = load("", &[]).unwrap().config;
    let new = load(
        "[chat]\nquiet_period = \"3s\"\n[llm]\nmodel = \"a/b\"\nbase_url = \"http://127.0.0.1:1\"\n[store]\npath = \"/b.db\"",
        &[("OPENROUTER_API_KEY", "another-key")],
    )
    .unwrap()
    .config;
    let (adopted, changes) = old.adopt(&new);
    assert_eq!(changes.applied_live, ["llm.model", "chat.quiet_period"]);
    assert_eq!(
        changes.needs_restart,
        ["llm.base_url", "llm.api_key", "store.path"]
    );
    assert_eq!(adopted.llm.model, new.llm.model);
    assert_eq!(adopted.llm.base_url, old.llm.base_url);
    assert_eq!(adopted.store, old.store);
    assert_eq!(old.changes(&old), Changes::default());
    assert_eq!(adopted.changes(&new).applied_live, [] as [&str; 0]);
}
