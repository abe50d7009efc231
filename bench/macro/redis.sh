#!/bin/sh
# SPDX-License-Identifier: MIT
# redis-server under redis-benchmark with pipelines, for the row redis. The argument is the share of
# the work in percent.
. "$(dirname "$0")/redis_server.sh"
load -r 20000 -n $((3000 * $1)) -d 300 -t set,get,lpush,rpop,sadd,hset,zadd
stop_server
echo "$used"
