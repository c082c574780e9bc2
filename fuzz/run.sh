#!/usr/bin/env bash
# Every fuzz target for so many seconds each, from the seeds and whatever
# earlier runs have found. Needs cargo-fuzz and a C++ compiler; a stable
# toolchain will do, for nothing here needs a sanitizer (unsafe code is
# forbidden in the crate).
#
#   bash fuzz/run.sh [SECONDS] [TARGET...]      25 s, all targets
#
# What it finds lies in fuzz/artifacts/TARGET; once more, alone:
#   cargo fuzz run -s none TARGET FILE
set -Eeuo pipefail
cd "$(dirname "$0")"
seconds=${1:-25}
shift || true
targets=("$@")
[ "${#targets[@]}" -gt 0 ] || targets=(update sse markdown)
for target in "${targets[@]}"; do
    mkdir -p "corpus/$target"
    from=("corpus/$target" "seeds/$target")
    limits=(-max_total_time="$seconds" -max_len=4096 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1)
    case $target in
        update) limits+=(-dict=update.dict) ;;
        markdown) from+=(../tests/fixtures/format) ;;
    esac
    printf -- '-------- fuzzing %s for %s s\n' "$target" "$seconds"
    log=$(mktemp)
    if ! cargo fuzz run --fuzz-dir . -s none "$target" "${from[@]}" -- "${limits[@]}" >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        exit 1
    fi
    grep -E '^(Done|stat::number_of_executed_units|stat::peak_rss_mb)' "$log"
    rm -f "$log"
done
