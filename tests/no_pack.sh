#!/bin/bash
# no_pack.sh AUTOTM - --no-pack: weights stream from the model's external data,
# which is larger than both pools, as they lie; what is not at whole blocks is
# copied as ever.
tests=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
source "$tests/cli_common.sh"
MIB=1048576

python3 "$tests/big_weights.py" make . || exit 1
sum=$(cksum <weights.bin)
to=(--slow file:pool --fast 9M --threads 1 --store s.db -q)
same() { # OPTION...: what `run` gives is right
    rm -f pool
    expect 0 '' "$autotm" run model.onnx "${to[@]}" --input x=x.raw -n 2 \
        --output-dir result -f --format json "$@"
    checks=$((checks + 1))
    python3 "$tests/big_weights.py" check . result/y.npy || fail "values: $*"
}
lent() {
    json "j['fast_peak_bytes'] <= 9 * $MIB"
    json "j['lent_bytes'] >= 4 * 4 * $MIB"
    json "j['slow_peak_bytes'] - j['lent_bytes'] <= 4 * $MIB"
}
held() { echo $(($(stat -c '%b * %B' pool))); } # bytes of disk

same
json 'j["lent_bytes"] == 0'
json "j['slow_peak_bytes'] >= 20 * $MIB"
[ "$(held)" -ge $((20 * MIB)) ] || fail "a packed copy of $(held) bytes"
same --no-pack
lent # the fast pool keeps one matrix, perhaps the one to be copied
[ "$(held)" -lt $((5 * MIB)) ] || fail "the pool still holds $(held) bytes"
same --no-pack --planner async
lent
expect 0 '' "$autotm" verify model.onnx "${to[@]}" --no-pack
stdout 'bit-identical'
[ "$sum" = "$(cksum <weights.bin)" ] || fail "the model's file has changed"

# a plan knows how it was lowered
expect 0 '' "$autotm" plan model.onnx "${to[@]}" --no-pack -o plan.json
expect 0 '' "$autotm" run model.onnx --plan plan.json --no-pack -n 1 -q
expect 6 'another program' "$autotm" run model.onnx --plan plan.json -n 1 -q

echo "$checks checks, $failures failures"
[ $failures -eq 0 ]
