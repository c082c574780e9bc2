//! `docs/OPERATING.md`, tried as a new operator would: every command on the
//! page, from top to bottom, on a bare machine; and what it says of a single unit
//! with a socket, on another.

use std::fs;
use std::path::Path;

use super::{CONFIG, Machine, text};

/// Its blocks that are on the way from top to bottom.
const MAIN: &str = "```sh\n";

/// Its block for a single unit.
const SINGLE: &str = "```sh single\n";

/// The commands of the page in blocks of this kind, in order, line by line.
fn commands(kind: &str) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/OPERATING.md");
    let page = fs::read_to_string(page).expect("the page is there");
    let mut commands = Vec::new();
    for block in page.split(kind).skip(1) {
        let block = block.split("```").next().unwrap_or_default();
        commands.extend(block.lines().map(str::to_owned));
    }
    commands
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "boots a systemd: bash tests/systemd/run.sh"]
async fn every_command_of_the_page_for_operators_works_from_a_bare_machine() {
    let Some(machine) = Machine::boot().await else {
        return;
    };
    // Somebody who answers apt's questions, and types into the editor.
    machine.write(
        "/etc/apt/apt.conf.d/99yes",
        "APT::Get::Assume-Yes \"true\";\nAPT::Install-Recommends \"false\";\n",
    );
    machine.write(
        "/usr/local/bin/editor",
        "#!/bin/sh\nfor file; do cat \"/srv/typed/${file##*/}\" >\"$file\"; done\n",
    );
    machine.must("chmod 755 /usr/local/bin/editor");
    let token = machine.telegram.bot().token.clone();
    machine.write("/srv/typed/telegram_bot_token", &format!("{token}\n"));
    machine.write("/srv/typed/openrouter_api_key", "sk-or-v1-example\n");
    machine.write("/srv/typed/config.toml", CONFIG);
    // The stand-ins, which a real operator does not have, from the start.
    machine.write(
        "/etc/systemd/system/lastword@.service.d/world.conf",
        "[Service]\nEnvironment=LASTWORD_TELEGRAM__API_URL=http://127.0.0.1:8081 \
         LASTWORD_LLM__BASE_URL=http://127.0.0.1:8082/v1\n",
    );
    let mut packages = ["LASTWORD_PACKAGE", "LASTWORD_UPGRADE"].into_iter();
    let ann = machine.telegram.add_person("Ann");
    for (number, command) in commands(MAIN).iter().enumerate() {
        if command.starts_with("apt install") {
            let package = packages.next().and_then(std::env::var_os);
            let package = package.expect("tests/systemd/run.sh sets it");
            machine.must("rm -f /srv/lastword_*.deb");
            fs::copy(package, machine.path("/srv/lastword_0_amd64.deb")).expect("there is room");
        }
        let done = machine.run(&format!("cd /srv && {command}"));
        // That something is bad is an answer, too: these stand-ins are not Telegram.
        let is_verdict = command == "lastword doctor" && done.status.code() == Some(1);
        assert!(
            done.status.success() || is_verdict,
            "{command}: {}{}",
            text(&done),
            machine.journal("lastword@a.service")
        );
        if command.starts_with("systemctl try-reload") {
            // From here on the settings of the file count: everybody may talk.
            machine.ask(ann, &format!("hello {number}"));
            machine.until_heard(ann, &format!("hello {number}")).await;
        }
    }
    machine.ask(ann, "and at the end");
    machine.until_heard(ann, "and at the end").await;
    machine.told_once(ann, "and at the end");
    let failed = machine.must("systemctl list-units --failed --plain --no-legend");
    assert_eq!(failed.trim(), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "boots a systemd: bash tests/systemd/run.sh"]
async fn a_port_is_kept_open_for_a_single_unit_as_the_page_for_operators_says() {
    let Some(machine) = Machine::installed().await else {
        return;
    };
    let (single, socket) = ("lastword.service", "lastword.socket");
    machine.configure("[telegram.webhook]\nurl = \"http://127.0.0.1:8443/hook\"\n");
    machine.edit(
        single,
        "[Service]\nEnvironment=LASTWORD_TELEGRAM__MODE=webhook\n",
    );
    machine.must("systemctl start lastword");
    let refused = machine.run("systemctl start lastword.socket");
    assert!(!refused.status.success(), "the page need not say: stop it");
    let commands = commands(SINGLE);
    assert!(commands.len() >= 2, "{commands:?}");
    for command in &commands {
        machine.must(command);
    }
    for unit in [single, socket] {
        assert_eq!(machine.property(unit, "ActiveState"), "active", "{unit}");
    }
    let ann = machine.telegram.add_person("Ann");
    machine.ask(ann, "hello");
    machine.until_heard(ann, "hello").await;
    // A delivery starts it.
    machine.must("systemctl stop lastword");
    machine.ask(ann, "are you off?");
    machine.until_heard(ann, "are you off?").await;
    machine.must("systemctl stop lastword.socket lastword");
    machine.ask(ann, "and now?");
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(machine.property(single, "ActiveState"), "inactive");
    // What the page says for a restore finds this one, too.
    machine.must("systemctl start lastword.socket lastword");
    machine.until_heard(ann, "and now?").await;
    machine.must("systemctl stop 'lastword.*' 'lastword@*'");
    machine.ask(ann, "in the middle of it?");
    machine.must("lastword status; test $? -eq 3");
    for unit in [single, socket] {
        assert_eq!(machine.property(unit, "ActiveState"), "inactive", "{unit}");
    }
}
