# SPDX-License-Identifier: Apache-2.0
# Debian's packages without installing them, for the tests' fetch scripts: the sources are the machine's own apt entries
# of bookworm; for backports only their suite is changed. apt keeps its lists in a directory of the caller's, so that
# nothing changes outside of it. Sourced.
# shellcheck shell=sh

skip() {
    echo "skipped: $1"
    exit 77
}

# The machine's entries of bookworm in either of apt's formats, with $1 as their only suite where one is given.
entries() {
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -r "$file" ] || continue
        awk -v suite="$1" 'BEGIN { RS = ""; ORS = "\n\n" }
            /(^|\n)Suites:[^\n]*[ \t]bookworm([ \t\n]|$)/ {
                if (suite != "") sub(/(^|\n)Suites:[^\n]*/, "\nSuites: " suite)
                print
            }' "$file"
    done >"$apt/parts/machine.sources"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -r "$file" ] || continue
        awk -v suite="$1" '/^deb[ \t].*[ \t]bookworm[ \t]/ {
                if (suite != "") sub(/[ \t]bookworm[ \t]/, " " suite " ")
                print
            }' "$file"
    done >"$apt/parts/machine.list"
}

from_apt() {
    tool=$1
    shift
    "$tool" -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$apt/parts" \
        -o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root \
        -o APT::Update::Error-Mode=any -o Acquire::Retries=1 -o Acquire::http::Timeout=30 \
        -o Acquire::https::Timeout=30 -o Acquire::Languages=none "$@"
}

# open_apt DIRECTORY WHAT SUITE: apt with the suite's lists (empty: bookworm's own) in DIRECTORY, which is made anew and is
# the caller's to remove; WHAT is what they are for.
open_apt() {
    apt=$1
    for tool in apt-get apt-cache dpkg-deb; do
        command -v $tool >/dev/null || skip "$tool, to fetch $2, is not installed"
    done
    rm -rf "$apt"
    mkdir -p "$apt/parts" "$apt/lists/partial" "$apt/cache/archives/partial"
    entries "$3"
    [ -s "$apt/parts/machine.sources" ] || [ -s "$apt/parts/machine.list" ] ||
        skip "this machine has no apt source of Debian bookworm"
    from_apt apt-get update >"$apt/log" 2>&1 || skip "apt-get update: $(tail -n 1 "$apt/log")"
}

# download PACKAGE DIRECTORY: its .deb.
download() {
    (cd "$2" && from_apt apt-get download "$1") >"$apt/log" 2>&1 ||
        skip "apt-get download $1: $(tail -n 1 "$apt/log")"
}
