/* SPDX-License-Identifier: MIT */
/*
 * The table of processes. Stateless.
 */
#define _GNU_SOURCE
#include "stat/list.h"

#include "common/complain.h"
#include "common/proc.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(columns) ((unsigned)(sizeof(columns) / sizeof(columns)[0]))

static void measure(struct hak_list_row *row, const struct hak_snapshot *snapshot,
                    const struct hak_list *before) {
    const struct hak_figures *figures = &snapshot->figures;
    long long threads = hak_proc_number(snapshot->pid, "status", "Threads:");
    *row = (struct hak_list_row){.pid = snapshot->pid,
                                 .live_bytes = figures->allocated_bytes,
                                 .waste_bytes = figures->held_bytes - figures->allocated_bytes,
                                 .threads = threads > 0 ? (uint64_t)threads : 0,
                                 .taken_ns = snapshot->taken_ns};
    memcpy(row->name, snapshot->program, sizeof row->name);
    if (snapshot->kernel_rss_bytes > 0)
        row->resident_bytes = (uint64_t)snapshot->kernel_rss_bytes;
    for (unsigned i = 0; before && i < before->count; i++) {
        const struct hak_list_row *old = &before->row[i];
        double seconds = (double)(row->taken_ns - old->taken_ns) / 1e9;
        if (old->pid != row->pid || seconds <= 0)
            continue;
        row->trend =
            (int64_t)(((double)row->resident_bytes - (double)old->resident_bytes) / seconds);
        row->has_trend = true;
    }
}

void hak_list_take(struct hak_list *list, const struct hak_pids *pids,
                   const struct hak_list *before) {
    struct hak_snapshot snapshot;
    *list = (struct hak_list){calloc(pids->count + 1, sizeof *list->row), 0};
    if (!list->row) {
        hak_complain("out of memory");
        exit(HAK_EXIT_FAILED);
    }
    for (unsigned i = 0; i < pids->count; i++) {
        if (hak_snapshot_take(&snapshot, pids->pid[i]) != HAK_STAT_OK)
            continue;
        measure(&list->row[list->count++], &snapshot, before);
        hak_snapshot_free(&snapshot);
    }
}

void hak_list_free(struct hak_list *list) {
    free(list->row);
    *list = (struct hak_list){NULL, 0};
}

/* ---- order ---- */

static double key_of(const struct hak_list_row *row, enum hak_sort_key key) {
    switch (key) {
    case HAK_SORT_RESIDENT:
        return (double)row->resident_bytes;
    case HAK_SORT_LIVE:
        return (double)row->live_bytes;
    case HAK_SORT_WASTE:
        return (double)row->waste_bytes;
    case HAK_SORT_THREADS:
        return (double)row->threads;
    case HAK_SORT_TREND:
        return (double)row->trend;
    default:
        return 0;
    }
}

/* Names and IDs rise, amounts fall. */
static int compare(const void *left, const void *right, void *context) {
    const struct hak_list_row *a = left, *b = right;
    enum hak_sort_key key = *(const enum hak_sort_key *)context;
    double x = key_of(a, key), y = key_of(b, key);
    if (x < y || x > y)
        return x > y ? -1 : 1;
    int names = key == HAK_SORT_NAME ? strcmp(a->name, b->name) : 0;
    return names ? names : a->pid - b->pid;
}

void hak_list_sort(struct hak_list *list, enum hak_sort_key key) {
    if (list->count)
        qsort_r(list->row, list->count, sizeof *list->row, compare, &key);
}

/* ---- text ---- */

enum { PID, NAME, RESIDENT, LIVE, WASTE, THREADS, TREND };

static const struct hak_show_column list_columns[] = {
    [PID] = {"PID", 7, 0, false, false},           [NAME] = {"NAME", 15, 1, true, false},
    [RESIDENT] = {"RESIDENT", 8, 2, false, false}, [LIVE] = {"LIVE", 8, 3, false, false},
    [WASTE] = {"WASTE", 8, 4, false, false},       [THREADS] = {"THREADS", 7, 6, false, false},
    [TREND] = {"TREND", 11, 5, false, false},
};

static void put_trend(char *cell, const struct hak_list_row *row) {
    char size[HAK_SHOW_CELL];
    if (!row->has_trend) {
        strcpy(cell, "-");
        return;
    }
    hak_show_put_size(size, (uint64_t)(row->trend < 0 ? -row->trend : row->trend));
    snprintf(cell, HAK_SHOW_CELL, "%s%.10s/s",
             row->trend > 0   ? "+"
             : row->trend < 0 ? "-"
                              : "",
             size);
}

void hak_list_show(struct hak_show *show, const struct hak_list *list) {
    struct hak_show_column columns[COUNT(list_columns)];
    hak_show_cells cells;
    memcpy(columns, list_columns, sizeof columns);
    hak_show_headings(show, columns, COUNT(columns));
    for (unsigned i = 0; i < list->count; i++) {
        const struct hak_list_row *row = &list->row[i];
        snprintf(cells[PID], HAK_SHOW_CELL, "%ld", (long)row->pid);
        snprintf(cells[NAME], HAK_SHOW_CELL, "%.31s", row->name);
        hak_show_put_size(cells[RESIDENT], row->resident_bytes);
        hak_show_put_size(cells[LIVE], row->live_bytes);
        hak_show_put_size(cells[WASTE], row->waste_bytes);
        hak_show_put_count(cells[THREADS], columns[THREADS].width, row->threads);
        put_trend(cells[TREND], row);
        hak_show_row(show, columns, COUNT(columns), cells);
    }
}
