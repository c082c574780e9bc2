//! What can be wrong or doubtful about a configuration, in words an operator
//! can act on: which key, which value, what is allowed, and where it stands.
//! Never the text of a secret, nor a value that looks like one.

use std::fmt;
use std::path::PathBuf;

use super::kind::Raw;
use super::walk::Key;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// A line of the file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A variable of the environment.
    Env(String),
    /// A file that holds one secret.
    SecretFile(PathBuf),
    /// A systemd credential, by its name.
    Credential(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Env(name) => write!(f, "environment {name}"),
            Self::SecretFile(path) => write!(f, "file {}", path.display()),
            Self::Credential(name) => write!(f, "credential {name}"),
        }
    }
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A file that was asked for, or found, cannot be read.
    #[error("{}{path}: {reason}", key.map(|key| format!("{key}: ")).unwrap_or_default())]
    Unreadable {
        /// The key that names the file; none for the configuration itself.
        key: Option<Key>,
        /// The file.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// The file is not TOML.
    #[error("{at}: not TOML: {reason}")]
    Syntax {
        /// Where.
        at: Origin,
        /// What was expected.
        reason: String,
    },
    /// A key or section that does not exist.
    #[error("{at}: unknown {what} {name}{}", nearest.as_ref().map(|n| format!("; did you mean {n}?")).unwrap_or_default())]
    Unknown {
        /// `key` or `section` or `variable`.
        what: &'static str,
        /// As written.
        name: String,
        /// The most similar existing name.
        nearest: Option<String>,
        /// Where.
        at: Origin,
    },
    /// A value that is not allowed.
    #[error("{at}: {key} = {value} is not allowed; expected {allowed}")]
    Value {
        /// The key.
        key: Key,
        /// The value as written, shortened; never a secret.
        value: String,
        /// What is allowed.
        allowed: String,
        /// Where.
        at: Origin,
    },
    /// A file that nobody named and somebody else may have written.
    #[error(
        "{} in the working directory is not used: {why}. If you mean it, name it (--config {}), or \
         mend that ({mend})",
        path.display(),
        std::path::Path::new(".").join(path).display()
    )]
    Untrusted {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
        /// The command that helps.
        mend: &'static str,
    },
    /// A file with a secret that others can read.
    #[error(
        "{key}: {} holds a secret and is open to others (mode {mode:04o}): {mend}",
        path.display()
    )]
    Exposed {
        /// The key of the secret.
        key: Key,
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// What to do about it.
        mend: String,
    },
    /// Something that must be given is not.
    #[error("{key} is missing: {how}")]
    Missing {
        /// The key.
        key: Key,
        /// How to give it.
        how: String,
    },
    /// Values that are allowed alone but not together.
    #[error("{what}")]
    Conflict {
        /// The keys, and what is the matter with them.
        what: String,
    },
}

impl Problem {
    /// Where to look first: lines of the file from the top, then the rest.
    pub(super) fn line(&self) -> usize {
        match self {
            Self::Syntax { at, .. } | Self::Unknown { at, .. } | Self::Value { at, .. } => match at
            {
                Origin::File { line, .. } => *line,
                _ => usize::MAX,
            },
            Self::Unreadable { .. }
            | Self::Untrusted { .. }
            | Self::Exposed { .. }
            | Self::Missing { .. }
            | Self::Conflict { .. } => usize::MAX,
        }
    }
}

/// Every mistake of a configuration, at least one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Errors(pub Vec<Problem>);

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

/// Something that works but is probably not meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// A secret stands in the configuration file.
    #[error("{at}: {key} stands in clear in the configuration; better use {instead}")]
    SecretInFile {
        /// The key.
        key: Key,
        /// Where.
        at: Origin,
        /// The key that names a file.
        instead: Key,
    },
    /// A secret is given more than once.
    #[error("{key} is given more than once; {used} is used, {ignored} is not")]
    SeveralSources {
        /// The key.
        key: Key,
        /// What is in force.
        used: Origin,
        /// What is not.
        ignored: Origin,
    },
    /// A secret travels unencrypted.
    #[error("{key} is plain http to {host}: {secret} travels unencrypted")]
    Unencrypted {
        /// The key of the address.
        key: Key,
        /// The host.
        host: String,
        /// What can be overheard.
        secret: &'static str,
    },
    /// A word in braces that is almost a variable.
    #[error(
        "chat.system_prompt: {{{name}}} is not a variable and stays as it is; there are {{date}}, {{chat}}, {{person}} and {{language}}"
    )]
    PromptVariable {
        /// The word.
        name: String,
    },
    /// The console is not served.
    #[error(
        "ops.listen = {listen} is not on loopback and there is no ops.console_token: the console stays off"
    )]
    ConsoleOff {
        /// Where it would be.
        listen: std::net::SocketAddr,
    },
    /// A variable of the environment that is almost a setting.
    #[error("environment {name} is ignored; did you mean {nearest}?")]
    IgnoredVariable {
        /// As written.
        name: String,
        /// The most similar existing name.
        nearest: String,
    },
}

/// A value for an error message: as TOML writes it, one line, shortened, and
/// with anything blotted out that looks like a secret in the wrong place.
pub(super) fn displayed(raw: &Raw) -> String {
    let text = match raw {
        Raw::Toml(value) => value.to_string(),
        Raw::Text(text) => toml::Value::String(text.clone()).to_string(),
    };
    let mut out = blot(&text).replace(['\n', '\r'], " ");
    if let Some((end, _)) = out.char_indices().nth(80) {
        out.truncate(end);
        out.push('…');
    }
    out
}

fn blot(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(start) = text.find("://").map(|at| at + 3) {
        let authority = text[start..]
            .find(['/', '"'])
            .map_or(text.len(), |at| start + at);
        if let Some(at) = text[start..authority].rfind('@') {
            text.replace_range(start..start + at, "…");
        }
        if let Some(query) = text[start..].find('?').map(|at| start + at + 1) {
            let end = text[query..].find('"').map_or(text.len(), |at| query + at);
            text.replace_range(query..end, "…");
        }
    }
    let in_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':');
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive(|c: char| !in_word(c)) {
        let word = piece.trim_end_matches(|c: char| !in_word(c));
        if looks_secret(word) {
            out.push('…');
            out.push_str(&piece[word.len()..]);
        } else {
            out.push_str(piece);
        }
    }
    out
}

/// A bot's token or a key of the usual shape.
fn looks_secret(word: &str) -> bool {
    let token = word
        .rsplit_once(':')
        .is_some_and(|(id, rest)| rest.len() >= 20 && id.ends_with(|c: char| c.is_ascii_digit()));
    token || (word.starts_with("sk-") && word.len() >= 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_the_wrong_place_is_not_repeated() {
        for text in [
            "https://user:hush@example.org/v1",
            "https://api.telegram.org/bot123456:hush-hush-hush-hush-hush",
            "123456:hush-hush-hush-hush-hush",
            "sk-or-v1-hushhushhushhush",
            "https://example.org/?key=hush",
        ] {
            let shown = displayed(&Raw::Text(text.to_owned()));
            assert!(!shown.contains("hush"), "{shown}");
        }
        let shown = displayed(&Raw::Text("http://127.0.0.1:8081/a".to_owned()));
        assert_eq!(shown, "\"http://127.0.0.1:8081/a\"");
    }

    #[test]
    fn a_long_value_is_shortened_to_one_line() {
        let shown = displayed(&Raw::Text("a\n".repeat(100)));
        assert!(shown.chars().count() <= 81 && !shown.contains('\n'));
    }
}
