# cli_common.sh - what the tests of the command line share: a directory of their
# own, and checks of exit codes, stdout, stderr and JSON. $1 is autotm.
set -u
autotm=$(realpath "$1")
dir=$(mktemp -d "${TMPDIR:-/tmp}/autotm-cli-XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
export XDG_CACHE_HOME=$dir/cache
checks=0 failures=0

fail() {
    failures=$((failures + 1))
    echo "FAIL: $*"
    [ -s err ] && sed 's/^/    stderr: /' err | head -5
}

# expect CODE 'REGEX' COMMAND...: exit code, and stderr matches (empty: any)
expect() {
    local code=$1 regex=$2 got
    shift 2
    checks=$((checks + 1))
    "$@" >out 2>err </dev/null
    got=$?
    [ "$got" = "$code" ] || { fail "exit $got, not $code: $*"; return; }
    [ -z "$regex" ] || grep -Eq -- "$regex" err ||
        fail "stderr lacks /$regex/: $*"
    if [ "$code" != 0 ] && [ "$code" != 4 ] && [ "$code" != 7 ]; then
        [ -s out ] && fail "stdout is not empty on failure: $*"
        [ "$(wc -l <err)" -ge 1 ] || fail "no sentence: $*"
    fi
}

# background COMMAND...: its number is $!
background() {
    : >err
    "$@" >out 2>err </dev/null &
}

# until_said REGEX: the job in the background is that far (60 s at most), and a
# second further
until_said() {
    for _ in $(seq 600); do
        grep -Eq -- "$1" err && break
        sleep 0.1
    done
    sleep 1
}

# stdout REGEX: of the last command
stdout() {
    checks=$((checks + 1))
    grep -Eq -- "$1" out || fail "stdout lacks /$1/"
}

# json EXPRESSION: of stdout (as j), must be true
json() {
    checks=$((checks + 1))
    python3 -c 'import json,sys
j=json.load(open("out"))
sys.exit(0 if eval(sys.argv[1]) else 1)' "$1" 2>/dev/null ||
        fail "JSON on stdout: not ($1)"
}

equal() {
    checks=$((checks + 1))
    cmp -s "$1" "$2" || fail "$1 and $2 differ"
}
