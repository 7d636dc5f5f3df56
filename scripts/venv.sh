#!/usr/bin/env bash
# venv.sh - makes .venv with ONNX Runtime and prints its python. Exit 77 (the
# tests' "skipped") and a reason if that cannot be had.
source "$(dirname "$0")/lib.sh"

python=.venv/bin/python
if ! cmp -s scripts/requirements.txt .venv/requirements.txt; then
    rm -rf .venv
    if ! { python3 -m venv .venv && "$python" -m pip install -q \
        --disable-pip-version-check --no-deps --only-binary :all: \
        -r scripts/requirements.txt; } >&2; then
        rm -rf .venv
        echo "skipped: no virtual environment with ONNX Runtime;" \
            "is python3-venv installed and pypi.org reachable?" >&2
        exit 77
    fi
    cp scripts/requirements.txt .venv/requirements.txt
fi
echo "$PWD/$python"
