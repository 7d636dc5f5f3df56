#!/usr/bin/env bash
# demo.sh - from nothing to a planned run: builds autotm, writes ResNet-50,
# measures it, plans it for 30 % of its memory fast over an emulated slow tier,
# runs it beside all-fast and all-slow, and proves that no bit changed.
source "$(dirname "$0")/lib.sh"

scripts/build.sh
mkdir -p build/demo
cd build/demo

# show WORDS...: prints the command, runs it
show() {
    printf '\n$ autotm %s\n' "$*"
    ../autotm "$@"
}

store=(--store profile.db)
show zoo resnet50 -o resnet50.onnx
show profile resnet50.onnx "${store[@]}"
show plan resnet50.onnx --fast 30% -o plan.json -f "${store[@]}"
show run resnet50.onnx --plan plan.json --compare "${store[@]}"
show run resnet50.onnx --planner all-slow "${store[@]}"
show verify resnet50.onnx --plan plan.json "${store[@]}"
