# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# Owns what the tests of real programs share: a work folder, running a program plain and under
# hakmem-run, comparing the two, and the proof that the library really was in the process. Sourced by
# each test, from the build tree's environment (HAKMEM_RUN, HAKMEM_SO).
set -u
: "${HAKMEM_RUN:?}" "${HAKMEM_SO:?}"
unset LD_PRELOAD
export LC_ALL=C.UTF-8
scale=${HAKMEM_TEST_SCALE:-1}
name=$(basename "$0" .sh)
work=$(mktemp -d "${TMPDIR:-/tmp}/hakmem-$name.XXXXXX") || exit 99
servers=

# A server that a test has started is stopped with the test, however that ends.
cleanup() {
    status=$?
    trap - EXIT
    for server in $servers; do
        kill "$server" 2>/dev/null
        wait "$server" 2>/dev/null
    done
    rm -rf "$work"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 99' HUP INT TERM

fail() {
    echo "$name: failed: $*" >&2
    exit 1
}

# need PROGRAM...: a missing program is an error of the set-up, not a reason to skip.
need() {
    for program in "$@"; do
        command -v "$program" >/dev/null || {
            echo "$name: $program is not installed (tests/programs/packages)" >&2
            exit 99
        }
    done
}

# limited SECONDS COMMAND...: a hang fails the test.
limited() {
    timeout -k 10 "$@"
}

# has_library PID: the library is mapped in that process.
has_library() {
    grep -q "$(basename "$HAKMEM_SO")" "/proc/$1/maps"
}

# same NAME COMMAND...: runs the command plain and under hakmem-run, each in a folder of its own with
# the standard input $work/input (if there), and compares output, errors and exit status.
same() {
    label=$1
    shift
    for how in plain hakmem; do
        mkdir -p "$work/$label.$how"
        input=/dev/null
        [ -e "$work/input" ] && input=$work/input
        run=
        [ "$how" = hakmem ] && run=$HAKMEM_RUN
        # shellcheck disable=SC2086 # empty: run plain
        (cd "$work/$label.$how" && limited "${seconds:-300}" $run "$@" <"$input" >out 2>err)
        echo $? >"$work/$label.$how/status"
    done
    for what in status out err; do
        cmp -s "$work/$label.plain/$what" "$work/$label.hakmem/$what" || {
            diff "$work/$label.plain/$what" "$work/$label.hakmem/$what" | head -20 >&2
            fail "$label: another $what under hakmem-run"
        }
    done
}
