//! The file that is shipped says what is built in.

use super::*;

/// The shipped file with its settings switched on: "#key" becomes "key".
fn switched_on(shipped: &str) -> String {
    let on = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_alphabetic()) => rest.to_owned(),
        _ => line.to_owned(),
    };
    shipped.lines().map(|line| on(line) + "\n").collect()
}

const SHIPPED: &str = include_str!("../../../config.toml");

/// Every value of a table under its dotted name.
fn leaves(prefix: &str, table: &toml::Table, out: &mut BTreeMap<String, toml::Value>) {
    for (key, value) in table {
        match value {
            toml::Value::Table(inner) => leaves(&format!("{prefix}{key}."), inner, out),
            value => {
                out.insert(format!("{prefix}{key}"), value.clone());
            }
        }
    }
}

#[test]
fn the_shipped_file_changes_nothing() {
    let shipped = load(SHIPPED, &[]).unwrap();
    let nothing = load("", &[]).unwrap();
    assert_eq!(shipped.config, nothing.config);
    assert_eq!(shipped.origins, nothing.origins);
}

#[test]
fn the_shipped_file_holds_every_key_at_its_default_and_no_other() {
    let defaults = load("", &[]).unwrap().config;
    let table: toml::Table = switched_on(SHIPPED).parse().unwrap();
    let mut written = BTreeMap::new();
    leaves("", &table, &mut written);

    for key in &load::names(&defaults).0 {
        assert!(written.contains_key(*key), "config.toml lacks {key}");
    }
    // Each key alone, for some examples do not go together.
    for (key, value) in &written {
        let known = load::names(&defaults).0.iter().any(|name| name == key);
        assert!(known, "{key} in config.toml does not exist");
        let (section, name) = key.rsplit_once('.').unwrap();
        if name.ends_with("_file") || name.starts_with("tls_") {
            continue;
        }
        let loaded = load(&format!("[{section}]\n{name} = {value}"), &[])
            .unwrap_or_else(|errors| panic!("{key} in config.toml: {errors}"));
        let shown = |config: &Config| {
            let settings = config.settings();
            let setting = settings.into_iter().find(|s| s.key == key).unwrap();
            setting.shown
        };
        let (default, file) = (shown(&defaults), shown(&loaded.config));
        // An optional key and the store's path have no fixed default: an example.
        if key != "store.path" && matches!(default, Shown::Toml(_)) {
            assert_eq!(file, default, "{key} in config.toml is not its default");
        }
    }
}
