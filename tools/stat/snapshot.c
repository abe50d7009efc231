/* SPDX-License-Identifier: MIT */
/*
 * Owns a snapshot: rows with names, sums and figures made of what the reader copied.
 */
#define _GNU_SOURCE
#include "stat/snapshot.h"

#include "common/proc.h"
#include "stat/reader.h"
#include "stat/target.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- the snapshot ---- */

struct hak_class_sums hak_snapshot_class(const struct hak_snapshot *snapshot,
                                         const struct hak_counter_sums *counters,
                                         unsigned size_class) {
    return (struct hak_class_sums){
        .allocations = counters->allocations[size_class],
        .frees = counters->own_frees[size_class] + counters->remote_frees[size_class],
        .blocks_out = counters->blocks_out[size_class],
        .blocks_carved = counters->blocks_carved[size_class],
        .slab_bytes = counters->slab_bytes[size_class],
        .block_bytes = snapshot->class_bytes[size_class],
    };
}

uint64_t hak_snapshot_waste(const struct hak_snapshot *snapshot, unsigned size_class) {
    struct hak_class_sums sums = hak_snapshot_class(snapshot, &snapshot->total, size_class);
    struct hak_class_use use = hak_class_use(&sums);
    uint64_t live_bytes = use.live_blocks * sums.block_bytes;
    return sums.slab_bytes > live_bytes ? sums.slab_bytes - live_bytes : 0;
}

static void sum_row(const struct hak_snapshot *snapshot, struct hak_stat_row *row) {
    const struct hak_counter_sums *counters = &row->counters.sums;
    row->allocated_bytes = counters->large_bytes_taken;
    row->freed_bytes = counters->large_bytes_freed;
    for (unsigned size_class = 1; size_class < snapshot->class_count; size_class++) {
        struct hak_class_sums sums = hak_snapshot_class(snapshot, counters, size_class);
        uint64_t in_cache = counters->cache_level[size_class] + counters->own_frees[size_class] -
                            counters->allocations[size_class];
        row->allocated_bytes += sums.allocations * sums.block_bytes;
        row->freed_bytes += sums.frees * sums.block_bytes;
        if ((int64_t)in_cache > 0)
            row->cached_bytes += in_cache * sums.block_bytes;
    }
}

/* Rows that nobody owns and that count nothing are left out. */
static void keep_rows(struct hak_snapshot *snapshot, unsigned count,
                      const struct hak_proc_threads *threads) {
    static const char *const names[] = {"", "", "", "(left by fork)", "(no thread)", "(exited)"};
    for (unsigned i = 0; i < count; i++) {
        struct hak_stat_row *row = &snapshot->rows[snapshot->row_count];
        uint32_t state = snapshot->rows[i].counters.state;
        if (state == HAK_RECORD_UNUSED || state == HAK_RECORD_DEAD || state > HAK_RECORD_EXITED)
            continue;
        *row = snapshot->rows[i];
        const char *name = names[state];
        if (state == HAK_RECORD_LIVE)
            name = hak_proc_thread_name(threads, row->counters.thread_id);
        snprintf(row->name, sizeof row->name, "%s", name);
        if (state != HAK_RECORD_LIVE)
            row->counters.thread_id = 0;
        snapshot->row_count++;
    }
}

/* A fork's child does not touch the records of its parent's other threads. */
static void mark_left(struct hak_stat_record *record, uint32_t forks) {
    if (record->state == HAK_RECORD_LIVE && record->forks < forks)
        record->state = HAK_RECORD_LEFT;
}

static enum hak_stat_error read_records(struct hak_snapshot *snapshot,
                                        const struct hak_stat_reader *reader) {
    struct hak_places places = {NULL, 0};
    struct hak_proc_threads threads;
    enum hak_stat_error error = HAK_STAT_FAILED;
    if (hak_reader_find(reader, &places))
        snapshot->rows = calloc(places.count + 1, sizeof *snapshot->rows);
    if (snapshot->rows) {
        bool done = hak_reader_copy(reader, &places, snapshot->rows, sizeof *snapshot->rows);
        error = done ? HAK_STAT_OK : HAK_STAT_NO_PROCESS;
        snapshot->rows[places.count].counters.state = HAK_RECORD_EXITED;
        for (unsigned i = 0; i <= places.count; i++) {
            hak_sums_add(&snapshot->total, &snapshot->rows[i].counters.sums);
            sum_row(snapshot, &snapshot->rows[i]);
            mark_left(&snapshot->rows[i].counters, reader->header.forks);
        }
        hak_proc_threads_read(&threads, snapshot->pid);
        keep_rows(snapshot, places.count + 1, &threads);
        hak_proc_threads_free(&threads);
    }
    free(places.offset);
    return error;
}

static void end_text(char *text, size_t capacity) {
    text[capacity - 1] = '\0';
    hak_proc_make_printable(text);
}

static bool read_tables(struct hak_snapshot *snapshot, const struct hak_stat_reader *reader) {
    const struct hak_stats_header *header = &reader->header;
    snapshot->class_count = header->classes.count;
    for (unsigned i = 0; i < header->classes.count; i++)
        if (!hak_reader_entry(reader, &header->classes, i, &snapshot->class_bytes[i],
                              sizeof(uint32_t)))
            return false;
    snapshot->knobs = calloc(header->knobs.count + 1, sizeof *snapshot->knobs);
    for (unsigned i = 0; snapshot->knobs && i < header->knobs.count; i++) {
        struct hak_stats_knob *knob = &snapshot->knobs[i];
        if (!hak_reader_entry(reader, &header->knobs, i, knob, sizeof *knob))
            return false;
        end_text(knob->name, sizeof knob->name);
        end_text(knob->value, sizeof knob->value);
        snapshot->knob_count++;
    }
    return snapshot->knobs != NULL;
}

static void finish(struct hak_snapshot *snapshot) {
    struct timespec now;
    for (unsigned size_class = 1; size_class < snapshot->class_count; size_class++) {
        struct hak_class_sums sums = hak_snapshot_class(snapshot, &snapshot->total, size_class);
        hak_figures_add_class(&snapshot->figures, &sums);
    }
    hak_figures_finish(&snapshot->figures, &snapshot->process);
    clock_gettime(CLOCK_MONOTONIC, &now);
    snapshot->taken_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    clock_gettime(CLOCK_REALTIME, &now);
    snapshot->time_ms = (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
    snapshot->started_ms = hak_proc_started_ms(snapshot->pid);
    if (snapshot->started_ms == 0)
        snapshot->started_ms = snapshot->header.started_s * 1000u;
    snapshot->address_limit = hak_proc_address_limit(snapshot->pid);
    snapshot->memory_limit = hak_proc_memory_limit(snapshot->pid);
    snapshot->kernel_rss_bytes = hak_proc_rss_bytes(snapshot->pid);
    snapshot->heaps_missing =
        atomic_load_explicit(&snapshot->header.heaps_missing, memory_order_relaxed);
}

static enum hak_stat_error read_all(struct hak_snapshot *snapshot,
                                    const struct hak_stat_reader *reader) {
    snapshot->header = reader->header;
    end_text(snapshot->header.version, sizeof snapshot->header.version);
    if (!read_tables(snapshot, reader))
        return HAK_STAT_NO_PROCESS;
    enum hak_stat_error error = read_records(snapshot, reader);
    if (error == HAK_STAT_OK && !hak_reader_process(reader, &snapshot->process))
        error = HAK_STAT_NO_PROCESS;
    return error;
}

enum hak_stat_error hak_snapshot_take(struct hak_snapshot *snapshot, pid_t pid) {
    struct hak_target target;
    struct hak_stat_reader reader = {.buffer = NULL};
    memset(snapshot, 0, sizeof *snapshot);
    snapshot->pid = pid;
    enum hak_stat_error error = hak_target_open(&target, pid);
    snapshot->has_library = target.has_library;
    if (error != HAK_STAT_OK) {
        hak_target_close(&target);
        return error;
    }
    snapshot->way = target.way;
    hak_proc_name(pid, snapshot->program, sizeof snapshot->program);
    error = hak_reader_open(&reader, &target);
    if (error == HAK_STAT_OK)
        error = read_all(snapshot, &reader);
    hak_reader_close(&reader);
    hak_target_close(&target);
    if (error == HAK_STAT_OK) {
        hak_snapshot_count_slabs(snapshot);
        finish(snapshot);
    } else
        hak_snapshot_free(snapshot);
    return error;
}

void hak_snapshot_free(struct hak_snapshot *snapshot) {
    free(snapshot->knobs);
    free(snapshot->rows);
    snapshot->knobs = NULL;
    snapshot->rows = NULL;
    snapshot->knob_count = snapshot->row_count = 0;
}

/* ---- purge ---- */

enum hak_purge_answer hak_snapshot_purge(const struct hak_target *target) {
    struct hak_stats_header header;
    if (!hak_target_read(target, 0, &header, sizeof header))
        return HAK_PURGE_CANNOT;
    struct hak_stats_control *control = hak_target_control(target, header.control_id);
    if (!control)
        return HAK_PURGE_CANNOT;
    uint32_t request =
        atomic_fetch_add_explicit(&control->purge_request, 1, memory_order_relaxed) + 1;
    for (int i = 0; i < 100; i++) {
        uint32_t served = 0;
        hak_target_read(target, offsetof(struct hak_stats_header, purges_served), &served,
                        sizeof served);
        if (served == request)
            return HAK_PURGE_BEGUN;
        usleep(20000);
    }
    return HAK_PURGE_WAITING;
}

/* ---- from look to look ---- */

const struct hak_stat_row *hak_snapshot_same_row(const struct hak_snapshot *snapshot,
                                                 const struct hak_stat_row *row) {
    for (unsigned i = 0; i < snapshot->row_count; i++) {
        const struct hak_stat_row *other = &snapshot->rows[i];
        if (other->counters.state == row->counters.state &&
            other->counters.thread_id == row->counters.thread_id &&
            other->allocated_bytes <= row->allocated_bytes)
            return other;
    }
    return NULL;
}

void hak_snapshot_carry(struct hak_snapshot *now, const struct hak_snapshot *before) {
    for (unsigned i = 0; i < now->row_count; i++) {
        struct hak_stat_row *row = &now->rows[i];
        const struct hak_stat_row *old = hak_snapshot_same_row(before, row);
        bool has_worked = !old || old->allocated_bytes != row->allocated_bytes ||
                          old->freed_bytes != row->freed_bytes;
        row->active_ns = has_worked ? now->taken_ns : old->active_ns;
    }
}
