//! What may stand behind a key: how it is read, how it is shown, and how to
//! say in words what is allowed. Pure; where a value came from and what is
//! done about a wrong one is the walker's business.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::address::{BaseUrl, WebhookUrl};
use super::span;

/// A value as it was written, before it is understood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Raw {
    /// From the file.
    Toml(toml::Value),
    /// From the environment, where everything is text.
    Text(String),
}

impl Raw {
    /// Text, from either layer.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Toml(value) => value.as_str(),
            Self::Text(text) => Some(text),
        }
    }

    fn integer(&self) -> Option<i64> {
        match self {
            Self::Toml(value) => value.as_integer(),
            Self::Text(text) => text.trim().replace('_', "").parse().ok(),
        }
    }

    /// The items of a list; in the environment they are separated by commas.
    fn list(&self) -> Option<Vec<Raw>> {
        match self {
            Self::Toml(value) => Some(value.as_array()?.iter().cloned().map(Self::Toml).collect()),
            Self::Text(text) => Some(
                text.split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(|item| Self::Text(item.to_owned()))
                    .collect(),
            ),
        }
    }
}

/// How one key's value is read and shown.
pub(crate) trait Kind<T> {
    /// The value, or `None` when it is not allowed.
    fn parse(&self, raw: &Raw) -> Option<T>;
    /// The value as TOML writes it; `None` when an optional key is not set.
    fn show(&self, value: &T) -> Option<String>;
    /// What is allowed, in words that fit after "expected".
    fn allowed(&self) -> String;
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A duration with a unit.
#[derive(Debug)]
pub(crate) struct Span(pub(crate) RangeInclusive<Duration>);

impl Kind<Duration> for Span {
    fn parse(&self, raw: &Raw) -> Option<Duration> {
        span::parse(raw.text()?).filter(|value| self.0.contains(value))
    }
    fn show(&self, value: &Duration) -> Option<String> {
        Some(quoted(&span::show(*value)))
    }
    fn allowed(&self) -> String {
        format!(
            "a duration with its unit (ms, s, m, h, d), such as \"2s\" or \"1h30m\", from {} to {}",
            span::show(*self.0.start()),
            span::show(*self.0.end())
        )
    }
}

/// A whole number within bounds.
#[derive(Debug)]
pub(crate) struct Int<T>(pub(crate) RangeInclusive<T>);

impl<T> Kind<T> for Int<T>
where
    T: TryFrom<i64> + PartialOrd + ToString,
{
    fn parse(&self, raw: &Raw) -> Option<T> {
        T::try_from(raw.integer()?)
            .ok()
            .filter(|value| self.0.contains(value))
    }
    fn show(&self, value: &T) -> Option<String> {
        Some(value.to_string())
    }
    fn allowed(&self) -> String {
        format!(
            "a whole number from {} to {}",
            self.0.start().to_string(),
            self.0.end().to_string()
        )
    }
}

/// `true` or `false`.
#[derive(Debug)]
pub(crate) struct Flag;

impl<T: Copy + Into<bool> + From<bool>> Kind<T> for Flag {
    fn parse(&self, raw: &Raw) -> Option<T> {
        let flag = match raw {
            Raw::Toml(value) => value.as_bool()?,
            Raw::Text(text) => text.trim().parse().ok()?,
        };
        Some(flag.into())
    }
    fn show(&self, value: &T) -> Option<String> {
        let flag: bool = (*value).into();
        Some(flag.to_string())
    }
    fn allowed(&self) -> String {
        "true or false".to_owned()
    }
}

/// A value out of a few named ones.
pub(crate) trait Named: Copy + PartialEq + Debug + 'static {
    /// Every value with its name.
    const ALL: &'static [(&'static str, Self)];
}

/// One of the names of a [`Named`] type.
#[derive(Debug)]
pub(crate) struct OneOf;

impl<T: Named> Kind<T> for OneOf {
    fn parse(&self, raw: &Raw) -> Option<T> {
        let text = raw.text()?.trim();
        let (_, value) = T::ALL.iter().find(|(name, _)| *name == text)?;
        Some(*value)
    }
    fn show(&self, value: &T) -> Option<String> {
        let (name, _) = T::ALL.iter().find(|(_, other)| other == value)?;
        Some(quoted(name))
    }
    fn allowed(&self) -> String {
        let names: Vec<String> = T::ALL
            .iter()
            .map(|(name, _)| format!("\"{name}\""))
            .collect();
        names.join(" or ")
    }
}

/// A text with a meaning of its own: address, path, model name, prompt …
pub(crate) trait Word: Sized {
    /// What is allowed, in words.
    const ALLOWED: &'static str;
    /// The value, or `None` when it is not allowed.
    fn read(text: &str) -> Option<Self>;
    /// The text that [`Word::read`] reads back.
    fn write(&self) -> String;
}

/// One [`Word`].
#[derive(Debug)]
pub(crate) struct One;

impl<T: Word> Kind<T> for One {
    fn parse(&self, raw: &Raw) -> Option<T> {
        T::read(raw.text()?)
    }
    fn show(&self, value: &T) -> Option<String> {
        Some(quoted(&value.write()))
    }
    fn allowed(&self) -> String {
        T::ALLOWED.to_owned()
    }
}

/// A list of [`Word`]s without doubles, in the order written.
#[derive(Debug)]
pub(crate) struct Many {
    /// The longest list.
    pub(crate) max: usize,
}

impl<T: Word + PartialEq> Kind<Vec<T>> for Many {
    fn parse(&self, raw: &Raw) -> Option<Vec<T>> {
        let mut items = Vec::new();
        for item in raw.list()? {
            let item = T::read(item.text()?)?;
            if !items.contains(&item) {
                items.push(item);
            }
        }
        (items.len() <= self.max).then_some(items)
    }
    fn show(&self, value: &Vec<T>) -> Option<String> {
        let items: Vec<String> = value.iter().map(|item| quoted(&item.write())).collect();
        Some(format!("[{}]", items.join(", ")))
    }
    fn allowed(&self) -> String {
        format!("a list of at most {}, each {}", self.max, T::ALLOWED)
    }
}

/// A set of Telegram's numeric ids.
#[derive(Debug)]
pub(crate) struct Ids;

impl Kind<BTreeSet<i64>> for Ids {
    fn parse(&self, raw: &Raw) -> Option<BTreeSet<i64>> {
        raw.list()?
            .iter()
            .map(|item| item.integer().filter(|id| *id != 0))
            .collect()
    }
    fn show(&self, value: &BTreeSet<i64>) -> Option<String> {
        let items: Vec<String> = value.iter().map(i64::to_string).collect();
        Some(format!("[{}]", items.join(", ")))
    }
    fn allowed(&self) -> String {
        "a list of numeric user or chat ids, such as [123456789, -1001234567890]".to_owned()
    }
}

/// A set of people's numeric ids.
#[derive(Debug)]
pub(crate) struct People;

impl Kind<BTreeSet<i64>> for People {
    fn parse(&self, raw: &Raw) -> Option<BTreeSet<i64>> {
        Ids.parse(raw).filter(|ids| ids.iter().all(|id| *id > 0))
    }
    fn show(&self, value: &BTreeSet<i64>) -> Option<String> {
        Ids.show(value)
    }
    fn allowed(&self) -> String {
        "a list of people's numeric ids, such as [123456789]".to_owned()
    }
}

/// A key that may be left out; empty in the environment means left out.
#[derive(Debug)]
pub(crate) struct Maybe<K>(pub(crate) K);

impl<T, K: Kind<T>> Kind<Option<T>> for Maybe<K> {
    fn parse(&self, raw: &Raw) -> Option<Option<T>> {
        match raw {
            Raw::Text(text) if text.trim().is_empty() => Some(None),
            _ => self.0.parse(raw).map(Some),
        }
    }
    fn show(&self, value: &Option<T>) -> Option<String> {
        value.as_ref().and_then(|value| self.0.show(value))
    }
    fn allowed(&self) -> String {
        self.0.allowed()
    }
}

impl Word for BaseUrl {
    const ALLOWED: &'static str = "an http or https URL without user name, password, query or token, such as \"https://host/path\"";
    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }
    fn write(&self) -> String {
        self.as_str().to_owned()
    }
}

impl Word for WebhookUrl {
    const ALLOWED: &'static str = "an https URL (http only on this machine) without user name, password or query, such as \"https://bot.example.org/telegram\"";
    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }
    fn write(&self) -> String {
        self.as_str().to_owned()
    }
}

impl Word for SocketAddr {
    const ALLOWED: &'static str =
        "an IP address and a port, such as \"127.0.0.1:8443\" or \"[::]:8443\"";
    fn read(text: &str) -> Option<Self> {
        text.trim().parse().ok()
    }
    fn write(&self) -> String {
        self.to_string()
    }
}

impl Word for PathBuf {
    const ALLOWED: &'static str = "the path of a file";
    fn read(text: &str) -> Option<Self> {
        (!text.trim().is_empty() && !text.contains('\0') && !text.ends_with('/'))
            .then(|| Self::from(text))
    }
    fn write(&self) -> String {
        self.to_string_lossy().into_owned()
    }
}
