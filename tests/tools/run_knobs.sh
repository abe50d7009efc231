#!/bin/sh
# SPDX-License-Identifier: MIT
# A wrong knob, given or inherited, is named in one line with what would be right, and the program
# is not started: exit status 2.
set -eu
# shellcheck source=tests/tools/common.sh
. "${top_srcdir:?}/tests/tools/common.sh"

# refuse ERRORS COMMAND...
refuse() {
    wanted=$1
    shift
    expect 2 '' "hakmem-run: $wanted" "$@" sh -c 'echo started; : >started'
    [ ! -e started ] || complain "$*: the program was started"
    rm -f started
}

size='not a size, as 64k, 8m or 1g (0 to 1t)'
refuse "--dirty-min=8x: $size" "$run" --dirty-min=8x
refuse "--dirty-min=: $size" "$run" --dirty-min=
refuse "--dirty-min=-1: $size" "$run" --dirty-min -1
refuse "--dirty-min=99999999999999999999: $size" "$run" --dirty-min=99999999999999999999
refuse '--dirty-min=2t: out of range (0 to 1t)' "$run" --dirty-min=2t
refuse '--dirty-percent=1001: out of range (0 to 1000)' "$run" --dirty-percent=1001
refuse '--purge=maybe: not yes or no' "$run" --purge=maybe
refuse '--set cache=1: out of range (4k to 4m)' "$run" --set cache=1
refuse '--set drity_min: unknown knob (nearest: HAKMEM_DIRTY_MIN)' "$run" --set drity_min=1
refuse 'HAKMEM_PURGES: unknown knob (nearest: HAKMEM_PURGE)' env HAKMEM_PURGES=1 "$run"
refuse 'HAKMEM_log: unknown knob (nearest: HAKMEM_LOG)' env HAKMEM_log=1 "$run"
refuse 'HAKMEM_LOG=: not yes or no' env HAKMEM_LOG= "$run"
refuse '--log=2: not yes or no
hakmem-run: --purge=3: not yes or no' "$run" --log=2 --purge=3
# Of several settings of one knob the last one counts, here too.
expect 0 '' '' "$run" --dirty-min=8x --set dirty_min=1m true
refuse "--dirty-min=8x: $size" "$run" --dirty-min=1m --dirty-min=8x
# An option takes the place of a wrong variable.
expect 0 '' '' env HAKMEM_LOG=maybe "$run" --log=no true
# Names and values of any length stay one line.
long=$(printf '%060000d' 0)
for setting in "HAKMEM_DIRTY_MIN=x$long" "HAKMEM_X$long=1"; do
    "$run" --set "$setting" true >out 2>errors && complain 'a monster passes'
    [ "$(wc -l <errors)" -eq 1 ] || complain 'a monster is more than one line'
    [ "$(wc -c <errors)" -lt 200 ] || complain 'a monster is shown'
done
# The knobs are judged before the program is looked for.
# Valid, and without the effect that was asked for: said, and the program runs.
expect 0 '' 'hakmem-run: soft_limit is above hard_limit, which is met first: it has no effect' \
    "$run" --soft-limit=2g --hard-limit=1g true
expect 0 '' '' "$run" --soft-limit=1g --hard-limit=2g true
expect 0 '' 'hakmem-run: dirty_min has no effect with purge=no' "$run" --no-inherit --purge=no \
    --dirty-min=1m true
"$run" --stats-file=no/such/file true 2>errors || complain "stats_file: $?"
grep -qx 'hakmem-run: stats_file=no/such/file cannot be written: No such file or .*' errors ||
    complain "stats_file: $(cat errors)"
"$run" --stats-file=here.%p true 2>errors || complain "stats_file: $?"
[ ! -s errors ] || complain "stats_file: $(cat errors)"
"$run" --prealloc=16t --hard-limit=64m true 2>errors || complain "prealloc: $?"
grep -q "^hakmem-run: prealloc=16.0 TiB is more than the machine's memory, which is " errors ||
    complain "prealloc: $(cat errors)"
refuse '--log=2: not yes or no' "$run" --log=2 ./no-such-program
# The tests' own variables and hakmem-run's are no knobs.
expect 0 '' '' env HAKMEM_RUN=x HAKMEM_SO=y HAKMEM_NO_INHERIT=z "$run" true
exit "$status"
