#!/bin/sh
# The playground and the console in a real browser: builds the program, drives a
# headless Chromium through a kill in mid-answer, a pause, a replay and a restart,
# and takes the pictures.
#
#   tests/browser/run.sh [FOLDER FOR THE PICTURES]
#
# LASTWORD_BIN names a program that is built already. Without a browser it skips
# and says so, but never in CI (CI=true), where root installs one.
set -eu
cd "$(dirname "$0")/../.."
pictures=${1:-target/browser}

has_browser() {
    command -v chromedriver >/dev/null 2>&1 &&
        { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null 2>&1
}

if ! has_browser && [ "${CI:-}" = true ] && [ "$(id -u)" = 0 ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium chromium-driver fonts-dejavu-core >/dev/null
fi
if ! has_browser || ! command -v python3 >/dev/null 2>&1; then
    echo "SKIPPED: the browser test needs chromium, chromedriver and python3 (Debian: chromium chromium-driver)" >&2
    [ "${CI:-}" != true ] || exit 1
    exit 0
fi

if [ -z "${LASTWORD_BIN:-}" ]; then
    cargo build --locked
    LASTWORD_BIN=${CARGO_TARGET_DIR:-target}/debug/lastword
fi
mkdir -p "$pictures"
python3 -B tests/browser/playground.py "$LASTWORD_BIN" "$pictures"
python3 -B tests/browser/console.py "$LASTWORD_BIN" "$pictures"
