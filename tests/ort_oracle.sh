#!/usr/bin/env bash
# ort_oracle.sh - ort_oracle.py in the virtual environment of scripts/venv.sh;
# exit 77 (skipped) where that cannot be made.
python=$("$(dirname "$0")/../scripts/venv.sh") || exit $?
exec "$python" "$(dirname "$0")/ort_oracle.py" "$@"
