/* SPDX-License-Identifier: MIT */
/*
 * Owns one look at a process's counters: copied, checked, and brought into this tool's own shape by
 * the names in the process's table of rows. Counters that the process doesn't have are 0; those
 * that this tool doesn't know are left out. One thread only.
 */
#ifndef HAK_TOOLS_STAT_SNAPSHOT_H
#define HAK_TOOLS_STAT_SNAPSHOT_H

#include "common/proc.h"
#include "stat/reader.h"
#include "stat/target.h"
#include "stats/layout.h"
#include "stats/stats.h"

/* One heap's counters: of a thread, of abandoned slabs, or of all exited threads. */
struct hak_stat_row {
    struct hak_stat_record counters;
    char name[32];
    uint64_t allocated_bytes; /* ever handed out, small and large */
    uint64_t freed_bytes;     /* ever freed by it */
    uint64_t cached_bytes;    /* in its cache */
    uint64_t active_ns;       /* the look that found other counters than the one before; 0: none */
};

#define HAK_USE_PARTS                                                                              \
    4u /* slabs of which less than a quarter, a half, three quarters is out; more */

struct hak_snapshot {
    struct hak_stats_header header; /* as found, strings made printable */
    pid_t pid;
    char program[32];
    enum hak_target_way way;
    bool has_library;
    uint64_t taken_ns;   /* CLOCK_MONOTONIC */
    uint64_t time_ms;    /* CLOCK_REALTIME */
    uint64_t started_ms; /* since 1970; 0: unknown */
    unsigned class_count;
    uint32_t class_bytes[HAK_STATS_CLASSES];
    unsigned knob_count;
    struct hak_stats_knob *knobs;
    unsigned row_count;
    struct hak_stat_row *rows;     /* threads, then abandoned slabs, then exited threads */
    struct hak_counter_sums total; /* over all rows */
    struct hak_process_record process;
    struct hak_figures figures;
    uint64_t address_limit, memory_limit; /* UINT64_MAX: none */
    long long kernel_rss_bytes;           /* of the whole process; -1: unknown */
    uint32_t heaps_missing;
    bool has_slabs_by_use; /* we might read the process's memory */
    uint64_t slabs_by_use[HAK_STATS_CLASSES][HAK_USE_PARTS];
};

enum hak_stat_error hak_snapshot_take(struct hak_snapshot *snapshot, pid_t pid);
void hak_snapshot_free(struct hak_snapshot *snapshot);

struct hak_class_sums hak_snapshot_class(const struct hak_snapshot *snapshot,
                                         const struct hak_counter_sums *counters,
                                         unsigned size_class);

/* Fills in slabs_by_use, if that can be had (stat_slabs.c). */
void hak_snapshot_count_slabs(struct hak_snapshot *snapshot);

/* The row of the same thread in another snapshot, or NULL. */
const struct hak_stat_row *hak_snapshot_same_row(const struct hak_snapshot *snapshot,
                                                 const struct hak_stat_row *row);

/* Fills in active_ns, from what was seen before. */
void hak_snapshot_carry(struct hak_snapshot *now, const struct hak_snapshot *before);

/* Resident memory of a class that no live block uses. */
uint64_t hak_snapshot_waste(const struct hak_snapshot *snapshot, unsigned size_class);

/* Asks the process to purge, and waits a little until a thread has begun. */
enum hak_purge_answer { HAK_PURGE_BEGUN, HAK_PURGE_WAITING, HAK_PURGE_CANNOT };
enum hak_purge_answer hak_snapshot_purge(const struct hak_target *target);

#endif
