#!/usr/bin/env bash
# Makes the Debian package; its path is the last line. Needs cargo-deb
# (cargo install --locked cargo-deb).
#
#   bash packaging/deb.sh                  for use
#   bash packaging/deb.sh dev VERSION DIR  from the development build, for tests
set -Eeuo pipefail
cd "$(dirname "$0")/.."
PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
profile=${1:-release}
target=${CARGO_TARGET_DIR:-target}
arguments=(--no-build --no-strip --output "${3:-$target/debian}")
built=$target/$profile/lastword
if [ "$profile" = dev ]; then
    built=$target/debug/lastword
    arguments+=(--fast)
fi
if [ -n "${2:-}" ]; then arguments+=(--deb-version "$2"); fi

cargo build --locked --quiet --profile "$profile" --bin lastword
# Where the package's list of files in Cargo.toml looks for what is made.
rm -rf target/package
"$built" generate target/package
install -m755 "$built" target/package/lastword
# Of a development build the symbols are most.
if [ "$profile" = dev ]; then strip --strip-all target/package/lastword; fi
cargo deb --locked --quiet "${arguments[@]}"
