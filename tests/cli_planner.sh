#!/usr/bin/env bash
# cli_planner.sh AUTOTM SOURCE - the verbs around the planner: sweep, explain,
# and how a plan is asked for, stopped and judged.
. "$(dirname "$0")/cli_common.sh"
source=$(realpath "$2")
problems=$source/tests/data/problems
small=$problems/resnet50.json.gz

# ---- sweep: usage ----
expect 2 'one of the two' "$autotm" sweep
expect 2 'one of the two' "$autotm" sweep m.onnx --problem "$small"
for bad in 10%-x '' 30%-10%+5% 10%-20% 10%-20%+0 1G+1G 20%,zebra 0-1G+1; do
    expect 2 'budgets' "$autotm" sweep --problem "$small" --budgets "$bad"
done
for bad in read_bw=x speed=3G read_bw 'read_bw=-1' 'write_bw=0'; do
    expect 2 'what-if' "$autotm" sweep --problem "$small" --what-if "$bad"
done
expect 2 'of `sweep` only' "$autotm" plan --problem "$small" --fast 30% \
    --format csv
expect 5 'smallest' "$autotm" sweep --problem \
    "$problems/tiny/mix-slow-train-1.json" --budgets 1

# ---- moves beside kernels: a curve, and why ----
turns=$problems/tiny/hand-async-turns.json
expect 0 '' "$autotm" sweep --problem "$turns" --planner async --budgets 2,4 \
    --format json
json 'abs(j["points"][0]["predicted_seconds"] - 18) < 1e-9 and \
abs(j["points"][-1]["predicted_seconds"] - 14) < 1e-9'
json 'all(p["lower_bound_seconds"] <= p["predicted_seconds"] \
for p in j["points"])'
expect 0 '' "$autotm" plan --problem "$turns" --planner async --fast 4 \
    --format json
cp out turns.json
expect 0 '' "$autotm" explain turns.json t0 --problem "$turns"
stdout 'run beside kernels'

# ---- sweep: the curve ----
expect 0 '' "$autotm" sweep --problem "$small" --budgets 20%-40%+20%,90% \
    --format json --what-if read_bw=60G,write_bw=20G
json 'len(j["points"]) == 4 and j["points"][0]["budget_bytes"] == \
j["smallest_bytes"]'
json 'all(p["feasible"] and p["lower_bound_seconds"] <= \
p["predicted_seconds"] for p in j["points"])'
json 'all(a["predicted_seconds"] >= b["predicted_seconds"] and \
a["lower_bound_seconds"] >= b["lower_bound_seconds"] - 1e-9 \
for a, b in zip(j["points"], j["points"][1:]))'
json 'all(p["fast_peak_bytes"] <= p["budget_bytes"] for p in j["points"])'
json 'all(p["gap"] <= 0.001 for p in j["points"])'
json 'any(p["knee"] for p in j["points"])'
# faster moves: both the proof and the plans follow
json 'all(p["what_if"]["lower_bound_seconds"] <= \
p["what_if"]["plan_seconds"] <= p["predicted_seconds"] for p in j["points"])'
json 'j["points"][1]["what_if"]["plan_seconds"] < \
j["points"][1]["predicted_seconds"]'
# each certificate proves its bound in exact arithmetic, on the other machine
# too
cp out sweep.json
python3 - "$source" "$small" <<'PY' || fail 'a bound of sweep is not proven'
import gzip, json, subprocess, sys
source, small = sys.argv[1:]
j = json.load(open("sweep.json"))
other = json.load(gzip.open(small))
other["read_bw"], other["write_bw"] = 60e9, 20e9
json.dump(other, open("other.json", "w"))
def proven(problem, certificate, budget):
    json.dump({"certificate": certificate}, open("one.json", "w"))
    return float(subprocess.run(
        [sys.executable, source + "/scripts/check_bound.py", problem,
         "one.json", str(budget)], capture_output=True, text=True).stdout)
own = {p["certificate_budget_bytes"] for p in j["points"]}
assert own
for p in j["points"]:
    at = p["budget_bytes"]
    bound = proven(small, p["certificate"], at)
    assert abs(bound - p["lower_bound_seconds"]) < 1e-6, (at, bound, p)
    if p["what_if"]["certificate_budget_bytes"] == p["certificate_budget_bytes"]:
        bound = proven("other.json", p["certificate"], at)
        assert bound >= p["what_if"]["lower_bound_seconds"] - 1e-6
        assert bound <= p["what_if"]["plan_seconds"]
PY
checks=$((checks + 1))
# cuts are proven anew at each budget: certificates of coarse problems
for name in mix-all-1 mix-train-2 variants-1 same-size-1; do
    expect 0 '' "$autotm" sweep --problem "$problems/tiny/$name.json" \
        --budgets 0%-120%+10% --format json
    python3 - "$source" "$problems/tiny/$name.json" <<'PY' ||
import json, subprocess, sys
source, problem = sys.argv[1:]
known = {b["bytes"]: b["best"] for b in json.load(open(problem))["budgets"]}
for p in json.load(open("out"))["points"]:
    if not p["feasible"]:
        continue
    json.dump({"certificate": p["certificate"]}, open("one.json", "w"))
    r = subprocess.run(
        [sys.executable, source + "/scripts/check_bound.py", problem,
         "one.json", str(p["budget_bytes"])], capture_output=True, text=True)
    assert r.returncode == 0, r.stderr
    bound = min(float(r.stdout), p["predicted_seconds"])
    assert abs(bound - p["lower_bound_seconds"]) < 1e-6, (bound, p)
    for size, best in known.items():
        if best is not None and size >= p["budget_bytes"]:
            assert best <= p["predicted_seconds"] + 1e-9
PY
        fail "$name: a bound of sweep is not proven"
    checks=$((checks + 1))
done
expect 0 '' "$autotm" sweep --problem "$problems/tiny/plain-1.json" --format csv
checks=$((checks + 1))
python3 -c 'import csv,sys
rows = list(csv.DictReader(open("out")))
t = [float(r["predicted_seconds"]) for r in rows if r["predicted_seconds"]]
sys.exit(not (len(rows) >= 10 and t and t == sorted(t, reverse=True)))' ||
    fail 'the CSV of sweep is no falling curve'
expect 0 '' "$autotm" sweep --problem "$problems/tiny/hand-carry.json"
expect 0 '' "$autotm" sweep --problem "$problems/tiny/plain-1.json"
stdout 'proven gap'
stdout 'smallest budget'

# ---- explain ----
checks=$((checks + 1))
python3 "$source/tests/check_explain.py" "$autotm" "$problems/tiny" plain-1 \
    out-1 table-1 scratch-1 variants-1 mix-forward-1 mix-train-1 \
    mix-slow-train-1 slow-bytes-1 null-1 feeds-1 may-1 >out 2>err ||
    fail "explain: $(tail -1 err)"
expect 0 '' "$autotm" plan --problem "$small" --fast 35% -o answer.json
expect 0 '' "$autotm" explain answer.json t100 --problem "$small"
stdout 'as planned'
expect 0 '' "$autotm" explain answer.json k200 --problem "$small" --format json
json 'sum(e["planned"] for e in j["entries"]) == 1 and j["fast_bytes"] == \
sum(o["bytes"] for o in j["occupants"]) + j["scratch_bytes"] <= \
j["budget_bytes"]'
expect 2 'kernels are called' "$autotm" explain answer.json conv \
    --problem "$small"
expect 2 'no tensor or kernel' "$autotm" explain answer.json t999999 \
    --problem "$small"
expect 2 'PLAN' "$autotm" explain answer.json t1
expect 3 'answer.json' "$autotm" explain answer.json t1 \
    --problem "$problems/tiny/plain-1.json"
head -c 500 answer.json >half.json
expect 3 'half.json' "$autotm" explain half.json t1 --problem "$small"
expect 8 'none.json' "$autotm" explain none.json t1 --problem "$small"

# ---- the integer program ----
expect 0 '' "$autotm" plan --problem "$problems/tiny/plain-1.json" --fast 50% \
    --emit-lp program.lp
checks=$((checks + 1))
grep -q '^Minimize' program.lp && grep -q '^End' program.lp ||
    fail 'the program is no LP file'
expect 2 'exists; use -f' "$autotm" plan --problem \
    "$problems/tiny/plain-1.json" --fast 50% --emit-lp program.lp
expect 8 'none/program.lp' "$autotm" plan --problem \
    "$problems/tiny/plain-1.json" --fast 50% --emit-lp none/program.lp
expect 0 '' "$autotm" plan --problem "$small" --fast 20% --emit-lp all.lp
expect 0 '' "$autotm" plan --problem "$small" --fast 20% --emit-lp final.lp \
    --lp-rows final
checks=$((checks + 1))
[ "$(stat -c %s final.lp)" -lt "$(stat -c %s all.lp)" ] ||
    fail 'the rows of the linear program are no fewer than all'
expect 2 'all or final' "$autotm" plan --problem "$small" --fast 20% \
    --emit-lp none.lp --lp-rows few
expect 2 '--emit-lp' "$autotm" plan --problem "$small" --fast 20% \
    --lp-rows final

# ---- at any time ----
large=$problems/vgg416.json.gz
expect 0 'best .* bound .* gap' "$autotm" plan --problem "$small" --fast 20% -v
expect 0 '' "$autotm" plan --problem "$small" --fast 20%
grep -q 'best' err && fail 'a log shows progress that nobody asked for'
# the limit is of time, and what it leaves is a plan with a proof
expect 0 '' "$autotm" plan --problem "$large" --fast 20% --time-limit 0.02 \
    --format json
json 'j["status"] == "feasible" and 0 < j["gap"] < 0.3 and \
j["fast_peak_bytes"] <= j["budget_bytes"] and j["solve_seconds"] < 5'
expect 5 'require-gap' "$autotm" plan --problem "$large" --fast 20% \
    --time-limit 0.02 --require-gap 0.1% -o wide.json
[ -e wide.json ] && fail 'a plan with too wide a gap was written'
expect 0 '' "$autotm" plan --problem "$small" --fast 20% --require-gap 0.1%
expect 0 '' "$autotm" plan --problem "$small" --fast 10% --gap 20% \
    --format json
json 'j["gap"] <= 0.2'
expect 2 '--gap' "$autotm" plan --problem "$small" --fast 20% --gap wide
expect 2 '--time-limit' "$autotm" plan --problem "$small" --fast 20% \
    --time-limit soon
# Ctrl-C keeps the best plan
background "$autotm" plan --problem "$large" --fast 5% --gap 0 --format json -v
until_said bound
kill -INT $!
wait $!
[ $? = 0 ] || fail 'Ctrl-C does not end planning with a plan'
grep -q 'interrupted: this is the best plan' err || fail 'Ctrl-C: no word of it'
json 'j["fast_peak_bytes"] <= j["budget_bytes"] and j["gap"] < 0.5'

# ---- pack: twice the same; a time limit and Ctrl-C keep the best ----
hard=$source/tests/data/minimalloc/I.1048576.csv
expect 0 '' "$autotm" pack "$source/tests/data/minimalloc/A.1048576.csv" \
    --capacity 1048576 -o one.csv
expect 0 '' "$autotm" pack "$source/tests/data/minimalloc/A.1048576.csv" \
    --capacity 1048576 -o two.csv
equal one.csv two.csv
expect 0 '' "$autotm" pack "$hard" --time-limit 0.2 -o limit.csv --format json
json 'j["valid"] and j["height"] >= j["lower_bound"] and j["seconds"] < 30'
[ "$(wc -l <limit.csv)" = 375 ] || fail 'pack --time-limit: a buffer is missing'
"$autotm" pack "$hard" --time-limit 60 -o kept.csv --format json >out 2>err &
sleep 1
kill -INT $!
wait $!
[ $? = 0 ] || fail 'Ctrl-C does not end packing with a packing'
grep -q 'interrupted: this is the lowest' err || fail 'Ctrl-C: no word of it'
json 'j["valid"] and j["seconds"] < 30'
[ "$(wc -l <kept.csv)" = 375 ] || fail 'pack, Ctrl-C: a buffer is missing'

# ---- both on a model ----
expect 0 '' "$autotm" zoo mlp -o mlp.onnx
expect 0 '' "$autotm" plan mlp.onnx --fast 60% --slow emu:profile=nvme4 \
    -o plan.json --emit-lp mlp.lp
expect 0 '' "$autotm" sweep mlp.onnx --slow emu:profile=nvme4 --budgets \
    60%,100% --format json
json 'j["emulated"] and len(j["points"]) == 3'
for what in fc2 logits k2 t3; do
    expect 0 '' "$autotm" explain plan.json $what mlp.onnx \
        --slow emu:profile=nvme4 --format json
done
expect 0 '' "$autotm" zoo mlp --seed 4 -o other.onnx
expect 6 '' "$autotm" explain plan.json logits other.onnx

echo "$checks checks, $failures failures"
[ "$failures" = 0 ]
