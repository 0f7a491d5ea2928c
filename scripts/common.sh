# SPDX-License-Identifier: Apache-2.0
# For scripts/try, scripts/test and scripts/lint: what they need, and how they build. Sourced from the project's root.
# shellcheck shell=bash

say() {
    printf '== %s\n' "$*"
}

die() {
    printf '%s: %s\n' "scripts/${0##*/}" "$*" >&2
    exit 1
}

# missing KIND...: the packages of those kinds that dpkg does not have.
missing() {
    local kind package kinds=" $* "
    while read -r kind package; do
        [[ $kinds == *" $kind "* ]] || continue
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s\n' "$package"
    done <scripts/packages
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 install -y \
        --no-install-recommends "$@" </dev/null
}

# install_missing KIND...: asks apt-get for nothing unless something is missing.
install_missing() {
    local packages log
    command -v dpkg-query >/dev/null || die "this wants Debian 12; elsewhere install what scripts/packages names, then: meson setup build/dev"
    mapfile -t packages < <(missing "$@")
    [ ${#packages[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        die "not installed: ${packages[*]} (there is neither root nor sudo: as root, run apt-get install ${packages[*]})"
    fi
    say "installing ${packages[*]}"
    mkdir -p build
    log=build/apt.log
    # The lists may be missing or too old: only then are they fetched.
    if ! apt_install "${packages[@]}" >"$log" 2>&1; then
        as_root apt-get -qq update >>"$log" 2>&1 || true
        apt_install "${packages[@]}" >>"$log" 2>&1 || { tail -n 20 "$log" >&2; die "apt-get failed"; }
    fi
}

# quietly LOG COMMAND...: shows the output only where the command fails.
quietly() {
    local log=$1
    shift
    "$@" >"$log" 2>&1 && return
    tail -n 60 "$log" >&2
    return 1
}

# configure DIRECTORY OPTION...: afresh only where the options changed.
configure() {
    local directory=$1 options
    shift
    options="CC=${CC:-} $*"
    mkdir -p build
    if [ -f "$directory/build.ninja" ] && [ "$(cat "$directory/.options" 2>/dev/null)" = "$options" ]; then
        return 0
    fi
    rm -rf "$directory"
    quietly "$directory.log" meson setup "$directory" "$@" || return 1
    printf '%s\n' "$options" >"$directory/.options"
}

# compile DIRECTORY [TARGET...]: ninja's one moving line on a terminal, nothing elsewhere; what failed, in full.
compile() {
    local directory=$1
    shift
    if [ -t 2 ]; then
        ninja -C "$directory" "$@" >&2
    else
        quietly "$directory.log" ninja -C "$directory" "$@"
    fi
}
