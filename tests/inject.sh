#!/bin/bash
# inject.sh AUTOTM SHORT_IO - the file tier when system calls fail or do less
# than they were asked for: results stay the same bit for bit, or the sentence
# names tensor, tier and offset. Exit 77 and a reason without strace.
tests=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
short=$(realpath "$2")
if ! strace -qq -o /dev/null true 2>/dev/null; then
    echo "skipped: strace is not here, or may not trace" >&2
    exit 77
fi
source "$tests/cli_common.sh"

python3 "$tests/small_model.py" small.onnx || exit 1
for engine in threads io_uring; do
    expect 0 '' "$autotm" plan small.onnx --slow "file:pool,engine=$engine" \
        --fast 80% --threads 1 --store s.db -q -o $engine.json -f
done
# injected ENGINE FAULT STRACE-OPTION...: verify, with that done to its calls
injected() {
    local engine=$1 fault=$2
    shift 2
    strace -f -qq -o trace "$@" -e "inject=$fault" "$autotm" verify small.onnx \
        --plan "$engine.json" -q
}
# is_same ENGINE FAULT...: it happened, and nothing comes of it
is_same() {
    expect 0 '' injected "$@"
    stdout 'bit-identical'
    grep -q INJECTED trace || fail "not injected: $*"
}
pool="-P $PWD/pool"

expect 8 'moving "w.": tier "file:pool.*reading at offset [0-9]+: Input/output' \
    injected threads pread64:error=EIO:when=3+ $pool
expect 8 'weight w.: tier "file:pool.*writing at offset [0-9]+: Input/output' \
    injected threads pwrite64:error=EIO:when=3+ $pool
expect 8 'writing at offset [0-9]+: No space left' \
    injected threads pwrite64:error=ENOSPC:when=3+ $pool
expect 8 'tier "file:pool.*pool: Input/output' \
    injected threads pread64:error=EIO:when=1 $pool
expect 8 'tier "file:pool.*cannot be reserved: No space left' \
    injected threads fallocate:error=ENOSPC $pool
is_same threads fallocate:error=EOPNOTSUPP $pool
is_same threads pread64:error=EINTR:when=3..4 $pool
is_same threads pwrite64:error=EINTR:when=3..4 $pool
expect 8 'small.onnx: Input/output' \
    injected threads pread64:error=EIO -P "$PWD/small.onnx"

# the kernel's queue: refused, interrupted, busy, broken
is_same io_uring io_uring_setup:error=ENOSYS
is_same io_uring io_uring_setup:error=EPERM
is_same io_uring io_uring_enter:error=EINTR:when=1+2
is_same io_uring io_uring_enter:error=EAGAIN:when=1+3
expect 8 'tier "file:pool.*at offset [0-9]{1,6}: Input/output' \
    injected io_uring io_uring_enter:error=EIO:when=3+

expect 0 '' env LD_PRELOAD="$short" "$autotm" verify small.onnx \
    --plan threads.json -q
stdout 'bit-identical'

echo "$checks checks, $failures failures"
[ $failures -eq 0 ]
