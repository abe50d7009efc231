#!/bin/sh
# SPDX-License-Identifier: MIT
# A Java program with threads, garbage, direct buffers, native zlib and child processes: compiled
# to the same classes, and run with each of three garbage collectors.
. "$(dirname "$0")/lib.sh"
need java javac
served 'libjvm.so' java -Xmx256m -version
cp "$here/Work.java" "$work/Work.java"
# shellcheck disable=SC2016 # the inner shell's
same classes sh -c 'javac -J-Xmx256m -d . "$0"/Work.java && sha1sum ./*.class' "$work"
for collector in Serial Parallel G1; do
    # Room for all direct buffers: how soon collected ones are given back is the collector's affair.
    same "$collector" java -Xmx256m -XX:MaxDirectMemorySize=1g "-XX:+Use${collector}GC" \
        -cp "$work/classes.plain" Work "$scale"
done
