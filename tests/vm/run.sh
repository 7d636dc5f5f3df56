#!/usr/bin/env bash
# run.sh BUILD - every tier on the memory that it is for, in a virtual machine:
# the conformance suite, a plan, run and verification, the faults, and two
# rounds of kill and reboot. Exit 77 and a reason where there is no QEMU.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(realpath "$1")
work=$(mktemp -d "$build/vm-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir state
memories=(--fsdax --xfs --devdax --kmem --vpmem)
failed=0

began=$SECONDS
lap() { echo "== $((SECONDS - began)) s: $*"; }

cat >all.sh <<EOF
build=$build
EOF
cat >>all.sh <<'EOF'
# everything that one boot can show
failed=0
check() {
    echo "-- $*"
    "$@" || { echo "FAILED ($?): $*"; failed=1; }
}
quiet() { "$@" >log 2>&1 || { cat log; return 1; }; }
small() { # SPEC: plan, run, verify over it
    local to=(--slow "$1" --threads 1 --store /dev/shm/store.db)
    quiet "$build/autotm" profile mlp.onnx "${to[@]}" --samples 5 &&
        quiet "$build/autotm" run mlp.onnx "${to[@]}" --fast 40% -n 1 \
            --warmup 0 &&
        grep -E '^(slow pool|moved)' log &&
        quiet "$build/autotm" verify mlp.onnx "${to[@]}" --fast 40% &&
        grep -E '^result' log
}
specs=("numa:node=1" "numa:auto" "numa:node=$KMEM_NODE" "pmem:/mnt/ext4"
    "pmem:/mnt/xfs" "pmem:/mnt/vpmem,sync=degrade" "devdax:$DEVDAX"
    "file:/mnt/ext4" "file:/mnt/xfs,engine=threads")
check "$build/tests/test_tiers" conform "${specs[@]}"
for spec in "${specs[@]}"; do
    check small "$spec"
done
check "$build/autotm" devices --store /dev/shm/store.db
mkdir -p /mnt/small
mount -t tmpfs -o size=8M none /mnt/small
export FAULT_NODE=1 FAULT_EMPTY=9 FAULT_PMEM=/mnt/ext4 FAULT_SMALL=/mnt/small
export FAULT_NOSYNC=/mnt/vpmem FAULT_DAX=$DEVDAX
check "$build/tests/test_tier_faults"
exit $failed
EOF

"$build/autotm" zoo mlp -o mlp.onnx -q
rc=0
"$here/vm" "${memories[@]}" --state state --timeout 220 -- bash all.sh || rc=$?
[ $rc -ne 77 ] || exit 77
[ $rc -eq 0 ] || failed=1
lap "all tiers"

# ---- killed in mid-write, twice ----
crash() { # MEMORY SPEC
    local vm i
    rm -f acks pid
    "$here/vm" "$1" --state state --pidfile pid --timeout 100 -- \
        bash -c "$build/tests/crash_writer write $2 acks" >/dev/null 2>&1 &
    vm=$!
    for ((i = 0; i < 900; i++)); do
        [ ! -e acks ] || [ "$(wc -l <acks)" -lt 40 ] || break
        kill -0 $vm 2>/dev/null || break
        sleep 0.1
    done
    kill -9 "$(cat pid)" || return 1
    wait $vm || true
    "$here/vm" "$1" --state state --timeout 100 -- \
        bash -c "$build/tests/crash_writer check $2 acks"
}
crash --fsdax pmem:/mnt/ext4/crash.pool || failed=1
lap "killed and rebooted: pmem"
crash --devdax 'devdax:$DEVDAX,force=1' || failed=1
lap "killed and rebooted: devdax"
exit $failed
