# SPDX-License-Identifier: MIT
# What the tests of hakmem-run share; sourced by each of them, first thing. Leaves a private folder
# in $work, which everybody may enter, with hakmem-run and the library in it as in a build tree.
# shellcheck shell=sh
: "${top_srcdir:?}" "${HAKMEM_RUN:?}" "${HAKMEM_SO:?}"
# What the tools read of the environment is set by each test itself.
run_source=$HAKMEM_RUN
library_source=$HAKMEM_SO
unset LD_PRELOAD LD_LIBRARY_PATH
for name in $(env | sed -n 's/^\(HAKMEM_[A-Za-z0-9_]*\)=.*/\1/p'); do
    unset "$name"
done
LC_ALL=C
export LC_ALL
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir "$work/.libs"
run=$work/hakmem-run
library=$work/.libs/libhakmem.so.0
cp "$run_source" "$run"
cp -L "$library_source" "$library"
cd "$work" || exit 99
status=0 # what the test exits with

complain() {
    echo "failed: $*"
    status=1
}

# expect STATUS OUTPUT ERRORS COMMAND...: runs COMMAND; all three must be as said, to the letter.
expect() {
    wanted_status=$1
    wanted_output=$2
    wanted_errors=$3
    shift 3
    got_status=0
    got_output=$("$@" 2>"$work/errors") || got_status=$?
    got_errors=$(cat "$work/errors")
    [ "$got_status" -eq "$wanted_status" ] || complain "$*: status $got_status, not $wanted_status"
    [ "$got_output" = "$wanted_output" ] || complain "$*: printed: $got_output, not: $wanted_output"
    [ "$got_errors" = "$wanted_errors" ] || complain "$*: errors: $got_errors, not: $wanted_errors"
}

# expect_loaded COMMAND...: COMMAND prints its /proc/self/maps, and the library is there.
expect_loaded() {
    "$@" >"$work/maps" 2>"$work/errors" || complain "$*: exit status $?"
    [ ! -s "$work/errors" ] || complain "$*: complained: $(cat "$work/errors")"
    grep -q 'libhakmem\.so' "$work/maps" || complain "$*: libhakmem is not in the process"
}

# is_running PID: it has not ended, not even as a child that nobody has asked for.
is_running() {
    kill -0 "$1" 2>/dev/null && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null
}

# until_comm PID NAME: waits until the process is the program of this name.
until_comm() {
    until [ "$(cat "/proc/$1/comm")" = "$2" ]; do
        sleep 0.1
    done
}

# compile FILE FLAGS...: makes FILE of the C program on standard input.
compile() {
    compiled=$1
    shift
    ${CC:-cc} -x c - -x none -o "$compiled" "$@" || {
        echo "cannot compile $compiled"
        exit 99
    }
}

# compile_filtered FILE: makes FILE, a program that executes its arguments under a seccomp filter.
# Standard input holds its middle, which begins with the number of the call loaded and ends before
# two statements: the first allows the call, the second refuses it with EPERM.
compile_filtered() {
    {
        cat <<'END'
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
END
        cat
        cat <<'END'
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (argc < 2 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        return 77;
    execv(argv[1], argv + 1);
    return 1;
}
END
    } | compile "$1"
}
