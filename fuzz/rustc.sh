#!/bin/sh
# rustc for fuzz/run.sh: what counts the ways through code (LLVM's SanitizerCoverage) goes into this
# project's crates only, so that tract need not be compiled anew, and on a stable compiler.
rustc=$1
shift
own=
previous=
for argument; do
    if [ "$previous" = --crate-name ]; then
        case $argument in
        onnxd | v1 | v2 | binary | grpc | model | contract | table | settings) own=yes ;;
        esac
    fi
    previous=$argument
done
if [ -n "$own" ]; then
    set -- "$@" -Cpasses=sancov-module \
        -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
        -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares \
        --cfg fuzzing
fi
exec "$rustc" "$@"
