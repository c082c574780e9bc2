//! `[log]`: how and how much is logged.

use tracing_subscriber::EnvFilter;

use super::kind::{Named, One, OneOf, Word};
use super::walk::{Apply, Walk};

/// How and how much is logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// What a line looks like.
    pub format: LogFormat,
    /// Which lines are written.
    pub filter: LogFilter,
}

/// What a line looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people on a terminal, for the journal under systemd, text elsewhere.
    Auto,
    /// Text, without colours.
    Text,
    /// One JSON object a line.
    Json,
}

impl Named for LogFormat {
    const ALL: &'static [(&'static str, Self)] = &[
        ("auto", Self::Auto),
        ("text", Self::Text),
        ("json", Self::Json),
    ];
}

/// A filter in the notation of tracing's `EnvFilter`, known to be readable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    /// Reads a filter, such as `info` or `info,lastword::intake=debug`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        // A lone word that is no level would be taken for a crate's name and
        // silence everything else: `filter = "wran"`.
        let readable = !text.is_empty()
            && EnvFilter::try_new(text).is_ok()
            && text.split(',').any(|part| {
                let level = part.trim().rsplit('=').next().unwrap_or(part);
                LEVELS.contains(&level.to_ascii_lowercase().as_str())
            });
        readable.then(|| Self(text.to_owned()))
    }

    /// The filter's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

impl Word for LogFilter {
    const ALLOWED: &'static str = "\"error\", \"warn\", \"info\", \"debug\" or \"trace\", perhaps with parts of their own, such as \"info,lastword::intake=debug\"";
    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }
    fn write(&self) -> String {
        self.0.clone()
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Auto,
            filter: LogFilter("info".to_owned()),
        }
    }
}

impl Log {
    pub(super) fn walk(&mut self, w: &mut impl Walk) {
        w.knob("log.format", Apply::Restart, &mut self.format, OneOf);
        w.knob("log.filter", Apply::Live, &mut self.filter, One);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_would_silence_everything_by_a_slip_is_refused() {
        for text in ["", "wran", "lastword=", "a=b=c"] {
            assert!(LogFilter::parse(text).is_none(), "{text:?}");
        }
        for text in ["info", "warn,lastword=debug", "off"] {
            assert!(LogFilter::parse(text).is_some(), "{text:?}");
        }
    }
}
