/* SPDX-License-Identifier: MIT */
/*
 * Owns the text for people. No state but the buffers of hak_output_size.
 */
#define _GNU_SOURCE
#include "common/output.h"
#include "stat/show.h"
#include "stat/target.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define BOLD "\033[1m"
#define PLAIN "\033[0m"

__attribute__((format(printf, 4, 0))) static void put_line(struct hak_show *look, const char *start,
                                                           const char *end, const char *format,
                                                           va_list arguments) {
    char line[600];
    vsnprintf(line, sizeof line, format, arguments);
    if (look->lines && look->used >= look->lines)
        return;
    look->used++;
    if (look->columns && strlen(line) > look->columns)
        line[look->columns] = '\0';
    fprintf(look->out, "%s%s%s\n", look->has_colour ? start : "", line,
            look->has_colour ? end : "");
}

void hak_show_line(struct hak_show *look, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    put_line(look, "", "", format, arguments);
    va_end(arguments);
}

void hak_show_heading(struct hak_show *look, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    put_line(look, BOLD, PLAIN, format, arguments);
    va_end(arguments);
}

static const char *limit_text(uint64_t bytes) {
    return bytes == UINT64_MAX ? "none" : hak_output_size(bytes);
}

static const char *way_text(enum hak_target_way way) {
    return way == HAK_WAY_MEMORY ? "its memory" : way == HAK_WAY_FILE ? "a file" : "its segment";
}

static double percent(uint64_t part, uint64_t whole) {
    return whole ? 100.0 * (double)part / (double)whole : 0.0;
}

static void show_part(struct hak_show *look, const char *name, uint64_t bytes,
                      const struct hak_snapshot *snapshot, const char *meaning) {
    hak_show_line(look, "  %-10s %10s %5.1f %%  %s", name, hak_output_size(bytes),
                  percent(bytes, snapshot->figures.resident_bytes), meaning);
}

static void show_purging(struct hak_show *look, const struct hak_snapshot *snapshot) {
    const struct hak_process_record *process = &snapshot->process;
    hak_show_line(
        look, "  purging    %10s given back in %" PRIu64 " purges; %" PRIu64 " page faults avoided",
        hak_output_size(process->purged_bytes), process->purges, process->faults_avoided);
    hak_show_line(look, "  mapped     %10s usable, of %s planned",
                  hak_output_size(process->committed_bytes),
                  hak_output_size(process->reserved_bytes));
    hak_show_line(look, "  limits     address space %s, control group %s",
                  limit_text(snapshot->address_limit), limit_text(snapshot->memory_limit));
    if (snapshot->heaps_missing)
        hak_show_line(look, "  missing    %" PRIu32 " threads found no room for their counters",
                      snapshot->heaps_missing);
}

void hak_show_process(struct hak_show *look, const struct hak_snapshot *snapshot) {
    const struct hak_figures *figures = &snapshot->figures;
    uint64_t started_s = snapshot->header.started_s;
    hak_show_heading(look, "%s (PID %ld), libhakmem %s, %" PRIu64 " s, counters from %s",
                     snapshot->program, (long)snapshot->pid, snapshot->header.version,
                     snapshot->time_s > started_s ? snapshot->time_s - started_s : 0,
                     way_text(snapshot->way));
    show_part(look, "allocated", figures->allocated_bytes, snapshot, "live blocks");
    show_part(look, "cached", figures->cached_bytes, snapshot, "freed, in thread caches");
    show_part(look, "free", figures->free_bytes, snapshot, "freed, in slabs");
    show_part(look, "slack", figures->slack_bytes, snapshot, "of slabs, covered by no block");
    show_part(look, "dirty", snapshot->process.dirty_bytes, snapshot, "free pages, not purged yet");
    show_part(look, "metadata", snapshot->process.metadata_bytes, snapshot, "libhakmem's own");
    if (snapshot->process.lazy_bytes)
        hak_show_line(look, "  lazy       %10s  given back lazily, perhaps still resident",
                      hak_output_size(snapshot->process.lazy_bytes));
    hak_show_line(look, "  %-10s %10s 100.0 %%  of %s of the process", "resident",
                  hak_output_size(figures->resident_bytes),
                  snapshot->kernel_rss_bytes < 0
                      ? "?"
                      : hak_output_size((uint64_t)snapshot->kernel_rss_bytes));
    hak_show_line(look, "  blocks     %10" PRIu64 " live, %" PRIu64 " of them large (%s)",
                  figures->live_blocks,
                  snapshot->process.large_allocations - snapshot->process.large_frees,
                  hak_output_size(snapshot->process.large_bytes));
    show_purging(look, snapshot);
}

void hak_show_process_briefly(struct hak_show *look, const struct hak_snapshot *snapshot) {
    const struct hak_figures *figures = &snapshot->figures;
    hak_show_heading(look, "%s (PID %ld), libhakmem %s", snapshot->program, (long)snapshot->pid,
                     snapshot->header.version);
    hak_show_line(look, "  resident %s: %s live, %s cached, %s free, %s dirty",
                  hak_output_size(figures->resident_bytes),
                  hak_output_size(figures->allocated_bytes), hak_output_size(figures->cached_bytes),
                  hak_output_size(figures->free_bytes + figures->slack_bytes),
                  hak_output_size(snapshot->process.dirty_bytes));
}

/* ---- threads ---- */

static uint64_t slabs_of(const struct hak_stat_row *row) {
    uint64_t slabs = 0;
    for (unsigned class = 0; class < HAK_STATS_CLASSES; class ++)
        slabs += row->counters.sums.slabs[class];
    return slabs;
}

/* Bytes a second that the row handed out since the snapshot before. */
static uint64_t rate_of(const struct hak_show *look, const struct hak_snapshot *now,
                        const struct hak_stat_row *row) {
    const struct hak_snapshot *before = look->before;
    if (!before || now->taken_ns <= before->taken_ns)
        return 0;
    const struct hak_stat_row *old = hak_snapshot_same_row(before, row);
    double seconds = (double)(now->taken_ns - before->taken_ns) / 1e9;
    return old ? (uint64_t)((double)(row->allocated_bytes - old->allocated_bytes) / seconds) : 0;
}

/* How long ago it was seen to work; `-`: not since the looking began. */
static void put_idle(char text[16], const struct hak_snapshot *now,
                     const struct hak_stat_row *row) {
    uint64_t seconds = (now->taken_ns - row->active_ns) / 1000000000u;
    if (row->active_ns == 0)
        snprintf(text, 16, "-");
    else if (seconds < 600)
        snprintf(text, 16, "%" PRIu64 " s", seconds);
    else
        snprintf(text, 16, "%" PRIu64 " min", seconds / 60 % 1000000);
}

struct order {
    const struct hak_show *look;
    const struct hak_snapshot *snapshot;
};

static uint64_t key_of(const struct order *order, const struct hak_stat_row *row) {
    switch (order->look->sort) {
    case HAK_SORT_ALLOCATED:
        return row->allocated_bytes;
    case HAK_SORT_FREED:
        return row->freed_bytes;
    case HAK_SORT_CACHED:
        return row->cached_bytes;
    case HAK_SORT_SLABS:
        return slabs_of(row);
    case HAK_SORT_RATE:
        return rate_of(order->look, order->snapshot, row);
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
    int names = order->look->sort == HAK_SORT_NAME ? strcmp(a->name, b->name) : 0;
    return names ? names : a->counters.thread_id - b->counters.thread_id;
}

static void show_thread(struct hak_show *look, const struct hak_snapshot *snapshot,
                        const struct hak_stat_row *row) {
    char id[16] = "-", idle[16], rate[64] = "";
    if (row->counters.thread_id)
        snprintf(id, sizeof id, "%d", row->counters.thread_id);
    put_idle(idle, snapshot, row);
    if (look->before)
        snprintf(rate, sizeof rate, " %9s/s %7s", hak_output_size(rate_of(look, snapshot, row)),
                 idle);
    uint64_t remote = 0;
    for (unsigned class = 0; class < snapshot->class_count; class ++)
        remote += row->counters.sums.remote_frees[class];
    hak_show_line(look, "  %7s %-15s %10s %10s %10s%s %7" PRIu64 " %9" PRIu64 " %9" PRIu64, id,
                  row->name, hak_output_size(row->allocated_bytes),
                  hak_output_size(row->freed_bytes), hak_output_size(row->cached_bytes), rate,
                  slabs_of(row), remote, row->counters.sums.inbox_blocks);
}

void hak_show_threads(struct hak_show *look, const struct hak_snapshot *snapshot) {
    const struct hak_stat_row **rows = calloc(snapshot->row_count + 1, sizeof *rows);
    struct order order = {look, snapshot};
    hak_show_heading(look, "  %7s %-15s %10s %10s %10s%s %7s %9s %9s", "TID", "NAME", "ALLOCATED",
                     "FREED", "CACHED", look->before ? "        RATE    IDLE" : "", "SLABS",
                     "TO OTHERS", "RECEIVED");
    for (unsigned i = 0; rows && i < snapshot->row_count; i++)
        rows[i] = &snapshot->rows[i];
    if (rows)
        qsort_r(rows, snapshot->row_count, sizeof *rows, compare_rows, &order);
    for (unsigned i = 0; rows && i < snapshot->row_count; i++)
        if (rows[i]->allocated_bytes || rows[i]->freed_bytes || rows[i]->counters.thread_id)
            show_thread(look, snapshot, rows[i]);
    free(rows);
}

/* ---- size classes ---- */

enum last_column { LAST_ALLOCATIONS, LAST_SLABS_BY_USE };

static void show_class(struct hak_show *look, const struct hak_snapshot *snapshot, unsigned class,
                       enum last_column last) {
    char tail[64];
    const uint64_t *by_use = snapshot->slabs_by_use[class];
    struct hak_class_sums sums = hak_snapshot_class(snapshot, &snapshot->total, class);
    struct hak_class_use use = hak_class_use(&sums);
    if (last == LAST_ALLOCATIONS)
        snprintf(tail, sizeof tail, "%12" PRIu64, sums.allocations);
    else
        snprintf(tail, sizeof tail, "%5" PRIu64 " %5" PRIu64 " %5" PRIu64 " %5" PRIu64, by_use[0],
                 by_use[1], by_use[2], by_use[3]);
    hak_show_line(
        look,
        "  %7" PRIu32 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10s %7" PRIu64 " %6.1f %% %s",
        sums.block_bytes, use.live_blocks, use.cached_blocks, use.free_blocks,
        hak_output_size(hak_snapshot_waste(snapshot, class)), snapshot->total.slabs[class],
        percent(use.live_blocks * sums.block_bytes, sums.slab_bytes), tail);
}

static void show_class_heading(struct hak_show *look, enum last_column last) {
    hak_show_heading(look, "  %7s %10s %10s %10s %10s %7s %8s %s", "SIZE", "LIVE", "CACHED", "FREE",
                     "WASTED", "SLABS", "OCCUPIED",
                     last == LAST_ALLOCATIONS ? " ALLOCATIONS" : "<25 % <50 % <75 %  MORE");
}

void hak_show_classes(struct hak_show *look, const struct hak_snapshot *snapshot) {
    show_class_heading(look, LAST_ALLOCATIONS);
    for (unsigned class = 1; class < snapshot->class_count; class ++)
        if (snapshot->total.allocations[class] || snapshot->total.slabs[class])
            show_class(look, snapshot, class, LAST_ALLOCATIONS);
}

static int compare_waste(const void *left, const void *right, void *snapshot) {
    uint64_t x = hak_snapshot_waste(snapshot, *(const unsigned *)left);
    uint64_t y = hak_snapshot_waste(snapshot, *(const unsigned *)right);
    return x == y ? 0 : x > y ? -1 : 1;
}

void hak_show_waste(struct hak_show *look, const struct hak_snapshot *snapshot) {
    unsigned classes[HAK_STATS_CLASSES], count = 0;
    char top[128] = "";
    uint64_t all = 0;
    for (unsigned class = 1; class < snapshot->class_count; class ++) {
        uint64_t waste = hak_snapshot_waste(snapshot, class);
        all += waste;
        if (waste)
            classes[count++] = class;
    }
    qsort_r(classes, count, sizeof *classes, compare_waste, (void *)(uintptr_t)snapshot);
    for (unsigned i = 0; i < count && i < 3; i++) {
        size_t length = strlen(top);
        snprintf(top + length, sizeof top - length, "%s%" PRIu32, i ? ", " : "",
                 snapshot->class_bytes[classes[i]]);
    }
    hak_show_heading(look, "%s (PID %ld): %s in slabs and caches without a live block",
                     snapshot->program, (long)snapshot->pid, hak_output_size(all));
    hak_show_line(look, "  most of it in the size classes: %s", count ? top : "none");
    enum last_column last = snapshot->has_slabs_by_use ? LAST_SLABS_BY_USE : LAST_ALLOCATIONS;
    show_class_heading(look, last);
    for (unsigned i = 0; i < count; i++)
        show_class(look, snapshot, classes[i], last);
}
