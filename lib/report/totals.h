/* SPDX-License-Identifier: MIT */
/*
 * Owns the sums over all heaps and the one walk that every report of them is made by. Takes the
 * heap lock while it sums, and none while it walks. Stateless; any thread may call. The sums are
 * exact when no thread allocates meanwhile.
 */
#ifndef HAK_REPORT_TOTALS_H
#define HAK_REPORT_TOTALS_H

#include "core/size_class.h"
#include "stats/stats.h"

struct hak_totals {
    struct hak_counter_sums threads; /* summed over live and exited threads and abandoned slabs */
    struct hak_process_record process;
    struct hak_figures figures;
};

void hak_totals_sum(struct hak_totals *totals);

/* One class's counters and what they mean. */
struct hak_class_sums hak_totals_class(const struct hak_totals *totals, unsigned size_class);

/* Calls `visit` for each figure and counter, in the order of the tables. */
void hak_totals_each(const struct hak_totals *totals,
                     void (*visit)(void *context, const char *name, const char *unit,
                                   uint64_t value),
                     void *context);

#endif
