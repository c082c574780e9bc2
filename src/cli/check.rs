//! `lastword check`: is the configuration right, and what is in force? The
//! answer is TOML again, so it can be read, compared and pasted. Starts
//! nothing, opens no port and no store, and shows no secret.

use std::io::{self, Write};

use super::{EXIT_CONFIG, complain};
use crate::config::{Config, Loaded, Origin, Shown, Sources};

/// Checks what the sources hold: what is in force goes to `out`, mistakes and
/// warnings to `err`. Answers the exit code.
///
/// # Errors
/// When writing fails.
pub fn check(sources: &Sources, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    match Config::load(sources) {
        Ok(loaded) => {
            for warning in &loaded.warnings {
                writeln!(err, "warning: {warning}")?;
            }
            print(&loaded, out)?;
            out.flush()?;
            Ok(0)
        }
        Err(errors) => {
            complain(&errors, err)?;
            Ok(EXIT_CONFIG)
        }
    }
}

fn print(loaded: &Loaded, out: &mut dyn Write) -> io::Result<()> {
    match &loaded.origin {
        Some(path) => writeln!(out, "# In force, from {}", path.display())?,
        None => writeln!(out, "# In force, without a configuration file")?,
    }
    let mut section = "";
    for setting in loaded.config.settings() {
        let (of, name) = setting.key.rsplit_once('.').unwrap_or(("", setting.key));
        if of != section {
            writeln!(out, "\n[{of}]")?;
            section = of;
        }
        let origin = loaded.origins.get(setting.key);
        let origin = origin.filter(|origin| **origin != Origin::Default);
        match (setting.shown, origin) {
            (Shown::Toml(value), None) => writeln!(out, "{name} = {value}")?,
            (Shown::Toml(value), Some(origin)) => writeln!(out, "{name} = {value}  # {origin}")?,
            (Shown::SecretSet, Some(origin)) => writeln!(out, "# {name}: set (from {origin})")?,
            (Shown::SecretSet, None) => writeln!(out, "# {name}: set")?,
            (Shown::Unset | Shown::SecretMissing, _) => writeln!(out, "# {name}: not set")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(env: &[(&str, &str)]) -> Sources {
        Sources {
            env: env
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect(),
            ..Sources::default()
        }
    }

    fn run(env: &[(&str, &str)]) -> (u8, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = check(&sources(env), &mut out, &mut err).expect("memory takes it");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (code, text(out), text(err))
    }

    const RIGHT: [(&str, &str); 4] = [
        ("TELEGRAM_BOT_TOKEN", "1:hush"),
        ("OPENROUTER_API_KEY", "hush"),
        ("HOME", "/h"),
        ("LASTWORD_CHAT__QUIET_PERIOD", "1500ms"),
    ];

    #[test]
    fn what_is_in_force_is_printed_without_secrets() {
        let (code, out, err) = run(&RIGHT);
        assert_eq!((code, err.as_str()), (0, ""));
        for line in [
            "# token: set (from environment TELEGRAM_BOT_TOKEN)",
            "# secret: not set",
            "quiet_period = \"1500ms\"  # environment LASTWORD_CHAT__QUIET_PERIOD",
            "window_max = \"10s\"",
            "[telegram.webhook]",
            "# listen: not set",
        ] {
            assert!(out.lines().any(|l| l == line), "{line:?} is not in\n{out}");
        }
        assert!(!out.contains("hush"));
    }

    #[test]
    fn what_is_printed_is_a_configuration_again() {
        let (_, out, _) = run(&RIGHT);
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), &out).unwrap();
        let mut again = sources(&RIGHT[..3]);
        again.file = Some(path.path().to_owned());
        let again = Config::load(&again).unwrap().config;
        assert_eq!(again, Config::load(&sources(&RIGHT)).unwrap().config);
    }

    #[test]
    fn mistakes_end_with_78_and_are_all_told() {
        let (code, out, err) = run(&[("HOME", "/h"), ("LASTWORD_CHAT__BUSY", "no")]);
        assert_eq!((code, out.as_str()), (78, ""));
        for part in ["3 mistakes", "chat.busy", "telegram.token", "llm.api_key"] {
            assert!(err.contains(part), "{err}");
        }
    }
}
