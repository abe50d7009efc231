#!/bin/sh
# SPDX-License-Identifier: MIT
# ruby: hashes, strings, the garbage collector with compaction, threads, fork and child processes.
. "$(dirname "$0")/lib.sh"
need ruby
served 'libruby-[0-9.]*.so.[0-9.]*' ruby -e 'puts "x" * 1000'
same work ruby "$here/work.rb" "$scale"
