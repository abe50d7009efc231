/* SPDX-License-Identifier: MIT */
/*
 * Owns the shape of the counters, expanded from counters.def, and their sums. A thread's record is
 * written by that thread alone with plain stores and read by anyone; the process's is written under
 * the heap lock. Frees of own blocks are kept as a countdown (see struct hak_thread_counters).
 */
#ifndef HAK_STATS_STATS_H
#define HAK_STATS_STATS_H

#include "base/compiler.h"

#define HAK_STATS_CLASSES 81

enum hak_record_state {
    HAK_RECORD_UNUSED = 0,
    HAK_RECORD_LIVE,      /* of a thread */
    HAK_RECORD_DEAD,      /* its thread has exited; all its EVENTs are in the exited threads' row */
    HAK_RECORD_LEFT,      /* of a thread of the parent, in the child of a fork */
    HAK_RECORD_ABANDONED, /* slabs without a thread, and threads without a heap */
    HAK_RECORD_EXITED     /* sums of exited threads */
};

/* The counters of one size class that the fast paths don't touch. */
struct hak_class_counters {
    int64_t free_goal;
#define HAK_FIELD_ARRAY(name)
#define HAK_FIELD_GROUP(name) uint64_t name;
#define HAK_CLASS_COUNTER(name, place, unit, kind, help) HAK_FIELD_##place(name)
#define HAK_THREAD_COUNTER(name, unit, kind, help)
#define HAK_PROCESS_COUNTER(name, unit, kind, help)
#include "stats/counters.def"
#undef HAK_CLASS_COUNTER
#undef HAK_THREAD_COUNTER
#undef HAK_FIELD_ARRAY
#undef HAK_FIELD_GROUP
};

/* A heap's record. A thread that uses small blocks touches the first page of it alone. */
struct hak_thread_counters {
    uint32_t sequence;    /* odd while free_goal and free_countdown are set anew */
    uint32_t state;       /* enum hak_record_state; heap lock, or the thread at its start and end */
    int32_t thread_id;    /* 0: none */
    uint32_t is_doubtful; /* another process has written here, too; see hak_heap_attend */
    uint32_t forks;       /* of the process when its thread began there: see front/fork.h */
    uint32_t record;      /* index in the shared segment and 1; 0: not in it. Constant */
#define HAK_CLASS_COUNTER(name, place, unit, kind, help)
#define HAK_THREAD_COUNTER(name, unit, kind, help) uint64_t name;
#include "stats/counters.def"
#undef HAK_CLASS_COUNTER
#undef HAK_THREAD_COUNTER
    /*
     * Frees of own blocks = free_goal + free_countdown. The countdown is negative and rises by one
     * a free; the slow twin is called when it reaches zero, and sets both words anew.
     */
    int64_t free_countdown[HAK_STATS_CLASSES];
#define HAK_FIELD_ARRAY(name) uint64_t name[HAK_STATS_CLASSES];
#define HAK_FIELD_GROUP(name)
#define HAK_CLASS_COUNTER(name, place, unit, kind, help) HAK_FIELD_##place(name)
#define HAK_THREAD_COUNTER(name, unit, kind, help)
#include "stats/counters.def"
#undef HAK_CLASS_COUNTER
#undef HAK_THREAD_COUNTER
#undef HAK_PROCESS_COUNTER
#undef HAK_FIELD_ARRAY
#undef HAK_FIELD_GROUP
    struct hak_class_counters of[HAK_STATS_CLASSES];
};

/* A size class's counter in a heap's record, by its place. */
#define HAK_CLASS_WORD_ARRAY(counters, name, size_class) ((counters)->name[size_class])
#define HAK_CLASS_WORD_GROUP(counters, name, size_class) ((counters)->of[size_class].name)

/* One heap's, or many heaps' counters, for those who show them. */
struct hak_counter_sums {
    uint64_t own_frees[HAK_STATS_CLASSES];
#define HAK_CLASS_COUNTER(name, place, unit, kind, help) uint64_t name[HAK_STATS_CLASSES];
#define HAK_THREAD_COUNTER(name, unit, kind, help) uint64_t name;
#define HAK_PROCESS_COUNTER(name, unit, kind, help)
#include "stats/counters.def"
#undef HAK_CLASS_COUNTER
#undef HAK_THREAD_COUNTER
#undef HAK_PROCESS_COUNTER
};

struct hak_process_record {
#define HAK_CLASS_COUNTER(name, place, unit, kind, help)
#define HAK_THREAD_COUNTER(name, unit, kind, help)
#define HAK_PROCESS_COUNTER(name, unit, kind, help) uint64_t name;
#include "stats/counters.def"
#undef HAK_CLASS_COUNTER
#undef HAK_THREAD_COUNTER
#undef HAK_PROCESS_COUNTER
};

HAK_INLINE uint64_t hak_own_frees(const struct hak_thread_counters *counters, unsigned size_class) {
    /* unsigned: what a hostile process shows a reader may overflow */
    return (uint64_t)counters->of[size_class].free_goal +
           (uint64_t)counters->free_countdown[size_class];
}

/* Adds everything of `from`. */
void hak_counters_add(struct hak_counter_sums *to, const struct hak_thread_counters *from);

/* Adds what other sums hold. */
void hak_sums_add(struct hak_counter_sums *to, const struct hak_counter_sums *from);

/* Moves the EVENTs and the own frees; what `from` has now stays with it. */
void hak_counters_move(struct hak_thread_counters *to, struct hak_thread_counters *from);

/* What one size class's counters mean when nobody allocates meanwhile. */
struct hak_class_use {
    uint64_t live_blocks;
    uint64_t cached_blocks; /* in thread caches, or on their way back to their slab */
    uint64_t free_blocks;   /* in slabs */
    uint64_t slack_bytes;   /* of touched slab memory that no block covers */
};

/* The sums over all records, of one class of blocks of `block_bytes`. */
struct hak_class_sums {
    uint64_t allocations, frees, blocks_out, blocks_carved, slab_bytes;
    uint32_t block_bytes;
};

struct hak_class_use hak_class_use(const struct hak_class_sums *sums);

struct hak_figures {
#define HAK_FIGURE(name, unit, help) uint64_t name;
#include "stats/figures.def"
#undef HAK_FIGURE
};

/* From zero: add each class, then the process's counters. */
void hak_figures_add_class(struct hak_figures *figures, const struct hak_class_sums *sums);
void hak_figures_finish(struct hak_figures *figures, const struct hak_process_record *process);

#endif
