#!/bin/sh
# SPDX-License-Identifier: MIT
# Every shell script is one for any POSIX shell, and shellcheck has nothing to say about it. What a
# script reads from another one or from the environment is not looked at: `set -u` is.
set -eu
cd "${top_srcdir:?}"
list=$(mktemp)
trap 'rm -f "$list"' EXIT
find bootstrap .ci/run tests tools -type f | LC_ALL=C sort | while read -r file; do
    if head -n 1 "$file" | grep -q '^#!/bin/sh'; then
        echo "$file"
    elif head -n 1 "$file" | grep -q '^#!.*sh'; then
        echo "$file: a shell other than /bin/sh" >&2
        echo "$file"
    fi
done >"$list"
[ -s "$list" ]
xargs shellcheck --shell=sh --exclude=SC1090,SC1091,SC2154 <"$list"
