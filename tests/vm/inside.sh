# inside.sh BUILD 1|2|all - what the machine does in its first, second and last
# boot; run.sh says with which memories. Prints what fails and goes on.
build=$1
round=$2
failed=0
set -o pipefail

check() { # COMMAND...: its output and the seconds that it took
    local began=$SECONDS
    echo "-- $*"
    "$@" || { echo "FAILED ($?): $*" && failed=1; }
    echo "   $((SECONDS - began)) s"
}
says() { # TEXT COMMAND...: its output has the text
    local out text=$1
    shift
    out=$("$@" 2>&1) || true
    case $out in
    *"$text"*) echo "$text" ;;
    *) echo "$out" && return 1 ;;
    esac
}
quiet() { "$@" >log 2>&1 || { cat log && return 1; }; }

crash() { # write|check ROUND
    "$build/tests/crash_writer" "$1" "pmem:/mnt/ext4/crash.pool" "pmem.$2" &
    "$build/tests/crash_writer" "$1" "devdax:$DEVDAX,force=1" "devdax.$2" ||
        { wait && return 1; }
    wait $!
}
small() { # SPEC: plan, run, verify over it; verify with a plan that moves
    local to=(--threads 1 --store /dev/shm/store.db -q)
    quiet "$build/autotm" plan small.onnx --slow "$1" --fast 90% "${to[@]}" \
        -o /dev/shm/plan.json -f &&
        quiet "$build/autotm" run small.onnx --plan /dev/shm/plan.json -q \
            -n 2 --warmup 0 &&
        grep -E '^(slow pool|moved)' log &&
        quiet "$build/autotm" verify small.onnx --slow "$1" --fast 90% \
            "${to[@]}" --planner lru &&
        grep -E '^(moved|result)' log
}
tiers() { # conform|conform-kib SPEC...
    "$build/tests/test_tiers" "$@" | grep -E 'conforms|asserts|pages of|[0-9]\. '
}
unlocked() { (ulimit -l 0 && tiers conform "$1"); }
huge() { # reserved huge pages, and how it is without
    local n=/sys/devices/system/node/node1/hugepages/hugepages-2048kB
    says "no pages of 2048 KiB are reserved" tiers conform "$1" || return 1
    echo 4 >$n/nr_hugepages
    tiers conform "$1" || return 1
    echo 0 >$n/nr_hugepages
}
devices() { # with what the firmware says of a node
    "$build/autotm" devices --store /dev/shm/store.db | tee log &&
        grep -q '^numa:node=1 .*from firmware (HMAT)' log
}
# the administrator takes a node away
gone() {
    daxctl offline-memory "$KMEM_DAX" >/dev/null &&
        says "no node $KMEM_NODE" "$build/autotm" devices \
            --slow "numa:node=$KMEM_NODE" --store /dev/shm/store.db
}

[ "$round" = 1 ] || check crash check "$((round == 2 ? 1 : 2))"
case $round in
1) check tiers conform-kib "devdax:$CXL_DAX" ;;&
1 | 2) crash write "$round" && exit 1 ;;
esac
mount | grep ' type .*dax='
specs=("numa:node=1" "numa:node=$KMEM_NODE" "pmem:/mnt/ext4" "pmem:/mnt/xfs"
    "pmem:/mnt/vpmem,sync=degrade" "devdax:$DEVDAX" "file:/mnt/ext4"
    "file:/mnt/xfs,engine=threads")
check tiers conform "${specs[@]}" numa:auto
for spec in "${specs[@]}"; do
    check small "$spec"
done
check devices
check unlocked "file:/mnt/ext4"
check huge "numa:node=1,huge=2M"
mkdir -p /mnt/small
mount -t tmpfs -o size=12M none /mnt/small
export FAULT_NODE=1 FAULT_EMPTY=9 FAULT_PMEM=/mnt/ext4 FAULT_SMALL=/mnt/small
export FAULT_NOSYNC=/mnt/vpmem FAULT_DAX=$DEVDAX
check "$build/tests/test_tier_faults"
check gone
exit $failed
