//! From sources to a whole configuration: stack the layers, fill, check what
//! must hold between keys. Collects, never stops early.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use super::agree::Agree;
use super::fill::Fill;
use super::kind::Kind;
use super::layers::{Layers, Names};
use super::problem::{Errors, Problem};
use super::search::{Found, find};
use super::secret::{BotToken, SecretSpec, SecretText};
use super::walk::{Apply, Key, Walk};
use super::{Config, Loaded, Sources, Survey};

const NO_FOLDER: &str =
    "there is no STATE_DIRECTORY, XDG_STATE_HOME or HOME to derive it from; name a file";

/// Reads every layer.
pub(super) fn survey(sources: &Sources) -> Survey {
    let found = find(sources);
    let env = sources.env_for(&found);
    let (file, unread) = match found {
        Ok(file) => (file, None),
        Err(problem) => (None, Some(problem)),
    };
    let read = read(file, &env);
    let mut agree = Agree {
        config: &read.config,
        origins: &read.fill.origins,
        refused: &read.fill.refused,
        problems: read.fill.layers.problems,
        warnings: read.fill.layers.warnings,
    };
    if !read.has_store {
        agree.missing("store.path", NO_FOLDER);
    }
    agree.check();

    let (mut problems, warnings) = (agree.problems, agree.warnings);
    problems.sort_by_key(Problem::line);
    if let Some(problem) = unread {
        // Everything else would be said about a configuration nobody wrote.
        problems = vec![problem];
    }
    Survey {
        loaded: Loaded {
            config: read.config,
            origin: read.origin,
            origins: read.fill.origins,
            warnings,
        },
        errors: (!problems.is_empty()).then_some(Errors(problems)),
    }
}

/// Where the store is, whatever else may be wrong or missing: an operator who
/// looks into it has no use for the secrets.
pub(super) fn store_path(sources: &Sources) -> Result<PathBuf, Errors> {
    let found = find(sources);
    let env = sources.env_for(&found);
    let file = found.map_err(|problem| Errors(vec![problem]))?;
    let read = read(file, &env);
    if read.has_store && !read.fill.refused.contains(&"store.path") {
        return Ok(read.config.store.path);
    }
    let mut problems = read.fill.layers.problems;
    if problems.is_empty() {
        problems.push(Problem::Missing {
            key: "store.path",
            how: NO_FOLDER.to_owned(),
        });
    }
    Err(Errors(problems))
}

/// Every layer laid over the defaults, nothing checked yet.
struct Read<'a> {
    config: Config,
    origin: Option<PathBuf>,
    fill: Fill<'a>,
    has_store: bool,
}

fn read(file: Option<Found>, env: &BTreeMap<String, OsString>) -> Read<'_> {
    let store = default_store(env);
    let mut config = Config::new(BotToken::absent(), store.clone().unwrap_or_default());
    let names = names(&config);

    let mut layers = Layers::default();
    let origin = file.map(|Found { path, text }| {
        layers.file(&path, &text, &names);
        path
    });
    layers.environment(env, &names);

    let mut fill = Fill {
        refused: std::mem::take(&mut layers.broken),
        layers,
        env,
        origins: BTreeMap::new(),
    };
    config.walk(&mut fill);
    let has_store = store.is_some() || fill.origins.contains_key("store.path");
    Read {
        config,
        origin,
        fill,
        has_store,
    }
}

/// What the store's file is called where nobody says otherwise.
pub(super) const STORE: &str = "lastword.db";

/// Where the store is when nobody says: systemd's state folder, else the
/// user's (XDG base directories; a relative `XDG_STATE_HOME` counts as unset).
pub(super) fn default_store(env: &BTreeMap<String, OsString>) -> Option<PathBuf> {
    let folder = |name: &str| {
        env.get(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let systemd = env
        .get("STATE_DIRECTORY")
        .and_then(|value| value.to_str())
        .and_then(|list| list.split(':').next())
        .filter(|first| !first.is_empty())
        .map(PathBuf::from);
    systemd
        .or_else(|| folder("XDG_STATE_HOME").map(|path| path.join("lastword")))
        .or_else(|| folder("HOME").map(|path| path.join(".local/state/lastword")))
        .map(|path| path.join(STORE))
}

/// Every key there is, those that name a secret's file included.
pub(super) fn names(config: &Config) -> Names {
    struct Collect(Vec<Key>);
    impl Walk for Collect {
        fn knob<T, K: Kind<T>>(&mut self, key: Key, _: Apply, _: &mut T, _: K) {
            self.0.push(key);
        }
        fn secret<T: SecretText>(&mut self, spec: &'static SecretSpec, _: &mut Option<T>) {
            self.0.extend([spec.key, spec.file_key]);
        }
    }
    let mut collect = Collect(Vec::new());
    config.clone().walk(&mut collect);
    Names(collect.0)
}
