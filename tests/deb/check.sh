#!/bin/sh
# SPDX-License-Identifier: MIT
# The proof of the Debian packages, step by step; needs root, apt's mirror and what the file
# `packages` names. Usage: check.sh TREE WORK [STEP...]. Prints a line for each step, at last
# "N passed, N failed"; the output of a step is above its line. WORK is emptied first, unless steps
# are named: each step goes on from what the ones before it have left there.
set -eu
if [ -z "${HAK_DEB_INSIDE-}" ]; then
    # What is mounted and started ends with this.
    HAK_DEB_INSIDE=yes
    export HAK_DEB_INSIDE
    exec unshare --mount --pid --fork --kill-child --mount-proc sh "$0" "$@"
fi
# The first process of a namespace heeds only the signals that it asks for.
trap 'exit 130' HUP INT TERM
top=$1
work=$2
shift 2
here=$top/tests/deb
mkdir -p "$work"
work=$(CDPATH='' cd -- "$work" && pwd)
# shellcheck source=tests/deb/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/deb/steps.sh
. "$here/steps.sh"
# shellcheck source=tests/deb/chroot.sh
. "$here/chroot.sh"
version=$(upstream_version "$top")
# shellcheck disable=SC2034 # used by the steps
packaged=$(dpkg-parsechangelog -l "$top/debian/changelog" -S Version)

if [ $# -eq 0 ]; then
    rm -rf --one-file-system "${work:?}"/*
    set -- clone archive same_bits lintian hardening abi life autopkgtest cross releases
fi
passed=0
failed=0
echo "libhakmem $version; $(nproc) processors"
for step in "$@"; do
    begin=$(date +%s)
    result=0
    (
        set +e
        status=0
        "step_$step" || status=1
        exit "$status"
    ) >"$work/$step.out" 2>&1 || result=$?
    seconds=$(($(date +%s) - begin))
    if [ "$result" -eq 0 ]; then
        passed=$((passed + 1))
        sed 's/^/    /' "$work/$step.out"
        echo "ok: $step ($seconds s)"
    else
        failed=$((failed + 1))
        tail -n 60 "$work/$step.out" | sed 's/^/    /'
        echo "failed: $step ($seconds s)"
    fi
done
[ "$failed" -ne 0 ] || rm -rf --one-file-system "${work:?}/base" "$work/base.made"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
