#!/bin/sh
# SPDX-License-Identifier: MIT
# Every shell script is one for any POSIX shell, and shellcheck has nothing to say about it. What a
# script reads from another one or from the environment is not looked at: `set -u` is.
set -eu
cd "${top_srcdir:?}"
list=$(mktemp)
trap 'rm -f "$list"' EXIT
find bootstrap .ci/run bench debian tests tools -type f -exec grep -l -m 1 '^#!.*sh' {} + |
    LC_ALL=C sort >"$list"
[ -s "$list" ]
xargs shellcheck --shell=sh --exclude=SC1090,SC1091,SC2154 <"$list"
others=$(xargs sed -n '1{/^#!.*sh/{/^#!\/bin\/sh$/!F}}' -s <"$list")
if [ -n "$others" ]; then
    echo "not for /bin/sh: $others"
    exit 1
fi
