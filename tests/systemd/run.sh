#!/usr/bin/env bash
# The package and its units under a real systemd: makes the package from the
# development build, boots throw-away machines and lives there as an operator.
# Needs root, Debian's systemd and dbus, and cargo-deb. Where that cannot be had
# it says so; with CI set it fails.
#
#   bash tests/systemd/run.sh [NAME...]   only the tests with this in their name
set -Eeuo pipefail
cd "$(dirname "$0")/../.."
PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# The second is an upgrade of the first.
LASTWORD_PACKAGE=$(bash packaging/deb.sh dev 0.1.0-1 "$out" | tail -1)
LASTWORD_UPGRADE=$(bash packaging/deb.sh dev 0.1.0-2 "$out" | tail -1)
export LASTWORD_PACKAGE LASTWORD_UPGRADE
# Most of the time they wait.
cargo test --locked --test it systemd::"${1:-}" -- --ignored --test-threads 4
