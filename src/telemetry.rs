//! Where log lines go: stderr, in the form that suits whoever reads it.
//!
//! A person on a terminal gets colours, the journal gets priorities instead of
//! times (it has its own), a collector gets JSON. Two things hold in every
//! form: libraries never log below `info`, for their traces contain whole
//! requests and with them the token; and a failing stderr never fails us.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::IsTerminal;
use std::os::unix::fs::MetadataExt;

use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, FilterFn, filter_fn};
use tracing_subscriber::fmt::format::{Compact, Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Log, LogFilter, LogFormat};

pub mod otlp;
pub mod traces;
pub mod troubles;

use troubles::Troubles;

/// Who reads stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A person, in colour.
    Terminal,
    /// A person whose terminal or taste has no colours, or a file.
    Plain,
    /// systemd's journal.
    Journal,
}

impl Reader {
    /// Finds out who reads this process's stderr.
    #[must_use]
    pub fn of_stderr(env: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let env: BTreeMap<OsString, OsString> = env.into_iter().collect();
        let get = |name: &str| env.get(&OsString::from(name)).and_then(|v| v.to_str());
        let stderr = std::fs::metadata("/proc/self/fd/2").ok();
        let stderr = stderr.map(|about| (about.dev(), about.ino()));
        if is_journal(get("JOURNAL_STREAM"), stderr) {
            return Self::Journal;
        }
        let colours = get("NO_COLOR").is_none_or(str::is_empty) && get("TERM") != Some("dumb");
        if colours && std::io::stderr().is_terminal() {
            Self::Terminal
        } else {
            Self::Plain
        }
    }
}

/// Whether `JOURNAL_STREAM` names the very stream that stderr is. Its mere
/// presence proves nothing: everything started from a service inherits it
/// (systemd.exec(5)).
fn is_journal(journal: Option<&str>, stderr: Option<(u64, u64)>) -> bool {
    let journal = journal.and_then(|text| text.split_once(':'));
    let journal = journal.and_then(|(dev, ino)| Some((dev.parse().ok()?, ino.parse().ok()?)));
    match (journal, stderr) {
        (Some(journal), Some(stderr)) => journal == stderr,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

/// The running telemetry; changes the filter while the daemon runs.
#[derive(Debug, Clone)]
pub struct Telemetry(reload::Handle<EnvFilter, Registry>);

/// Telemetry was started before in this process.
#[derive(Debug, thiserror::Error)]
#[error("telemetry is running already")]
pub struct AlreadyRunning;

impl Telemetry {
    /// Starts logging to stderr, for the whole process, and notes what is
    /// warned of.
    ///
    /// # Errors
    /// When it was started before.
    pub fn start(log: &Log, reader: Reader, troubles: &Troubles) -> Result<Self, AlreadyRunning> {
        let (subscriber, telemetry) = subscriber(log, reader, std::io::stderr);
        let subscriber = subscriber.with(troubles.clone());
        subscriber.try_init().map_err(|_| AlreadyRunning)?;
        Ok(telemetry)
    }

    /// Puts another filter in force.
    pub fn set_filter(&self, filter: &LogFilter) {
        // It fails only when the subscriber is gone, and with it every reader.
        let _ = self.0.reload(env_filter(filter));
    }
}

/// Logs panics with their place instead of printing them. A panic's text is
/// shown only when it is a literal of the source: composed ones quote what they
/// stumbled over, such as a person's message.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let thread = std::thread::current();
        tracing::error!(
            place = place.as_deref().unwrap_or("unknown"),
            thread = thread.name().unwrap_or("unnamed"),
            "panicked: {}",
            literal(panic.payload())
        );
    }));
}

fn literal(payload: &(dyn std::any::Any + Send)) -> &str {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .unwrap_or("(composed text withheld)")
}

fn env_filter(filter: &LogFilter) -> EnvFilter {
    EnvFilter::new(filter.as_str())
}

fn subscriber<W>(log: &Log, reader: Reader, writer: W) -> (impl Subscriber + Send + Sync, Telemetry)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(env_filter(&log.filter));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        // Otherwise a closed stderr would be reported on stderr, and panic.
        .log_internal_errors(false);
    let lines = match (log.format, reader) {
        (LogFormat::Json, _) => lines.json().flatten_event(true).boxed(),
        (LogFormat::Auto, Reader::Journal) => {
            lines.with_ansi(false).event_format(Journal::new()).boxed()
        }
        (LogFormat::Auto, Reader::Terminal) => lines.compact().with_ansi(true).boxed(),
        (LogFormat::Auto, Reader::Plain) | (LogFormat::Text, _) => {
            lines.compact().with_ansi(false).boxed()
        }
    };
    let subscriber = tracing_subscriber::registry()
        .with(filter)
        .with(libraries_from_info())
        .with(lines);
    (subscriber, Telemetry(handle))
}

/// Ours at any level, everybody else's from `info` up.
fn libraries_from_info() -> FilterFn<impl Fn(&Metadata<'_>) -> bool> {
    filter_fn(|meta| {
        let ours = meta.target() == "lastword" || meta.target().starts_with("lastword::");
        ours || *meta.level() <= Level::INFO
    })
}

/// Lines for the journal: the priority in front (sd-daemon(3)), no time.
#[derive(Debug)]
struct Journal(Format<Compact, ()>);

impl Journal {
    fn new() -> Self {
        let line = Format::default().compact().without_time();
        Self(line.with_level(false).with_ansi(false))
    }
}

impl<S, N> FormatEvent<S, N> for Journal
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut text = String::new();
        self.0
            .format_event(context, Writer::new(&mut text), event)?;
        let priority = priority(*event.metadata().level());
        // The journal makes an entry of each line, so each needs a priority.
        for line in text.lines() {
            writeln!(writer, "<{priority}>{line}")?;
        }
        Ok(())
    }
}

/// syslog's number for a level.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no test panics inside").write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What `body` logs, as a reader sees it.
    fn logged(format: LogFormat, reader: Reader, filter: &str, body: fn(&Telemetry)) -> String {
        let lines = Lines::default();
        let log = Log {
            format,
            filter: LogFilter::parse(filter).expect("a filter"),
        };
        let writer = lines.clone();
        let (subscriber, telemetry) = subscriber(&log, reader, move || writer.clone());
        tracing::subscriber::with_default(subscriber, || body(&telemetry));
        let bytes = lines.0.lock().expect("no test panics inside").clone();
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn the_journal_gets_a_priority_on_every_line_and_no_time() {
        let text = logged(LogFormat::Auto, Reader::Journal, "debug", |_| {
            let span = tracing::info_span!("turn", turn.id = 7);
            let _inside = span.enter();
            tracing::error!("broken\ntwice");
            tracing::warn!("odd");
            tracing::info!(chat.id = 5, "fine");
            tracing::debug!("detail");
        });
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        for (line, start) in lines.iter().zip(["<3>", "<3>", "<4>", "<6>", "<7>"]) {
            assert!(line.starts_with(start), "{line}");
        }
        assert!(lines[3].contains("turn.id=7") && lines[3].contains("chat.id=5"));
        assert!(!text.contains('\u{1b}') && !text.contains("20"), "{text}");
    }

    #[test]
    fn json_is_one_object_a_line() {
        let text = logged(LogFormat::Json, Reader::Journal, "info", |_| {
            tracing::info!(chat.id = 5, "one\ntwo");
        });
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!(line["message"], "one\ntwo");
        assert_eq!(line["chat.id"], 5);
    }

    #[test]
    fn only_a_terminal_gets_colours() {
        let body = |_: &Telemetry| tracing::info!("hello");
        assert!(logged(LogFormat::Auto, Reader::Terminal, "info", body).contains('\u{1b}'));
        for (format, reader) in [
            (LogFormat::Auto, Reader::Plain),
            (LogFormat::Text, Reader::Terminal),
            (LogFormat::Json, Reader::Terminal),
        ] {
            assert!(!logged(format, reader, "info", body).contains('\u{1b}'));
        }
    }

    #[test]
    fn the_filter_changes_while_the_daemon_runs() {
        let text = logged(LogFormat::Auto, Reader::Plain, "info", |telemetry| {
            tracing::debug!("before");
            telemetry.set_filter(&LogFilter::parse("debug").expect("a filter"));
            tracing::debug!("after");
        });
        assert!(!text.contains("before") && text.contains("after"), "{text}");
    }

    #[test]
    fn traces_of_libraries_are_never_written() {
        let text = logged(LogFormat::Auto, Reader::Plain, "trace,hyper=trace", |_| {
            tracing::trace!(target: "hyper::proto", "POST /bot1:hush");
            tracing::debug!(target: "lastwordish", "hush");
            tracing::info!(target: "hyper::proto", "loud");
            tracing::trace!("ours");
        });
        assert!(!text.contains("hush"), "{text}");
        assert!(text.contains("loud") && text.contains("ours"), "{text}");
    }

    #[test]
    fn an_inherited_journal_stream_is_not_taken_for_ours() {
        assert!(is_journal(Some("8:123"), Some((8, 123))));
        assert!(is_journal(Some("8:123"), None));
        assert!(!is_journal(Some("8:123"), Some((8, 124))));
        assert!(!is_journal(Some("what"), Some((8, 123))));
        assert!(!is_journal(None, Some((8, 123))));
    }

    #[test]
    fn a_panic_does_not_quote_what_it_stumbled_over() {
        let text = "hush".to_owned();
        let composed: Box<dyn std::any::Any + Send> = Box::new(format!("in {text}"));
        assert!(!literal(&*composed).contains("hush"));
        let fixed: Box<dyn std::any::Any + Send> = Box::new("a turn without a claim");
        assert_eq!(literal(&*fixed), "a turn without a claim");
    }
}
