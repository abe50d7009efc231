/* SPDX-License-Identifier: MIT */
/*
 * Owns fork, exec and wait. The child is forked and not spawned: the peak of a process counts what
 * the memory that it was born in had resident, and our copy of ours has next to nothing. What the
 * program writes goes through a pipe to nowhere and not to /dev/null: some programs notice that
 * they write to /dev/null and do nothing. We adopt what the program's end leaves without a parent,
 * and end it.
 */
#define _GNU_SOURCE
#include "compare/measure.h"

#include "common/complain.h"
#include "common/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIPE_BYTES (1 << 20)
#define PATIENCE_MS 1000 /* before it is said that standard input is read */

static sigset_t outer_mask; /* what the child gets back */

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t ns_of(struct timeval time) {
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_usec * 1000u;
}

/* ---- standard input ---- */

static void say_if_waiting(void) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&input, 1, PATIENCE_MS) == 0)
        hak_complain("reading standard input to its end, for all runs (none: </dev/null)");
}

/* A pipe's text, in memory; a descriptor, or -1. */
static int keep_pipe(void) {
    int kept = memfd_create("stdin", MFD_CLOEXEC);
    say_if_waiting();
    for (;;) {
        ssize_t moved = splice(STDIN_FILENO, NULL, kept, NULL, PIPE_BYTES, 0);
        if (moved == 0 || kept < 0)
            return kept;
        if (moved < 0 && errno != EINTR)
            break;
    }
    char part[65536];
    for (;;) { /* not a pipe: a socket */
        ssize_t bytes = read(STDIN_FILENO, part, sizeof part);
        if (bytes == 0)
            return kept;
        if ((bytes < 0 && errno != EINTR) || (bytes > 0 && write(kept, part, (size_t)bytes) < 0)) {
            close(kept);
            return -1;
        }
    }
}

static int choose_input(struct hak_measure *measure) {
    struct stat status;
    measure->input = -1;
    measure->input_start = 0;
    if (fstat(STDIN_FILENO, &status) != 0 || S_ISCHR(status.st_mode))
        return 0; /* closed, a terminal, or /dev/null */
    if (S_ISREG(status.st_mode)) {
        measure->input = STDIN_FILENO;
        measure->input_start = lseek(STDIN_FILENO, 0, SEEK_CUR);
        return 0;
    }
    measure->input = keep_pipe();
    return measure->input < 0 ? errno : 0;
}

int hak_measure_begin(struct hak_measure *measure, const struct hak_program *program) {
    sigset_t waited;
    memset(measure, 0, sizeof *measure);
    measure->program = program;
    int error = choose_input(measure);
    if (error)
        return error;
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    sigemptyset(&waited);
    sigaddset(&waited, SIGCHLD);
    sigaddset(&waited, SIGHUP);
    sigaddset(&waited, SIGINT);
    sigaddset(&waited, SIGQUIT);
    sigaddset(&waited, SIGTERM);
    sigprocmask(SIG_BLOCK, &waited, &outer_mask);
    measure->signals = signalfd(-1, &waited, SFD_CLOEXEC | SFD_NONBLOCK);
    return measure->signals < 0 ? errno : 0;
}

/* ---- the child ---- */

static void set_input(const struct hak_measure *measure) {
    char name[32];
    snprintf(name, sizeof name, "/proc/self/fd/%d", measure->input);
    /* Opened anew, so that each run has a position of its own. */
    int input = open(measure->input < 0 ? "/dev/null" : name, O_RDONLY);
    if (input < 0)
        return;
    if (measure->input_start > 0)
        lseek(input, measure->input_start, SEEK_SET);
    if (input != STDIN_FILENO) {
        dup2(input, STDIN_FILENO);
        close(input);
    }
}

static _Noreturn void become(const struct hak_measure *measure, int output, int trouble) {
    const struct hak_program *program = measure->program;
    const struct rlimit no_core = {0, 0};
    pid_t parent = getppid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(125);
    setrlimit(RLIMIT_CORE, &no_core);
    set_input(measure);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    sigprocmask(SIG_SETMASK, &outer_mask, NULL);
    if (program->is_binary)
        execve(program->path, program->arguments, environ);
    else
        execvpe(program->path, program->arguments, environ);
    int error = errno;
    if (write(trouble, &error, sizeof error) < 0)
        _exit(126);
    _exit(125);
}

/* ---- the parent ---- */

static void drop_output(int *output, int nowhere) {
    ssize_t moved = splice(*output, NULL, nowhere, NULL, PIPE_BYTES, SPLICE_F_NONBLOCK);
    if (moved == 0 || (moved < 0 && errno != EAGAIN && errno != EINTR)) {
        close(*output);
        *output = -1;
    }
}

/* A process, and never a group or all that there are, which kill(2) takes 0 and less for. */
static void tell(pid_t process, int number) {
    if (process > 1)
        kill(process, number);
}

/* The first is passed on, unless the terminal told the program, too; the second ends the run. A
 * `child` of 0 is there no more: nobody is told. */
static void take_signals(struct hak_measure *measure, pid_t child) {
    struct signalfd_siginfo info;
    while (read(measure->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            continue;
        if (measure->stopped)
            tell(child, SIGKILL);
        else if (info.ssi_code != SI_KERNEL)
            tell(child, (int)info.ssi_signo);
        measure->stopped = (int)info.ssi_signo;
    }
}

static void wait_for(struct hak_measure *measure, int output, struct hak_measured *measured) {
    struct rusage usage;
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    pid_t ended;
    while ((ended = wait4(measured->pid, &measured->status, WNOHANG, &usage)) == 0) {
        struct pollfd events[] = {{measure->signals, POLLIN, 0}, {output, POLLIN, 0}};
        if (poll(events, 2, -1) < 0)
            continue;
        if (events[0].revents)
            take_signals(measure, measured->pid);
        if (events[1].revents)
            drop_output(&output, nowhere);
    }
    measured->wall_ns = now_ns() - measured->wall_ns;
    if (output >= 0)
        close(output);
    close(nowhere);
    if (ended < 0)
        return;
    measured->cpu_ns = ns_of(usage.ru_utime) + ns_of(usage.ru_stime);
    measured->peak_bytes = (uint64_t)usage.ru_maxrss * 1024;
    measured->faults = (uint64_t)(usage.ru_minflt + usage.ru_majflt);
}

static void kill_children(void) {
    const struct dirent *entry;
    DIR *processes = opendir("/proc");
    while (processes && (entry = readdir(processes))) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && hak_proc_number(pid, "status", "PPid:") == getpid())
            tell(pid, SIGKILL);
    }
    if (processes)
        closedir(processes);
}

/* Those of the program's descendants that are still there are our children by now, or will be when
 * those between us are gone. */
static void end_what_is_left(void) {
    pid_t ended;
    while ((ended = waitpid(-1, NULL, WNOHANG)) >= 0) {
        const struct timespec pause = {0, 1000000};
        if (ended > 0)
            continue;
        kill_children();
        nanosleep(&pause, NULL);
    }
}

int hak_measure_run(struct hak_measure *measure, void (*prepare)(const void *context),
                    const void *context, struct hak_measured *ret_measured) {
    int output[2] = {-1, STDERR_FILENO}, trouble[2], error = 0;
    if ((!measure->shows_output && pipe2(output, O_CLOEXEC) != 0) || pipe2(trouble, O_CLOEXEC) != 0)
        return errno;
    if (!measure->shows_output)
        fcntl(output[0], F_SETPIPE_SZ, PIPE_BYTES);
    fflush(NULL);
    *ret_measured = (struct hak_measured){.wall_ns = now_ns()};
    ret_measured->pid = fork();
    if (ret_measured->pid == 0) {
        prepare(context);
        become(measure, output[1], trouble[1]);
    }
    if (ret_measured->pid < 0)
        error = errno;
    close(trouble[1]);
    if (!measure->shows_output)
        close(output[1]);
    if (ret_measured->pid > 0)
        wait_for(measure, output[0], ret_measured);
    if (!error && read(trouble[0], &error, sizeof error) < 0)
        error = errno;
    close(trouble[0]);
    end_what_is_left();
    take_signals(measure, 0);
    return error ? error : measure->stopped ? EINTR : 0;
}
