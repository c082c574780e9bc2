//! Everything the program says while everything goes wrong, searched for what it
//! must never say: the token, the keys, what people write, what they are called,
//! what they are answered.
//!
//! The other sides echo what they are sent, headers and all, for servers do.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lastword::death::PANIC_VARIABLE;
use lastword::playground::bot_api::{Fault, FaultRule, Place};
use lastword::playground::offline::Fault as Flaw;
use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Real, Transport, beside, free_port, listener, within};

const KEY: &str = "sk-or-v1-hushkeyhushkeyhushkey";
const HOOK: &str = "hushhookhushhook";
const WORDS: &str = "hushdiary";
const NAME: &str = "Hushname";
const PROMPT: &str = "hushprompt";

/// One run of the program with everything it says in files.
struct Loud {
    child: Child,
    folder: PathBuf,
}

impl Loud {
    fn start(folder: PathBuf, env: &BTreeMap<&'static str, String>, line: &[&str]) -> Self {
        fs::create_dir_all(&folder).expect("the folder is writable");
        let file = |name: &str| fs::File::create(folder.join(name)).expect("it is writable");
        let child = Command::new(env!("CARGO_BIN_EXE_lastword"))
            .env_clear()
            .envs(env)
            .args(line)
            .stdin(Stdio::null())
            .stdout(file("out"))
            .stderr(file("err"))
            .spawn()
            .expect("the binary starts");
        Self { child, folder }
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a pid is small");
        super::process::signal(pid, signal);
    }

    fn heard(&self) -> String {
        let read = |name: &str| fs::read(self.folder.join(name)).expect("it is there");
        let both = [read("out"), read("err")].concat();
        String::from_utf8_lossy(&both).into_owned()
    }

    async fn until(&self, word: &str) {
        within(word, async {
            while !self.heard().contains(word) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    }

    /// Waits for its end and searches what it said. It must have said something.
    async fn ends_without(&mut self, what: &str, secrets: &[String]) -> Option<i32> {
        let code = within("its end", async {
            loop {
                match self.child.try_wait().expect("it is our child") {
                    Some(status) => break status.code(),
                    None => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        })
        .await;
        let heard = self.heard();
        assert!(!heard.is_empty(), "{what}: it said nothing");
        search(what, &heard, secrets);
        code
    }
}

impl Drop for Loud {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn search(what: &str, said: &str, secrets: &[String]) {
    for secret in secrets {
        if let Some(line) = said.lines().find(|line| line.contains(secret.as_str())) {
            panic!("{what}: {secret} in: {line}");
        }
    }
}

/// A server that answers everything with this status and all it was sent.
async fn echo(status: u16, json: bool) -> String {
    let server = listener().await;
    let address = server.local_addr().expect("it is bound");
    beside(async move {
        while let Ok((mut stream, _)) = server.accept().await {
            beside(async move {
                let mut request = vec![0; 64 * 1024];
                // As much as comes at once; the rest may come in vain.
                let read = stream.read(&mut request).await.unwrap_or(0);
                tokio::time::sleep(Duration::from_millis(20)).await;
                let echoed = String::from_utf8_lossy(&request[..read]).into_owned();
                let body = match json {
                    true => serde_json::json!({
                        "ok": false, "error_code": status, "description": echoed,
                        "error": {"message": echoed, "code": status, "metadata": {"raw": echoed}},
                    })
                    .to_string(),
                    false => echoed,
                };
                let head = format!(
                    "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all((head + &body).as_bytes()).await;
            });
        }
    });
    format!("http://{address}")
}

async fn world(format: &str) -> (Real, Vec<String>) {
    let mut real = Real::new(Transport::Webhook).await;
    let ops = free_port().await.to_string();
    let port = real.env["LASTWORD_TELEGRAM__WEBHOOK__LISTEN"].clone();
    assert_ne!(ops, port);
    for (name, value) in [
        ("OPENROUTER_API_KEY", KEY),
        ("TELEGRAM_WEBHOOK_SECRET", HOOK),
        ("LASTWORD_LOG__FILTER", "debug"),
        ("LASTWORD_LOG__FORMAT", format),
        ("LASTWORD_OPS__LISTEN", ops.as_str()),
        ("LASTWORD_CHAT__SYSTEM_PROMPT", PROMPT),
    ] {
        real.env.insert(name, value.to_owned());
    }
    let token = real.telegram.bot().token.clone();
    let half = token
        .split_once(':')
        .expect("it has two halves")
        .1
        .to_owned();
    let mut secrets = vec![half];
    secrets.extend([KEY, HOOK, WORDS, NAME, PROMPT].map(str::to_owned));
    (real, secrets)
}

/// Everything served to operators, as it is now.
async fn pages(real: &Real, secrets: &[String]) {
    let ops = &real.env["LASTWORD_OPS__LISTEN"];
    for path in ["livez", "readyz", "metrics", "turns", "status", ""] {
        let page = reqwest::get(format!("http://{ops}/{path}")).await;
        let page = page.expect("it answers").text().await.expect("a body");
        search(path, &page, secrets);
    }
}

/// A delivery with the right secret, whatever it says.
async fn deliver(real: &Real, body: String) {
    let address = &real.env["LASTWORD_TELEGRAM__WEBHOOK__LISTEN"];
    let request = reqwest::Client::new()
        .post(format!("http://{address}/hook"))
        .header("X-Telegram-Bot-Api-Secret-Token", HOOK)
        .body(body);
    within("a delivery", request.send())
        .await
        .expect("it answers");
}

fn refusal(code: u16, says: &str) -> Fault {
    Fault::Refuse {
        code,
        description: Some(says.to_owned()),
        retry_after_s: (code == 429).then_some(1),
    }
}

/// The Bot API refuses an answer in each form and quotes it.
fn telegram_quotes(real: &Real) {
    let says = format!("Bad Request: unsupported start tag \"{WORDS}\"");
    for code in [429, 400] {
        let rule = FaultRule::once("sendRichMessage", refusal(code, &says));
        real.telegram.fault(rule);
    }
    let rule = FaultRule::once("sendMessage", refusal(400, &says));
    real.telegram.fault(rule);
}

/// Faults of the Bot API that repeat where they were sent.
fn telegram_fails(real: &Real, token: &str) {
    let says = format!("/bot{token}/sendMessage");
    for method in ["sendRichMessage", "sendMessage", "sendRichMessageDraft"] {
        for fault in [
            refusal(500, &says),
            Fault::GatewayAfter { code: 502 },
            Fault::CutAfter,
            refusal(403, &says),
        ] {
            real.telegram.fault(FaultRule::once(method, fault));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_secret_is_said_by_runs_in_which_everything_fails() {
    for format in ["text", "json"] {
        let (real, secrets) = world(format).await;
        let folder = real.store_path().with_file_name("said");
        let token = real.telegram.bot().token.clone();
        let person = real.person(NAME);
        let asks = |n: u32| real.say(&Place::private(person), &format!("{WORDS} {n}"));

        // The Bot API and the model fail in turn; updates make no sense.
        let mut run = Loud::start(folder.join("faults"), &real.env, &["run"]);
        run.until("\"lastword\":\"start\"").await;
        asks(1);
        real.until_heard(person, "hushdiary 1").await;
        telegram_quotes(&real);
        asks(2);
        real.until_heard(person, "hushdiary 2").await;
        telegram_fails(&real, &token);
        for (n, flaw) in [
            (3, Flaw::CutAfter(1)),
            (4, Flaw::ErrorAfter(1)),
            (5, Flaw::Outage),
            (6, Flaw::NoCredit),
        ] {
            real.model.change(|now| now.fault = flaw);
            asks(n);
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        for body in [
            format!("{{\"update_id\": 1, \"message\": \"{WORDS}\"}}"),
            format!("{{\"update_id\": 2, \"message\": {{\"text\": \"{WORDS}\", \"chat\": 3}}}}"),
            format!("{{\"update_id\": \"{WORDS}\"}}"),
            format!("{WORDS} {{"),
            format!("{{\"update_id\": 3, \"edited_message\": {{\"{WORDS}\": [\"{NAME}\"]}}}}"),
        ] {
            deliver(&real, body).await;
        }
        pages(&real, &secrets).await;
        for verb in [&["turns", "--json"][..], &["turns", "--failed"], &["check"]] {
            // `check` shows the configuration, the prompt with it.
            let prompt = usize::from(verb == ["check"]);
            let secrets = &secrets[..secrets.len() - prompt];
            let mut looked = Loud::start(folder.join(verb.concat()), &real.env, verb);
            looked.ends_without(&verb.concat(), secrets).await;
        }
        run.signal(Signal::TERM);
        tokio::time::sleep(Duration::from_millis(300)).await;
        run.signal(Signal::INT);
        run.ends_without(&format!("{format}: faults"), &secrets)
            .await;

        // Servers that repeat all they were sent.
        for (status, json) in [
            (401, true),
            (402, true),
            (500, true),
            (503, false),
            (200, true),
        ] {
            let mut env = real.env.clone();
            let what = format!("{format}: the model says {status}");
            env.insert("LASTWORD_LLM__BASE_URL", echo(status, json).await + "/v1");
            let mut run = Loud::start(folder.join(format!("model-{status}")), &env, &["run"]);
            run.until("\"lastword\":\"start\"").await;
            asks(status.into());
            tokio::time::sleep(Duration::from_millis(900)).await;
            run.signal(Signal::TERM);
            run.signal(Signal::INT);
            run.ends_without(&what, &secrets).await;
        }
        for (status, json) in [
            (401, true),
            (404, true),
            (500, true),
            (502, false),
            (200, false),
        ] {
            let mut env = real.env.clone();
            let what = format!("{format}: Telegram says {status}");
            env.insert("LASTWORD_TELEGRAM__API_URL", echo(status, json).await);
            let mut run = Loud::start(folder.join(format!("telegram-{status}")), &env, &["run"]);
            tokio::time::sleep(Duration::from_millis(900)).await;
            run.signal(Signal::TERM);
            run.ends_without(&what, &secrets).await;
        }

        // Panics in the middle of what people wrote.
        real.model.change(|now| now.fault = Flaw::Sound);
        real.telegram.clear_faults();
        for moment in [
            "control applied",
            "model asked",
            "delta read",
            "call begins",
        ] {
            let mut env = real.env.clone();
            env.insert(PANIC_VARIABLE, format!("{moment}#1"));
            let mut run = Loud::start(folder.join(moment), &env, &["run"]);
            run.until("\"lastword\":\"start\"").await;
            asks(9);
            real.say(&Place::private(person), &format!("/help {WORDS}"));
            tokio::time::sleep(Duration::from_millis(900)).await;
            run.signal(Signal::TERM);
            run.signal(Signal::INT);
            run.ends_without(&format!("{format}: panic at {moment}"), &secrets)
                .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_configuration_repeats_no_secret() {
    let (real, mut secrets) = world("text").await;
    secrets.push("hush".to_owned());
    let folder = real.store_path().with_file_name("said");
    fs::create_dir_all(&folder).expect("the folder is writable");
    let config = folder.join("wrong.toml");
    let text = "[telegram]\ntoken = \"123:hush hush\"\ntokn = \"hush\"\n[llm]\napi_key = hush\n\
                base_url = \"https://hush:hush@example.org/?key=hush\"\n[hush\n";
    fs::write(&config, text).expect("the folder is writable");
    for (name, value) in [
        ("LASTWORD_CONFIG", config.display().to_string()),
        ("TELEGRAM_BOT_TOKEN", "hush:hush".to_owned()),
        ("OPENROUTER_API_KEY", "hush hush".to_owned()),
        ("TELEGRAM_WEBHOOK_SECRET", "hush!".to_owned()),
        (
            "LASTWORD_TELEGRAM__API_URL",
            "https://h/bot1:hushhushhushhushhushhush".to_owned(),
        ),
        ("LASTWORD_LLM__APIKEY", "hush".to_owned()),
    ] {
        let mut env = real.env.clone();
        // Its own values would be repeated, and they are none.
        env.insert("LASTWORD_CHAT__SYSTEM_PROMPT", "plain".to_owned());
        env.insert(name, value);
        for verb in ["run", "check"] {
            let mut run = Loud::start(folder.join(format!("{verb}{name}")), &env, &[verb]);
            let code = run
                .ends_without(&format!("{verb} with {name}"), &secrets)
                .await;
            assert_eq!(code, Some(78), "{verb} with {name}: {}", run.heard());
        }
    }
}

/// Where a core file would be written, ours is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_death_of_the_process_writes_its_memory_to_a_disk() {
    let real = Real::new(Transport::Polling).await;
    let folder = real.store_path();
    let folder = folder.parent().expect("it is in a folder");
    let shell = |line: &str| {
        let mut command = Command::new("sh");
        let line = format!("ulimit -c unlimited; {line}");
        command.arg("-c").arg(line).current_dir(folder);
        command
    };
    let control = shell("kill -ABRT $$").status().expect("a shell");
    let service = [("INVOCATION_ID", "1"), ("A", "by hand")];
    for (name, value) in service {
        let mut command = shell(&format!("exec {} run", env!("CARGO_BIN_EXE_lastword")));
        let out = folder.join(format!("out{name}"));
        let file = fs::File::create(&out).expect("the folder is writable");
        let mut child = command
            .env_clear()
            .envs(&real.env)
            .env(name, value)
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        within("a start", async {
            while !fs::read_to_string(&out).is_ok_and(|said| said.contains("start")) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        let pid = i32::try_from(child.id()).expect("a pid is small");
        let limits = fs::read_to_string(format!("/proc/{pid}/limits")).expect("it lives");
        let core = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"));
        let core: Vec<_> = core.expect("it is listed").split_whitespace().collect();
        assert_eq!(core[4..6], ["0", "0"], "{limits}");
        super::process::signal(pid, Signal::ABORT);
        let status = child.wait().expect("it is our child");
        assert!(!status.core_dumped(), "{name}: {status:?}");
    }
    if !control.core_dumped() {
        super::note("this machine writes no core files at all: only the limit was looked at");
    }
}
