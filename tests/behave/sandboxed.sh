#!/bin/sh
# SPDX-License-Identifier: MIT
# After its constructor the library asks the system for nothing but memory, futexes and the clock:
# all preloaded tests of this folder again, in processes that end when the library calls any other
# function that makes a system call. Each function that it imports is known here as one kind or the
# other.
# shellcheck source-path=SCRIPTDIR source=prelude.sh
. "${top_srcdir:?}/tests/behave/prelude.sh"
cd "${top_builddir:?}" || exit
build_shared sandbox.so "$src/dso/sandbox.c"

# Make no system call (or a write of what was asked for, or a last one), or those for memory and
# the clock. sbrk(0) makes none but the first time, which is in the constructor; mincore is called
# only where the kernel refused at the start to clear a page in children.
harmless='_ITM_deregisterTMCloneTable _ITM_registerTMCloneTable _ZSt15get_new_handlerv
_ZSt17__throw_bad_allocv __cxa_finalize __environ __errno_location __gmon_start__ __libc_free
__libc_stack_end __progname __register_atfork __stack_chk_fail __tls_get_addr abort backtrace
clock_gettime dl_iterate_phdr dladdr dlclose dlsym environ ferror fnmatch fprintf fwrite getauxval
madvise memchr memcmp memcpy memmem memmove memset mincore mmap mprotect mremap munmap
program_invocation_short_name pthread_key_create pthread_mutex_lock pthread_mutex_unlock
pthread_setspecific sbrk sigemptyset strchr strcmp strcspn strlen strncmp strrchr strstr
write'
# shellcheck disable=SC2086 # a command and its options
$NM -D --undefined-only "$HAKMEM_SO" | sed 's/.* //; s/@.*//' | sort -u >"$work/imported"
# shellcheck disable=SC2086
$NM -D --defined-only "$work/sandbox.so" | sed 's/.* //; s/@.*//' >"$work/known"
[ -s "$work/imported" ] || fail "no imports are found"
# shellcheck disable=SC2086 # a list of words
printf '%s\n' $harmless >>"$work/known"
sort -u "$work/known" | comm -23 "$work/imported" - >"$work/unknown"
[ ! -s "$work/unknown" ] || fail "does it make system calls? $(tr '\n' ' ' <"$work/unknown")"

# The guard itself: a library of that name that opens a file.
build_shared libhakmem-bad.so "$src/dso/sandbox_bad.c"
build bad "$src/dso/sandbox_main.c"
status=0
LD_PRELOAD="$work/sandbox.so:$work/libhakmem-bad.so" "$work/bad" 2>"$work/log" || status=$?
[ "$status" -eq 99 ] || fail "a call from the library is not seen: status $status"

# What a test may call besides: reports say more than the heap knows, and a segment of counters is
# copied for a fork's child.
may() {
    case $1 in
    */cancel.* | */fork_beside.* | */stack.* | */stats_sums.*)
        echo ' getpid getrusage prctl shmat shmctl shmdt shmget syscall '
        ;;
    esac
}

status=0
for test in tests/behave/*.preloaded.t; do
    result=0
    HAK_SANDBOX_MAY=$(may "$test") LD_PRELOAD="$work/sandbox.so:$HAKMEM_SO" \
        timeout -k 10 300 "./$test" >"$work/log" 2>&1 ||
        result=$?
    case $result in
    0 | 77) ;;
    *)
        tail -n 5 "$work/log"
        echo "failed in the sandbox: $test: status $result"
        status=1
        ;;
    esac
done
exit "$status"
