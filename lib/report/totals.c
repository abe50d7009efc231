/* SPDX-License-Identifier: MIT */
/*
 * Owns the summing and the walk. The tables counters.def and figures.def say what is walked.
 */
#include "report/totals.h"

#include "core/lock.h"
#include "core/region.h"
#include "front/thread.h"
#include "stats/process.h"

#include <string.h>

static void add_heap(const struct hak_heap *heap, void *totals) {
    hak_counters_add(&((struct hak_totals *)totals)->threads, &heap->counters);
}

struct hak_class_sums hak_totals_class(const struct hak_totals *totals, unsigned size_class) {
    const struct hak_counter_sums *sum = &totals->threads;
    return (struct hak_class_sums){
        .allocations = sum->allocations[size_class],
        .frees = sum->own_frees[size_class] + sum->remote_frees[size_class],
        .blocks_out = sum->blocks_out[size_class],
        .blocks_carved = sum->blocks_carved[size_class],
        .slab_bytes = sum->slab_bytes[size_class],
        .block_bytes = hak_size_class_bytes[size_class],
    };
}

void hak_totals_sum(struct hak_totals *totals) {
    memset(totals, 0, sizeof *totals);
    /* in one go: a thread that exits moves its counts to the exited threads' */
    hak_lock_take(&hak_heap_lock);
    hak_heap_each(add_heap, totals);
    hak_counters_add(&totals->threads, &hak_exited_counters);
    totals->process = hak_process_counters;
    hak_lock_release(&hak_heap_lock);
    for (unsigned size_class = 1; size_class < HAK_CLASS_COUNT; size_class++) {
        struct hak_class_sums sums = hak_totals_class(totals, size_class);
        hak_figures_add_class(&totals->figures, &sums);
    }
    hak_figures_finish(&totals->figures, &totals->process);
}

static uint64_t sum_of(const uint64_t *values) {
    uint64_t sum = 0;
    for (unsigned size_class = 1; size_class < HAK_CLASS_COUNT; size_class++)
        sum += values[size_class];
    return sum;
}

void hak_totals_each(const struct hak_totals *totals,
                     void (*visit)(void *context, const char *name, const char *unit,
                                   uint64_t value),
                     void *context) {
#define HAK_FIGURE(name, unit, help) visit(context, #name, unit, totals->figures.name);
#include "stats/figures.def"
#undef HAK_FIGURE
    visit(context, "own_frees", "blocks", sum_of(totals->threads.own_frees));
#define HAK_CLASS_COUNTER(name, place, unit, kind, help)                                           \
    visit(context, #name, unit, sum_of(totals->threads.name));
#define HAK_THREAD_COUNTER(name, unit, kind, help)                                                 \
    visit(context, #name, unit, totals->threads.name);
#define HAK_PROCESS_COUNTER(name, unit, kind, help)                                                \
    visit(context, #name, unit, totals->process.name);
#include "stats/counters.def"
#undef HAK_CLASS_COUNTER
#undef HAK_THREAD_COUNTER
#undef HAK_PROCESS_COUNTER
}
