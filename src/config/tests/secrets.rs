//! Where secrets come from, and that they never come out.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::*;

#[test]
fn a_secret_comes_from_the_strongest_place_and_doubles_are_mentioned() {
    let folder = tempfile::tempdir().unwrap();
    let credentials = folder.path().join("credentials");
    fs::create_dir(&credentials).unwrap();
    fs::write(credentials.join("telegram_bot_token"), "2:credential\n").unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "3:file\r\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let credentials = credentials.to_str().unwrap();

    let in_file = "[telegram]\ntoken = \"5:clear\"\n";
    let with_file = format!("{in_file}token_file = {:?}\n", file.to_str().unwrap());
    let base = [("HOME", "/h"), ("OPENROUTER_API_KEY", "k")];
    let directory = ("CREDENTIALS_DIRECTORY", credentials);
    for (text, extra, token, warnings) in [
        (
            &with_file,
            vec![("TELEGRAM_BOT_TOKEN", "1:env"), directory],
            "1:env",
            3,
        ),
        (
            &with_file,
            vec![("TELEGRAM_BOT_TOKEN", ""), directory],
            "2:credential",
            2,
        ),
        (&with_file, vec![], "3:file", 1),
        (
            &String::new(),
            vec![("LASTWORD_TELEGRAM__TOKEN", "4:var\n")],
            "4:var",
            0,
        ),
    ] {
        let env = [&base[..], &extra[..]].concat();
        let loaded = bare(text, &env).unwrap();
        assert_eq!(loaded.config.telegram.token.expose(), token);
        let doubles = loaded
            .warnings
            .iter()
            .filter(|w| matches!(w, Warning::SeveralSources { .. }))
            .count();
        assert_eq!(doubles, warnings, "{token}: {:?}", loaded.warnings);
    }
    let loaded = bare(in_file, &base).unwrap();
    assert_eq!(loaded.config.telegram.token.expose(), "5:clear");
    assert!(matches!(loaded.warnings[0], Warning::SecretInFile { .. }));
}

/// What the units say of a secret that may be given elsewhere.
#[test]
fn an_empty_credential_is_one_that_is_not_given() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("telegram_bot_token"), "\n").unwrap();
    fs::write(folder.path().join("openrouter_api_key"), "").unwrap();
    let credentials = ("CREDENTIALS_DIRECTORY", folder.path().to_str().unwrap());
    let env = [("HOME", "/h"), credentials];
    let loaded = bare(
        "[telegram]\ntoken = \"5:clear\"\n[llm]\nbase_url = \"http://127.0.0.1:1/v1\"\n",
        &env,
    );
    let loaded = loaded.unwrap();
    assert_eq!(loaded.config.telegram.token.expose(), "5:clear");
    assert!(loaded.config.llm.api_key.is_none());
    let said = said(bare("", &env));
    for word in [
        "/etc/lastword/telegram_bot_token",
        "/etc/lastword/openrouter_api_key",
    ] {
        assert!(said.contains(word), "{said}");
    }
}

#[test]
fn a_secret_that_others_can_read_is_refused_and_the_mode_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    fs::write(&file, "hush\n").unwrap();
    let text = format!("[llm]\napi_key_file = {:?}", file.to_str().unwrap());
    let env = [("TELEGRAM_BOT_TOKEN", TOKEN), ("HOME", "/h")];
    let is_roots = fs::metadata(&file).unwrap().uid() == 0;
    for (mode, fine) in [
        (0o644, false),
        (0o604, false),
        (0o660, false),
        (0o640, is_roots),
        (0o600, true),
        (0o400, true),
    ] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let loaded = bare(&text, &env);
        assert_eq!(loaded.is_ok(), fine, "{mode:o}");
        if !fine {
            let message = said(loaded);
            let shown = format!("mode {mode:04o}): chmod 600");
            assert!(message.contains(&shown), "{message}");
            assert!(message.contains("llm.api_key: ") && message.contains("/key "));
            assert!(!message.contains("hush"), "{message}");
            assert_eq!(message.lines().count(), 1, "{message}");
        }
    }
    // The configuration itself, with a secret in it; without one it may be read.
    let config = folder.path().join("config.toml");
    for (text, fine) in [("[llm]\napi_key = \"hush\"", false), ("[llm]", true)] {
        fs::write(&config, text).unwrap();
        fs::set_permissions(&config, fs::Permissions::from_mode(0o644)).unwrap();
        let env = [&env[..], &[("OPENROUTER_API_KEY", "")]].concat();
        let message = said(Config::load(&sources(&config, &env)));
        assert_eq!(!message.contains("is open to others"), fine, "{message}");
        // Closed to its group it would be closed to the daemon, where root owns it.
        let advice = "move it to llm.api_key_file or to the systemd credential openrouter_api_key";
        assert_eq!(!message.contains(advice), fine, "{message}");
        assert!(!message.contains("chmod"), "{message}");
    }
    // A credential is the service manager's to guard.
    let credential = folder.path().join("openrouter_api_key");
    fs::write(&credential, "hush").unwrap();
    fs::set_permissions(&credential, fs::Permissions::from_mode(0o444)).unwrap();
    let at = folder.path().to_str().unwrap();
    let env = [&env[..], &[("CREDENTIALS_DIRECTORY", at)]].concat();
    assert!(bare("", &env).is_ok());
}

#[test]
fn a_token_of_the_console_that_is_too_short_is_refused_and_told_how_long_it_has_to_be() {
    let message = said(load("", &[("OPS_CONSOLE_TOKEN", "hush-hush")]));
    for part in ["ops.console_token", "16 to 256", "OPS_CONSOLE_TOKEN"] {
        assert!(message.contains(part), "{part:?} is not in {message}");
    }
    assert!(!message.contains("hush"), "{message}");
}

#[test]
fn a_secret_is_never_repeated() {
    let loaded = load("[telegram.webhook]\nsecret = \"hush-hook\"", &[]).unwrap();
    let settings = loaded.config.settings();
    for shown in [format!("{loaded:?}"), format!("{settings:?}")] {
        assert!(!shown.contains("hush"), "{shown}");
    }
    for (file, env) in [
        ("[telegram]\ntoken = \"hush\"", ("A", "")),
        ("[telegram]\ntokn = \"hush\"", ("A", "")),
        ("[telegram]\ntoken = hush", ("A", "")),
        ("[telegram]\ntoken = \"hush", ("A", "")),
        ("telegram = \"hush\"", ("A", "")),
        ("[telegram.webhook]\nsecret = \"hush!\"", ("A", "")),
        ("", ("TELEGRAM_BOT_TOKEN", "hush")),
        ("", ("OPENROUTER_API_KEY", "hush hush")),
        ("", ("LASTWORD_LLM__API_KEY", "hush\nhush")),
    ] {
        let message = said(bare(file, &[env, ("HOME", "/h")]));
        assert!(!message.contains("hush"), "{message}");
    }
}

#[test]
fn a_secret_file_that_cannot_be_read_is_an_error() {
    for text in [
        "[llm]\napi_key_file = \"/absent/key\"",
        "[llm]\napi_key_file = \"/\"",
    ] {
        let message = said(bare(text, &[("TELEGRAM_BOT_TOKEN", TOKEN), ("HOME", "/h")]));
        assert!(message.contains("llm.api_key_file: /"), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
    let message = said(load("[llm]\napi_key_file = 3", &[]));
    assert!(message.contains("llm.api_key_file = 3"), "{message}");
}

#[test]
fn a_model_on_this_machine_needs_no_key() {
    let env = [("TELEGRAM_BOT_TOKEN", TOKEN), ("HOME", "/h")];
    for (url, fine) in [
        ("http://127.0.0.1:11434/v1", true),
        ("http://localhost:11434/v1", true),
        ("http://10.0.0.1:11434/v1", false),
    ] {
        let loaded = bare(&format!("[llm]\nbase_url = \"{url}\""), &env);
        assert_eq!(loaded.is_ok(), fine, "{url}");
    }
}

#[test]
fn a_console_for_other_machines_needs_a_token_of_the_operators_and_says_what_travels_in_clear() {
    let env = [("TELEGRAM_BOT_TOKEN", TOKEN), ("HOME", "/h")];
    let model = "[llm]\nbase_url = \"http://127.0.0.1:1/v1\"\n";
    let token = ("OPS_CONSOLE_TOKEN", "sixteen-or-more-characters");
    for (listen, given, off, clear) in [
        ("127.0.0.1:9464", false, false, false),
        ("[::1]:9464", true, false, false),
        ("0.0.0.0:9464", false, true, false),
        ("0.0.0.0:9464", true, false, true),
    ] {
        let token: Vec<_> = given.then_some(token).into_iter().collect();
        let env = [&env[..], &token[..]].concat();
        let loaded = bare(&format!("{model}[ops]\nlisten = \"{listen}\""), &env).unwrap();
        assert_eq!(loaded.config.ops.is_console_off(), off, "{listen}");
        let says = |part: &str| loaded.warnings.iter().any(|w| w.to_string().contains(part));
        assert_eq!(says("console stays off"), off, "{listen}");
        assert_eq!(says("travels unencrypted"), clear, "{listen}");
    }
}
