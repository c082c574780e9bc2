//! `lastword notify`: hands the daemon a message for a chat. Returns when it is
//! durably stored in the spool, whatever the daemon, Telegram or the network
//! do meanwhile. Never opens the store; needs no secret.

mod lines;

use std::fs;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use rand::Rng as _;

use super::{EXIT_CONFIG, EXIT_REFUSED, complain};
use crate::clock::{Clock, Millis, millis};
use crate::config::{self, Config, Errors, Sources};
use crate::domain::ids::{BotId, ChatId};
use crate::spool::{self, Handed, KEY_MAX, LIFE_MAX, NotHanded, Note, Pages, Spool};

/// Exit code when as much waits as may (`EX_TEMPFAIL`): try again later.
pub const EXIT_FULL: u8 = 75;

/// The spool of the packaged service, for callers that have no configuration.
const PACKAGED: &str = "/var/lib/lastword/spool";

const AFTER_HELP: &str = "\
Exit codes:
   0  stored durably; it is sent as soon as the daemon and Telegram can
      (also when a message under the same --key is stored already)
   1  not stored, and why: no spool, no right to write there, disk full
   2  the command line is wrong, or there is nothing to say
  75  not stored: outbox.max_rows messages wait already; try again later
  78  the configuration does not say where the spool is

Who may: root, the daemon's user, and members of the spool's group
(usermod -aG lastword USER). At most 4 messages come of one call; what is
beyond is counted in the last one.

Examples:
  lastword notify --chat 12345 --level warn 'backup is late'
  lastword notify --chat -1001234567890 --topic 7 --key disk --ttl 1h 'disk 91 %'
  df -h | lastword notify --chat 12345 -
  journalctl -fu nginx -p err | lastword notify --chat 12345 --stdin";

/// What `lastword notify` hands over.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Notify {
    /// The chat: a person's numeric id, or a group's (negative)
    #[arg(long, value_name = "ID", allow_negative_numbers = true, value_parser = chat)]
    pub chat: i64,
    /// The forum topic in it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub topic: Option<i64>,
    /// What mark it begins with
    #[arg(long, value_enum, default_value_t = Level::Info)]
    pub level: Level,
    /// Store it once: for as long as --ttl says, else a day, the same key for
    /// the same chat changes nothing
    #[arg(long, value_parser = key, conflicts_with = "stdin")]
    pub key: Option<String>,
    /// Drop it when it could not be sent in this time, e.g. 90s, 10m, 2h
    #[arg(long, value_name = "DURATION", value_parser = life)]
    pub ttl: Option<Duration>,
    /// Follow the lines of standard input to their end; those that come together
    /// (a second of quiet ends it) are one message
    #[arg(long, conflicts_with = "text")]
    pub stdin: bool,
    /// The spool [default: the folder "spool" beside store.path, else that of
    /// the packaged service]
    #[arg(long, value_name = "DIR")]
    pub spool: Option<PathBuf>,
    /// By which bot, where several share the store: the number before the colon
    /// of its token
    #[arg(long, value_name = "ID")]
    pub bot: Option<i64>,
    /// What to say; - reads it from standard input
    #[arg(value_name = "TEXT", required_unless_present = "stdin")]
    pub text: Vec<String>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// ℹ️
    Info,
    /// ⚠️
    Warn,
    /// 🛑
    Error,
}

impl Level {
    fn mark(self) -> &'static str {
        match self {
            Self::Info => "ℹ️ ",
            Self::Warn => "⚠️ ",
            Self::Error => "🛑 ",
        }
    }
}

/// Why nothing was stored.
#[derive(Debug, thiserror::Error)]
enum Not {
    #[error(transparent)]
    Config(#[from] Errors),
    #[error("{0}")]
    Spool(String),
    #[error("nothing to say")]
    Empty,
    #[error("not stored: {0}")]
    NotHanded(#[from] NotHanded),
    #[error("failed to read standard input: {0}")]
    Read(io::Error),
}

impl Not {
    fn code(&self) -> u8 {
        match self {
            Self::Config(_) => EXIT_CONFIG,
            Self::Empty => 2,
            Self::NotHanded(NotHanded::Full { .. }) => EXIT_FULL,
            Self::Spool(_) | Self::NotHanded(_) | Self::Read(_) => EXIT_REFUSED,
        }
    }
}

/// Hands it over. Answers the exit code. `is_stopping` is asked while it waits
/// for input.
pub fn notify(
    asked: &Notify,
    sources: &Sources,
    is_stopping: &dyn Fn() -> bool,
    err: &mut dyn Write,
) -> u8 {
    let handed = hand_over(asked, sources, is_stopping, err);
    // Nobody is left to tell when stderr is gone.
    let _told = match &handed {
        Ok(()) => return 0,
        Err(Not::Config(errors)) => complain(errors, err),
        Err(not) => writeln!(err, "lastword: {not}"),
    };
    handed.map_or_else(|not| not.code(), |()| 0)
}

fn hand_over(
    asked: &Notify,
    sources: &Sources,
    is_stopping: &dyn Fn() -> bool,
    err: &mut dyn Write,
) -> Result<(), Not> {
    let desk = Desk {
        spool: open(asked, sources)?,
        asked,
        clock: Clock::system(),
    };
    let mark = asked.level.mark();
    if asked.stdin {
        return lines::follow(&desk, mark, is_stopping, err);
    }
    let mut pages = Pages::new(mark);
    if asked.text == ["-"] {
        if io::stdin().is_terminal() {
            let _ = writeln!(err, "lastword: say it, then Ctrl-D");
        }
        read_whole(&mut io::stdin().lock(), &mut pages).map_err(Not::Read)?;
    } else {
        asked
            .text
            .join(" ")
            .lines()
            .for_each(|line| pages.push(line));
    }
    if pages.is_empty() {
        return Err(Not::Empty);
    }
    let left = pages.lines_left();
    desk.hand_in(pages)?;
    if left > 0 {
        let _ = writeln!(err, "lastword: too long: {left} lines were left out");
    }
    Ok(())
}

/// Where a caller hands in.
struct Desk<'a> {
    spool: Spool,
    asked: &'a Notify,
    clock: Clock,
}

impl Desk<'_> {
    fn hand_in(&self, pages: Pages) -> Result<Handed, NotHanded> {
        let note = Note {
            chat: ChatId(self.asked.chat),
            topic: self.asked.topic,
            bot: self.asked.bot.map(BotId),
            key: self.asked.key.clone(),
            texts: pages.into_texts(),
            at: self.clock.now(),
            ttl_ms: self.asked.ttl.map(|ttl| Millis::max(1, millis(ttl))),
        };
        self.spool.hand_in(&note, rand::rng().random())
    }
}

/// Reads lines to the end, in memory that does not grow with them.
fn read_whole(input: &mut dyn Read, pages: &mut Pages) -> io::Result<()> {
    let mut lines = lines::Lines::default();
    let mut chunk = [0_u8; 16 * 1024];
    loop {
        match input.read(&mut chunk) {
            Ok(0) => {
                lines.finish(&mut |line| pages.push(line));
                return Ok(());
            }
            Ok(read) => lines.feed(&chunk[..read], &mut |line| pages.push(line)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Opens the spool, or says what its caller can do about it.
fn open(asked: &Notify, sources: &Sources) -> Result<Spool, Not> {
    let path = match &asked.spool {
        Some(path) => path.clone(),
        None => place(sources)?,
    };
    let told = |reason: String| Not::Spool(reason);
    let shown = path.display();
    let spool = Spool::open(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => told(format!(
            "there is no spool at {shown}: the daemon makes it when it starts for the first \
             time (another place: --spool)"
        )),
        io::ErrorKind::PermissionDenied => told(no_right(&path)),
        _ => told(format!("failed to open the spool at {shown}: {error}")),
    })?;
    // Said before anything is read from a pipe.
    match rustix::fs::access(&path, rustix::fs::Access::WRITE_OK) {
        Err(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM) => Err(told(no_right(&path))),
        _ => Ok(spool),
    }
}

fn no_right(path: &Path) -> String {
    format!(
        "no right to hand in at {}: be root or a member of its group (as a rule: usermod -aG \
         lastword USER, then log in again)",
        path.display()
    )
}

/// Beside the store, if there is one; a caller without a configuration means the
/// packaged service.
fn place(sources: &Sources) -> Result<PathBuf, Errors> {
    let packaged = || Some(PathBuf::from(PACKAGED)).filter(|path| fs::metadata(path).is_ok());
    match Config::store_path(sources) {
        Ok(store) => {
            let own = spool::beside(&store);
            let is_there = fs::symlink_metadata(&own).is_ok();
            Ok(packaged().filter(|_| !is_there).unwrap_or(own))
        }
        Err(errors) => packaged().ok_or(errors),
    }
}

fn chat(text: &str) -> Result<i64, String> {
    let id: i64 = text.parse().map_err(|_| "a number is needed".to_owned())?;
    match id != 0 && !ChatId(id).is_relayed() {
        true => Ok(id),
        false => Err("no chat has this id".to_owned()),
    }
}

fn key(text: &str) -> Result<String, String> {
    match spool::key_fits(text) {
        true => Ok(text.to_owned()),
        false => Err(format!("1 to {KEY_MAX} bytes without control characters")),
    }
}

fn life(text: &str) -> Result<Duration, String> {
    config::span(text)
        .filter(|life| (Duration::from_secs(1)..=LIFE_MAX).contains(life))
        .ok_or_else(|| "a duration with a unit, from 1s to 30d, such as 90s or 2h".to_owned())
}

#[cfg(test)]
mod tests;
