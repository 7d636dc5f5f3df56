#!/usr/bin/env bash
# with_venv.sh SCRIPT.py ARGS... - a script of this folder in the virtual
# environment of scripts/venv.sh; exit 77 (skipped) where that cannot be made.
here=$(dirname "$0")
python=$("$here/../scripts/venv.sh") || exit $?
exec "$python" -W ignore "$here/$1" "${@:2}"
