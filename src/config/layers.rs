//! The file and the environment, flattened to one value per key.
//!
//! Read with a recovering parser and without serde's derive, on purpose: that
//! stops at the first mistake and forgets where a value stood, while an
//! operator wants every mistake at once, each with its line. Unknown keys are
//! refused here. Says nothing about what a value means.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::kind::Raw;
use super::problem::{Origin, Problem, Warning};
use super::walk::Key;

/// Every key the layers may hold.
#[derive(Debug)]
pub(super) struct Names(pub(super) Vec<Key>);

/// One value per key, the highest layer's.
#[derive(Debug, Default)]
pub(super) struct Layers {
    pub(super) values: BTreeMap<Key, (Raw, Origin)>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Warning>,
    /// Keys that stand on a line that is not TOML: given, but not readable.
    pub(super) broken: Vec<Key>,
}

/// What every variable of ours begins with.
const PREFIX: &str = "LASTWORD_";

impl Names {
    fn key(&self, name: &str) -> Option<Key> {
        self.0.iter().find(|key| **key == name).copied()
    }

    fn is_section(&self, name: &str) -> bool {
        self.sections().any(|section| section == name)
    }

    fn sections(&self) -> impl Iterator<Item = &'static str> {
        self.0
            .iter()
            .flat_map(|key| key.match_indices('.').map(|(at, _)| &key[..at]))
    }

    /// The key that was probably meant: similar as a whole, or of the same
    /// last word in another section.
    fn nearest(&self, name: &str) -> Option<String> {
        let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
        let same = self.0.iter().find(|key| last(key) == last(name));
        nearest(name, self.0.iter().copied())
            .or(same.copied())
            .map(str::to_owned)
    }
}

/// The most similar of `known`, when it is similar at all.
fn nearest(name: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    known
        .map(|key| (strsim::osa_distance(key, name), key))
        .filter(|(distance, key)| *distance <= 1 + key.len() / 6)
        .min()
        .map(|(_, key)| key)
}

/// The variable that sets a key: `LASTWORD_TELEGRAM__API_URL`.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_ascii_uppercase().replace('.', "__"))
}

impl Layers {
    /// Reads the file's text.
    pub(super) fn file(&mut self, path: &Path, text: &str, names: &Names) {
        let at = |offset: usize| Origin::File {
            path: path.to_owned(),
            line: 1 + text.bytes().take(offset).filter(|b| *b == b'\n').count(),
        };
        let (table, errors) = DeTable::parse_recoverable(text);
        let broken: Vec<Origin> = errors
            .iter()
            .map(|error| at(error.span().map_or(0, |span| span.start)))
            .collect();
        for (error, at) in errors.iter().zip(&broken) {
            // Only the message: the error's own display quotes the line, and
            // with it perhaps a token.
            self.problems.push(Problem::Syntax {
                at: at.clone(),
                reason: error.message().to_owned(),
            });
        }
        let mut found = Vec::new();
        flatten("", table.get_ref(), &mut found, names);
        for (name, offset, value) in found {
            let at = at(offset);
            if broken.contains(&at) {
                // A broken `token_file` must not also be a missing `token`.
                let given = name.strip_suffix("_file").unwrap_or(&name);
                self.broken.extend(names.key(given));
                continue;
            }
            self.file_value(&name, value, at, names);
        }
    }

    fn file_value(&mut self, name: &str, value: &DeValue<'_>, at: Origin, names: &Names) {
        if let Some(key) = names.key(name) {
            self.values.insert(key, (Raw::Toml(owned(value)), at));
        } else if names.is_section(name) {
            self.problems.push(Problem::Syntax {
                at,
                reason: format!("{name} is a section: write [{name}]"),
            });
        } else if value.is_table() {
            let nearest = nearest(name, names.sections());
            self.problems.push(Problem::Unknown {
                what: "section",
                name: format!("[{name}]"),
                nearest: nearest.map(|section| format!("[{section}]")),
                at,
            });
        } else {
            self.problems.push(Problem::Unknown {
                what: "key",
                name: name.to_owned(),
                nearest: names.nearest(name),
                at,
            });
        }
    }

    /// Reads the environment over what is there.
    pub(super) fn environment(&mut self, env: &BTreeMap<String, OsString>, names: &Names) {
        let variables: BTreeMap<String, Key> =
            names.0.iter().map(|key| (variable(key), *key)).collect();
        for (name, value) in env.range(PREFIX.to_owned()..) {
            if !name.starts_with(PREFIX) {
                break;
            }
            let at = Origin::Env(name.clone());
            match variables.get(name) {
                Some(key) => match value.to_str() {
                    Some(text) => {
                        let raw = Raw::Text(text.to_owned());
                        self.values.insert(key, (raw, at));
                    }
                    None => self.problems.push(Problem::Syntax {
                        at,
                        reason: format!("{key} must be UTF-8"),
                    }),
                },
                None => self.unknown_variable(name, &variables),
            }
        }
    }

    /// Two underscores can only be meant for us. Without them the variable may
    /// be somebody else's: a Kubernetes service called "lastword" puts
    /// `LASTWORD_PORT` and its like into every container.
    fn unknown_variable(&mut self, name: &str, variables: &BTreeMap<String, Key>) {
        let squeeze = |name: &str| name.to_ascii_uppercase().replace("__", "_");
        let nearest = variables
            .keys()
            .map(|known| (strsim::osa_distance(&squeeze(known), &squeeze(name)), known))
            .min()
            .filter(|(distance, known)| *distance <= known.len() / 8)
            .map(|(_, known)| known.clone());
        if name.contains("__") {
            self.problems.push(Problem::Unknown {
                what: "key",
                name: name[PREFIX.len()..].to_ascii_lowercase().replace("__", "."),
                nearest,
                at: Origin::Env(name.to_owned()),
            });
        } else if let Some(nearest) = nearest {
            self.warnings.push(Warning::IgnoredVariable {
                name: name.to_owned(),
                nearest,
            });
        }
    }
}

/// Every leaf below `table` with its dotted name and its place. A table that
/// is no section of ours is a leaf too, reported once instead of key by key.
fn flatten<'t, 'i>(
    prefix: &str,
    table: &'t DeTable<'i>,
    found: &mut Vec<(String, usize, &'t DeValue<'i>)>,
    names: &Names,
) {
    for (key, value) in table {
        let name = if prefix.is_empty() {
            key.get_ref().to_string()
        } else {
            format!("{prefix}.{}", key.get_ref())
        };
        match value.get_ref() {
            DeValue::Table(inner) if names.is_section(&name) => {
                flatten(&name, inner, found, names);
            }
            leaf => found.push((name, Spanned::span(key).start, leaf)),
        }
    }
}

fn owned(value: &DeValue<'_>) -> toml::Value {
    match value {
        DeValue::String(text) => toml::Value::String(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(
                |_| toml::Value::String(number.as_str().to_owned()),
                toml::Value::Integer,
            ),
        DeValue::Float(number) => number.as_str().parse().map_or_else(
            |_| toml::Value::String(number.as_str().to_owned()),
            toml::Value::Float,
        ),
        DeValue::Boolean(flag) => toml::Value::Boolean(*flag),
        DeValue::Datetime(date) => toml::Value::Datetime(*date),
        DeValue::Array(items) => {
            toml::Value::Array(items.iter().map(|item| owned(item.get_ref())).collect())
        }
        DeValue::Table(table) => {
            let entry = |(key, value): (&Spanned<_>, &Spanned<_>)| {
                let key: &std::borrow::Cow<'_, str> = key.get_ref();
                (key.to_string(), owned(value.get_ref()))
            };
            toml::Value::Table(table.iter().map(entry).collect())
        }
    }
}
