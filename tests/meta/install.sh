#!/bin/sh
# SPDX-License-Identifier: MIT
# What `make install` leaves is usable: pkg-config's flags link a program with the shared and with
# the static library, malloc is replaced in both, and `make uninstall` takes every file away.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL
stage=$work/stage
status=0

complain() {
    echo "$*"
    status=1
}

make -C "${top_builddir:?}" install DESTDIR="$stage" >"$work/log" 2>&1 || {
    tail -n 20 "$work/log"
    exit 1
}
find "$stage" ! -type d | sed "s|^$stage||" | LC_ALL=C sort >"$work/installed"
for wanted in /bin/hakmem-run /bin/hakmem-stat /man1/hakmem-stat.1 \
    /libhakmem.so.0 /libhakmem.so /libhakmem.a /hakmem.h \
    /pkgconfig/hakmem.pc /man1/hakmem-run.1 /man7/hakmem.7 \
    /bash-completion/completions/hakmem-run /bash-completion/completions/hakmem-stat \
    /zsh/vendor-completions/_hakmem-run /zsh/vendor-completions/_hakmem-stat \
    /etc/hakmem/deny; do
    grep -q "$wanted\$" "$work/installed" || complain "not installed: $wanted"
done
# One machine's folders don't get into what is installed.
find "$stage" -type f ! -name '*.la' \
    -exec grep -lF -e "$top_builddir/" -e "${top_srcdir:?}/lib/" {} + >"$work/out" &&
    complain "these name the build's folder: $(cat "$work/out")"

pc=$(find "$stage" -name hakmem.pc)
libdir=$(dirname "$(dirname "$pc")")
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
flags=$(pkg-config --libs-only-l hakmem)
[ "${flags% }" = -lhakmem ] || complain "pkg-config --libs-only-l: $flags"
PKG_CONFIG_SYSROOT_DIR=$stage
export PKG_CONFIG_SYSROOT_DIR

cat >"$work/program.c" <<'END'
#include <hakmem.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    void *volatile block = malloc(100);
    printf("%s\n", hakmem_version());
    fflush(stdout);
    (void)argv;
    free(block);
    if (argc > 1)
        free(block); /* only libhakmem says "hakmem: fatal: double-free" */
    return 0;
}
END

# try KIND: the program built as $work/KIND runs, and a double free in it is found by libhakmem.
try() {
    "$work/$1" >"$work/out" 2>&1 || complain "$1: the program fails: $(cat "$work/out")"
    "$work/$1" twice >"$work/out" 2>&1 && complain "$1: a double free passes"
    grep -q '^hakmem: fatal: double-free' "$work/out" || complain "$1: malloc is not replaced"
}

LD_LIBRARY_PATH=$libdir
export LD_LIBRARY_PATH
# shellcheck disable=SC2046 # lists of flags
{
    $CC -O0 -o "$work/shared" "$work/program.c" $(pkg-config --cflags --libs hakmem)
    $CC -O0 -static -o "$work/static" "$work/program.c" \
        $(pkg-config --cflags --static --libs hakmem)
    $CC -O0 -static-pie -o "$work/static-pie" "$work/program.c" \
        $(pkg-config --cflags --static --libs hakmem)
}
try shared
try static
try static-pie

# Installed, hakmem-run asks for the bare name of the library.
# shellcheck disable=SC2016 # the inner shell's dollar
if [ "$("$stage$(grep '/bin/hakmem-run$' "$work/installed")" sh -c 'echo $LD_PRELOAD')" != \
    libhakmem.so.0 ]; then
    complain 'the installed hakmem-run does not preload the bare libhakmem.so.0'
fi

# An administrator's deny list survives a second installation.
deny=$(find "$stage" -path '*/etc/hakmem/deny')
cp "$deny" "$work/deny"
echo browser >>"$deny"
make -C "$top_builddir" install-data DESTDIR="$stage" >"$work/log" 2>&1 ||
    complain 'install-data fails'
grep -q '^browser$' "$deny" || complain 'the deny list was overwritten'
cp "$work/deny" "$deny"

make -C "$top_builddir" uninstall DESTDIR="$stage" >"$work/log" 2>&1 || complain 'uninstall fails'
left=$(find "$stage" ! -type d)
[ -z "$left" ] || complain "uninstall leaves: $left"
exit $status
