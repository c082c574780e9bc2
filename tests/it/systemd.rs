//! The package and its units under a real systemd, on a machine of their own.
//!
//! Each test boots one (`tests/systemd/box.sh`), installs the package there and
//! looks at it as an operator does. Telegram and the model are stand-ins of the
//! test process that listen on that machine's loopback. Nothing is shortened:
//! the units have the time-outs that they are shipped with. Ignored by default,
//! for the package must have been made: `bash tests/systemd/run.sh` does both.

use std::fs;
use std::io::Write as _;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use lastword::clock::Clock;
use lastword::playground::bot_api::{self, BotApi, BotProfile, Place, Settings};
use lastword::playground::offline::Offline;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::real::{note, within};

mod hangs;
mod life;
mod notify;
mod operator;
mod package;
mod roll;
mod sandbox;
mod socket;

/// Between two looks at what an operator would see.
const LOOK: Duration = Duration::from_millis(50);

/// Looks until something is given up: longer than a whole grace.
const LOOKS: u32 = 3_000;

/// Where the stand-ins listen, on the machine's own loopback.
const BOT_API: &str = "127.0.0.1:8081";
const MODEL: &str = "127.0.0.1:8082";

/// Everybody may talk, and is answered soon.
const CONFIG: &str = "\
[telegram]
api_url = \"http://127.0.0.1:8081\"
[llm]
base_url = \"http://127.0.0.1:8082/v1\"
[access]
mode = \"open\"
[chat]
quiet_period = \"100ms\"
";

/// A booted machine; gone when dropped.
struct Machine {
    telegram: Arc<BotApi>,
    model: Offline,
    /// Its process 1, as this machine numbers it.
    pid: u32,
    process: Child,
    folder: TempDir,
    stop: CancellationToken,
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.stop.cancel();
        if std::thread::panicking() {
            let said = self.run("journalctl --no-pager -o short-precise -u 'lastword*' | tail -60");
            note(&text(&said));
        }
        // All its processes go with the first.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = script(&["clear", self.folder.path().to_str().unwrap_or_default()]);
    }
}

/// Where the package is, or why nothing can be tested here, said loudly.
fn package() -> Option<PathBuf> {
    let package = std::env::var_os("LASTWORD_PACKAGE").map(PathBuf::from);
    let missing = match &package {
        None => Some("LASTWORD_PACKAGE names no package: bash tests/systemd/run.sh".to_owned()),
        Some(_) if !rustix::process::geteuid().is_root() => Some("this needs root".to_owned()),
        Some(_) => [
            "/lib/systemd/systemd",
            "/usr/bin/dbus-daemon",
            "/usr/bin/dpkg",
        ]
        .iter()
        .find(|program| !Path::new(program).exists())
        .map(|program| format!("{program} is missing")),
    };
    let Some(missing) = missing else {
        return package;
    };
    assert!(std::env::var_os("CI").is_none(), "not in CI: {missing}");
    // Not `println!`: the harness would keep it to itself.
    let _ = writeln!(std::io::stderr(), "SKIPPED, NOT TESTED: {missing}");
    None
}

fn script(arguments: &[&str]) -> Output {
    Command::new(script_path())
        .args(arguments)
        .output()
        .expect("bash is there")
}

fn script_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/systemd/box.sh")
}

fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}

impl Machine {
    /// A machine on which nothing was installed yet.
    async fn boot() -> Option<Self> {
        package()?;
        let folder = TempDir::new().expect("a folder");
        let console = fs::File::create(folder.path().join("console")).expect("it is writable");
        let process = Command::new(script_path())
            .arg("boot")
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(console.try_clone().expect("a file can be had twice"))
            .stderr(console)
            .spawn()
            .expect("bash is there");
        let mut machine = Self {
            telegram: BotApi::new(
                BotProfile::sample(),
                Settings {
                    http_webhooks: true,
                    ..Settings::default()
                },
                1,
                Clock::system(),
            ),
            model: Offline::echo(),
            pid: 0,
            process,
            folder,
            stop: CancellationToken::new(),
        };
        machine.until_booted().await;
        machine.stand_in();
        Some(machine)
    }

    /// The same with the package, secrets and settings.
    async fn installed() -> Option<Self> {
        let machine = Self::boot().await?;
        machine.install();
        machine.configure("");
        Some(machine)
    }

    async fn until_booted(&mut self) {
        let children = format!("/proc/{0}/task/{0}/children", self.process.id());
        for _ in 0..LOOKS {
            let first = fs::read_to_string(&children).unwrap_or_default();
            if let Ok(pid) = first.trim().parse() {
                self.pid = pid;
                let state = text(&self.run("systemctl is-system-running"));
                if ["running", "degraded"].contains(&state.trim()) {
                    return;
                }
            }
            let ended = self.process.try_wait().expect("it is our child");
            let console = fs::read_to_string(self.folder.path().join("console"));
            assert!(ended.is_none(), "it did not boot: {console:?}");
            tokio::time::sleep(LOOK).await;
        }
        panic!("it never came up");
    }

    /// Serves Telegram and the model on the machine's loopback, from a thread
    /// that has gone there: what it calls in turn, a webhook, is there too.
    fn stand_in(&self) {
        let network = fs::File::open(format!("/proc/{}/ns/net", self.pid)).expect("it lives");
        let (telegram, model) = (Arc::clone(&self.telegram), self.model.clone());
        let stop = self.stop.clone();
        let (ready, is_ready) = mpsc::channel();
        std::thread::spawn(move || {
            move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("root may go there");
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let api = TcpListener::bind(BOT_API).await.expect("the port is free");
                let llm = TcpListener::bind(MODEL).await.expect("the port is free");
                ready.send(()).expect("it is waited for");
                let (served, answered) = tokio::join!(
                    bot_api::serve(api, telegram, stop.clone()),
                    model.serve(llm, stop.clone()),
                );
                served.expect("Telegram serves");
                answered.expect("the model serves");
            });
        });
        is_ready.recv().expect("the stand-ins serve");
    }

    /// Runs a line of shell as root.
    fn run(&self, line: &str) -> Output {
        script(&["in", &self.pid.to_string(), "sh", "-c", line])
    }

    /// The same; what it said. It must succeed.
    fn must(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(output.status.success(), "{line}: {}", text(&output));
        text(&output)
    }

    /// Puts the package there and installs it.
    fn install(&self) -> String {
        let package = package().expect("it was there");
        fs::copy(package, self.path("/srv/lastword.deb")).expect("there is room");
        self.must("dpkg --force-unsafe-io -i /srv/lastword.deb")
    }

    /// Gives the secrets, and settings beside those of every test.
    fn configure(&self, more: &str) {
        let token = self.telegram.bot().token.clone();
        self.write("/etc/lastword/telegram_bot_token", &format!("{token}\n"));
        self.write("/etc/lastword/config.toml", &format!("{CONFIG}{more}"));
    }

    /// Where a file of the machine is seen from here.
    fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.pid))
    }

    /// Writes a file; one that is there keeps its mode.
    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("root may");
        fs::write(&path, text).expect("root may");
    }

    /// Settings of a unit that an operator would give with `systemctl edit`.
    fn edit(&self, unit: &str, settings: &str) {
        self.write(
            &format!("/etc/systemd/system/{unit}.d/override.conf"),
            settings,
        );
        self.must("systemctl daemon-reload");
    }

    fn property(&self, unit: &str, name: &str) -> String {
        let said = self.must(&format!("systemctl show --value -p {name} '{unit}'"));
        said.trim().to_owned()
    }

    /// The process of a unit, as the machine numbers it.
    fn main_pid(&self, unit: &str) -> u32 {
        let pid = self.property(unit, "MainPID");
        pid.parse().expect("systemd says a number")
    }

    fn journal(&self, unit: &str) -> String {
        self.must(&format!("journalctl --no-pager -o cat -u '{unit}'"))
    }

    async fn until(&self, what: &str, done: impl Fn() -> bool) {
        for _ in 0..LOOKS {
            if done() {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
        panic!("never: {what}");
    }

    async fn until_property(&self, unit: &str, name: &str, value: &str) {
        let what = format!("{name}={value} of {unit}");
        self.until(&what, || self.property(unit, name) == value)
            .await;
    }

    /// Waits until another process than this one has said that it is ready.
    async fn until_anew(&self, unit: &str, before: u32) {
        self.until("another process", || {
            ![0, before].contains(&self.main_pid(unit))
                && self.property(unit, "ActiveState") == "active"
        })
        .await;
    }

    /// Asks the bot something; what its answer will contain.
    fn ask(&self, person: i64, text: &str) {
        self.telegram
            .say(Place::private(person), text)
            .expect("people may write");
    }

    async fn until_heard(&self, person: i64, words: &str) {
        let said = self
            .telegram
            .until(|_| self.heard(person).iter().any(|text| text.contains(words)));
        within(words, said).await;
    }

    fn heard(&self, person: i64) -> Vec<String> {
        let chat = self.telegram.chat(person);
        chat.map(|view| view.bot_texts()).unwrap_or_default()
    }

    /// Waits until the model has been asked this often.
    async fn until_asked(&self, times: usize) {
        self.until("the model is asked", || {
            self.model.counts().asked() >= times
        })
        .await;
    }

    /// Everything people were told, and that no answer was paid for twice.
    fn told_once(&self, person: i64, words: &str) {
        let heard = self.heard(person);
        let answers = heard.iter().filter(|text| text.contains(words));
        assert_eq!(answers.count(), 1, "{heard:?}");
    }
}

/// Who may do what with a file.
fn mode(path: &Path) -> u32 {
    let about = fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    about.permissions().mode() & 0o7777
}
