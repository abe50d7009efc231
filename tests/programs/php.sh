#!/bin/sh
# SPDX-License-Identifier: MIT
# php: arrays, strings, regular expressions, serialising, generators and child processes; a second
# time with Zend's own allocator off, so that each block is one of malloc's.
. "$(dirname "$0")/lib.sh"
need php
served php php -n -r 'echo str_repeat("x", 1000);'
same work php -d memory_limit=-1 "$here/work.php" "$scale"
USE_ZEND_ALLOC=0
export USE_ZEND_ALLOC
same malloc php -d memory_limit=-1 "$here/work.php" "$scale"
