# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034
# Owns what the tests of real programs share: a work folder, running a program plain and under
# hakmem-run and comparing all that it leaves, the proof that the library really serves a program,
# and stopping the servers that a test started. Sourced by each test, first thing. Kept of the
# environment: HAKMEM_RUN and HAKMEM_SO (what to test), HAKMEM_TEST_SCALE (how much work, 1 if
# unset), TMPDIR. Programs are Debian's own (tests/packages), so PATH is fixed.
set -u
: "${HAKMEM_RUN:?}" "${HAKMEM_SO:?}"
unset LD_PRELOAD LD_LIBRARY_PATH
scale=${HAKMEM_TEST_SCALE:-1}
name=$(basename "$0" .sh)
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
for variable in $(env | sed -n 's/^\([A-Za-z_][A-Za-z_0-9]*\)=.*/\1/p'); do
    case $variable in
    PATH | PWD | TMPDIR | HAKMEM_RUN | HAKMEM_SO | _ | SHELLOPTS | BASHOPTS) ;;
    *) unset "$variable" ;;
    esac
done
PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C.UTF-8
TZ=UTC
umask 022
work=$(mktemp -d "${TMPDIR:-/tmp}/hakmem-$name.XXXXXX") || exit 99
HOME=$work/home
export PATH LC_ALL TZ HOME
servers=

# A server that a test has started ends with the test, however that ends.
cleanup() {
    status=$?
    trap - EXIT
    for server in $servers; do
        kill "$server" 2>/dev/null && sleep 1
        kill -KILL "$server" 2>/dev/null
        wait "$server" 2>/dev/null
    done
    chmod -R u+w "$work"
    rm -rf "$work"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 99' HUP INT TERM

# A copy in a folder that everybody may enter: a server may run as another user, and the build tree
# may change. The library's base name is what HAKMEM_SO says; it stands in a process's maps.
chmod 755 "$work"
mkdir "$work/.libs" "$HOME"
cp -L "$HAKMEM_RUN" "$work/hakmem-run" || exit 99
cp -L "$HAKMEM_SO" "$work/.libs/$(basename "$HAKMEM_SO")" || exit 99
run=$work/hakmem-run
HAKMEM_SO=$work/.libs/$(basename "$HAKMEM_SO")
library=$(basename "$HAKMEM_SO")
unset HAKMEM_RUN

fail() {
    echo "$name: failed: $*" >&2
    exit 1
}

# need PROGRAM...: a missing program is an error of the set-up, not a reason to skip.
need() {
    for program in "$@"; do
        command -v "$program" >/dev/null || {
            echo "$name: $program is not installed (see tests/packages)" >&2
            exit 99
        }
    done
}

# limited COMMAND...: a hang fails the test, $seconds long if set; the machine may be busy.
limited() {
    timeout -k 10 "${seconds:-1800}" "$@"
}

# tail_of FILE...: the end of what a program said, for the log.
tail_of() {
    tail -n 30 "$@" >&2
}

# once LABEL HOW COMMAND...: runs COMMAND, HOW is "plain" or "hakmem", in an empty folder that has
# the same path each time and ends up as $work/LABEL.HOW, with output, errors and exit status in
# it.
once() {
    once_label=$1
    once_how=$2
    shift 2
    once_run=
    [ "$once_how" = hakmem ] && once_run=$run
    mkdir "$work/now"
    once_status=0
    # shellcheck disable=SC2086 # empty: plain
    (cd "$work/now" && limited $once_run "$@" </dev/null >out 2>err) || once_status=$?
    echo "$once_status" >"$work/now/status"
    mv "$work/now" "$work/$once_label.$once_how"
}

# compare LABEL: both runs went well and left the same files.
compare() {
    if [ "$(cat "$work/$1.plain/status")" -ne 0 ]; then
        tail_of "$work/$1.plain/out" "$work/$1.plain/err"
        echo "$name: $1: fails without hakmem-run too, the test is wrong" >&2
        exit 99
    fi
    if ! diff -r "$work/$1.plain" "$work/$1.hakmem" >"$work/difference"; then
        echo "< plain, > under hakmem-run" >&2
        head -n 40 "$work/difference" | cut -c 1-300 >&2
        tail_of "$work/$1.hakmem/err"
        fail "$1: not the same under hakmem-run (status $(cat "$work/$1.hakmem/status"))"
    fi
    [ -s "$work/$1.hakmem/out" ] || fail "$1: printed nothing"
}

# same LABEL COMMAND...: runs COMMAND plain and under hakmem-run, all that it leaves must be equal.
same() {
    same_label=$1
    shift
    once "$same_label" plain "$@"
    once "$same_label" hakmem "$@"
    compare "$same_label"
    echo "$same_label: the same"
}

# served OBJECT COMMAND...: runs COMMAND under hakmem-run; ld.so must bind the malloc or the
# operator new that OBJECT (the base name of an ELF file, a regular expression) calls to our
# library.
served() {
    object=$1
    shift
    rm -rf "$work/probe"
    mkdir "$work/probe"
    (cd "$work/probe" && limited "$run" env LD_DEBUG=bindings LD_DEBUG_OUTPUT="$work/probe/ld" \
        "$@" </dev/null >out 2>&1) || {
        tail_of "$work/probe/out"
        fail "fails with LD_DEBUG: $*"
    }
    from="binding file \([^ ]*/\)\{0,1\}$object \[0\]"
    grep -q "$from to [^ ]*/$library \[0\]: .* .\(malloc\|_Znwm\)'" "$work/probe"/ld.* ||
        fail "$object does not get its memory from $library"
    rm -rf "$work/probe"
}

# has_library PID...: the library is mapped in those processes.
has_library() {
    for process in "$@"; do
        grep -q "/$library" "/proc/$process/maps" || fail "$library is not in process $process"
    done
}

# children PID: its children.
children() {
    grep -ls "^PPid:[[:space:]]*$1\$" /proc/[0-9]*/status | sed 's/[^0-9]//g'
}

# until_true SECONDS COMMAND...: tries COMMAND until it succeeds.
until_true() {
    tries=$(($1 * 10))
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.1
    done
}

# stop PID: ends a server that gets the signal TERM, in good order.
stop() {
    kill "$1"
    until_true 600 gone "$1" || fail "server $1 does not stop"
    stop_status=0
    wait "$1" || stop_status=$?
    servers=
    return "$stop_status"
}
gone() {
    ! kill -0 "$1" || grep -q '^State:.*zombie' "/proc/$1/status"
}
