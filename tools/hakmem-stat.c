/* SPDX-License-Identifier: MIT */
/*
 * Owns `hakmem-stat [OPTION]... PID|NAME...`: finds the processes that are meant, takes a snapshot
 * of each and shows it. Looks from outside: the processes are neither stopped nor asked, but for
 * --purge. Never links the library.
 */
#define _GNU_SOURCE
#include "common/complain.h"
#include "common/output.h"
#include "profile/profile_run.h"
#include "stat/list.h"
#include "stat/pids.h"
#include "stat/screen.h"
#include "stat/show.h"
#include "stat/stat_options.h"
#include "stat/target.h"
#include "stat/watch.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define TREND_NS 500000000

const char hak_tool_name[] = "hakmem-stat";

static void find_all(struct hak_pids *pids, const struct hak_stat_options *options) {
    for (unsigned i = 0; i < options->operand_count; i++)
        hak_pids_add(pids, options->operands[i]);
    if (!options->is_all)
        return;
    hak_pids_add_all(pids);
    if (pids->count == 0 && options->mode != HAK_MODE_WATCH)
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

/* A terminal's width; 0: no bound. */
static unsigned output_columns(void) {
    struct winsize size = {.ws_col = 0};
    return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static void show_text(const struct hak_snapshot *snapshot, const struct hak_stat_options *options) {
    struct hak_show show = {.out = stdout, .sort = options->sort, .columns = output_columns()};
    show.has_colour = hak_screen_has_colour();
    if (options->mode == HAK_MODE_FRAG) {
        hak_show_waste(&show, snapshot);
        return;
    }
    hak_show_process(&show, snapshot);
    hak_show_line(&show, "%s", "");
    hak_show_threads(&show, snapshot);
    hak_show_line(&show, "%s", "");
    hak_show_classes(&show, snapshot);
}

/* Two looks, because a trend needs them. */
static int show_list(const struct hak_pids *pids, const struct hak_stat_options *options) {
    struct hak_show show = {.out = stdout, .columns = output_columns()};
    struct timespec pause = {0, TREND_NS};
    struct hak_list before, now;
    hak_list_take(&before, pids, NULL);
    nanosleep(&pause, NULL);
    hak_list_take(&now, pids, &before);
    show.has_colour = hak_screen_has_colour();
    hak_list_sort(&now, options->has_sort ? options->sort : HAK_SORT_RESIDENT);
    hak_list_show(&show, &now);
    hak_list_free(&before);
    hak_list_free(&now);
    return 0;
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
static int show_prometheus(const struct hak_pids *pids) {
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

static int show_each(const struct hak_pids *pids, const struct hak_stat_options *options) {
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

static int show_series(const struct hak_pids *pids, const struct hak_stat_options *options) {
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

static int serve(struct hak_pids *pids, const struct hak_stat_options *options) {
    switch (options->mode) {
    case HAK_MODE_PROMETHEUS:
        return show_prometheus(pids);
    case HAK_MODE_CSV:
        return show_series(pids, options);
    case HAK_MODE_WATCH:
        return hak_watch(pids, options);
    case HAK_MODE_LIST:
        return show_list(pids, options);
    default:
        return show_each(pids, options);
    }
}

int main(int argc, char **argv) {
    struct hak_stat_options options;
    struct hak_pids pids = {NULL, 0, 0};
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
        if (pids.count || (options.mode == HAK_MODE_WATCH && options.is_all))
            status = serve(&pids, &options);
        status = status ? status : pids.status;
    }
    hak_pids_free(&pids);
    return hak_output_finish() == 0 ? status : HAK_EXIT_FAILED;
}
