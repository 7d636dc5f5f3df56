#!/usr/bin/env bash
# cli.sh AUTOTM - the conventions of the command line, each as a check: exit
# codes, what goes to stdout and stderr, bad input, files, determinism.
targets=$(realpath "$(dirname "$0")/../targets")
. "$(dirname "$0")/cli_common.sh"

verbs="zoo inspect profile plan sweep explain run verify devices"

# ---- usage ----
expect 2 'verb is missing' "$autotm"
expect 2 'did you mean "plan"' "$autotm" plam
expect 2 'autotm help' "$autotm" frobnicate
expect 0 '' "$autotm" help
for v in $verbs; do
    stdout "^  $v "
done
for v in $verbs; do
    expect 0 '' "$autotm" "$v" --help
    stdout "Usage: autotm $v"
    [ -s err ] && fail "$v --help talks"
    cp out help
    expect 0 '' "$autotm" help "$v"
    equal out help
    expect 0 '' "$autotm" "$v" -h
    equal out help
    expect 0 '' "$autotm" "$v" --version
    stdout '^autotm [0-9]'
    expect 2 'unknown' "$autotm" "$v" --frobnicate
done
expect 0 '' "$autotm" --version
for library in git protobuf-c oneDNN libnuma libpmem SQLite GLPK jansson; do
    stdout "^$library "
done
expect 2 'did you mean --threads' "$autotm" run m.onnx --thraeds 1
expect 2 'no option of this verb' "$autotm" zoo --fast 3
expect 2 'needs an argument' "$autotm" run m.onnx --fast
expect 2 'takes no argument' "$autotm" run m.onnx --compare=1
expect 2 'MODEL is missing' "$autotm" run
expect 2 'one argument too many' "$autotm" run a b
expect 2 'human or json' "$autotm" zoo --format xml
expect 2 'did you mean "resnet50"' "$autotm" zoo resnet5
expect 2 '--batch' "$autotm" zoo mlp --batch 0

# ---- errors as JSON, on stderr ----
"$autotm" run missing.onnx --format json >out 2>err
python3 -c 'import json
e=json.load(open("err"))["error"]
assert e["exit_code"]==8 and "missing.onnx" in e["message"]' ||
    fail 'an error is no JSON in JSON mode'

# ---- zoo, inspect, devices ----
expect 0 '' "$autotm" zoo --format json
json 'len(j) >= 5 and all("name" in n for n in j)'
expect 0 '' "$autotm" zoo mlp -q
expect 0 '' "$autotm" zoo mlp -o mlp.onnx --format json # overwrites
json 'j["path"] == "mlp.onnx" and j["bytes"] > 1e7'
expect 0 '' "$autotm" zoo mlp --seed 1 -o other.onnx
expect 0 '' "$autotm" zoo mlp --seed 0 -o again.onnx
equal mlp.onnx again.onnx
cmp -s mlp.onnx other.onnx && fail 'the seed changes nothing'
expect 0 '' "$autotm" inspect mlp.onnx
stdout 'Gemm +4 yes'
stdout 'smallest --fast'
expect 0 '' "$autotm" inspect mlp.onnx --format json
json 'j["opset"] == 13 and j["supported"]'
json 'j["inputs"][0]["shape"] == [1, 784]'
json 'j["peak_bytes"] > j["smallest_fast"][1]["bytes"] > 0'
expect 0 '' "$autotm" devices
stdout 'emu:profile=optane6 .* emulated'
expect 0 '' "$autotm" devices --format json
json 'any(t["spec"] == "dram" and t["usable"] for t in j["tiers"])'
expect 0 '' "$autotm" devices --slow emu:profile=none --format json
json 'not j["tiers"][0]["usable"] and "none" in j["tiers"][0]["reason"]'
expect 0 '' "$autotm" devices --slow file:. --store c.db --format json
json 'j["tiers"][0]["times"] == "assumed"'
expect 0 '' "$autotm" devices --slow file:. --store c.db --format json \
    --calibrate --threads 1
json '{p["direction"] for p in j["curve"]} == {"read", "write", "mixed"}'
json 'all(p["bw"] > 0 for p in j["curve"])'
expect 0 '' "$autotm" devices --slow file:. --store c.db --format json
json 'j["tiers"][0]["times"] == "measured"'
expect 2 'emulated' "$autotm" devices --slow emu --calibrate --store c.db
expect 2 '--slow' "$autotm" devices --calibrate --store c.db

# y = Relu(x), x: float[N, 4]; written by hand, byte by byte
value() {
    printf '\x0a\x01%s\x12\x0f\x0a\x0d\x08\x01\x12\x09\x0a\x03\x12\x01N' "$1"
    printf '\x0a\x02\x08\x04'
}
{
    printf '\x08\x07\x42\x02\x10\x0d\x3a\x3d'
    printf '\x0a\x0c\x0a\x01x\x12\x01y\x22\x04Relu\x12\x01g'
    printf '\x5a\x14'
    value x
    printf '\x62\x14'
    value y
} >open.onnx
expect 0 '' "$autotm" inspect open.onnx
stdout '\?Nx4 +--dim N=N'
expect 0 '' "$autotm" inspect open.onnx --dim N=3 --format json
json 'j["kernel_count"] == 3'
expect 2 'dim N' "$autotm" run open.onnx
expect 2 'NAME=N' "$autotm" run open.onnx --dim N=x
expect 0 '' "$autotm" run open.onnx --shape x=3,4 --format json
json 'j["outputs"][0]["shape"] == [3, 4] and j["outputs"][0]["min"] == 0'

# y = Reshape(x, s), x: float[6], s: int64[2]
{
    printf '\x08\x07\x42\x02\x10\x0d\x3a\x44'
    printf '\x0a\x12\x0a\x01x\x0a\x01s\x12\x01y\x22\x07Reshape\x12\x01g'
    printf '\x5a\x0f\x0a\x01x\x12\x0a\x0a\x08\x08\x01\x12\x04\x0a\x02\x08\x06'
    printf '\x5a\x0f\x0a\x01s\x12\x0a\x0a\x08\x08\x07\x12\x04\x0a\x02\x08\x02'
    printf '\x62\x09\x0a\x01y\x12\x04\x0a\x02\x08\x01'
} >shaped.onnx
expect 4 'bind its value' "$autotm" run shaped.onnx
expect 0 '' "$autotm" run shaped.onnx --value s=2,3 --format json
json 'j["outputs"][0]["shape"] == [2, 3]'
expect 0 '' "$autotm" verify shaped.onnx --value s=-1,2 --fast 100%
expect 3 'Reshape' "$autotm" run shaped.onnx --value s=4,3
expect 2 's' "$autotm" run shaped.onnx --value s=2
expect 2 'no input' "$autotm" run shaped.onnx --value t=2,3
expect 2 'integers' "$autotm" run shaped.onnx --value s=2,x

# ---- bad input ----
expect 8 'missing.onnx' "$autotm" inspect missing.onnx
expect 8 'regular file' "$autotm" inspect .
: >empty.onnx
echo 'this is no model' >text.onnx
for n in 1 100 5000 1000000; do
    head -c $n mlp.onnx >cut.onnx
    expect 3 'cut.onnx' "$autotm" inspect cut.onnx
    expect 3 'cut.onnx' "$autotm" run cut.onnx
done
expect 3 'empty' "$autotm" run empty.onnx
expect 3 'text.onnx' "$autotm" run text.onnx
LC_ALL=C sed 's/Relu/Rexx/g; s/Gemm/Gexx/g' mlp.onnx >unknown.onnx
expect 4 'Gexx.*Rexx|Rexx.*Gexx' "$autotm" run unknown.onnx
expect 4 'Gexx.*Rexx|Rexx.*Gexx' "$autotm" inspect unknown.onnx
stdout 'Gexx +4 NO'
stdout 'Rexx +3 NO'
expect 4 '' "$autotm" inspect unknown.onnx --format json
json 'not j["supported"] and len(j["operators"]) == 2'
expect 2 'kind|tier' "$autotm" run mlp.onnx --slow nonsense:
expect 2 'profile' "$autotm" run mlp.onnx --slow emu:profile=none
expect 2 'planner' "$autotm" plan mlp.onnx --fast 50% --planner best
expect 2 '--fast' "$autotm" plan mlp.onnx
for bad in x 4Q 1.2.3 -5 50%% 0:0 1:2:3 9999999T; do
    expect 2 '--fast' "$autotm" plan mlp.onnx --fast "$bad"
done
expect 5 'smallest' "$autotm" plan mlp.onnx --fast 1K
expect 5 'smallest' "$autotm" plan mlp.onnx --fast 1K -o none.json
[ -e none.json ] && fail 'an infeasible plan was written'
expect 2 'no input' "$autotm" run mlp.onnx --input nothing=x.npy
expect 8 'proc/no' "$autotm" profile mlp.onnx --store /proc/no/store.db

# ---- profile ----
expect 0 'to measure' "$autotm" profile mlp.onnx --store new.db
expect 0 '' "$autotm" profile mlp.onnx --format json
json 'j["measured"] == 0 and j["reused"] > 0'
expect 0 '' "$autotm" profile mlp.onnx -q --fresh
[ -s err ] && fail 'profile -q talks'
expect 0 '' "$autotm" profile mlp.onnx --store new2.db --dry-run
stdout 'to measure +[1-9]'
expect 0 '' "$autotm" profile mlp.onnx --dry-run --format json
json 'j["to_measure"] == 0 and j["known"] == j["distinct"] > 0'
expect 0 'lower .* ms' "$autotm" profile mlp.onnx -v

# times that are off are found and measured again: by the store, all of them
"$autotm" profile --export - --store new.db |
    sed 's/"seconds":[^,}]*/"seconds":0.04/' >slower.jsonl
expect 0 '' "$autotm" profile --import slower.jsonl --store slower.db
expect 0 'of .* take another time' "$autotm" profile mlp.onnx --reprofile \
    --store slower.db --format json
json 'j["drifted"] > 0 and j["drifted"] == j["measured"]'

# out to lines and in again; damaged lines change nothing
expect 0 '' "$autotm" profile --list --store new.db --format json
json 'len(j) >= 1 and j[0]["this_machine"] and j[0]["samples"] > 0'
expect 0 '' "$autotm" profile --export rows.jsonl --store new.db
expect 2 'exists' "$autotm" profile --export rows.jsonl --store new.db
expect 0 'samples read' "$autotm" profile --import rows.jsonl --store copy.db
expect 0 '' "$autotm" profile --export rows2.jsonl --store copy.db
equal rows.jsonl rows2.jsonl
sed '2s/"seconds":/"seconds":-/' rows.jsonl >bad.jsonl
expect 3 'bad.jsonl: line 2' "$autotm" profile --import bad.jsonl --store b.db
expect 0 'empty' "$autotm" profile --list --store b.db
sed 's/"machine":"../"machine":"00/' rows.jsonl >other.jsonl
expect 0 '' "$autotm" profile --import other.jsonl --store copy.db
expect 0 "^$(wc -l <rows.jsonl) samples of other machines" "$autotm" profile \
    --prune --store copy.db
expect 0 '' "$autotm" profile --export - --store copy.db
equal out rows.jsonl
expect 2 'MODEL is missing' "$autotm" profile
expect 2 'without a model' "$autotm" profile mlp.onnx --list

# ---- plan ----
expect 0 '' "$autotm" plan mlp.onnx --fast 60% -o plan.json --format json
json 'set("model kernel_count tensor_count peak_bytes budget_bytes \
fast_peak_bytes slow_peak_bytes moved_bytes predicted_seconds \
all_fast_seconds all_slow_seconds lower_bound_seconds gap status planner mode \
solve_seconds emulated".split()) <= set(j)'
json 'j["fast_peak_bytes"] <= j["budget_bytes"] < j["peak_bytes"]'
json 'j["lower_bound_seconds"] <= j["predicted_seconds"] <= \
j["all_slow_seconds"] and j["emulated"] is True'
cp plan.json keep.json
expect 2 'exists; use -f' "$autotm" plan mlp.onnx --fast 50% -o plan.json
equal plan.json keep.json
expect 0 '' "$autotm" plan mlp.onnx --fast 60% -f -o plan.json
equal plan.json keep.json # byte-identical for the same store
expect 0 '' "$autotm" plan mlp.onnx --fast 60% -o -
equal out keep.json
expect 0 '' "$autotm" plan mlp.onnx --fast 2:3 --planner random --seed 7 \
    --format json
json 'abs(j["budget_bytes"] - 0.6 * j["peak_bytes"]) <= 1'
expect 0 '' "$autotm" plan mlp.onnx --fast 8M --planner all-slow --format json
json 'j["budget_bytes"] == 8 * 2**20 and j["moved_bytes"] == 0'
stdout '"planner": "all-slow"'
expect 5 'require-gap' "$autotm" plan mlp.onnx --fast 60% --planner random \
    --require-gap 0.0001% -o wide.json
[ -e wide.json ] && fail 'a plan with too wide a gap was written'

expect 0 '' "$autotm" plan mlp.onnx --fast 60% --planner 2lm --format json
json 'j["simulated"] and j["predicted_seconds"] > 0'
expect 2 'no plan to write' "$autotm" plan mlp.onnx --fast 60% --planner 2lm \
    -o 2lm.json
expect 2 'is simulated' "$autotm" run mlp.onnx --fast 60% --planner interleave

# ---- pack ----
printf 'id,lower,upper,size\n1,0,4,6\n2,3,8,4\n3,7,9,6\n' >boxes.csv
expect 0 '' "$autotm" pack boxes.csv
stdout 'id,lower,upper,size,offset'
[ "$(wc -l <out)" = 4 ] || fail 'pack: not a line a buffer'
expect 0 '' "$autotm" pack boxes.csv --capacity 10 -o packed.csv --format json
json 'j["valid"] and j["height"] == j["lower_bound"] == j["capacity"] == 10'
expect 2 'exists' "$autotm" pack boxes.csv -o packed.csv
expect 5 'capacity of 9 bytes is missed' "$autotm" pack boxes.csv --capacity 9
printf 'id,lower,upper,size\n1,4,3,6\n' >bad.csv
expect 3 'line 2: upper: it is before lower' "$autotm" pack bad.csv
printf 'id,lower,upper,size\n1,0,3,6\n1,0,3,6\n' >bad.csv
expect 3 'line 3: id: 1 is that of line 2 too' "$autotm" pack bad.csv
printf 'id,lower,upper,size\n1,0,3,-6\n' >bad.csv
expect 3 'line 2: size: a whole number' "$autotm" pack bad.csv
printf 'id,lower,upper,size\n1,0,3,6,7\n' >bad.csv
expect 3 'line 2: size: more than four' "$autotm" pack bad.csv
printf 'id,lower,upper\n' >bad.csv
expect 3 'line 1: the head' "$autotm" pack bad.csv

# ---- problem files ----
expect 0 '' "$autotm" plan mlp.onnx --fast 60% --emit-problem problem.json
for stage in graph program profile problem schedule; do
    expect 0 '' "$autotm" plan mlp.onnx --fast 60% --dump $stage
    json 'len(j) >= 7'
done
expect 2 'there are: graph program' "$autotm" plan mlp.onnx --dump frob
expect 0 '' "$autotm" plan --problem problem.json --fast 60% --format json
json 'len(j["tensors"]) == j["tensor_count"] and "certificate" in j'
json 'j["objective"] == j["predicted_seconds"]'
expect 5 '' "$autotm" plan --problem problem.json --fast 1K --format json
expect 2 'both' "$autotm" plan mlp.onnx --problem problem.json --fast 60%
echo '{"format": "autotm-problem"' >bad.json
expect 3 'bad.json' "$autotm" plan --problem bad.json --fast 60%

# ---- targets: hardware that is described, not there ----
expect 0 '' "$autotm" plan mlp.onnx --fast 60% -o target.json --format json \
    --target "$targets/cascade-lake-optane.json" --threads 1
json 'j["target"] == "cascade-lake-optane" and j["emulated"] and j["slow"] == \
"emu:target=cascade-lake-optane,rd=2317647059,wr=3475000000,lat=305"'
expect 0 '' "$autotm" run mlp.onnx --plan target.json -n 1 --format json
json 'j["slow"].startswith("emu:target=cascade-lake-optane,") and j["emulated"]'
expect 0 '' "$autotm" plan mlp.onnx --fast 60% \
    --target "$targets/laptop-nvme.json"
stdout 'target +laptop-nvme: .*predicted'
stdout 'all-slow +not allowed'
expect 0 '' "$autotm" run mlp.onnx --fast 60% -n 1 \
    --target "$targets/cxl-server.json" --planner async
expect 2 'leave --slow out' "$autotm" plan mlp.onnx --fast 60% --slow dram \
    --target "$targets/cxl-server.json"
expect 2 'leave --plan or' "$autotm" run mlp.onnx --plan plan.json \
    --target "$targets/cxl-server.json"
sed 's/"name"/"nom"/' "$targets/cxl-server.json" >target.bad
expect 3 'target.bad: .*nom' "$autotm" plan mlp.onnx --fast 60% \
    --target target.bad
expect 8 'none.json' "$autotm" plan mlp.onnx --fast 60% --target none.json

# ---- run ----
expect 0 '' "$autotm" run mlp.onnx --fast 60% -n 2 --output-dir a \
    --format json
json 'set("seconds seconds_min iterations predicted_seconds \
bound_measured_seconds moved_bytes fast_peak_bytes rss_bytes threads emulated \
".split()) <= set(j)'
json 'j["iterations"] == 2 and j["outputs"][0]["finite"]'
expect 0 '' "$autotm" run mlp.onnx --plan plan.json -n 1 --output-dir b
stdout 'emulated'
equal a/logits.npy b/logits.npy
expect 0 '' "$autotm" run mlp.onnx -n 1 --planner all-fast --output-dir c
equal a/logits.npy c/logits.npy
expect 2 'exists' "$autotm" run mlp.onnx -n 1 --output-dir a
expect 0 '' "$autotm" run mlp.onnx -n 1 --seed 5 --output-dir a -f
cmp -s a/logits.npy c/logits.npy && fail 'the seed of the inputs is ignored'
expect 0 '' "$autotm" run mlp.onnx -n 1 --fast 60% --compare --format json
json 'j["all_fast_measured_seconds"] > 0'
head -c 3136 /dev/zero >zero.bin
expect 0 '' "$autotm" run mlp.onnx -n 1 --input input=zero.bin --format json
json 'j["outputs"][0]["finite"]'
head -c 3000 /dev/zero >short.bin
expect 3 'short.bin' "$autotm" run mlp.onnx --input input=short.bin
expect 8 'none.npy' "$autotm" run mlp.onnx --input input=none.npy

# a plan runs where nothing is profiled, and under the table's clock
expect 0 'not profiled' "$autotm" run mlp.onnx --plan plan.json -n 1 \
    --store new3.db --compare --format json
json 'j["bound_measured_seconds"] is None'
expect 0 '' "$autotm" run mlp.onnx -n 1 --fast 60% \
    --slow emu:profile=optane6,clock=table --format json
json 'j["clock"] == "table" and \
abs(j["seconds"] - j["predicted_seconds"]) < 1e-9'
# an input's name with an escape sequence does not reach the terminal
LC_ALL=C sed 's/Relu/R\x1b[m/' open.onnx >escape.onnx
expect 4 '' "$autotm" inspect escape.onnx
checks=$((checks + 1))
grep -q $'\x1b' out err && fail 'an escape sequence reaches the terminal'

# ---- plans that do not match ----
expect 6 '' "$autotm" run other.onnx --plan plan.json
expect 6 '' "$autotm" run mlp.onnx --plan plan.json --slow emu:profile=optane1
expect 6 '' "$autotm" run mlp.onnx --plan plan.json --fast 50%
expect 6 '' "$autotm" run mlp.onnx --plan plan.json --threads 3
head -c 300 plan.json >half.json
expect 3 'half.json' "$autotm" run mlp.onnx --plan half.json
expect 8 'none.json' "$autotm" run mlp.onnx --plan none.json
# on a tier that kernels cannot run on, every plan moves
expect 0 '' "$autotm" plan mlp.onnx --fast 60% --slow emu:profile=nvme4 \
    -o moves.json --format json
json 'j["moved_bytes"] > 0'
# the first move is left out: a kernel would read what never came
if python3 - <<'PY'
import json, sys
j = json.load(open("moves.json"))
for i, s in enumerate(j["steps"]):
    if "move" in json.dumps(s):
        break
else:
    sys.exit(1)
del j["steps"][i]
json.dump(j, open("skipped.json", "w"))
PY
then
    expect 3 'skipped.json|step' "$autotm" run mlp.onnx --plan skipped.json
    expect 3 'skipped.json|step' "$autotm" verify mlp.onnx --plan skipped.json
else
    fail 'the plan has no move to leave out'
fi

# ---- verify ----
expect 0 '' "$autotm" verify mlp.onnx --plan plan.json
stdout 'bit-identical'
expect 0 '' "$autotm" verify mlp.onnx --fast 60% --against all-slow \
    --format json
json 'j["identical"] is True and j["mismatches"] == [] and j["outputs"] == 1'
json 'j["against"] == "all-slow"'
expect 0 '' "$autotm" verify mlp.onnx --plan moves.json
expect 7 '' "$autotm" verify mlp.onnx --plan moves.json --inject flip@0
expect 7 '' "$autotm" verify mlp.onnx --plan moves.json --inject skip@0 \
    --format json
json 'j["identical"] is False'
expect 2 'inject' "$autotm" verify mlp.onnx --plan plan.json --inject flip
expect 2 'missing' "$autotm" verify mlp.onnx

# ---- full disks, full stdout ----
checks=$((checks + 1))
"$autotm" zoo >/dev/full 2>err
[ $? = 8 ] || fail 'a full stdout is not noticed'
(ulimit -f 1000 && exec "$autotm" zoo mlp -o large.onnx) >out 2>err
[ $? = 8 ] || fail 'zoo: a file that cannot grow'
[ -n "$(ls large.onnx* 2>/dev/null)" ] && fail 'zoo: half a model is left'
mkdir small
full() {
    mount -t tmpfs -o size=4k none small && "$autotm" plan mlp.onnx \
        --fast 60% -o small/plan.json
    code=$?
    [ -z "$(ls -A small)" ] || code=99
    return $code
}
export -f full
export autotm
if unshare -rm true 2>/dev/null; then
    expect 8 'small/plan.json' unshare -rm bash -c full
else
    echo 'skipped: disk full while writing a plan (no user namespaces)'
fi

# ---- Ctrl-C ----
background "$autotm" run mlp.onnx -n 1000000 --fast 60% -v
until_said schedule
kill -INT $!
wait $!
[ $? = 130 ] || fail 'Ctrl-C does not end a run with 130'
checks=$((checks + 1))

# ---- start-up ----
python3 - "$autotm" <<'PY' || fail 'start-up takes more than 0.3 s'
import os, subprocess, sys
def spent():  # of the processor, which others may want too
    t = os.times()
    return t.children_user + t.children_system
best = 9
for _ in range(8):
    t = spent()
    subprocess.run([sys.argv[1], "--help"], stdout=subprocess.DEVNULL)
    best = min(best, spent() - t)
sys.exit(best > 0.3)
PY

leftover=$(ls | grep -E 'tmp' || true)
[ -z "$leftover" ] || fail "temporary files are left: $leftover"
echo "$checks checks, $failures failures"
[ "$failures" = 0 ]
