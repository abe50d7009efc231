// SPDX-License-Identifier: MIT
// Owns the bench of start-up: a trivial program, /bin/true, is started again and again. What is
// preloaded into this process is preloaded into that one too.
#include "micro.h"
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t ns_of(struct timeval time) {
    return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_usec * 1000U;
}

/* child_ns is processor time of one start; child_faults are page faults of one start. */
void bench_start(void) {
    char *const arguments[] = {(char[]){"true"}, NULL};
    const char *program = option_word("program", "/bin/true");
    uint64_t starts = option_ops(300);
    measure_begin();
    for (uint64_t i = 0; i < starts; i++) {
        pid_t child;
        int status;
        if (posix_spawn(&child, program, NULL, NULL, arguments, environ) != 0 ||
            waitpid(child, &status, 0) != child || status != 0)
            micro_fail("the trivial program does not run");
    }
    measure_end(starts);
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    measure_add("child_ns", (ns_of(usage.ru_utime) + ns_of(usage.ru_stime)) / starts);
    measure_add("child_faults", (uint64_t)usage.ru_minflt / starts);
}
