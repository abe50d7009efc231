#!/bin/sh
# SPDX-License-Identifier: MIT
# Subjects of commits: an area, a colon, and at most 72 characters. Those before the base do not
# follow it. Without git, or in a copy without that history, there is nothing to look at.
set -eu
cd "${top_srcdir:?}"
base=e078f61b6d51284ab93e23be695b49f85113e8ae

area='([a-z][a-z0-9_./-]*|NEWS|README|SECURITY|CONTRIBUTING)'

# bad <SUBJECTS: those that break a rule.
bad() {
    LC_ALL=C.UTF-8 grep -vE '^Merge ' | LC_ALL=C.UTF-8 grep -vE \
        "^$area(, $area)*: [^ ].*[^ .]\$" || :
}
long() {
    LC_ALL=C.UTF-8 grep -E '^.{73}' || :
}

for subject in 'Fix fork' 'fork:take no lock' 'fork: take no lock.' 'Fork: take no lock'; do
    [ -n "$(echo "$subject" | bad)" ] || { echo "accepted: $subject" && exit 1; }
done
long_one="fork: $(printf 'x%.0s' 1 2 3 4 5 6 7)$(printf '%060d' 0)"
[ -n "$(echo "$long_one" | long)" ] || { echo "accepted: $long_one" && exit 1; }
[ -z "$(echo 'fork, stats: take no lock' | bad)" ] || { echo 'two areas are refused' && exit 1; }

git cat-file -e "$base^{commit}" 2>/dev/null || exit 77
git log --format=%s "$base..HEAD" >"${TMPDIR:-/tmp}/subjects.$$"
trap 'rm -f "${TMPDIR:-/tmp}/subjects.$$"' EXIT
found=$(bad <"${TMPDIR:-/tmp}/subjects.$$" && long <"${TMPDIR:-/tmp}/subjects.$$")
[ -z "$found" ] || {
    echo 'not AREA: SUBJECT in 72 characters, without a full stop:'
    echo "$found"
    exit 1
}
