/* SPDX-License-Identifier: MIT */
/*
 * Owns `hakmem-stat [OPTION]... PID|NAME...`: finds the processes that are meant, takes a snapshot
 * of each and shows it. Looks from outside: the processes are neither stopped nor asked, but for
 * --purge. Never links the library.
 */
#define _GNU_SOURCE
#include "common/complain.h"
#include "common/output.h"
#include "common/proc.h"
#include "profile/profile_run.h"
#include "stat/show.h"
#include "stat/stat_options.h"
#include "stat/target.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char hak_tool_name[] = "hakmem-stat";

struct pids {
    pid_t *pid;
    unsigned count;
    int status; /* of what could not be found */
};

/* ---- which processes ---- */

static void add_pid(struct pids *pids, pid_t pid) {
    pid_t *grown = reallocarray(pids->pid, pids->count + 1, sizeof *grown);
    if (!grown) {
        pids->status = hak_target_complain("processes", HAK_STAT_FAILED);
        return;
    }
    pids->pid = grown;
    grown[pids->count++] = pid;
}

static bool has_name(pid_t pid, const char *name) {
    char found[32];
    hak_proc_name(pid, found, sizeof found);
    return strcmp(found, name) == 0;
}

static bool is_on_hakmem(pid_t pid) {
    struct hak_target target;
    enum hak_stat_error error = hak_target_open(&target, pid);
    hak_target_close(&target);
    return error == HAK_STAT_OK || error == HAK_STAT_OTHER_LAYOUT;
}

/* NULL: every process on libhakmem. */
static void find_pids(struct pids *pids, const char *name) {
    const struct dirent *entry;
    DIR *processes = opendir("/proc");
    while (processes && (entry = readdir(processes))) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid <= 0 || pid == getpid())
            continue;
        if (name ? has_name(pid, name) : is_on_hakmem(pid))
            add_pid(pids, pid);
    }
    if (processes)
        closedir(processes);
}

static void add_operand(struct pids *pids, const char *operand) {
    char *end;
    unsigned before = pids->count;
    errno = 0;
    long number = strtol(operand, &end, 10);
    if (end != operand && *end == '\0') {
        if (errno || number <= 0 || number > INT32_MAX)
            pids->status = hak_target_complain(operand, HAK_STAT_NO_PROCESS);
        else
            add_pid(pids, (pid_t)number);
        return;
    }
    find_pids(pids, operand);
    if (pids->count == before) {
        hak_complain("%s: no process of this name", operand);
        pids->status = HAK_EXIT_NO_PROCESS;
    }
}

static void find_all(struct pids *pids, const struct hak_stat_options *options) {
    for (unsigned i = 0; i < options->operand_count; i++)
        add_operand(pids, options->operands[i]);
    if (!options->is_all)
        return;
    find_pids(pids, NULL);
    if (pids->count == 0)
        pids->status = hak_target_complain("all processes that can be seen", HAK_STAT_NO_HAKMEM);
}

/* ---- what to do with them ---- */

static int purge(pid_t pid) {
    struct hak_target target;
    char name[24];
    snprintf(name, sizeof name, "%ld", (long)pid);
    enum hak_stat_error error = hak_target_open(&target, pid);
    enum hak_purge_answer answer =
        error == HAK_STAT_OK ? hak_snapshot_purge(&target) : HAK_PURGE_CANNOT;
    hak_target_close(&target);
    if (error != HAK_STAT_OK)
        return hak_target_complain(name, error);
    if (answer == HAK_PURGE_CANNOT) {
        hak_complain("%s: cannot be asked: it must be yours and run with HAKMEM_STATS=1", name);
        return HAK_EXIT_NO_RIGHT;
    }
    if (answer == HAK_PURGE_BEGUN)
        printf("%s: a thread purges; each empties its cache when it next refills it\n", name);
    else
        printf("%s: asked; it will purge when a thread next refills its cache\n", name);
    return 0;
}

static void show_text(const struct hak_snapshot *snapshot, const struct hak_stat_options *options) {
    struct hak_show look = {.out = stdout, .sort = options->sort};
    look.has_colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    if (options->mode == HAK_MODE_FRAG) {
        hak_show_waste(&look, snapshot);
        return;
    }
    hak_show_process(&look, snapshot);
    hak_show_line(&look, "%s", "");
    hak_show_threads(&look, snapshot);
    hak_show_line(&look, "%s", "");
    hak_show_classes(&look, snapshot);
}

static int show(pid_t pid, const struct hak_stat_options *options) {
    struct hak_snapshot snapshot;
    char name[24];
    snprintf(name, sizeof name, "%ld", (long)pid);
    enum hak_stat_error error = hak_snapshot_take(&snapshot, pid);
    if (error != HAK_STAT_OK)
        return hak_target_complain(name, error);
    if (options->mode == HAK_MODE_JSON)
        hak_show_json(stdout, &snapshot);
    else if (options->mode == HAK_MODE_CSV)
        hak_show_csv(stdout, &snapshot);
    else
        show_text(&snapshot, options);
    hak_snapshot_free(&snapshot);
    return 0;
}

/* Metrics go by name, not by process: all snapshots come first. */
static int show_prometheus(const struct pids *pids) {
    struct hak_snapshot *snapshots = calloc(pids->count + 1, sizeof *snapshots);
    unsigned count = 0;
    int status = 0;
    char name[24];
    if (!snapshots)
        return hak_target_complain("processes", HAK_STAT_FAILED);
    for (unsigned i = 0; i < pids->count; i++) {
        snprintf(name, sizeof name, "%ld", (long)pids->pid[i]);
        enum hak_stat_error error = hak_snapshot_take(&snapshots[count], pids->pid[i]);
        if (error == HAK_STAT_OK)
            count++;
        else
            status = hak_target_complain(name, error);
    }
    if (count)
        hak_show_prometheus(stdout, snapshots, count);
    for (unsigned i = 0; i < count; i++)
        hak_snapshot_free(&snapshots[i]);
    free(snapshots);
    return status;
}

static int show_each(const struct pids *pids, const struct hak_stat_options *options) {
    int status = 0;
    for (unsigned i = 0; i < pids->count; i++) {
        bool is_plain = options->mode == HAK_MODE_TEXT || options->mode == HAK_MODE_FRAG;
        if (i && is_plain)
            putchar('\n');
        int failed = options->mode == HAK_MODE_CHECK   ? hak_show_check(stdout, pids->pid[i])
                     : options->mode == HAK_MODE_PURGE ? purge(pids->pid[i])
                                                       : show(pids->pid[i], options);
        status = failed ? failed : status;
    }
    return status;
}

static int show_series(const struct pids *pids, const struct hak_stat_options *options) {
    struct timespec pause = {(time_t)options->interval_s, 0};
    pause.tv_nsec = (long)((options->interval_s - (double)pause.tv_sec) * 1e9);
    hak_show_csv_names(stdout);
    for (unsigned long look = 1;; look++) {
        int status = show_each(pids, options);
        if (status || fflush(stdout) != 0 || look >= (options->count ? options->count : 1))
            return status;
        nanosleep(&pause, NULL);
    }
}

static int serve(const struct pids *pids, const struct hak_stat_options *options) {
    switch (options->mode) {
    case HAK_MODE_PROMETHEUS:
        return show_prometheus(pids);
    case HAK_MODE_CSV:
        return show_series(pids, options);
    case HAK_MODE_WATCH:
        if (pids->count == 1)
            return hak_show_watch(pids->pid[0], options);
        hak_complain("--watch takes one process, and these are %u", pids->count);
        return HAK_EXIT_USAGE;
    default:
        return show_each(pids, options);
    }
}

int main(int argc, char **argv) {
    struct hak_stat_options options;
    struct pids pids = {NULL, 0, 0};
    switch (hak_stat_options_read(&options, argc, argv)) {
    case HAK_STAT_SERVED:
        return 0;
    case HAK_STAT_WRONG_USAGE:
        return HAK_EXIT_USAGE;
    case HAK_STAT_NO_OUTPUT:
        return HAK_EXIT_FAILED;
    case HAK_STAT_RUN:
        break;
    }
    int status = 0;
    if (options.mode == HAK_MODE_DIFF) {
        status = hak_show_diff(stdout, options.operands[0], options.operands[1]);
    } else if (options.mode == HAK_MODE_PROFILE) {
        status = hak_profile_run(&options);
    } else {
        find_all(&pids, &options);
        if (pids.count)
            status = serve(&pids, &options);
        status = status ? status : pids.status;
    }
    free(pids.pid);
    return hak_output_finish() == 0 ? status : HAK_EXIT_FAILED;
}
