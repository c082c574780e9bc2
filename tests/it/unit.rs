//! The unit files, judged by systemd itself (promise P18).
//!
//! Where systemd's tools are missing the tests say so loudly and pass; with
//! `CI=true` they must be there.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

/// Promise P18. systemd says 9.6 of a bare unit.
const EXPOSURE_MAX: f64 = 1.5;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd")
}

fn analyze(arguments: &[&str]) -> Option<Output> {
    match Command::new("systemd-analyze").args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) => {
            let required = env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!required, "CI needs systemd-analyze: {error}");
            // Not `println!`: the harness would keep it to itself.
            let said = "SKIPPED, NOT TESTED: no systemd-analyze here";
            let _ = writeln!(std::io::stderr(), "{said} ({error})");
            None
        }
    }
}

fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}

#[test]
fn systemd_finds_no_fault_with_the_units() {
    // It wants the program to exist; nothing else is changed.
    let dir = tempfile::tempdir().unwrap();
    let units = ["lastword.service", "lastword@.service", "lastword.socket"];
    for name in units {
        let unit = fs::read_to_string(folder().join(name)).unwrap();
        let unit = unit.replace("/usr/bin/lastword", "/bin/true");
        // There where the package is installed.
        let unit = unit.replace("Documentation=man:lastword(1)\n", "");
        fs::write(dir.path().join(name), unit).unwrap();
    }
    for name in units {
        let unit = dir.path().join(name);
        let Some(output) = analyze(&["verify", unit.to_str().unwrap()]) else {
            return;
        };
        assert!(output.status.success(), "{name}: {}", text(&output));
        assert_eq!(text(&output), "", "{name}");
    }
}

#[test]
fn the_service_is_hardened() {
    let unit = folder().join("lastword.service");
    let unit = unit.to_str().unwrap();
    let Some(output) = analyze(&["security", "--offline=true", "--no-pager", unit]) else {
        return;
    };
    let said = text(&output);
    let score: f64 = said
        .lines()
        .find_map(|line| line.split("lastword.service: ").nth(1))
        .and_then(|verdict| verdict.split_whitespace().next()?.parse().ok())
        .unwrap_or_else(|| panic!("no verdict in {said}"));
    assert!(score <= EXPOSURE_MAX, "{said}");
}

/// So that all that is said of the one holds for the other.
#[test]
fn the_template_differs_from_the_service_in_its_name_only() {
    let settings = |name: &str| {
        let unit = fs::read_to_string(folder().join(name)).unwrap();
        let lines = unit.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let (one, template) = (settings("lastword.service"), settings("lastword@.service"));
    let different: Vec<_> = one.iter().zip(&template).filter(|(a, b)| a != b).collect();
    assert_eq!(
        (one.len(), different.len()),
        (template.len(), 1),
        "{different:?}"
    );
    assert!(different[0].1.contains("%i"), "{different:?}");
}

#[test]
fn the_service_knows_how_the_daemon_ends() {
    let unit = fs::read_to_string(folder().join("lastword.service")).unwrap();
    let value = |key: &str| {
        let mut lines = unit.lines();
        lines
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
            .unwrap_or_else(|| panic!("no {key}"))
    };
    use lastword::shutdown::{ExitCode, Grace};
    assert_eq!(
        value("SuccessExitStatus"),
        ExitCode::Early.code().to_string()
    );
    assert_eq!(
        value("RestartPreventExitStatus"),
        ExitCode::Config.code().to_string()
    );
    let stop_s: u64 = value("TimeoutStopSec").parse().unwrap();
    let exit_s = Grace::default().limits().exit.as_secs();
    assert!(
        stop_s > exit_s,
        "systemd must not be faster than our own deadline"
    );
    for (key, expected) in [
        ("Type", "notify"),
        ("Restart", "always"),
        ("RestartSec", "1"),
        ("StartLimitIntervalSec", "0"),
        ("KillMode", "mixed"),
        ("OOMPolicy", "continue"),
        ("WatchdogSec", "30"),
        // A migration that is cut begins anew at every start.
        ("TimeoutStartSec", "15min"),
        ("StateDirectory", "lastword"),
    ] {
        assert_eq!(value(key), expected, "{key}");
    }
}

/// What is made before the first start is what the daemon's unit would make, or
/// systemd would change it, and `lastword notify` could not hand in.
#[test]
fn the_state_is_there_before_the_first_start_as_the_unit_would_make_it() {
    let read = |name: &str| fs::read_to_string(folder().join(name)).unwrap();
    let (unit, made) = (read("lastword.service"), read("lastword.tmpfiles"));
    let mode = unit
        .lines()
        .find_map(|line| line.strip_prefix("StateDirectoryMode="))
        .unwrap();
    for line in [
        format!("d /var/lib/lastword {mode} lastword lastword -"),
        "d /var/lib/lastword/spool 1770 lastword lastword -".to_owned(),
    ] {
        assert!(made.lines().any(|one| one == line), "{line}");
    }
}

/// Who reads a document of the package finds what it links to.
#[test]
fn what_the_shipped_documents_link_to_is_shipped_beside_them() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(top.join("Cargo.toml")).unwrap();
    let is_shipped = |name: &str| {
        manifest.contains(&format!(
            "[\"docs/{name}\", \"usr/share/doc/lastword/\", \"644\"]"
        ))
    };
    let mut links = 0;
    for document in ["OPERATING.md", "SECURITY.md"] {
        assert!(is_shipped(document), "{document}");
        let text = fs::read_to_string(top.join("docs").join(document)).unwrap();
        for rest in text.split("](").skip(1) {
            let link = rest.split(')').next().unwrap();
            if link.contains("://") || link.starts_with('#') {
                continue;
            }
            assert!(is_shipped(link), "{document} links to {link}");
            links += 1;
        }
    }
    assert!(links >= 2, "the links were not found");
}

/// A secret that the daemon would take as a credential and the unit does not
/// load, or that the package leaves behind, would be found out by an operator.
#[test]
fn every_secret_that_the_daemon_knows_has_its_file() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let unit = fs::read_to_string(folder().join("lastword.service")).unwrap();
    let purge = fs::read_to_string(top.join("packaging/debian/postrm")).unwrap();
    let mut known = 0;
    for file in fs::read_dir(top.join("src/config")).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(path).unwrap_or_default();
        for rest in text.split("    credential: \"").skip(1) {
            let name = rest.split('"').next().unwrap();
            let load = format!("LoadCredential={name}:/etc/lastword/{name}\n");
            let default = format!("SetCredential={name}:\\n\n");
            assert!(unit.contains(&(load + &default)), "{name}");
            assert!(purge.contains(&format!("/etc/lastword/{name}")), "{name}");
            known += 1;
        }
    }
    assert!(known >= 4, "{known}");
}

/// A container's own stop is as patient as the unit's, and it is nobody's root.
#[test]
fn the_container_is_stopped_as_the_unit_is() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("Containerfile");
    let text = fs::read_to_string(file).unwrap();
    let last = text.rsplit("\nFROM ").next().unwrap();
    let said = |word: &str| {
        let mut lines = last.lines().filter_map(|line| line.strip_prefix(word));
        (lines.next().map(str::trim), lines.next())
    };
    assert_eq!(said("STOPSIGNAL"), (Some("SIGTERM"), None));
    assert_eq!(said("ENTRYPOINT"), (Some("[\"/usr/bin/lastword\"]"), None));
    let user = said("USER").0.unwrap();
    assert!(user.split(':').all(|id| id.parse::<u32>().unwrap() > 0));
    let patience = text.split("--stop-timeout ").nth(1).unwrap();
    let patience: u64 = patience.split_whitespace().next().unwrap().parse().unwrap();
    assert!(patience > lastword::shutdown::Grace::default().limits().exit.as_secs());
    // The compiler of the manifest, which the build would refuse otherwise.
    let version = format!("rust:{}-slim", env!("CARGO_PKG_RUST_VERSION"));
    assert!(text.contains(&version), "{version}");
}
