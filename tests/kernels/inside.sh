#!/bin/sh
# SPDX-License-Identifier: MIT
# The main process of a guest of tests/kernels/run. Runs the tests that /hakmem-out/tests names,
# two at a time, and leaves in /hakmem-out for each a log and a line "STATUS SECONDS NAME" in
# results; "done" is the last file that is written. All of it is run as root.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
HOME=/root
LC_ALL=C.UTF-8
export PATH HOME LC_ALL
out=/hakmem-out
cd "$(dirname "$0")" || exit 1
uname -r >$out/release
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link set lo up
ln -sf /proc/self/fd /dev/fd
ln -sf fd/0 /dev/stdin
ln -sf fd/1 /dev/stdout
ln -sf fd/2 /dev/stderr
xargs -P 2 -n 1 sh ./one.sh <$out/tests
: >$out/done
sync
# No init is there to be asked: -f.
busybox poweroff -f
