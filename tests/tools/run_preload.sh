#!/bin/sh
# SPDX-License-Identifier: MIT
# The library gets into the program: in front of what LD_PRELOAD holds, from the build tree or from
# HAKMEM_LIBRARY, with the knobs in the environment, whether it is a binary or a script.
set -eu
# shellcheck source=tests/tools/common.sh
. "${top_srcdir:?}/tests/tools/common.sh"

expect_loaded "$run" cat /proc/self/maps
expect_loaded "$run" sh -c 'cat /proc/self/maps'
printf '#!/bin/sh\ncat /proc/$$/maps\n' >script
printf '#! \t/usr/bin/env sh\ncat /proc/$$/maps\n' >env-script
printf '#!%s/script\n' "$work" >deep-script
chmod 755 script env-script deep-script
for name in ./script ./env-script ./deep-script; do
    expect_loaded "$run" "$name"
done
# libtool may put the tool's own binary beside the library.
cp "$run" .libs/
expect_loaded .libs/hakmem-run cat /proc/self/maps
ln -s ../hakmem-run .libs/link
expect_loaded .libs/link cat /proc/self/maps

# Someone else's library stays, behind ours; entries may be parted by spaces, too.
echo 'int other_one;' | compile other.so -shared -fPIC
expect 0 "$library" '' "$run" sh -c 'echo "$LD_PRELOAD"'
expect 0 "$library:$work/other.so" '' env LD_PRELOAD="$work/other.so" \
    "$run" sh -c 'echo "$LD_PRELOAD"'
LD_PRELOAD=$work/other.so expect_loaded "$run" cat /proc/self/maps
grep -q 'other\.so' maps || complain 'the other library of LD_PRELOAD is gone'
two="$work/other.so $work/other.so"
expect 0 "$library:$two" '' env LD_PRELOAD="$two" "$run" sh -c 'echo "$LD_PRELOAD"'
expect 0 "$library" '' env LD_PRELOAD= "$run" sh -c 'echo "$LD_PRELOAD"'
expect 0 "$library" '' "$run" "$run" sh -c 'echo "$LD_PRELOAD"'
cp other.so "$library.old" # begins as ours does
expect 0 "$library:$library.old" '' env LD_PRELOAD="$library.old" "$run" sh -c 'echo "$LD_PRELOAD"'

# HAKMEM_LIBRARY: made absolute, or refused.
mkdir sub 'a folder'
cp "$library" sub/mine.so
cp "$library" 'a folder/mine.so'
expect 0 "$work/sub/mine.so" '' env HAKMEM_LIBRARY=sub/mine.so "$run" sh -c 'echo "$LD_PRELOAD"'
expect 125 '' 'hakmem-run: HAKMEM_LIBRARY=sub/none.so: No such file or directory' \
    env HAKMEM_LIBRARY=sub/none.so "$run" true
echo text >sub/text.so
expect 125 '' 'hakmem-run: HAKMEM_LIBRARY=sub/text.so: not a shared library for this machine' \
    env HAKMEM_LIBRARY=sub/text.so "$run" true
reason='LD_PRELOAD cannot hold a path with a space, a colon or a dollar sign'
expect 125 '' "hakmem-run: $work/a folder/mine.so: $reason" \
    env HAKMEM_LIBRARY='a folder/mine.so' "$run" true

# The knobs arrive, the last one given counts, and an inherited one gives way.
expect 0 'HAKMEM_DIRTY_MIN=2m
HAKMEM_LOG=yes
HAKMEM_PURGE=yes' '' env HAKMEM_DIRTY_MIN=5m "$run" --dirty-min=1m --log --purge -s dirty-min=2m \
    sh -c 'env | grep "^HAKMEM_" | sort'
expect 0 'HAKMEM_CACHE=8k' '' "$run" --set=HAKMEM_CACHE=8k sh -c 'env | grep "^HAKMEM_"'
expect 0 'HAKMEM_LOG=no' '' env HAKMEM_LOG=no "$run" sh -c 'env | grep "^HAKMEM_"'
exit "$status"
