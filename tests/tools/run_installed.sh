#!/bin/sh
# SPDX-License-Identifier: MIT
# Installed, hakmem-run preloads the bare name of the library where the dynamic linker finds ours by
# it, else the path of the library that was installed with it; wherever the tree was moved to.
set -eu
# shellcheck source=tests/tools/common.sh
. "${top_srcdir:?}/tests/tools/common.sh"
: "${top_builddir:?}"
unset MAKEFLAGS MFLAGS MAKELEVEL

make -C "$top_builddir" DESTDIR="$work/stage" install-binPROGRAMS install-libLTLIBRARIES \
    >log 2>&1 || {
    tail -n 20 log
    exit 99
}
run=$(find "$work/stage" -name hakmem-run)
library=$(find "$work/stage" -name libhakmem.so.0)
libraries=${library%/*}
if [ ! -x "$run" ] || [ ! -e "$library" ]; then
    echo 'not installed'
    exit 99
fi
show='echo "$LD_PRELOAD"'
expect_loaded "$run" cat /proc/self/maps
expect 0 "$library" '' "$run" sh -c "$show"
expect 0 libhakmem.so.0 '' env LD_LIBRARY_PATH="$libraries" "$run" sh -c "$show"
expect 0 libhakmem.so.0 '' env LD_LIBRARY_PATH="/nowhere:$libraries" "$run" sh -c "$show"
LD_LIBRARY_PATH=$libraries expect_loaded "$run" cat /proc/self/maps
grep -q "$libraries/" maps || complain 'another library was loaded'
# Someone else's library of that name is not taken for ours; a file that is none is passed over.
mkdir others texts
cp "$library" others/
echo text >texts/libhakmem.so.0
expect 0 "$library" '' env LD_LIBRARY_PATH="others:$libraries" "$run" sh -c "$show"
expect 0 libhakmem.so.0 '' env LD_LIBRARY_PATH="$libraries:others" "$run" sh -c "$show"

# With ldconfig's cache, in a private view of /etc, where the kernel lets us make one.
mkdir etc
echo "$libraries" >etc/ld.so.conf
if ldconfig=$(PATH=$PATH:/sbin:/usr/sbin command -v ldconfig) &&
    "$ldconfig" -f etc/ld.so.conf -C etc/ld.so.cache 2>/dev/null &&
    unshare -m sh -c 'mount --bind etc/ld.so.cache /etc/ld.so.cache' 2>/dev/null; then
    expect 0 libhakmem.so.0 '' unshare -m sh -c \
        'mount --bind etc/ld.so.cache /etc/ld.so.cache && exec "$1" sh -c "$2"' sh "$run" "$show"
    # LD_LIBRARY_PATH comes before the cache.
    expect 0 "$library" '' env LD_LIBRARY_PATH=others unshare -m sh -c \
        'mount --bind etc/ld.so.cache /etc/ld.so.cache && exec "$1" sh -c "$2"' sh "$run" "$show"
fi

# Moved, and without a library at all.
mv stage moved
run=$work/moved/${run#"$work/stage/"}
library=$work/moved/${library#"$work/stage/"}
expect 0 "$library" '' "$run" sh -c "$show"
rm -rf "${library%/*}"
"$run" true 2>errors || :
if [ -s errors ]; then # else another libhakmem is installed on this machine
    missing='libhakmem.so.0 not found (install it, or name it with HAKMEM_LIBRARY)'
    expect 125 '' "hakmem-run: $missing" "$run" true
fi
exit "$status"
