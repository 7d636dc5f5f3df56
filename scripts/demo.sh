#!/usr/bin/env bash
# demo.sh - from nothing to a planned run: builds autotm, writes ResNet-50,
# measures it, plans it for 30 % of its memory fast over an emulated slow tier,
# runs it beside all-fast and all-slow, and proves that no bit changed.
source "$(dirname "$0")/lib.sh"

scripts/build.sh
rm -rf build/demo
mkdir -p build/demo
cd build/demo

# show NAME WORDS...: prints the command, runs it, keeps its output in NAME.txt
show() {
    local name=$1
    shift
    printf '\n$ autotm %s\n' "$*"
    ../autotm "$@" | tee "$name.txt"
}

# line NAME KEY: what the output NAME.txt says behind KEY
line() {
    sed -n "s/^$2  *//p" "$1.txt" | head -n 1
}

# ms NAME KEY: the first number of that line
ms() {
    line "$1" "$2" | sed 's/ ms.*/ ms/'
}

row() {
    printf '  %-22s %s\n' "$@"
}

times() {
    printf '  %-22s %15s %15s\n' "$@"
}

store=(--store profile.db)
show zoo zoo resnet50 -o resnet50.onnx
show profile profile resnet50.onnx "${store[@]}"
show plan plan resnet50.onnx --fast 30% -o plan.json -f "${store[@]}"
show run run resnet50.onnx --plan plan.json --compare "${store[@]}"
show slow run resnet50.onnx --planner all-slow "${store[@]}"
show verify verify resnet50.onnx --plan plan.json "${store[@]}"

printf '\n%s\n' "ResNet-50, 30 % of its memory fast, the slow tier emulated"
row 'budget (--fast)' "$(line plan 'budget (--fast)')"
row 'peak, fast tier' "$(line plan 'fast pool')"
row 'peak, slow tier' "$(line plan 'slow pool')"
row 'moved per iteration' "$(line plan 'moved per iteration')"
row 'lower bound' "$(line plan 'lower bound')"
times "" predicted measured
times plan "$(ms plan predicted)" "$(ms run measured)"
times all-fast "$(ms plan all-fast)" "$(ms run 'all-fast measured')"
times all-slow "$(ms plan all-slow)" "$(ms slow measured)"
row result "$(line verify result)"
