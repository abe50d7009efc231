// SPDX-License-Identifier: MIT
// Owns bench_launch: runs a program with a preload and says what it used. It is a program of its
// own because the peak of a process counts what its parent had resident when it was forked; this
// one has next to nothing.
// Usage: bench_launch RESULT PRELOAD PROGRAM [ARG...]; PRELOAD may be empty.
// Writes one line into the file RESULT. Exit status: the program's; 125 for trouble of its own.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t child;

static void pass_on(int signal) {
    if (child > 0)
        kill(child, signal);
}

static unsigned long long ns_of(struct timeval time) {
    return (unsigned long long)time.tv_sec * 1000000000U + (unsigned long long)time.tv_usec * 1000U;
}

static unsigned long long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned long long)now.tv_sec * 1000000000U + (unsigned long long)now.tv_nsec;
}

static _Noreturn void run(char **argv) {
    if (argv[2][0] != '\0')
        setenv("LD_PRELOAD", argv[2], 1);
    else
        unsetenv("LD_PRELOAD");
    execvp(argv[3], argv + 3);
    perror(argv[3]);
    _exit(125);
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fputs("usage: bench_launch RESULT PRELOAD PROGRAM [ARG...]\n", stderr);
        return 125;
    }
    signal(SIGTERM, pass_on);
    unsigned long long begin_ns = now_ns();
    child = fork();
    if (child == 0)
        run(argv);
    struct rusage usage;
    int status;
    pid_t ended;
    do
        ended = wait4(child, &status, 0, &usage);
    while (child > 0 && ended != child);
    FILE *result = child > 0 ? fopen(argv[1], "w") : NULL;
    if (result == NULL) {
        perror(argv[1]);
        return 125;
    }
    fprintf(result, "program ops=1 wall_ns=%llu cpu_ns=%llu peak_kib=%ld faults=%ld\n",
            now_ns() - begin_ns, ns_of(usage.ru_utime) + ns_of(usage.ru_stime), usage.ru_maxrss,
            usage.ru_minflt + usage.ru_majflt);
    if (fclose(result) != 0)
        return 125;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
