/* SPDX-License-Identifier: MIT */
/*
 * Owns the shape of the counters, expanded from counters.def. A thread's record is written by that
 * thread alone with plain stores and read by anyone; the process record is written under the page
 * lock. Frees of own blocks are kept as a countdown (see struct hak_thread_counters).
 */
#ifndef HAK_STATS_STATS_H
#define HAK_STATS_STATS_H

#include "base/compiler.h"

#define HAK_STATS_CLASSES 81

struct hak_thread_counters {
    /*
     * Frees of own blocks = free_goal + free_countdown. The countdown is negative and rises by one
     * a free; the slow twin is called when it reaches zero, and sets both words anew.
     */
    int64_t free_goal[HAK_STATS_CLASSES];
    int64_t free_countdown[HAK_STATS_CLASSES];
#define HAK_CLASS_COUNTER(name, unit, kind, help) uint64_t name[HAK_STATS_CLASSES];
#define HAK_THREAD_COUNTER(name, unit, kind, help) uint64_t name;
#define HAK_PROCESS_COUNTER(name, unit, kind, help)
#include "stats/counters.def"
#undef HAK_CLASS_COUNTER
#undef HAK_THREAD_COUNTER
#undef HAK_PROCESS_COUNTER
};

struct hak_process_counters {
#define HAK_CLASS_COUNTER(name, unit, kind, help)
#define HAK_THREAD_COUNTER(name, unit, kind, help)
#define HAK_PROCESS_COUNTER(name, unit, kind, help) uint64_t name;
#include "stats/counters.def"
#undef HAK_CLASS_COUNTER
#undef HAK_THREAD_COUNTER
#undef HAK_PROCESS_COUNTER
};

HAK_INLINE uint64_t hak_own_frees(const struct hak_thread_counters *counters, unsigned class) {
    return (uint64_t)(counters->free_goal[class] + counters->free_countdown[class]);
}

#endif
