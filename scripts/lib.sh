# lib.sh - what the scripts share; sourced, not run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() {
    echo "error: $*" >&2
    exit 1
}

# need PACKAGE...: installs the Debian packages that are missing, asking
# nothing.
need() {
    local missing=() as_root=() package
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" \
            2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        sudo -n true 2>/dev/null ||
            die "packages are missing; run: sudo apt-get install ${missing[*]}"
        as_root=(sudo -n)
    fi
    echo "installing ${missing[*]}" >&2
    {
        "${as_root[@]}" apt-get update -qq
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -qq -y --no-install-recommends "${missing[@]}"
    } >&2 || die "apt-get could not install ${missing[*]}"
}

# want PACKAGE...: the same for what is used where it can be had.
want() {
    (need "$@") || echo "going on without: $*" >&2
}
