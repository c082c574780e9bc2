//! `lastword doctor` with the real binary, against a stand-in for Telegram: what
//! is right is said to be, what is wrong is bad, and no secret is ever shown.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpListener;

use super::{Real, Transport, beside, within};

const TOKEN: &str = "TELEGRAM_BOT_TOKEN";

async fn visit(real: &Real, more: &[&str]) -> Output {
    let run = tokio::process::Command::new(env!("CARGO_BIN_EXE_lastword"))
        .env_clear()
        .envs(&real.env)
        .arg("doctor")
        .args(more)
        .kill_on_drop(true)
        .output();
    within("a visit", run).await.expect("the binary starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sound_place_is_found_sound_beside_a_daemon_that_runs() {
    let real = Real::new(Transport::Polling).await;
    let _process = real.start().await;
    let visited = visit(&real, &[]).await;
    let said = said(&visited);
    assert_eq!(visited.status.code(), Some(0), "{visited:?}");
    for line in ["ok    token     @", "ok    webhook   none", "ok    clock"] {
        assert!(said.contains(line), "{said}");
    }
    assert!(said.contains("ok    store"), "{said}");
    assert!(!said.contains(&real.env[TOKEN]), "{said}");
    for line in visit(&real, &["--json"])
        .await
        .stdout
        .split(|b| *b == b'\n')
    {
        if !line.is_empty() {
            let line: serde_json::Value = serde_json::from_slice(line).expect("JSON");
            assert!(line["what"].is_string(), "{line}");
        }
    }
}

/// The line of this verdict about this.
fn line<'a>(said: &'a str, begins: &str) -> &'a str {
    let found = said.lines().find(|line| line.starts_with(begins));
    found.unwrap_or_else(|| panic!("no {begins:?} in {said}"))
}

const SECRET: &str = "123456:hush_hush_hush_hush_hush_hush_hush";

/// A world whose token is in this file, which Telegram does not know.
fn with_token_in(real: &mut Real, file: &Path, mode: u32) {
    std::fs::write(file, SECRET).expect("the folder is writable");
    chmod(file, mode);
    real.env.remove(TOKEN);
    let path = file.display().to_string();
    real.env.insert("LASTWORD_TELEGRAM__TOKEN_FILE", path);
}

fn chmod(file: &Path, mode: u32) {
    std::fs::set_permissions(file, Permissions::from_mode(mode)).expect("it is ours");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_bad_and_says_what_to_do_without_a_secret() {
    let mut real = Real::new(Transport::Polling).await;
    let folder = tempfile::TempDir::new().expect("a folder");
    with_token_in(&mut real, &folder.path().join("token"), 0o600);
    std::fs::write(real.store_path(), "").expect("the folder is writable");
    chmod(&real.store_path(), 0o644);
    let visited = visit(&real, &[]).await;
    let said = said(&visited);
    assert_eq!(visited.status.code(), Some(1), "{visited:?}");
    for (begins, todo) in [("bad   token", "@BotFather"), ("bad   files", "chmod 0600")] {
        let found = line(&said, begins);
        assert!(found.contains(todo), "{found}");
    }
    let all = format!("{said}{}", String::from_utf8_lossy(&visited.stderr));
    assert!(!all.contains("hush"), "{all}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mistakes_of_the_configuration_are_findings_beside_all_the_others() {
    let mut real = Real::new(Transport::Polling).await;
    let folder = tempfile::TempDir::new().expect("a folder");
    // Two mistakes, one of which also is a file that others can read.
    with_token_in(&mut real, &folder.path().join("token"), 0o644);
    real.env
        .insert("LASTWORD_CHAT__QUIET_PERIOD", "2".to_owned());
    let visited = visit(&real, &[]).await;
    let said = said(&visited);
    assert_eq!(visited.status.code(), Some(78), "{visited:?}");
    let mistakes: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("bad   config"))
        .collect();
    assert_eq!(mistakes.len(), 2, "{said}");
    for part in ["telegram.token", "mode 0644", "chat.quiet_period"] {
        assert!(mistakes.iter().any(|line| line.contains(part)), "{said}");
    }
    // The rest is looked at all the same; no secret was sent anywhere.
    for begins in [
        "warn  token",
        "warn  model",
        "ok    clock",
        "ok    store",
        "bad   files",
    ] {
        line(&said, begins);
    }
    assert!(line(&said, "bad   files").contains("credential"), "{said}");
    assert!(said.lines().any(|line| line.contains("unit")), "{said}");
    assert!(real.telegram.calls().is_empty(), "the token was sent");
    let json = visit(&real, &["--json"]).await;
    assert_eq!(json.status.code(), Some(78), "{json:?}");
    let lines: Vec<serde_json::Value> = String::from_utf8_lossy(&json.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines.len(), said.lines().count());
    assert_eq!(lines[0]["what"], "config");
    assert_eq!(lines[0]["verdict"], "bad");
    let all = format!("{visited:?}{json:?}");
    assert!(!all.contains("hush"), "{all}");
}

/// Whoever runs a verb may stand anywhere, also where somebody else can write: a
/// file there must not send the token and the key to its own addresses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_that_somebody_else_laid_in_the_way_is_not_followed() {
    let mut real = Real::new(Transport::Polling).await;
    let trap = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = trap.local_addr().expect("it is bound");
    let came = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&came);
    beside(async move {
        while trap.accept().await.is_ok() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("config.toml");
    let text = format!("[llm]\nbase_url = \"http://{address}/v1\"\n");
    std::fs::write(&file, text).expect("the folder is writable");
    for name in ["LASTWORD_CONFIG", "LASTWORD_LLM__BASE_URL"] {
        real.env.remove(name);
    }
    real.env
        .insert("OPENROUTER_API_KEY", "sk-or-hush-hush-hush".to_owned());
    let run = async |verb: &str| {
        let run = tokio::process::Command::new(env!("CARGO_BIN_EXE_lastword"))
            .env_clear()
            .envs(&real.env)
            .arg(verb)
            .current_dir(folder.path())
            .kill_on_drop(true)
            .output();
        within("a verb", run).await.expect("the binary starts")
    };
    let others = |how: &str| match how {
        "written" => chmod(&file, 0o666),
        _ => {
            chmod(&file, 0o600);
            chown(&file, Some(54_321), None).expect("root may");
        }
    };
    let is_root = rustix::process::geteuid().is_root();
    // Only root can be laid something in the way by giving it away.
    let ways: &[&str] = if is_root {
        &["written", "owned"]
    } else {
        &["written"]
    };
    for how in ways {
        others(how);
        for verb in ["doctor", "check", "run"] {
            let refused = run(verb).await;
            assert_eq!(refused.status.code(), Some(78), "{how} {verb}: {refused:?}");
            let said = format!("{refused:?}");
            assert!(said.contains("--config ./config.toml"), "{said}");
            assert!(!said.contains("hush"), "{said}");
        }
    }
    assert_eq!(came.load(Ordering::SeqCst), 0, "somebody was sent there");
    // One's own is followed.
    if is_root {
        chown(&file, Some(0), None).expect("root may");
    }
    chmod(&file, 0o600);
    assert_eq!(run("check").await.status.code(), Some(0));
    if !Path::new("/etc/lastword/config.toml").exists() {
        run("doctor").await;
        assert!(came.load(Ordering::SeqCst) > 0, "the trap was not open");
    }
}
