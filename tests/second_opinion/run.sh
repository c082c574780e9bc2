#!/bin/sh
# Runs a public client library of another language (aiogram) against our
# stand-in Bot API: a fake that is judged only by the code it was written for
# proves nothing. Needs cargo and python3 with venv; ends with one line
# "N passed, N failed" and fails when a check does.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
venv=$target/second_opinion

cargo build --quiet --manifest-path "$root/Cargo.toml" --example bot_api
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
fi
"$venv/bin/pip" install --quiet --disable-pip-version-check \
    --requirement "$here/requirements.txt"
exec "$venv/bin/python" "$here/suite.py" "$target/debug/examples/bot_api"
