#!/usr/bin/env bash
# Runs every proof that no message is lost or doubled, and prints their books as
# one table. Needs what `cargo test` needs.
#
#   bash tests/proof/run.sh            quick: a few minutes
#   bash tests/proof/run.sh ci         what CI runs beside the tests: the random ones, larger
#   bash tests/proof/run.sh long       an hour of soak, every case, 1 000 of each
#   bash tests/proof/run.sh SIZE NAME...   only these proofs
#
# Every runner prints lines that begin with BOOKS (tests/it/books.rs); this
# script adds nothing of its own but the sum.
set -Eeuo pipefail
cd "$(dirname "$0")/../.."
PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
export CARGO_TERM_COLOR=never

size=${1:-quick}
[ $# -gt 0 ] && shift
wanted=("$@")
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=()

# pick QUICK CI LONG
pick() {
    case $size in
        quick) echo "$1" ;;
        ci) echo "$2" ;;
        long) echo "$3" ;;
        *) echo "sizes are quick, ci and long" >&2; exit 2 ;;
    esac
}

# As `proof`, but not in CI, where the tests have just run the same cases.
listed() {
    [ "$size" = ci ] || proof "$@"
}

# proof NAME FILTER [VARIABLE=VALUE...]
proof() {
    local name=$1 filter=$2 from=$SECONDS
    shift 2
    if [ "${#wanted[@]}" -gt 0 ] && [[ " ${wanted[*]} " != *" $name "* ]]; then
        return 0
    fi
    echo "proving $name ..." >&2
    if ! env "$@" cargo test --locked --quiet --test it "$filter" -- --nocapture >"$log.one" 2>&1; then
        failed+=("$name")
        echo "!!! $name failed:" >&2
        grep -v '^BOOKS' "$log.one" | tail -60 >&2
    fi
    grep -aE '^(HOSTILE|SOAK|.* cases at |.* drains$)' "$log.one" >&2 || true
    grep -a '^BOOKS ' "$log.one" >>"$log" || true
    rm -f "$log.one"
    echo "... $((SECONDS - from)) s" >&2
}

pick 1 1 1 >/dev/null
cargo test --locked --quiet --test it --no-run
spread_or_all=$(pick spread spread all)
[ "$spread_or_all" = all ] && everything=(LASTWORD_IT_FAILPOINTS=all LASTWORD_IT_DRAINS=all) || everything=(NOTHING=)

proof simulation simulation::whatever LASTWORD_SEEDS="$(pick 300 500 20000)"
listed failpoints real::failpoints "${everything[@]}"
proof kills real::crowd LASTWORD_IT_RESTARTS="$(pick 40 140 1000)"
listed drains real::matrix "${everything[@]}"
listed panics real::mishaps
proof power disk::power LASTWORD_IT_CUTS="$(pick 12 40 1000)"
listed disk disk::faults
proof rolls real::rolls LASTWORD_IT_ROLLS="$(pick 3 20 100)"
listed hostile real::hostile
proof soak real::soak LASTWORD_IT_SOAK="$(pick 15 30 3600)"

# One line per proof: what several runs of one name came to is added up.
awk '
function field(name,   rest) {
    if (match($0, "\"" name "\":[0-9.]+") == 0) return 0
    rest = substr($0, RSTART, RLENGTH); sub(/.*:/, "", rest); return rest + 0
}
BEGIN {
    n = split("runs sent answered_once lost doubled reordered unstored uncertain_bound uncertain_resent resent_visible_twice paid_twice kills drains cuts rolls outages seconds", names, " ")
    split("runs|sent|once|lost|doubled|reordered|unstored|bound|resent|seen twice|paid twice|kills|drains|cuts|rolls|outages|seconds", heads, "|")
    line = sprintf("%-16s", "proof")
    for (i = 1; i <= n; i++) line = line sprintf(" %10s", heads[i])
    print line
}
{
    match($0, /"proof":"[^"]*"/)
    name = substr($0, RSTART + 9, RLENGTH - 10)
    if (!(name in seen)) { seen[name] = 1; order[++proofs] = name }
    for (i = 1; i <= n; i++) {
        sum[name, i] += field(names[i]); total[i] += field(names[i])
    }
}
function show(name, values,   line, i) {
    line = sprintf("%-16s", name)
    for (i = 1; i <= n; i++) line = line sprintf(" %10.0f", values[i])
    print line
}
END {
    for (p = 1; p <= proofs; p++) {
        for (i = 1; i <= n; i++) row[i] = sum[order[p], i]
        show(order[p], row)
    }
    show("all", total)
}' "$log"

if [ "${#failed[@]}" -gt 0 ]; then
    echo "FAILED: ${failed[*]}" >&2
    exit 1
fi
