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
    local round=$1 vm rc=0 i
    shift
    rm -f pid
    boot "$round" --pidfile pid --timeout 150 "$@" >killed.log 2>killed.err &
    vm=$!
    for ((i = 0; i < 1500; i++)); do
        ! acknowledged "$round" 40 || break
        kill -0 $vm 2>/dev/null || break
        sleep 0.1
    done
    kill -9 "$(cat pid 2>/dev/null)" 2>/dev/null || true
    wait $vm || rc=$?
    [ $rc -ne 77 ] || { cat killed.err && exit 77; }
    cat killed.log
    ! grep -q FAILED killed.log || failed=1
    acknowledged "$round" 40 || { cat killed.err && return 125; }
    lap "killed in mid-write, round $round"
}
# again COMMAND...: QEMU 7.2 without acceleration stood still in one of some
# thirty boots on a busy machine, whatever ran in it: such a boot (125) is made
# once more, a failed check is not.
again() {
    local rc=0
    "$@" || rc=$?
    [ $rc -eq 125 ] || return $rc
    lap "the machine stood still: once more"
    "$@"
}

python3 "$here/../small_model.py" small.onnx
again killed 1 --fsdax --devdax --cxl || failed=1
again killed 2 --fsdax --devdax || failed=1
again boot all --timeout 600 --fsdax --devdax --xfs --kmem --vpmem || failed=1
lap "$([ $failed = 0 ] && echo "all is well" || echo FAILED)"
exit $failed
