#!/bin/sh
# SPDX-License-Identifier: MIT
# What no longer changes after the start is read-only from then on: each such variable of the
# library lies on a page that can't be written, preloaded and in a static program;
# who writes to one dies. Nothing of ours is executable, and
# what the library keeps books in has inaccessible pages around it.
# shellcheck source-path=SCRIPTDIR source=prelude.sh
. "${top_srcdir:?}/tests/behave/prelude.sh"
: "${top_builddir:?}" "${NM:=nm}"

# Every variable that the headers declare sealed, and one of a file of its own.
sealed=$(grep -rhoE '[a-z_]+\)?(\(void\))? HAK_SEALED' "$top_srcdir/lib" --include='*.[ch]' |
    sed 's/[^a-z_].*//' | grep _ | sort -u)
[ "$(echo "$sealed" | wc -l)" -ge 9 ] || fail "too few sealed variables: $sealed"

# addresses FILE: NAME=OFFSET of the sealed ones, and of some that must stay writable. Link-time
# optimisation adds to the name of a variable of a file of its own.
addresses() {
    # shellcheck disable=SC2086 # configure may find "nm -B"
    $NM "$1" >"$work/symbols"
    for name in $sealed hak_regions hak_first_heap; do
        sed -n "s/\.lto_priv\.[0-9]*\$//; s/^\\([0-9a-f]*\\) [dDbBrR] $name\$/$name=\\1/p" \
            "$work/symbols"
    done
}

build sealed "$src/dso/sealed_main.c" -I"$top_srcdir/lib"
addresses "$HAKMEM_SO" >"$work/addresses"
[ "$(wc -l <"$work/addresses")" -eq $(($(echo "$sealed" | wc -l) + 2)) ] ||
    fail "not every variable has an address: $(cat "$work/addresses")"

# check PRELOAD PROGRAM MODULE
check() {
    # shellcheck disable=SC2046 # words
    LD_PRELOAD=$1 "$2" "$3" $(cat "$work/addresses") >"$work/out" ||
        fail "$2 of $3: $(cat "$work/out")"
    grep -v '^hak_regions\|^hak_first_heap' "$work/addresses" >"$work/variables"
    while read -r variable; do
        status=0
        { (LD_PRELOAD=$1 exec "$2" write "$3" "$variable") || status=$?; } 2>/dev/null
        [ "$status" -eq 139 ] || fail "$2: $variable can be written to: status $status"
    done <"$work/variables"
}

check "$HAKMEM_SO" "$work/sealed" libhakmem.so
if [ -e "$top_builddir/libhakmem.a" ]; then
    for how in -static -static-pie -pie; do
        # gold makes no static-pie.
        echo 'int main(void) { return 0; }' |
            $CC "$how" -x c -o "$work/plain" - 2>"$work/said" || continue
        build "sealed$how" "$src/dso/sealed_main.c" -I"$top_srcdir/lib" "$how" \
            "$top_builddir/libhakmem.a"
        addresses "$work/sealed$how" >"$work/addresses"
        module=sealed$how
        [ "$how" != -static ] || module=fixed
        check '' "$work/sealed$how" "$module"
    done
fi
