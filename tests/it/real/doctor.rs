//! `lastword doctor` with the real binary, against a stand-in for Telegram: what
//! is right is said to be, what is wrong is bad, and no secret is ever shown.

use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use super::{Real, Transport, within};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_bad_and_says_what_to_do_without_a_secret() {
    let mut real = Real::new(Transport::Polling).await;
    let folder = tempfile::TempDir::new().expect("a folder");
    let secret = "123456:hush_hush_hush_hush_hush_hush_hush";
    let file = folder.path().join("token");
    std::fs::write(&file, secret).expect("the folder is writable");
    let readable = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(&file, readable).expect("it is ours");
    real.env.remove(TOKEN);
    let path = file.display().to_string();
    real.env.insert("LASTWORD_TELEGRAM__TOKEN_FILE", path);
    let visited = visit(&real, &[]).await;
    let said = said(&visited);
    if visited.status.code() == Some(78) {
        // Refused before anything is looked at.
        let refused = String::from_utf8_lossy(&visited.stderr).into_owned();
        assert!(refused.contains("token"), "{refused}");
        assert!(!refused.contains("hush"), "{refused}");
        return;
    }
    assert_eq!(visited.status.code(), Some(1), "{visited:?}");
    for (line, todo) in [("bad   token", "@BotFather"), ("bad   files", "chmod 0600")] {
        let found = said.lines().find(|said| said.starts_with(line));
        let found = found.unwrap_or_else(|| panic!("{said}"));
        assert!(found.contains(todo), "{found}");
    }
    let all = format!("{said}{}", String::from_utf8_lossy(&visited.stderr));
    assert!(!all.contains("hush"), "{all}");
}
