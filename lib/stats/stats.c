/* SPDX-License-Identifier: MIT */
/*
 * Owns the arithmetic of counters. Stateless: whoever calls holds what protects the records.
 */
#include "stats/stats.h"

#include "base/bits.h"

#include <string.h>

void hak_counters_add(struct hak_counter_sums *to, const struct hak_thread_counters *from) {
    for (unsigned size_class = 0; size_class < HAK_STATS_CLASSES; size_class++) {
        to->own_frees[size_class] += hak_own_frees(from, size_class);
#define HAK_CLASS_COUNTER(name, place, unit, kind, help)                                           \
    to->name[size_class] += HAK_CLASS_WORD_##place(from, name, size_class);
#define HAK_THREAD_COUNTER(name, unit, kind, help)
#define HAK_PROCESS_COUNTER(name, unit, kind, help)
#include "stats/counters.def"
#undef HAK_CLASS_COUNTER
#undef HAK_THREAD_COUNTER
    }
#define HAK_CLASS_COUNTER(name, place, unit, kind, help)
#define HAK_THREAD_COUNTER(name, unit, kind, help) to->name += from->name;
#include "stats/counters.def"
#undef HAK_CLASS_COUNTER
#undef HAK_THREAD_COUNTER
#undef HAK_PROCESS_COUNTER
}

/* Sums are words and nothing else. */
void hak_sums_add(struct hak_counter_sums *to, const struct hak_counter_sums *from) {
    uint64_t *words = (uint64_t *)to;
    for (size_t i = 0; i < sizeof *to / sizeof *words; i++)
        words[i] += ((const uint64_t *)from)[i];
}

static void move_EVENT(uint64_t *to, uint64_t *from) {
    *to += *from;
    *from = 0;
}

static void move_GAUGE(uint64_t *to, uint64_t *from) {
    (void)to;
    (void)from;
}

void hak_counters_move(struct hak_thread_counters *to, struct hak_thread_counters *from) {
    for (unsigned size_class = 0; size_class < HAK_STATS_CLASSES; size_class++) {
        to->of[size_class].free_goal += (int64_t)hak_own_frees(from, size_class);
        from->of[size_class].free_goal = 0;
        from->free_countdown[size_class] = 0;
#define HAK_CLASS_COUNTER(name, place, unit, kind, help)                                           \
    move_##kind(&HAK_CLASS_WORD_##place(to, name, size_class),                                     \
                &HAK_CLASS_WORD_##place(from, name, size_class));
#define HAK_THREAD_COUNTER(name, unit, kind, help)
#define HAK_PROCESS_COUNTER(name, unit, kind, help)
#include "stats/counters.def"
#undef HAK_CLASS_COUNTER
#undef HAK_THREAD_COUNTER
    }
#define HAK_CLASS_COUNTER(name, place, unit, kind, help)
#define HAK_THREAD_COUNTER(name, unit, kind, help) move_##kind(&to->name, &from->name);
#include "stats/counters.def"
#undef HAK_CLASS_COUNTER
#undef HAK_THREAD_COUNTER
#undef HAK_PROCESS_COUNTER
}

struct hak_class_use hak_class_use(const struct hak_class_sums *sums) {
    struct hak_class_use use = {
        .live_blocks = hak_excess(sums->allocations, sums->frees),
        .free_blocks = hak_excess(sums->blocks_carved, sums->blocks_out),
        .slack_bytes = hak_excess(sums->slab_bytes, sums->blocks_carved * sums->block_bytes),
    };
    use.cached_blocks = hak_excess(sums->blocks_out, use.live_blocks);
    return use;
}

void hak_figures_add_class(struct hak_figures *figures, const struct hak_class_sums *sums) {
    struct hak_class_use use = hak_class_use(sums);
    figures->live_blocks += use.live_blocks;
    figures->allocated_bytes += use.live_blocks * sums->block_bytes;
    figures->cached_bytes += use.cached_blocks * sums->block_bytes;
    figures->free_bytes += use.free_blocks * sums->block_bytes;
    figures->slack_bytes += use.slack_bytes;
}

void hak_figures_finish(struct hak_figures *figures, const struct hak_process_record *process) {
    figures->live_blocks += hak_excess(process->large_allocations, process->large_frees) +
                            hak_excess(process->guarded_allocations, process->guarded_frees) +
                            hak_excess(process->zero_size_allocations, process->zero_size_frees);
    figures->allocated_bytes += process->large_bytes + process->guarded_bytes;
    figures->held_bytes = figures->allocated_bytes + figures->cached_bytes + figures->free_bytes +
                          figures->slack_bytes + process->dirty_bytes + process->metadata_bytes;
}
