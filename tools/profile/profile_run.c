/* SPDX-License-Identifier: MIT */
/*
 * Owns `hakmem-stat --profile`: asks the process, gathers what comes until the time is over, the
 * process ends or a signal says so, and writes. A process that is our own child (hakmem-run makes
 * itself into us) is waited for: signals go to it, and its exit status becomes ours.
 */
#define _GNU_SOURCE
#include "profile/profile_run.h"

#include "common/complain.h"
#include "common/proc.h"
#include "profile/profile_report.h"
#include "profile/source.h"
#include "profile/unwinder.h"
#include "stat/target.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WISH_SECONDS 30 /* a process whose reader died samples as long, or waits for it */
#define PUBLISH_SAMPLES 64
#define LAST_NS 200000000 /* for samples that are being written at the end */
#define POLL_NS 10000000
#define POLL_EXACT_NS 1000000
#define MAPS_NS 5000000

struct session {
    pid_t pid;
    bool is_child;
    bool is_over; /* the process is no more */
    int wait_status;
    uint64_t until_ns;               /* UINT64_MAX: no end */
    uint64_t mean_bytes;             /* asked for; 0: the process's own */
    uint64_t maps_ns;                /* when the mappings were last read */
    char identity[64];               /* of the program that the process runs now */
    struct hak_profile_free ended;   /* the free that was read last, */
    bool has_gone;                   /* and not counted yet */
    uint64_t last_sample, last_free; /* that belong to the profile; UINT64_MAX: it goes on */
    struct hak_profile_source source;
    struct hak_profile profile;
    struct hak_unwinder *unwinder;
};

static volatile sig_atomic_t is_stopped;
static pid_t child_pid;

static void on_signal(int signal_number) {
    if (child_pid)
        kill(child_pid, signal_number);
    else
        is_stopped = 1;
}

/* The keyboard's signals reach a child by themselves. */
static void catch_signals(bool is_child) {
    static const int numbers[] = {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGINT, SIGQUIT};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        bool is_keyboards = numbers[i] == SIGINT || numbers[i] == SIGQUIT;
        if (!is_child && (numbers[i] == SIGUSR1 || numbers[i] == SIGUSR2 || numbers[i] == SIGQUIT))
            continue;
        action.sa_handler = is_child && is_keyboards ? SIG_IGN : on_signal;
        sigaction(numbers[i], &action, NULL);
    }
}

static uint64_t now_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Shorter if the process may wait for us. */
static void pause_a_little(const struct session *session) {
    bool is_exact = session->profile.samples && session->profile.mean_bytes <= 1;
    struct timespec pause = {0, is_exact ? POLL_EXACT_NS : POLL_NS};
    nanosleep(&pause, NULL);
}

static void look_for_end(struct session *session) {
    if (session->is_over)
        return;
    if (session->is_child)
        session->is_over = waitpid(session->pid, &session->wait_status, WNOHANG) == session->pid;
    else
        session->is_over = !hak_proc_lives(session->pid);
}

/* Name and place of the first stack: another program has others. False: it is ending. */
static bool identify(pid_t pid, char identity[64]) {
    char line[1024] = "";
    FILE *file = hak_proc_open(pid, "stat");
    unsigned long long stack = 0;
    const char *at = file && fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    for (int field = 2; at && field < 28; field++)
        at = strchr(at + 1, ' ');
    if (at)
        stack = strtoull(at, NULL, 10);
    hak_proc_name(pid, line, 32);
    snprintf(identity, 64, "%.31s %llx", line, stack);
    if (file)
        fclose(file);
    return stack != 0;
}

static void add_maps(struct session *session) {
    char *text = NULL;
    session->maps_ns = now_ns(CLOCK_MONOTONIC);
    FILE *maps = session->is_over ? NULL : hak_proc_open(session->pid, "maps");
    bool is_there = maps != NULL;
    if (maps) {
        hak_unwinder_add(session->unwinder, maps);
        fclose(maps);
    }
    if (is_there && session->profile.module_count)
        return;
    maps = hak_source_maps(&session->source, &text); /* it has ended: what it left behind */
    if (maps) {
        hak_unwinder_add(session->unwinder, maps);
        fclose(maps);
    }
    free(text);
}

static bool is_time_over(const struct session *session) {
    return is_stopped || now_ns(CLOCK_MONOTONIC) >= session->until_ns;
}

/* Code in no file stays unknown: so the mappings are read anew now and then, not for each sample.
 */
static void take_samples(struct session *session) {
    static struct hak_profile_sample sample;
    uint32_t code[HAK_PROFILE_FRAMES];
    for (unsigned count = 1;
         session->source.next <= session->last_sample && hak_source_read(&session->source, &sample);
         count++) {
        if (!hak_unwinder_walk(session->unwinder, &sample) &&
            now_ns(CLOCK_MONOTONIC) - session->maps_ns > MAPS_NS) {
            add_maps(session);
            hak_unwinder_walk(session->unwinder, &sample);
        }
        unsigned depth = hak_unwinder_name(session->unwinder, code);
        hak_profile_count(&session->profile, &sample, code, depth);
        if (count % PUBLISH_SAMPLES != 0)
            continue;
        hak_source_publish(&session->source);
        hak_source_ask(&session->source, WISH_SECONDS);
        if (session->last_sample == UINT64_MAX && is_time_over(session))
            break;
    }
    hak_source_publish(&session->source);
}

/* A free whose sample is still being written waits for it; is_last: nothing is written any more. */
static void take_frees(struct session *session, bool is_last) {
    struct hak_profile_free *ended = &session->ended;
    while (session->has_gone || (session->source.next_free <= session->last_free &&
                                 hak_source_read_free(&session->source, ended))) {
        uint64_t number = hak_profile_freed_sample(ended);
        session->has_gone = true;
        if (number >= session->source.next)
            take_samples(session);
        if (number >= session->source.next && !is_last)
            break;
        hak_profile_count_free(&session->profile, ended);
        session->has_gone = false;
        /* a process that waits for us frees on: that alone is no end */
        if (session->last_free == UINT64_MAX && is_time_over(session))
            break;
    }
    hak_source_publish(&session->source);
}

static void close_session(struct session *session) {
    hak_unwinder_close(session->unwinder);
    hak_profile_free(&session->profile);
    hak_source_close(&session->source);
    session->unwinder = NULL;
    session->has_gone = false;
}

static enum hak_stat_error open_session(struct session *session) {
    enum hak_stat_error error = hak_source_open(&session->source, session->pid, session->is_child);
    if (error != HAK_STAT_OK)
        return error;
    identify(session->pid, session->identity);
    hak_profile_init(&session->profile, session->pid);
    hak_proc_name(session->pid, session->profile.program, sizeof session->profile.program);
    session->profile.begun_ns = now_ns(CLOCK_REALTIME);
    session->unwinder = hak_unwinder_open(&session->profile);
    if (!session->unwinder)
        return HAK_STAT_FAILED;
    add_maps(session); /* before it is asked: a child waits for that */
    if (!session->is_child)
        hak_source_set_mean(&session->source, session->mean_bytes);
    if (hak_source_ask(&session->source, WISH_SECONDS))
        return HAK_STAT_OK;
    close_session(session);
    return HAK_STAT_NO_RIGHT;
}

/* A child is on its way to its program, or to the next one. */
static enum hak_stat_error open_child(struct session *session) {
    for (;;) {
        enum hak_stat_error error = open_session(session);
        look_for_end(session);
        if (error == HAK_STAT_OK || error == HAK_STAT_FAILED || session->is_over)
            return error;
        pause_a_little(session);
    }
}

static bool runs_another_program(const struct session *session) {
    char identity[64];
    if (!session->is_child || session->is_over)
        return false;
    return identify(session->pid, identity) && strcmp(identity, session->identity) != 0;
}

/* A child was met before it had made its segment: what counts is there. */
static bool has_made_segment(const struct session *session) {
    struct hak_target target;
    if (!session->is_child || session->is_over || session->source.target.way != HAK_WAY_MEMORY)
        return false;
    bool is_made =
        hak_target_open(&target, session->pid) == HAK_STAT_OK && target.way != HAK_WAY_MEMORY;
    hak_target_close(&target);
    return is_made;
}

/*
 * What was taken by now is read, all of it: a process that waits for us goes on, and what it takes
 * meanwhile is read past. A thread that is stopped in the middle of a sample isn't waited for.
 */
static void take_last(struct session *session) {
    uint64_t begun_ns = now_ns(CLOCK_MONOTONIC);
    session->last_sample = hak_source_taken(&session->source);
    session->last_free = hak_source_freed(&session->source);
    for (;;) {
        take_samples(session);
        take_frees(session, session->is_over);
        bool is_all = session->source.next > session->last_sample &&
                      session->source.next_free > session->last_free;
        if (is_all || session->is_over || now_ns(CLOCK_MONOTONIC) - begun_ns > LAST_NS)
            break;
        pause_a_little(session);
        look_for_end(session);
    }
    hak_source_ask(&session->source, 0);
    take_frees(session, true);
}

static enum hak_stat_error gather(struct session *session) {
    uint64_t begun_ns = now_ns(CLOCK_MONOTONIC);
    session->last_sample = session->last_free = UINT64_MAX;
    while (!session->is_over && !is_time_over(session)) {
        hak_source_ask(&session->source, WISH_SECONDS);
        take_samples(session);
        take_frees(session, false);
        pause_a_little(session);
        look_for_end(session);
        if (runs_another_program(session) || has_made_segment(session)) {
            close_session(session);
            enum hak_stat_error error = open_child(session);
            if (error != HAK_STAT_OK)
                return error;
        }
    }
    take_last(session);
    session->profile.lasted_ns = now_ns(CLOCK_MONOTONIC) - begun_ns;
    session->profile.lost = session->source.lost;
    session->profile.lost_frees = session->source.lost_frees;
    hak_unwinder_find_lines(session->unwinder);
    hak_profile_finish(&session->profile);
    return HAK_STAT_OK;
}

/* The child's own status; one that a signal ended is followed. */
static int follow(int wait_status) {
    struct rlimit no_core = {0, 0};
    if (!WIFSIGNALED(wait_status))
        return WEXITSTATUS(wait_status);
    setrlimit(RLIMIT_CORE, &no_core);
    signal(WTERMSIG(wait_status), SIG_DFL);
    raise(WTERMSIG(wait_status));
    return 128 + WTERMSIG(wait_status);
}

static int run_child(struct session *session, const struct hak_stat_options *options) {
    child_pid = session->pid;
    catch_signals(true);
    enum hak_stat_error error = open_child(session);
    if (error == HAK_STAT_OK)
        error = gather(session);
    while (!session->is_over) {
        look_for_end(session);
        pause_a_little(session);
    }
    bool has_run = !WIFEXITED(session->wait_status) || WEXITSTATUS(session->wait_status) < 125;
    int status = error == HAK_STAT_OK ? hak_profile_report(&session->profile, options) : 0;
    if (error != HAK_STAT_OK && has_run)
        hak_complain("the program cannot be profiled: it did not run on libhakmem");
    int child_status = follow(session->wait_status);
    return child_status ? child_status : status;
}

int hak_profile_run(const struct hak_stat_options *options) {
    static struct session session;
    char *end, name[24];
    long pid = strtol(options->operands[0], &end, 10);
    if (*end || pid <= 0 || pid > INT32_MAX)
        return hak_target_complain(options->operands[0], HAK_STAT_NO_PROCESS);
    session.pid = (pid_t)pid;
    session.until_ns = UINT64_MAX;
    snprintf(name, sizeof name, "%ld", pid);
    siginfo_t none;
    session.is_child = waitid(P_PID, (id_t)pid, &none, WEXITED | WNOHANG | WNOWAIT) == 0;
    if (session.is_child)
        return run_child(&session, options);
    if (options->seconds > 0)
        session.until_ns = now_ns(CLOCK_MONOTONIC) + (uint64_t)(options->seconds * 1e9);
    session.mean_bytes = options->sample_mean;
    catch_signals(false);
    enum hak_stat_error error = open_session(&session);
    if (error == HAK_STAT_OK) {
        if (options->seconds > 0)
            hak_complain("sampling %s (PID %ld) for %g s", session.profile.program, pid,
                         options->seconds);
        else
            hak_complain("sampling %s (PID %ld) until ^C or its end", session.profile.program, pid);
        error = gather(&session);
    }
    int status = error == HAK_STAT_OK ? hak_profile_report(&session.profile, options)
                                      : hak_target_complain(name, error);
    if (error == HAK_STAT_OK)
        close_session(&session);
    return status;
}
