#!/usr/bin/env bash
# test.sh - all tests on the release build, then on a debug build with the
# address and undefined-behaviour sanitizers, what has threads of its own under
# the thread sanitizer, and a minute of fuzzing a target. Leaks are errors.
source "$(dirname "$0")/lib.sh"

need libonnx-testdata python3 python3-venv
want strace
want qemu-system-x86 ndctl daxctl busybox-static cpio kmod e2fsprogs xfsprogs
scripts/build.sh all
scripts/venv.sh >/dev/null || [ $? -eq 77 ]

# summary NAME BUILD_DIR ctest-options...: one line a test, details of failures
summary() {
    echo "== $1"
    shift
    ctest --output-on-failure --test-dir "$@"
}

failed=0
# not what takes longer than all others together: ctest --test-dir build -L long
summary "release" build -j2 -LE long || failed=1
if [ -s build/vm.log ]; then
    echo "== every tier in a virtual machine"
    cat build/vm.log
fi

echo "building build-asan/" >&2
cmake --log-level=WARNING -S . -B build-asan -G Ninja \
    -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG="-O1 -g" \
    -DAUTOTM_SANITIZE=address,undefined >/dev/null
cmake --build build-asan -- --quiet >&2
export UBSAN_OPTIONS=print_stacktrace=1
# not the tests whose oracle is a number that a sanitizer does not change
summary "address and undefined-behaviour sanitizers" build-asan -j2 \
    -LE "oracle|slow" || failed=1

echo "building build-tsan/" >&2
cmake --log-level=WARNING -S . -B build-tsan -G Ninja \
    -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG="-O1 -g" \
    -DAUTOTM_SANITIZE=thread >/dev/null
cmake --build build-tsan --target test_session -- --quiet >&2
# copy threads beside kernels; these at one thread: libgomp tells the sanitizer
# nothing of its locks
summary "thread sanitizer" build-tsan -R '^test_session$' || failed=1

echo "== fuzzing, 60 s a target"
# one seed here: what it finds is the change's; by hand another each time
scripts/fuzz.sh -j2 -s 1 60 || [ $? -eq 77 ] || failed=1
exit $failed
