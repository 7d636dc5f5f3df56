#!/usr/bin/env bash
# build.sh - installs what the build needs and builds the release build/autotm.
source "$(dirname "$0")/lib.sh"

need gcc libc6-dev cmake ninja-build pkg-config git ca-certificates \
    libdnnl-dev libglpk-dev \
    libonnx-dev libprotobuf-c-dev protobuf-c-compiler libjansson-dev \
    libsqlite3-dev libnuma-dev libpmem-dev liburing-dev libsmartcols-dev \
    zlib1g-dev libxxhash-dev libcunit1-dev

# build.sh TARGET...: other targets than autotm
echo "building build/" >&2
cmake --log-level=WARNING -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release \
    >/dev/null
cmake --build build --target "${@:-autotm}" -- --quiet >&2
