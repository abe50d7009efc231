/* SPDX-License-Identifier: MIT */
/*
 * Owns the parting of the ways. hakmem-stat is looked for beside this tool, as the library is; the
 * child doesn't start before it is known to be there.
 */
#define _GNU_SOURCE
#include "run/run_profile.h"

#include "common/complain.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROFILER "hakmem-stat"

static bool find_profiler(char path[PATH_MAX]) {
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - sizeof PROFILER);
    char *slash = length > 0 ? memrchr(path, '/', (size_t)length) : NULL;
    if (slash) {
        strcpy(slash + 1, PROFILER);
        if (access(path, X_OK) == 0)
            return true;
    }
    strcpy(path, HAK_BINDIR "/" PROFILER);
    return access(path, X_OK) == 0;
}

static int set_environment(void) {
    char own_pid[24];
    snprintf(own_pid, sizeof own_pid, "%ld", (long)getpid());
    return setenv("HAKMEM_STATS", "1", 1) == 0 && setenv("HAKMEM_SAMPLE", own_pid, 1) == 0 ? 0 : -1;
}

int hak_run_profile(const struct hak_run_options *options) {
    char path[PATH_MAX], pid[24], *output = NULL;
    static char name[] = PROFILER, mode[] = "--profile", leaks[] = "--leaks";
    char *arguments[6] = {name, mode};
    unsigned count = 2;
    if (!find_profiler(path)) {
        hak_complain(PROFILER " not found: it reads the samples");
        return -1;
    }
    if (options->profile && asprintf(&output, "--output=%s", options->profile) < 0) {
        hak_complain("out of memory");
        return -1;
    }
    pid_t child = fork();
    if (child == 0)
        return set_environment();
    if (child < 0) {
        hak_complain("cannot start a process: %s", strerror(errno));
        return -1;
    }
    snprintf(pid, sizeof pid, "%ld", (long)child);
    if (output)
        arguments[count++] = output;
    if (options->is_leaks)
        arguments[count++] = leaks;
    arguments[count] = pid;
    execv(path, arguments);
    hak_complain("%s: %s", path, strerror(errno));
    waitpid(child, NULL, 0);
    exit(125);
}
