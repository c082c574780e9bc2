//! The command line: what can be asked of the program, and what its exit codes
//! mean. Parses and says; running the daemon is somebody else's business.

pub mod check;
pub mod desk;
pub mod doctor;
pub mod drain;
pub mod generate;
pub mod keep;
pub mod notify;
pub mod roll;
pub mod show;
pub mod status;
pub mod steer;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::{Errors, Sources};

/// Exit code when the configuration is wrong (`EX_CONFIG`); the unit does not
/// restart after it, for a restart would not help.
pub const EXIT_CONFIG: u8 = 78;

/// Exit code when an operator's verb could not be carried out: no such turn, no
/// store. Nothing was changed.
pub const EXIT_REFUSED: u8 = 1;

/// Exit code when no daemon runs (as `systemctl status` has it).
pub const EXIT_AWAY: u8 = 3;

const AFTER_HELP: &str = "\
Exit codes:
   0  stopped, everything answered
   1  turns, show, replay, cancel, pause, resume, status, drain, backup, verify:
      not possible, and why; nothing was changed
      roll: nothing was rolled; the sentence says who goes on
      doctor: something is bad; its line says what to do
      notify: not stored; its own help lists its codes
   2  the command line is wrong
   3  stopped early (second signal or deadline), everything stored
      status, drain: no daemon runs here
   4  something accepted could not be stored
      verify: something stored is damaged or does not balance
  75  notify: not stored, too much waits already; try again later
  78  the configuration is wrong; a restart will not help
 130  a verb (but roll and notify) was interrupted by SIGINT or SIGTERM

The configuration, where none is named (--config, LASTWORD_CONFIG):
  run, check    ./config.toml, else /etc/lastword/config.toml
  other verbs   /etc/lastword/config.toml, else ./config.toml
  A ./config.toml that somebody else owns (but root) or can write to is refused.

Signals:
  SIGTERM, SIGINT  answer what is open, then end; again: store it and end now
  SIGHUP           read the configuration again";

/// Chat with an LLM in Telegram, through every restart.
#[derive(Debug, Clone, Parser)]
#[command(name = "lastword", version, after_help = AFTER_HELP)]
pub struct Cli {
    /// The configuration [default: ./config.toml or /etc/lastword/config.toml,
    /// as the help of lastword itself tells; else built-in defaults]
    #[arg(long, global = true, value_name = "FILE", env = "LASTWORD_CONFIG")]
    pub config: Option<PathBuf>,

    /// What to do; [`Command::Run`] when nothing is said.
    #[command(subcommand)]
    command: Option<Command>,
}

/// What the program can do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Run the bot (the default)
    Run,
    /// Start a new version beside the running one and let it take over
    Roll(roll::Roll),
    /// Check the configuration and print what is in force, without secrets
    Check,
    /// List turns, without anybody's words, beside a running daemon or without
    Turns(desk::Turns),
    /// Show one turn: its receipt with all times, its parts, what it cost
    Show(show::One),
    /// Let a failed turn run again
    Replay(steer::One),
    /// Show how it stands: live from every daemon at the store, else what the
    /// store knows
    Status(status::Look),
    /// Stop a turn, as its person's Stop would
    Cancel(steer::One),
    /// Begin no turn until resumed: messages are accepted and kept, people are
    /// told once
    Pause(steer::Pause),
    /// Begin turns again
    Resume(steer::Resume),
    /// Let a daemon answer what is open and end, as SIGTERM does; print its
    /// report
    Drain(drain::Wish),
    /// Look at everything the daemon needs: token, webhook, model, clock, disk,
    /// files, unit; say what to do
    Doctor(doctor::Visit),
    /// Copy the store to a new file, beside a running daemon
    Backup(keep::Backup),
    /// Look the whole store over: its pages, its references, its books
    Verify(keep::Verify),
    /// Hand a message for a chat to the daemon, whether it runs or not
    Notify(notify::Notify),
    /// Read one file from stdin, within limits: the daemon starts it for itself
    #[command(hide = true)]
    Prepare,
    /// Write the manual pages and shell completions, for packagers
    #[command(hide = true)]
    Generate(generate::Generate),
    /// Talk with the bot in the browser; needs no account and no token
    #[cfg(feature = "playground")]
    Playground(Playground),
}

/// The playground's settings.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Playground {
    /// The page's port on 127.0.0.1
    #[arg(long, default_value_t = 8787)]
    pub port: u16,
    /// Keep the store and everything said in this folder [default: a temporary
    /// one]
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

impl Cli {
    /// What to do.
    #[must_use]
    pub fn verb(&self) -> Command {
        self.command.clone().unwrap_or(Command::Run)
    }

    /// Where it looks for the configuration, in this environment. What acts on a
    /// service that is installed means that one's, wherever the operator stands.
    pub fn sources(&self, env: impl IntoIterator<Item = (OsString, OsString)>) -> Sources {
        let sources = Sources::new(self.config.clone(), env);
        match self.verb() {
            Command::Run | Command::Prepare | Command::Generate(_) => sources,
            #[cfg(feature = "playground")]
            Command::Playground(_) => sources,
            Command::Check => sources.beside_the_service(),
            Command::Doctor(_) => sources.service_first().beside_the_service(),
            Command::Roll(_)
            | Command::Turns(_)
            | Command::Show(_)
            | Command::Replay(_)
            | Command::Status(_)
            | Command::Cancel(_)
            | Command::Pause(_)
            | Command::Resume(_)
            | Command::Drain(_)
            | Command::Backup(_)
            | Command::Verify(_)
            | Command::Notify(_) => sources.service_first(),
        }
    }
}

/// Reads this process's command line. Prints help, version or what is wrong,
/// and ends the process, when there is nothing to do.
#[must_use]
pub fn parse() -> Cli {
    Cli::parse()
}

/// Tells an operator what is wrong with the configuration, one line each.
///
/// # Errors
/// When `out` fails.
pub fn complain(errors: &Errors, out: &mut dyn Write) -> io::Result<()> {
    let many = match errors.0.len() {
        1 => "1 mistake".to_owned(),
        n => format!("{n} mistakes"),
    };
    writeln!(out, "lastword: {many} in the configuration:")?;
    for problem in &errors.0 {
        writeln!(out, "  {problem}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::config::Spot;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn nothing_said_means_run() {
        for (line, command) in [
            (&["lastword"][..], Command::Run),
            (&["lastword", "run"], Command::Run),
            (&["lastword", "--config", "a.toml", "check"], Command::Check),
            (&["lastword", "check", "--config", "a.toml"], Command::Check),
        ] {
            assert_eq!(Cli::try_parse_from(line).unwrap().verb(), command);
        }
    }

    #[cfg(feature = "playground")]
    #[test]
    fn the_playground_has_a_port_and_a_folder() {
        let line = ["lastword", "playground", "--keep", "d"];
        let Command::Playground(playground) = Cli::try_parse_from(line).unwrap().verb() else {
            panic!("not the playground")
        };
        assert_eq!((playground.port, playground.keep), (8787, Some("d".into())));
    }

    #[test]
    fn help_names_every_exit_code_and_who_ends_with_it() {
        let help = Cli::command().render_long_help().to_string();
        for code in [
            "  0  ", "  1  ", "  2  ", "  3  ", "  4  ", " 75  ", " 78  ", "130  ",
        ] {
            assert!(help.contains(code), "{help}");
        }
        let mut program = Cli::command();
        for (verb, codes) in [
            ("status", ["  0  ", "  1  ", "  3  ", "130  "]),
            ("verify", ["  0  ", "  1  ", "  4  ", "130  "]),
        ] {
            let verb = program.find_subcommand_mut(verb).expect("there is one");
            let help = verb.render_long_help().to_string();
            for code in codes {
                assert!(help.contains(code), "{code} is not in {help}");
            }
        }
    }

    /// Whoever steers a service must not get another one's file from the folder
    /// in which he happens to stand.
    #[test]
    fn verbs_on_the_service_read_its_file_first_and_the_daemon_its_own() {
        let here = |spot: &Spot| matches!(spot, Spot::Here(_));
        for (line, own_first) in [
            (&["lastword"][..], true),
            (&["lastword", "run"], true),
            (&["lastword", "check"], true),
            (&["lastword", "status"], false),
            (&["lastword", "doctor"], false),
            (&["lastword", "turns"], false),
            (&["lastword", "show", "1"], false),
            (&["lastword", "replay", "1"], false),
            (&["lastword", "cancel", "1"], false),
            (&["lastword", "pause"], false),
            (&["lastword", "resume"], false),
            (&["lastword", "drain"], false),
            (&["lastword", "roll"], false),
            (&["lastword", "backup", "f"], false),
            (&["lastword", "verify"], false),
            (&["lastword", "notify", "--chat", "7", "x"], false),
        ] {
            let sources = Cli::try_parse_from(line).unwrap().sources([]);
            assert_eq!(sources.search.len(), 2, "{line:?}");
            assert_eq!(here(&sources.search[0]), own_first, "{line:?}");
        }
    }
}
