//! The rules of the house that the compiler does not know: who may import whom,
//! who may spawn, how long a file may be, what it may be called.
//!
//! A rule that is in the way is changed here, in the open, with its reason.

use std::fs;
use std::path::{Path, PathBuf};

/// Longer files are split by noun.
const LINES_MAX: usize = 450;

/// The layers, from the top. A module imports from layers below its own only,
/// or from its own where [`SIDEWAYS`] says so.
const LAYERS: [&[&str]; 6] = [
    &["main"],
    &["cli"],
    &["daemon"],
    &[
        "intake",
        "grouper",
        "turn",
        "reply",
        "control",
        "ops",
        "playground",
    ],
    &[
        "store", "spool", "llm", "telegram", "http", "format", "access", "media", "texts",
    ],
    &[
        "domain",
        "bell",
        "death",
        "config",
        "clock",
        "files",
        "memory",
        "telemetry",
        "shutdown",
        "pulse",
        "tls",
    ],
];

/// Layers whose modules may import each other. The stages of the way of a
/// message are not among them: they meet in the store.
const SIDEWAYS: [usize; 2] = [4, 5];

/// What the plain data may know.
const DOMAIN_KNOWS: [&str; 2] = ["domain", "clock"];

/// Names that say nothing.
const EMPTY_NAMES: [&str; 9] = [
    "utils", "util", "common", "helpers", "helper", "manager", "misc", "service", "mod",
];

/// What begins a task, and who may.
const SPAWNS: [&str; 6] = [
    "tokio::spawn(",
    "task::spawn(",
    "spawn_blocking(",
    "spawn_local(",
    "JoinSet",
    "TaskTracker",
];
const MAY_SPAWN: [&str; 1] = ["src/shutdown/tasks.rs"];

/// What begins a thread, and who may: the two that must outlive a blocked
/// runtime, and the writer of the store.
const THREADS: [&str; 2] = ["thread::spawn(", "thread::Builder"];
const MAY_THREAD: [&str; 4] = [
    "src/shutdown/parent.rs",
    "src/shutdown/signals.rs",
    "src/shutdown/deadline.rs",
    "src/store/",
];

/// What ends the process, and who may.
const EXITS: [&str; 3] = ["process::exit(", "process::abort(", "low_level::exit("];
const MAY_EXIT: [&str; 2] = ["src/main.rs", "src/shutdown/deadline.rs"];

pub(crate) struct Source {
    /// From the top of the repository, with `/`.
    pub(crate) path: String,
    text: String,
}

impl Source {
    /// The lines that are code of the product, numbered: no comments, and
    /// nothing from the tests inside the file on.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines: Vec<_> = self.text.lines().collect();
        let tests = lines
            .windows(2)
            .position(|pair| is_test_module(pair) && pair[1].ends_with('{'))
            .unwrap_or(lines.len());
        lines
            .into_iter()
            .enumerate()
            .take(if self.is_test() { 0 } else { tests })
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .map(|(index, line)| (index + 1, line))
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the whole file is compiled for tests only: its parent says so.
    fn is_test(&self) -> bool {
        let Some((folder, name)) = self.path.trim_end_matches(".rs").rsplit_once('/') else {
            return false;
        };
        let parent = match folder {
            "src" => "src/lib.rs".to_owned(),
            folder => format!("{folder}.rs"),
        };
        let declared = format!("mod {name};");
        fs::read_to_string(top().join(parent)).is_ok_and(|text| {
            let lines: Vec<_> = text.lines().collect();
            lines
                .windows(2)
                .any(|pair| is_test_module(pair) && pair[1].ends_with(&declared))
        })
    }

    /// The module of the crate that this file belongs to.
    fn module(&self) -> Option<&str> {
        let name = self.path.strip_prefix("src/")?;
        let name = name.split('/').next()?;
        Some(name.strip_suffix(".rs").unwrap_or(name))
    }
}

/// Two lines that declare a module of tests.
fn is_test_module(pair: &[&str]) -> bool {
    let declaration = pair[1].trim_start_matches("pub(crate) ");
    pair[0] == "#[cfg(test)]" && declaration.starts_with("mod ")
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if !["target", ".git"].iter().any(|skipped| name == *skipped) {
                walk(&path, found);
            }
        } else {
            found.push(path);
        }
    }
    found.sort();
}

fn sources(folders: &[&str], extensions: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    for folder in folders {
        walk(&top().join(folder), &mut found);
    }
    found
        .into_iter()
        .filter(|path| {
            let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
            extensions.contains(&extension)
        })
        .filter_map(|path| {
            let text = fs::read_to_string(&path).ok()?;
            let path = path.strip_prefix(top()).ok()?.to_str()?.to_owned();
            Some(Source { path, text })
        })
        .collect()
}

pub(crate) fn rust() -> Vec<Source> {
    let sources = sources(&["src", "tests", "benches"], &["rs"]);
    assert!(sources.len() > 20, "the sources are not where they were");
    sources
}

/// The modules of the crate that `line` names after `crate::`.
fn named(line: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for (at, found) in line.match_indices("crate::") {
        let rest = &line[at + found.len()..];
        let mut depth = 0;
        let mut fresh = true;
        for (place, c) in rest.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => fresh = true,
                c if fresh && (c.is_ascii_lowercase() || c == '_') => {
                    let end = rest[place..]
                        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                        .map_or(rest.len(), |length| place + length);
                    names.push(&rest[place..end]);
                    fresh = false;
                }
                c if c.is_ascii_uppercase() => fresh = false,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    names
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// Joins `use` statements that span lines, so that one line names all.
fn statements(source: &Source) -> Vec<(usize, String)> {
    let mut joined: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (number, line) in source.code() {
        let line = line.trim();
        match joined.last_mut() {
            Some((_, statement)) if open => statement.push_str(line),
            _ => {
                open = line.starts_with("use ") || line.starts_with("pub use ");
                joined.push((number, line.to_owned()));
            }
        }
        open &= !line.ends_with(';');
    }
    joined
}

#[test]
fn imports_point_down_only() {
    let mut faults = Vec::new();
    for source in rust() {
        let Some(module) = source.module().filter(|module| *module != "lib") else {
            continue;
        };
        let Some(own) = layer(module) else {
            faults.push(format!("{}: {module} has no layer yet", source.path));
            continue;
        };
        for (number, statement) in statements(&source) {
            for name in named(&statement) {
                let Some(other) = layer(name) else { continue };
                let sideways = other == own && (name == module || SIDEWAYS.contains(&own));
                let known = module != "domain" || DOMAIN_KNOWS.contains(&name);
                if !((other > own || sideways) && known) {
                    faults.push(format!("{}:{number}: {module} imports {name}", source.path));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_module_of_the_crate_has_a_layer() {
    let lib = fs::read_to_string(top().join("src/lib.rs")).unwrap();
    for line in lib.lines() {
        let Some(name) = line.strip_prefix("pub mod ") else {
            continue;
        };
        let name = name.trim_end_matches(';');
        assert!(layer(name).is_some(), "give {name} a layer in this file");
    }
}

#[test]
fn files_are_short_enough_to_be_read_in_one_go() {
    let long: Vec<_> = rust()
        .into_iter()
        .map(|source| (source.text.lines().count(), source.path))
        .filter(|(lines, _)| *lines > LINES_MAX)
        .collect();
    assert!(long.is_empty(), "longer than {LINES_MAX} lines: {long:?}");
}

#[test]
fn every_file_says_at_its_top_what_it_owns() {
    for source in rust() {
        assert!(
            source.text.starts_with("//!"),
            "{} has no header",
            source.path
        );
    }
}

#[test]
fn no_file_has_a_name_that_says_nothing() {
    for source in rust() {
        for name in source.path.trim_end_matches(".rs").split('/') {
            assert!(!EMPTY_NAMES.contains(&name), "{}: {name}?", source.path);
        }
    }
}

#[test]
fn tasks_threads_and_exits_are_begun_where_they_are_owned() {
    let rules: [(&[&str], &[&str]); 3] = [
        (&SPAWNS, &MAY_SPAWN),
        (&THREADS, &MAY_THREAD),
        (&EXITS, &MAY_EXIT),
    ];
    let mut faults = Vec::new();
    for source in rust() {
        // Tests and measurements are their own world; the playground is a set of stand-ins that
        // dies with its process and has nothing to drain.
        let outside = source.path.starts_with("tests/") || source.path.starts_with("benches/");
        if outside || source.module() == Some("playground") {
            continue;
        }
        for (number, line) in source.code() {
            for (patterns, owners) in rules {
                let owned = owners.iter().any(|owner| source.path.starts_with(owner));
                if !owned && patterns.iter().any(|pattern| line.contains(pattern)) {
                    faults.push(format!("{}:{number}: {}", source.path, line.trim()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn lints_are_expected_with_a_reason_never_allowed() {
    for source in rust() {
        for (number, line) in source.code() {
            let line = line.trim();
            let bare = line.starts_with("#[allow(") || line.starts_with("#![allow(");
            assert!(!bare, "{}:{number}: {line}", source.path);
        }
    }
}

#[test]
fn no_file_names_the_machine_it_was_written_on() {
    // In two halves, or this file would name them.
    let paths = [
        ("/wo", "rk/"),
        ("/ro", "ot/"),
        ("/ho", "me/"),
        ("/tmp/", "wt/"),
    ];
    let folders = [
        "src",
        "tests",
        "benches",
        "systemd",
        "migrations",
        ".ci",
        "docs",
    ];
    let extensions = [
        "rs", "sql", "toml", "md", "sh", "py", "service", "socket", "sysusers", "",
    ];
    let mut files = sources(&folders, &extensions);
    for name in [
        "README.md",
        "ARCHITECTURE.md",
        "Cargo.toml",
        "config.toml",
        "deny.toml",
    ] {
        if let Ok(text) = fs::read_to_string(top().join(name)) {
            let path = name.to_owned();
            files.push(Source { path, text });
        }
    }
    for file in files {
        for (half, other) in paths {
            let path = format!("{half}{other}");
            assert!(!file.text.contains(&path), "{} names {path}", file.path);
        }
    }
}

#[test]
fn every_metric_that_is_described_is_recorded() {
    let table = "src/domain/metric.rs";
    let files = rust();
    let text = fs::read_to_string(top().join(table)).expect("the table of metrics");
    let names = text
        .lines()
        .skip_while(|line| !line.starts_with("metrics! {"))
        .skip(1)
        .take_while(|line| *line != "}")
        .filter_map(|line| line.split_whitespace().next());
    let mut seen = 0;
    for name in names {
        seen += 1;
        let used = format!("metric::{name}");
        let is_recorded = files
            .iter()
            .filter(|file| file.path.starts_with("src/") && file.path != table)
            .flat_map(Source::code)
            .any(|(_, line)| {
                line.match_indices(&used).any(|(at, _)| {
                    !line[at + used.len()..].starts_with(|c: char| c == '_' || c.is_alphanumeric())
                })
            });
        assert!(is_recorded, "{name} is described but never recorded");
    }
    assert!(seen > 20, "the table was not found");
}

#[test]
fn the_reader_of_imports_sees_every_form() {
    assert_eq!(named("use crate::store::Inbox;"), ["store"]);
    assert_eq!(
        named("let x = crate::turn::run(crate::llm::Llm);"),
        ["turn", "llm"]
    );
    assert_eq!(
        named("use crate::{clock::{Clock, Millis}, reply, store::x};"),
        ["clock", "reply", "store"]
    );
    assert!(named("use crate::Shutdown;").is_empty());
}
