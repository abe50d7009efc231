#!/bin/sh
# SPDX-License-Identifier: MIT
# redis-server whose values change their size, for the row redis_sizes: it is filled, nine in ten
# keys are deleted, and filled with values of another size, many times. Resident is what counts.
. "$(dirname "$0")/redis_server.sh"
for size in 60 700 200 3000 100 1400 400; do
    load -t set -r 60000 -n 150000 -d "$size"
    ask eval "for i = 0, 59999 do if i % 10 ~= 0 then
        redis.call('del', string.format('key:%012d', i)) end end" 0 >/dev/null
done
load -t set -r 60000 -n 150000 -d 250
pid=$(ask info server | sed -n 's/^process_id:\([0-9]*\).*/\1/p')
settled=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status")
stop_server
echo "$used settled_kib=$settled"
