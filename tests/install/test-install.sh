#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs below a temporary directory and uses what is there as a stranger would: pkg-config, headers, shared and
# static library, command. test-install.sh BUILD SOURCE
set -euo pipefail
build=$1
source=$2
dir=$(mktemp -d "${TMPDIR:-/tmp}/sysfold-install-XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"

failed=0
fail() {
    printf 'FAILED: %s\n' "$*"
    failed=1
}
expect() {
    local what=$1
    shift
    if "$@" >out 2>&1; then
        printf 'ok: %s\n' "$what"
    else
        fail "$what"
        head -n 40 out
    fi
}

for tool in "$CXX" pkg-config meson; do
    command -v "$tool" >/dev/null || { echo "skipped: there is no $tool"; exit 77; }
done

DESTDIR=$dir/root meson install -C "$build" --quiet >out 2>&1 || { cat out; exit 1; }
root=$dir/root
so=$(find "$root" -name libsysfold.so)
library=$(dirname "$so")
export PKG_CONFIG_PATH=$library/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
include=$(dirname "$(find "$root" -path '*/sysfold/sysfold.h')")
command=$(find "$root" -path '*/bin/sysfold')
export LD_LIBRARY_PATH=$library${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
warnings='-Wall -Wextra -pedantic -Werror'

# The shared library gives away nothing but the API, and all of it.
exports() {
    nm -D --defined-only "$so" | awk '$2 != "A" { print $3 }' | sed 's/@.*//' | sort -u
}
declared() {
    grep -ho 'SYSFOLD_API.*' "$include"/*.h | grep -o 'sysfold_[a-z0-9_]*(' | tr -d '(' | sort -u
}
expect 'only sysfold_* is exported' bash -c '! grep -v "^sysfold_"' < <(exports)
exports >exported
declared >wanted
expect 'every declared function is exported' bash -c 'test -s wanted && test -z "$(comm -13 exported wanted)" || { comm -13 exported wanted; false; }'
expect 'nothing undeclared is exported' bash -c 'test -z "$(comm -23 exported wanted)" || { comm -23 exported wanted; false; }'

# Each header stands alone.
for header in "$include"/*.h; do
    name=sysfold/$(basename "$header")
    printf '#include <%s>\nint main(void)\n{\n    return 0;\n}\n' "$name" >alone.c
    cp alone.c alone.cc
    expect "$name as C99" $CC -std=c99 $warnings -I"$(dirname "$include")" -c alone.c -o alone.o
    expect "$name as C++17" $CXX -std=c++17 $warnings -I"$(dirname "$include")" -c alone.cc -o alone.o
    expect "$name twice" $CC -std=c99 $warnings -I"$(dirname "$include")" -include "$name" -c alone.c -o alone.o
done

# The example, as C and as C++, shared and static.
example=$source/docs/examples/print-events.c
cp "$example" example.cc
cflags=$(pkg-config --cflags sysfold)
shared=$(pkg-config --libs sysfold)
static=$(pkg-config --static --libs sysfold | sed 's/-lsysfold\b/-l:libsysfold.a/')
expect 'the example as C99, shared' $CC -std=c99 $warnings $cflags "$example" $shared -o c-shared
expect 'the example as C++17, shared' $CXX -std=c++17 $warnings $cflags example.cc $shared -o cc-shared
expect 'the example as C99, static' $CC -std=c99 $warnings $cflags "$example" $static -o c-static
expect 'the example as C++17, static' $CXX -std=c++17 $warnings $cflags example.cc $static -o cc-static
expect 'shared is shared' bash -c 'ldd c-shared | grep -q libsysfold'
expect 'static is static' bash -c '! ldd c-static | grep -q libsysfold'

"$command" backends >backends 2>&1 || true
usable=$(grep -c usable backends || true)
ran=0
for program in c-shared cc-shared c-static cc-static; do
    if ./$program true >"$program.out" 2>&1; then
        ran=1
        expect "$program sees the command's calls" \
            bash -c "grep -q '^true .*exit_group' $program.out && grep -q 'execve' $program.out && grep -q ' 0 lost' $program.out"
    elif [ "$ran" = 0 ] && ! "$command" trace true >out 2>&1; then
        reason=$(tail -n 1 out)
    else
        fail "$program true"
        cat "$program.out"
    fi
done
expect 'the command runs' "$command" schema --json
expect 'the version is pkg-config'"'s" bash -c "'$command' --version | grep -qw \"\$(pkg-config --modversion sysfold)\""

[ "$failed" = 0 ] || exit 1
[ "$ran" = 1 ] || { echo "skipped: no backend is usable here: ${reason:-$usable}"; exit 77; }
