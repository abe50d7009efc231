#!/bin/sh
# SPDX-License-Identifier: MIT
# Would the source build elsewhere? By the versions that other releases have (releases.tab) against
# those that the source asks for, and, where apt's mirror has the next Debian release, by apt's own
# answer to "what must be installed to build it", with nothing installed.
# Usage: releases.sh TREE WORK
set -eu
top=$1
work=$2
# shellcheck source=tests/deb/lib.sh
. "$top/tests/deb/lib.sh"
status=0
mkdir -p "$work"

asked() {
    sed -n "$2" "$top/$1" | head -n 1
}
{
    echo "debhelper $(asked debian/control 's/.*debhelper-compat (= \([0-9]*\)).*/\1/p')"
    echo "autoconf $(asked configure.ac 's/^AC_PREREQ(\[\(.*\)\])/\1/p')"
    echo "automake $(asked configure.ac 's/^AM_INIT_AUTOMAKE(\[\([0-9.]*\).*/\1/p')"
    echo 'gcc 8' # -std=gnu17
} >"$work/asked"

releases=$(sed 's/#.*//' "$top/tests/deb/releases.tab" | awk 'NF { print $1 }' | sort -u)
for release in $releases; do
    while read -r package wanted; do
        has=$(awk -v r="$release" -v p="$package" '$1 == r && $2 == p { print $3 }' \
            "$top/tests/deb/releases.tab")
        if [ -z "$wanted" ] || [ -z "$has" ]; then
            complain "$release: $package: '$wanted' asked for, '$has' in releases.tab"
        elif dpkg --compare-versions "$has" lt "$wanted"; then
            complain "$release has $package $has; $wanted is needed"
        fi
    done <"$work/asked"
done
echo "by releases.tab: $(echo "$releases" | tr '\n' ' ')"

# The next release, from the mirror.
case $(native_mirror) in
*' bookworm') next=trixie ;;
*) next= ;;
esac
if [ -n "$next" ]; then
    state=$work/$next
    mkdir -p "$state/libhakmem/debian"
    cp "$top/debian/control" "$state/libhakmem/debian/"
    if ! apt_root "$state" "$next" >"$state/log" 2>&1; then
        echo "$next: the mirror does not have it"
    elif ! apt_in "$state" apt-get -s build-dep "$state/libhakmem" >"$state/log" 2>&1; then
        tail -n 5 "$state/log"
        complain "$next: what the source needs can't be installed"
    else
        echo "$next: $(grep -c '^Inst ' "$state/log") packages can be installed, among them" \
            "$(sed -n 's/^Inst \(debhelper\|gcc\|libc6-dev\) (\([^ ]*\) .*/\1 \2/p' "$state/log" |
                tr '\n' ' ')"
    fi
fi
exit "$status"
