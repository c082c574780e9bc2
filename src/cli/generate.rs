//! `lastword generate DIR`: the manual pages and the shell completions, made
//! from the command line's own definition, so that neither can be out of date.
//! For packagers; writes into the given folder and nowhere else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;

use super::Cli;

/// Where to.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Generate {
    /// The folder; made where there is none
    pub dir: PathBuf,
}

/// The shells that are written for, and what each expects its file to be called.
const SHELLS: [(Shell, &str); 3] = [
    (Shell::Bash, "lastword.bash"),
    (Shell::Zsh, "_lastword"),
    (Shell::Fish, "lastword.fish"),
];

/// Writes `man/*.1` and `completions/*` into the folder.
///
/// # Errors
/// When a file cannot be written.
pub fn generate(asked: &Generate) -> io::Result<()> {
    let program = visible(Cli::command());
    let man = folder(&asked.dir, "man")?;
    page(&program, &man)?;
    for verb in program.get_subcommands() {
        page(verb, &man)?;
    }
    let completions = folder(&asked.dir, "completions")?;
    for (shell, name) in SHELLS {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut program.clone(), "lastword", &mut script);
        fs::write(completions.join(name), script)?;
    }
    Ok(())
}

/// Without what the program starts for itself, which is nobody's to complete;
/// every verb with the whole program's options.
fn visible(program: Command) -> Command {
    let mut built = program.clone();
    built.build();
    let hidden = |verb: &&Command| verb.is_hide_set() || verb.get_name() == "help";
    let mut seen = program.clone().disable_help_subcommand(true);
    // A definition cannot lose a verb: it is made anew from those that remain.
    if built.get_subcommands().any(|verb| hidden(&verb)) {
        let remaining = program.get_subcommands().filter(|verb| !hidden(verb));
        seen = Command::new("lastword")
            .version(env!("CARGO_PKG_VERSION"))
            .disable_help_subcommand(true)
            .args(program.get_arguments().cloned())
            .subcommands(remaining.cloned());
        if let Some(about) = program.get_about() {
            seen = seen.about(about.clone());
        }
        if let Some(after) = program.get_after_help() {
            seen = seen.after_help(after.clone());
        }
    }
    seen.build();
    seen
}

fn folder(dir: &Path, name: &str) -> io::Result<PathBuf> {
    let path = dir.join(name);
    fs::create_dir_all(&path)?;
    Ok(path)
}

/// The page of a built command, which knows what it is called as a whole.
fn page(command: &Command, folder: &Path) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut text)?;
    fs::write(folder.join(format!("{name}.1")), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_a_page_and_is_completed_and_what_is_hidden_is_not() {
        let dir = tempfile::tempdir().unwrap();
        generate(&Generate {
            dir: dir.path().to_owned(),
        })
        .unwrap();
        let program = Cli::command();
        let bash = fs::read_to_string(dir.path().join("completions/lastword.bash")).unwrap();
        for verb in program.get_subcommands() {
            let name = verb.get_name();
            let page = dir.path().join(format!("man/lastword-{name}.1"));
            assert_eq!(page.exists(), !verb.is_hide_set(), "{name}");
            assert_eq!(bash.contains(name), !verb.is_hide_set(), "{name}");
        }
        let page = fs::read_to_string(dir.path().join("man/lastword.1")).unwrap();
        for part in [
            ".TH lastword 1",
            "SIGTERM",
            "78  the configuration",
            "lastword\\-roll(1)",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        for (_, name) in SHELLS {
            assert!(dir.path().join("completions").join(name).exists());
        }
    }
}
