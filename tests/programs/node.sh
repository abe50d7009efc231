#!/bin/sh
# SPDX-License-Identifier: MIT
# node: buffers, JSON, compression and hashing on the pool's threads, worker threads that start and
# end, child processes.
. "$(dirname "$0")/lib.sh"
need node
served '\(node\|nodejs\|libnode.so.[0-9]*\)' node -e 'console.log("x".repeat(1000))'
same work node --expose-gc "$here/work.js" "$scale"
