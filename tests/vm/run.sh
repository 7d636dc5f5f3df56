#!/usr/bin/env bash
# run.sh BUILD - every tier on the memory that it is for, in a virtual machine
# that is booted three times: what each boot does is in inside.sh. The first two
# are killed in mid-write, and the next one looks at what is left. The
# transcript is BUILD/vm.log. Exit 77 and a reason where there is no QEMU.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(realpath "$1")
work=$(mktemp -d "$build/vm-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir state
exec > >(tee "$build/vm.log") 2>&1
failed=0

lap() { echo "== $SECONDS s: $*"; }
boot() { # NAME VM-OPTION...: inside.sh NAME, in the machine
    local name=$1
    shift
    "$here/vm" --state state "$@" -- bash "$here/inside.sh" "$build" "$name"
}
acknowledged() { # ROUND N: both writers have written so many records
    local f
    for f in "pmem.$1" "devdax.$1"; do
        [ -e "$f" ] && [ "$(wc -l <"$f")" -ge "$2" ] || return 1
    done
}
# killed ROUND VM-OPTION...: pulls the plug while both writers are at work
killed() {
    local round=$1 vm i
    shift
    boot "$round" --pidfile pid --timeout 120 "$@" >killed.log 2>&1 &
    vm=$!
    for ((i = 0; i < 1200; i++)); do
        ! acknowledged "$round" 40 || break
        kill -0 $vm 2>/dev/null || break
        sleep 0.1
    done
    kill -9 "$(cat pid)" 2>/dev/null || true
    i=0
    wait $vm || i=$?
    [ $i -ne 77 ] || { cat killed.log && exit 77; }
    grep -v '^vm: ' killed.log || true
    acknowledged "$round" 40 && ! grep -q FAILED killed.log || failed=1
    lap "killed in mid-write, round $round"
}

python3 "$here/../small_model.py" small.onnx
killed 1 --fsdax --devdax --cxl
killed 2 --fsdax --devdax
boot all --timeout 420 --fsdax --devdax --xfs --kmem --vpmem || failed=1
lap "$([ $failed = 0 ] && echo "all is well" || echo "FAILED")"
exit $failed
