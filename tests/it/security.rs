//! The threat table (`docs/SECURITY.md`): every proof it names is there; and the
//! proofs that have no better place.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lastword::config::{BotToken, Config, Sources};
use lastword::playground::bot_api::Place;

use crate::house::House;
use crate::neighbours::pass;
use crate::real::{Real, Transport, beside};

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(top().join(name)).expect("it is in the repository")
}

/// The rows of the table, without its head.
fn rows(document: &str) -> Vec<Vec<&str>> {
    let lines = document.lines().filter(|line| line.starts_with("| "));
    lines
        .skip(1)
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}

#[test]
fn every_threat_names_its_proofs_and_every_proof_is_there() {
    let document = read("docs/SECURITY.md");
    let sources: String = crate::tidy::rust().iter().map(|s| s.text()).collect();
    let ci = read(".ci/run");
    let rows = rows(&document);
    assert!(rows.len() >= 14, "the table was not found");
    for row in rows {
        assert_eq!(row.len(), 3, "{row:?}");
        let proofs: Vec<&str> = row[2].split('`').skip(1).step_by(2).collect();
        assert!(!proofs.is_empty(), "no proof: {}", row[0]);
        for proof in proofs {
            let is_there = match proof.strip_prefix(".ci/run ") {
                Some(section) => ci.contains(&format!("\n{section}() {{")),
                None => {
                    let tests = ["#[test]\n", "#[tokio::test"];
                    let declared = format!("fn {proof}()");
                    sources.match_indices(&declared).any(|(at, _)| {
                        let before = &sources[..at];
                        let last = before.len().saturating_sub(160);
                        let last = (last..at).find(|n| before.is_char_boundary(*n));
                        let before = &before[last.unwrap_or(at)..];
                        tests.iter().any(|mark| before.contains(mark))
                    })
                }
            };
            assert!(is_there, "{proof} proves {:?} and is not there", row[0]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_store_and_what_is_kept_beside_it_are_closed_to_others() {
    let mut house = House::new();
    let _life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "hello");
    house.until_heard(ann, 1).await;
    pass(5_000).await;
    let folder = house.store_path();
    let folder = folder.parent().expect("it is in a folder");
    let mut seen = 0;
    for entry in fs::read_dir(folder).expect("it is there") {
        let entry = entry.expect("it can be read");
        let about = entry.metadata().expect("it is there");
        if about.is_file()
            && entry
                .file_name()
                .to_string_lossy()
                .starts_with("lastword.db")
        {
            seen += 1;
            let mode = about.permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{:?}", entry.file_name());
        }
    }
    assert!(seen >= 2, "the store and its log");
}

#[test]
fn the_operators_port_is_off_unless_asked_for() {
    let token = BotToken::parse("1:a").expect("a token");
    assert_eq!(Config::new(token, "x".into()).ops.listen, None);
    for line in read("config.toml").lines() {
        if let Some(value) = line.strip_prefix("#listen = ") {
            assert!(value.starts_with("\"127.0.0.1:"), "{line}");
        }
    }
}

#[test]
fn a_private_key_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str, mode| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("it is writable");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("ours");
        path
    };
    let chain = file("chain.pem", "x", 0o644);
    for (mode, fine) in [(0o644, false), (0o600, true)] {
        let key = file("key.pem", "x", mode);
        let text = format!(
            "[telegram]\nmode = \"webhook\"\n[telegram.webhook]\nurl = \"https://h.example/x\"\n\
             tls_cert = {chain:?}\ntls_key = {key:?}\n"
        );
        let config = file("config.toml", &text, 0o644);
        let env = [
            ("TELEGRAM_BOT_TOKEN", "1:a"),
            ("OPENROUTER_API_KEY", "k"),
            ("HOME", "/h"),
        ];
        let env = env.map(|(name, value)| (name.into(), value.into()));
        let loaded = Config::load(&Sources::new(Some(config), env));
        assert_eq!(loaded.is_ok(), fine, "{mode:o} {loaded:?}");
        if let Err(errors) = loaded {
            let told = errors.to_string();
            assert!(told.contains("tls_key") && told.contains("0644"), "{told}");
        }
    }
}

#[test]
fn unsafe_code_is_forbidden() {
    assert!(read("Cargo.toml").contains("\nunsafe_code = \"forbid\"\n"));
}

#[test]
fn every_dependency_comes_from_the_registry_with_a_checksum() {
    let lock = read("Cargo.lock");
    let packages = lock.split("[[package]]").skip(1);
    let mut seen = 0;
    for package in packages {
        if package.contains("\nname = \"lastword\"\n") {
            continue;
        }
        seen += 1;
        let from = "\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
        assert!(package.contains(from), "{package}");
        assert!(package.contains("\nchecksum = \""), "{package}");
    }
    assert!(seen > 100, "the lock file was not read");
}

/// With no descriptor to be had, not even in the place of one that is closed,
/// there is nothing to open and nowhere to connect; it reads what it is given
/// all the same.
#[test]
fn a_reader_of_files_can_open_nothing_and_connect_nowhere() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lastword"))
        .arg("prepare")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let mut input = child.stdin.take().expect("it is piped");
    let limits = format!("/proc/{}/limits", child.id());
    let limit = |name: &str| {
        let all = fs::read_to_string(&limits).expect("it waits for its input");
        let line = all.lines().find(|line| line.starts_with(name));
        let line = line.expect("it is listed")[name.len()..].to_owned();
        line.split_whitespace()
            .take(2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    // Its limits come with its start, which takes a moment.
    let looked = std::iter::repeat_with(|| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        limit("Max open files")
    });
    let is_set = looked.take(3_000).any(|now| now == ["0", "0"]);
    assert!(is_set, "{:?}", limit("Max open files"));
    assert_eq!(limit("Max file size"), ["0", "0"]);
    assert_eq!(limit("Max core file size"), ["0", "0"]);
    let job =
        "{\"document\":{\"name\":\"a.txt\",\"mime\":\"text/plain\",\"chars\":100,\"pages\":1}}";
    let _ = input.write_all(format!("{job}\nsome words").as_bytes());
    drop(input);
    let answer = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&answer.stdout).into_owned();
    assert!(answer.status.success(), "{answer:?}");
    assert!(said.contains("some words"), "{said}");
}

/// The sockets below a folder.
fn sockets(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let found = entries.flat_map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => sockets(&entry.path()),
        Ok(kind) if kind.is_socket() => vec![entry.path()],
        _ => Vec::new(),
    });
    found.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_control_socket_is_closed_to_others() {
    let real = Real::new(Transport::Polling).await;
    let mut process = real.start().await;
    let folder = real.store_path();
    let sockets = sockets(folder.parent().expect("it is in a folder"));
    assert!(!sockets.is_empty(), "it is beside the store");
    for socket in &sockets {
        let about = fs::metadata(socket).expect("it is there");
        let mode = about.permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{socket:?}");
    }
    let exit = process.stop().await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_in_a_message_is_fetched_by_nobody() {
    let real = Real::new(Transport::Polling).await;
    let trap = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = trap.local_addr().expect("it is bound");
    let came = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&came);
    beside(async move {
        while let Ok((stream, _)) = trap.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            drop(stream);
        }
    });
    let ann = real.person("Ann");
    let mut process = real.start().await;
    // The model echoes: the same in its answer.
    let text = format!(
        "http://{address}/a ![x](http://{address}/b.png) [y](http://{address}/c) \
         <img src=\"http://{address}/d\"> file:///etc/passwd"
    );
    real.say(&Place::private(ann), &text);
    real.until_heard(ann, "passwd").await;
    let exit = process.stop().await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert_eq!(came.load(Ordering::SeqCst), 0, "somebody came");
    // The trap itself is open.
    drop(
        tokio::net::TcpStream::connect(address)
            .await
            .expect("it listens"),
    );
    while came.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
