#!/bin/sh
# SPDX-License-Identifier: MIT
# tar, gzip, bzip2, xz and zstd, the last two with threads: archives the same to the bit, and
# unpacked again by a run of the other kind.
. "$(dirname "$0")/lib.sh"
need tar gzip bzip2 xz zstd awk
mkdir "$work/tree"
awk -v files=$((40 * scale)) -v folder="$work/tree" 'BEGIN {
    state = 7
    for (f = 0; f < files; f++) {
        file = folder "/file" f
        for (i = 0; i < 6000; i++) {
            state = (state * 16807) % 2147483647
            print i, state % 4096, "the same words again and again" >file
        }
        close(file)
    }
}'
find "$work/tree" -exec touch -d @1600000000 {} +
served tar tar -C "$work" -cf /dev/null tree
served 'liblzma.so.5' xz -T2 -c "$work/tree/file1"
served zstd zstd -T2 -c "$work/tree/file1"
cat >"$work/pack" <<'SCRIPT'
set -e
tar -C "$1" --sort=name --owner=0 --group=0 --numeric-owner -cf all.tar tree
gzip -k -n all.tar
bzip2 -k all.tar
xz -k -T2 -2 --block-size=1MiB all.tar
zstd -q -k -T2 -9 all.tar
sha1sum all.tar*
SCRIPT
same pack sh "$work/pack" "$work"
cat >"$work/unpack" <<'SCRIPT'
set -e
tar -xzf "$1/all.tar.gz"
xz -T2 -dc "$1/all.tar.xz" | cmp - "$1/all.tar"
zstd -dc "$1/all.tar.zst" | cmp - "$1/all.tar"
bzip2 -dc "$1/all.tar.bz2" | cmp - "$1/all.tar"
find . -type f ! -name out ! -name err -exec sha1sum {} + | sort
SCRIPT
same unpack sh "$work/unpack" "$work/pack.plain"
