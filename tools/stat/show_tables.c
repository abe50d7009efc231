/* SPDX-License-Identifier: MIT */
/*
 * The tables of a process's threads and size classes. Stateless.
 */
#define _GNU_SOURCE
#include "common/output.h"
#include "stat/show.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(columns) ((unsigned)(sizeof(columns) / sizeof(columns)[0]))

/* ---- threads ---- */

static uint64_t slabs_of(const struct hak_stat_row *row) {
    uint64_t slabs = 0;
    for (unsigned size_class = 0; size_class < HAK_STATS_CLASSES; size_class++)
        slabs += row->counters.sums.slabs[size_class];
    return slabs;
}

/* Bytes a second that the row handed out since the snapshot before. */
static uint64_t rate_of(const struct hak_show *show, const struct hak_snapshot *now,
                        const struct hak_stat_row *row) {
    const struct hak_snapshot *before = show->before;
    if (!before || now->taken_ns <= before->taken_ns)
        return 0;
    const struct hak_stat_row *old = hak_snapshot_same_row(before, row);
    double seconds = (double)(now->taken_ns - before->taken_ns) / 1e9;
    return old ? (uint64_t)((double)(row->allocated_bytes - old->allocated_bytes) / seconds) : 0;
}

struct order {
    const struct hak_show *show;
    const struct hak_snapshot *snapshot;
};

static uint64_t key_of(const struct order *order, const struct hak_stat_row *row) {
    switch (order->show->sort) {
    case HAK_SORT_ALLOCATED:
        return row->allocated_bytes;
    case HAK_SORT_FREED:
        return row->freed_bytes;
    case HAK_SORT_CACHED:
        return row->cached_bytes;
    case HAK_SORT_SLABS:
        return slabs_of(row);
    case HAK_SORT_RATE:
        return rate_of(order->show, order->snapshot, row);
    default:
        return 0;
    }
}

/* Names and IDs rise, amounts fall; rows that are no thread come last. */
static int compare_rows(const void *left, const void *right, void *context) {
    const struct hak_stat_row *a = *(const struct hak_stat_row *const *)left;
    const struct hak_stat_row *b = *(const struct hak_stat_row *const *)right;
    const struct order *order = context;
    uint64_t x = key_of(order, a), y = key_of(order, b);
    if (a->counters.state != b->counters.state)
        return a->counters.state < b->counters.state ? -1 : 1;
    if (x != y)
        return x > y ? -1 : 1;
    int names = order->show->sort == HAK_SORT_NAME ? strcmp(a->name, b->name) : 0;
    return names ? names : a->counters.thread_id - b->counters.thread_id;
}

enum { TID, NAME, ALLOCATED, FREED, CACHED, RATE, IDLE, SLABS, TO_OTHERS, RECEIVED };

/* RATE and IDLE need an earlier look. Wide enough for "99 min" and "1023 KiB/s". */
static const struct hak_show_column thread_columns[] = {
    [TID] = {"TID", 7, 0, false, false},
    [NAME] = {"NAME", 15, 1, true, false},
    [ALLOCATED] = {"ALLOCATED", 9, 2, false, false},
    [FREED] = {"FREED", 8, 5, false, false},
    [CACHED] = {"CACHED", 8, 4, false, false},
    [RATE] = {"RATE", 10, 3, false, false},
    [IDLE] = {"IDLE", 6, 6, false, false},
    [SLABS] = {"SLABS", 6, 7, false, false},
    [TO_OTHERS] = {"TO OTHERS", 9, 8, false, false},
    [RECEIVED] = {"RECEIVED", 9, 9, false, false},
};

/* How long ago it was seen to work; `-`: not since the looking began. */
static void put_idle(char *cell, const struct hak_snapshot *now, const struct hak_stat_row *row) {
    if (row->active_ns == 0)
        strcpy(cell, "-");
    else
        hak_show_put_duration(cell, (now->taken_ns - row->active_ns) / 1000000000u);
}

static void show_thread(struct hak_show *show, const struct hak_show_column *columns,
                        const struct hak_snapshot *snapshot, const struct hak_stat_row *row) {
    hak_show_cells cells;
    uint64_t remote = 0;
    for (unsigned size_class = 0; size_class < snapshot->class_count; size_class++)
        remote += row->counters.sums.remote_frees[size_class];
    strcpy(cells[TID], "-");
    if (row->counters.thread_id)
        snprintf(cells[TID], HAK_SHOW_CELL, "%d", row->counters.thread_id);
    snprintf(cells[NAME], HAK_SHOW_CELL, "%s", row->name);
    hak_show_put_size(cells[ALLOCATED], row->allocated_bytes);
    hak_show_put_size(cells[FREED], row->freed_bytes);
    hak_show_put_size(cells[CACHED], row->cached_bytes);
    hak_show_put_size(cells[RATE], rate_of(show, snapshot, row));
    strcat(cells[RATE], "/s");
    put_idle(cells[IDLE], snapshot, row);
    hak_show_put_count(cells[SLABS], columns[SLABS].width, slabs_of(row));
    hak_show_put_count(cells[TO_OTHERS], columns[TO_OTHERS].width, remote);
    hak_show_put_count(cells[RECEIVED], columns[RECEIVED].width, row->counters.sums.inbox_blocks);
    hak_show_row(show, columns, COUNT(thread_columns), cells);
}

void hak_show_threads(struct hak_show *show, const struct hak_snapshot *snapshot) {
    const struct hak_stat_row **rows = calloc(snapshot->row_count + 1, sizeof *rows);
    struct order order = {show, snapshot};
    struct hak_show_column columns[COUNT(thread_columns)];
    memcpy(columns, thread_columns, sizeof columns);
    columns[RATE].is_hidden = columns[IDLE].is_hidden = !show->before;
    hak_show_headings(show, columns, COUNT(columns));
    for (unsigned i = 0; rows && i < snapshot->row_count; i++)
        rows[i] = &snapshot->rows[i];
    if (rows)
        qsort_r(rows, snapshot->row_count, sizeof *rows, compare_rows, &order);
    for (unsigned i = 0; rows && i < snapshot->row_count; i++)
        if (rows[i]->allocated_bytes || rows[i]->freed_bytes || rows[i]->counters.thread_id)
            show_thread(show, columns, snapshot, rows[i]);
    free(rows);
}

/* ---- size classes ---- */

enum { SIZE, LIVE, IN_CACHES, FREE, WASTED, CLASS_SLABS, OCCUPIED, LAST };
enum { CLASS_COLUMNS = LAST + HAK_USE_PARTS };

static const struct hak_show_column class_columns[] = {
    [SIZE] = {"SIZE", 6, 0, false, false},         [LIVE] = {"LIVE", 9, 1, false, false},
    [IN_CACHES] = {"CACHED", 8, 5, false, false},  [FREE] = {"FREE", 8, 6, false, false},
    [WASTED] = {"WASTED", 8, 2, false, false},     [CLASS_SLABS] = {"SLABS", 6, 4, false, false},
    [OCCUPIED] = {"OCCUPIED", 8, 3, false, false}, [LAST] = {"ALLOCATIONS", 15, 7, false, false},
};

/* How many slabs are how full stands in the place of the last column, where it is known. */
static unsigned make_columns(struct hak_show_column columns[CLASS_COLUMNS], bool has_use) {
    static const char *const parts[HAK_USE_PARTS] = {"<25%", "<50%", "<75%", "MORE"};
    memcpy(columns, class_columns, sizeof class_columns);
    for (unsigned i = 0; has_use && i < HAK_USE_PARTS; i++)
        columns[LAST + i] = (struct hak_show_column){parts[i], 4, 7, false, false};
    return has_use ? CLASS_COLUMNS : LAST + 1;
}

static void show_class(struct hak_show *show, const struct hak_show_column *columns, unsigned count,
                       const struct hak_snapshot *snapshot, unsigned size_class) {
    hak_show_cells cells;
    struct hak_class_sums sums = hak_snapshot_class(snapshot, &snapshot->total, size_class);
    struct hak_class_use use = hak_class_use(&sums);
    double live = (double)(use.live_blocks * sums.block_bytes);
    const uint64_t numbers[] = {[SIZE] = sums.block_bytes,
                                [LIVE] = use.live_blocks,
                                [IN_CACHES] = use.cached_blocks,
                                [FREE] = use.free_blocks,
                                [CLASS_SLABS] = snapshot->total.slabs[size_class],
                                [LAST] = sums.allocations};
    for (unsigned i = 0; i < count; i++) {
        bool is_part = count == CLASS_COLUMNS && i >= LAST;
        hak_show_put_count(cells[i], columns[i].width,
                           is_part ? snapshot->slabs_by_use[size_class][i - LAST] : numbers[i]);
    }
    hak_show_put_size(cells[WASTED], hak_snapshot_waste(snapshot, size_class));
    snprintf(cells[OCCUPIED], HAK_SHOW_CELL, "%.1f %%",
             sums.slab_bytes ? 100.0 * live / (double)sums.slab_bytes : 0.0);
    hak_show_row(show, columns, count, cells);
}

void hak_show_classes(struct hak_show *show, const struct hak_snapshot *snapshot) {
    struct hak_show_column columns[CLASS_COLUMNS];
    unsigned count = make_columns(columns, false);
    hak_show_headings(show, columns, count);
    for (unsigned i = 1; i < snapshot->class_count; i++)
        if (snapshot->total.allocations[i] || snapshot->total.slabs[i])
            show_class(show, columns, count, snapshot, i);
}

static int compare_waste(const void *left, const void *right, void *snapshot) {
    uint64_t x = hak_snapshot_waste(snapshot, *(const unsigned *)left);
    uint64_t y = hak_snapshot_waste(snapshot, *(const unsigned *)right);
    return x == y ? 0 : x > y ? -1 : 1;
}

static void show_waste_title(struct hak_show *show, const struct hak_snapshot *snapshot,
                             const unsigned *classes, unsigned count, uint64_t all) {
    struct hak_show_phrases line = {.count = 0};
    hak_show_add(&line, "%s (PID %ld)", snapshot->program, (long)snapshot->pid);
    hak_show_add(&line, ": %s", hak_output_size(all));
    hak_show_add(&line, " in slabs without a live block");
    hak_show_phrases(show, &line, true);
    line.count = 0;
    hak_show_add(&line, "  mostly of the size classes");
    for (unsigned i = 0; i < count && i < 3; i++)
        hak_show_add(&line, "%s %" PRIu32, i ? "," : "", snapshot->class_bytes[classes[i]]);
    if (count == 0)
        hak_show_add(&line, " none");
    hak_show_phrases(show, &line, false);
}

void hak_show_waste(struct hak_show *show, const struct hak_snapshot *snapshot) {
    struct hak_show_column columns[CLASS_COLUMNS];
    unsigned classes[HAK_STATS_CLASSES], count = 0;
    uint64_t all = 0;
    for (unsigned i = 1; i < snapshot->class_count; i++) {
        uint64_t waste = hak_snapshot_waste(snapshot, i);
        all += waste;
        if (waste)
            classes[count++] = i;
    }
    qsort_r(classes, count, sizeof *classes, compare_waste, (void *)(uintptr_t)snapshot);
    show_waste_title(show, snapshot, classes, count, all);
    unsigned column_count = make_columns(columns, snapshot->has_slabs_by_use);
    hak_show_headings(show, columns, column_count);
    for (unsigned i = 0; i < count; i++)
        show_class(show, columns, column_count, snapshot, classes[i]);
}
