#!/bin/sh
# Fuzzes one target: `fuzz/run.sh TARGET [options of libFuzzer]`, from anywhere. What is found lies in
# fuzz/artifacts/TARGET, what was learnt in fuzz/corpus/TARGET.
set -eu
target=$1
shift
cd "$(dirname "$0")"
: "${CARGO_TARGET_DIR:=$PWD/target}"
export CARGO_TARGET_DIR RUSTC_WRAPPER="$PWD/rustc.sh"
cargo build --release --locked --bin "$target"
mkdir -p "corpus/$target" "artifacts/$target"
seeds=seeds/$target
case $target in
model) seeds=../tests/fixtures ;;
esac
exec nice -n 19 "$CARGO_TARGET_DIR/release/$target" "corpus/$target" "$seeds" \
    -artifact_prefix="artifacts/$target/" -max_len=8192 -timeout=30 -rss_limit_mb=4096 "$@"
