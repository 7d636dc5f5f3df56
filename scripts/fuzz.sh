#!/usr/bin/env bash
# fuzz.sh [-j JOBS] [-s SEED] [-w WORK] [-k] SECONDS [TARGET]... - runs the
# libFuzzer targets, SECONDS each, under the address and undefined-behaviour
# sanitizers, and prints the executions that each says it made. Starts from
# tests/fuzz/corpus, the official ONNX suite and seeds of its own; what is found
# is kept in WORK (default build-fuzz/work), a failing input in
# WORK/TARGET.crash-*. The count of all runs with this WORK is added up in
# WORK/executions. -s: the same inputs in the same order each time. -k: the
# least of WORK that covers as much becomes tests/fuzz/corpus. Exit 77: clang is
# not to be had.
source "$(dirname "$0")/lib.sh"

jobs=1 seed=0 work=build-fuzz/work keep=
while getopts j:s:w:k o; do
    case $o in
    j) jobs=$OPTARG ;;
    s) seed=$OPTARG ;; # 0: another one each time
    w) work=$OPTARG ;;
    k) keep=1 ;;
    *) die "usage: fuzz.sh [-j JOBS] [-s SEED] [-w WORK] [-k] SECONDS [TARGET]..." ;;
    esac
done
shift $((OPTIND - 1))
seconds=${1:?seconds for each target} && shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(onnx lower plan store tensor)

(need clang libclang-rt-14-dev libomp-dev) || {
    echo "skipped: clang cannot be installed; fuzzing needs it" >&2
    exit 77
}

build=build-fuzz
CC=clang cmake --log-level=ERROR -S . -B $build -G Ninja \
    -DCMAKE_BUILD_TYPE=Release -DAUTOTM_FUZZ=ON -DAUTOTM_WERROR=OFF \
    -DAUTOTM_SANITIZE=address,undefined >/dev/null
cmake --build $build --target "${targets[@]/#/fuzz_}" -- --quiet >&2
mkdir -p "$work"

# seeds TARGET FOLDER
seeds() {
    local kept=tests/fuzz/corpus/$1.tar.gz
    [ ! -e "$kept" ] || tar -xzf "$kept" -C "$2"
    case $1 in
    onnx | lower)
        dpkg -L libonnx-testdata 2>/dev/null | grep '/model\.onnx$' |
            while read -r f; do
                [ "$(stat -c %s "$f")" -gt 2048 ] ||
                    cp "$f" "$2/$(basename "$(dirname "$f")")"
            done
        ;;
    plan) $build/tests/fuzz/fuzz_plan --seeds "$2" ;;
    store) $build/tests/fuzz/fuzz_store --seeds "$2/seed" ;;
    esac
}

# libfuzzer TARGET OPTION...
libfuzzer() {
    local length=4096 target=$1
    shift
    case $target in plan) length=20000 ;; store) length=65536 ;; esac
    ASAN_OPTIONS=allocator_may_return_null=1:quarantine_size_mb=1 \
    UBSAN_OPTIONS=print_stacktrace=1 \
        $build/tests/fuzz/fuzz_"$target" -max_len=$length -timeout=30 \
        -rss_limit_mb=3000 -malloc_limit_mb=2500 -len_control=0 -seed="$seed" "$@"
}

# fuzz TARGET: one line "TARGET executions"
fuzz() {
    local corpus=$work/$1 log=$work/$1.log rc=0 n
    if [ ! -d "$corpus" ]; then
        mkdir -p "$corpus"
        seeds "$1" "$corpus"
    fi
    libfuzzer "$1" -max_total_time="$seconds" -print_final_stats=1 \
        -artifact_prefix="$work/$1." "$corpus" >"$log" 2>&1 || rc=$?
    n=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    echo "$1 ${n:-0}" >>"$work/executions"
    echo "$1 ${n:-0}"
    if [ $rc -ne 0 ]; then
        grep -m3 -E 'ERROR|runtime error|broken:' "$log" >&2 || tail -5 "$log" >&2
        echo "$1: failed, see $log" >&2
        return 1
    fi
}

# keep TARGET
keep() {
    local few
    few=$(mktemp -d)
    libfuzzer "$1" -merge=1 "$few" "$work/$1" >"$work/$1.log" 2>&1 ||
        die "$1: cannot be merged, see $work/$1.log"
    tar --sort=name --mtime=@0 --owner=0 --group=0 -C "$few" -cf - . |
        gzip -9n >"tests/fuzz/corpus/$1.tar.gz"
    rm -r "$few"
}

failed=0 running=0
for target in "${targets[@]}"; do
    fuzz "$target" &
    running=$((running + 1))
    if [ $running -ge "$jobs" ]; then
        wait -n || failed=1
        running=$((running - 1))
    fi
done
while [ $running -gt 0 ]; do
    wait -n || failed=1
    running=$((running - 1))
done
for target in ${keep:+"${targets[@]}"}; do
    keep "$target"
done
awk '{ n[$1] += $2; all += $2 } END {
    for (t in n) printf "all runs: %-8s %12d executions\n", t, n[t]
    printf "all runs: %-8s %12d executions\n", "together", all }' \
    "$work/executions"
exit $failed
