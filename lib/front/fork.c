/* SPDX-License-Identifier: MIT */
/*
 * Owns recovery in a fork's child and fork()'s handlers. A recovery runs once in each child, while
 * no other thread gets past hak_os_fork_look, and takes no lock. Invariant: it can be interrupted
 * by another fork at any point, since the heap lock stays lost until everything under it is new.
 */
#include "front/fork.h"

#include "cache/abandoned.h"
#include "cache/bin.h"
#include "cache/overflow.h"
#include "core/lock.h"
#include "front/thread.h"
#include "hardening/sampled_guard.h"
#include "large/guard_page.h"
#include "large/large_hardened.h"
#include "os/os_env.h"
#include "pages/free_run.h"
#include "pages/huge.h"
#include "pages/purge.h"
#include "pages/retention.h"
#include "pages/run.h"
#include "slabs/slab.h"
#include "slabs/zero_size.h"
#include "stats/process.h"

#include <pthread.h>

/* relaxed, here and below: one thread recovers, and what it writes is seen with the mark */
static uint32_t epoch_of(const _Atomic uint32_t *epoch) {
    return atomic_load_explicit(epoch, memory_order_relaxed);
}

void hak_fork_enter_epoch(struct hak_heap *heap) {
    uint32_t epoch;
    do { /* again if a signal handler has forked in between */
        epoch = epoch_of(&hak_fork_next_epoch);
        atomic_store_explicit(&heap->epoch, epoch, memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst);
    } while (epoch != epoch_of(&hak_fork_next_epoch));
    heap->counters.forks = epoch;
}

/* The calling thread forked: it alone is left of the earlier epoch. */
static void begin_epoch(struct hak_heap *mine) {
    if (mine) {
        int thread_id = hak_os_thread_id();
        hak_fork_enter_epoch(mine);
        atomic_store_explicit(&mine->thread_id, thread_id, memory_order_relaxed);
        mine->counters.thread_id = thread_id;
        mine->counters.state = HAK_RECORD_LIVE;
    }
    atomic_store_explicit(&hak_fork_epoch, epoch_of(&hak_fork_next_epoch), memory_order_relaxed);
    hak_stats_set_forks(epoch_of(&hak_fork_next_epoch));
}

/* ---- counters ---- */

/* Makes the counters fit the bins again: what is in them counts. */
static void recount_bins(struct hak_heap *heap) {
    for (unsigned size_class = 1; size_class < HAK_CLASS_COUNT; size_class++) {
        if (!hak_bin_is_started(heap, size_class))
            continue;
        int64_t count = hak_block_list_length(heap->hot.bin[size_class]) +
                        heap->bin_state[size_class].old_count;
        int64_t missing = count - hak_bin_length(heap, size_class);
        heap->counters.of[size_class].cache_level += (uint64_t)missing;
        hak_bin_arm(heap, size_class);
    }
}

/* The caller's next free of each class is a length check: nobody waits for a zero that has passed.
 */
static void end_countdowns(struct hak_thread_counters *counters) {
    for (unsigned size_class = 1; size_class < HAK_CLASS_COUNT; size_class++) {
        counters->of[size_class].free_goal = (int64_t)hak_own_frees(counters, size_class) + 1;
        counters->free_countdown[size_class] = -1;
    }
}

/* Segment and records are the child's own from here on. As many calls as there are heaps: each has
 * a mapping of its record. */
static void part_records(struct hak_heap *mine) {
    hak_stats_readopt(&hak_abandoned_heap->counters);
    for (struct hak_heap *heap = hak_first_heap; heap; heap = heap->next_heap) {
        hak_stats_readopt(&heap->counters);
        if (heap == mine || heap->counters.state != HAK_RECORD_LIVE)
            continue;
        heap->counters.state = HAK_RECORD_LEFT;
        heap->counters.is_doubtful = 1; /* in case that it is the thread's that forked */
    }
}

/*
 * Up to here the child has written to its parent's words: a few, in handlers that ran before ours;
 * or, forked without handlers, all of its fast paths'. The parent is told, whose bins don't know of
 * what the child did. What a child did that ended before this, a few blocks at most, stays in its
 * parent's counts.
 */
static void part_from_parent(struct hak_heap *mine, bool is_inside) {
    struct hak_stats_copy none = {NULL, NULL}, *copy = mine ? &mine->fork_copy : &none;
    bool is_shared = hak_stats_is_shared();
    if (is_shared && !copy->segment) {
        if (mine)
            end_countdowns(&mine->counters);
        hak_stats_fork_copy(copy);
    }
    if (mine && mine->counters.record)
        mine->counters.is_doubtful = 1;
    hak_stats_fork_change(copy, is_inside);
    if (is_shared)
        part_records(mine);
    if (is_shared && mine) {
        mine->counters.is_doubtful = 0;
        recount_bins(mine);
    }
}

/* ---- recovery ---- */

/* What the lost lock protects begins anew. The order is of no account but for the stamp: it is new
 * before any set is. */
static void freeze(struct hak_heap *mine) {
    hak_fork_stamp++;
    atomic_store_explicit(&hak_fork_frozen_before, epoch_of(&hak_fork_epoch), memory_order_relaxed);
    hak_free_run_freeze();
    hak_retention_forget();
    hak_huge_forget();
    hak_guard_page_forget();
    hak_zero_size_forget();
    hak_sampled_guard_forget();
    hak_large_hardened_forget();
    hak_overflow_forget(mine);
    hak_abandoned_renew();
    hak_lock_free_lost(&hak_heap_lock);
}

static void recover_as(struct hak_heap *mine, bool has_forked) {
    enum hak_lock_holder holder = hak_lock_find_holder(&hak_heap_lock, has_forked);
    atomic_store_explicit(&hak_fork_next_epoch, epoch_of(&hak_fork_next_epoch) + 1,
                          memory_order_relaxed);
    part_from_parent(mine, holder == HAK_LOCK_MINE);
    hak_run_forget_travel();
    hak_purge_forget();
    hak_bin_forget_others(mine);
    hak_process_counters.heaps = mine != NULL;
    if (holder == HAK_LOCK_LOST)
        freeze(mine);
    if (has_forked)
        begin_epoch(mine);
}

/* A thread that has a heap is the one that forked: to get it in the child it would have had to come
 * by here. */
static void recover(void) {
    struct hak_heap *mine = hak_heap_get();
    recover_as(mine, mine || hak_os_fork_is_first_thread());
}

void hak_fork_start(void) {
    hak_os_fork_start(recover);
}

void hak_fork_attend(struct hak_heap *heap) {
    hak_os_fork_look();
    if (hak_fork_epoch_is_behind(heap))
        begin_epoch(heap);
    if (heap->counters.is_doubtful) {
        heap->counters.is_doubtful = 0;
        recount_bins(heap);
    }
    if (hak_stats_take_purge())
        hak_heap_trim();
}

/* ---- handlers ---- */

/* The copy is the thread's own, as several may fork at a time. A second one, of a fork in a signal
 * handler in between, is spared: the first will do. */
static void prepare(void) {
    struct hak_heap *heap = hak_thread_start_heap();
    if (heap && hak_stats_is_shared() && !heap->fork_copy.segment)
        hak_stats_fork_copy(&heap->fork_copy);
}

static void resume_parent(void) {
    struct hak_heap *heap = hak_heap_get();
    if (heap)
        hak_stats_fork_drop(&heap->fork_copy);
}

static void begin_child(void) {
    hak_os_fork_attend_child();
    if (epoch_of(&hak_fork_epoch) != epoch_of(&hak_fork_next_epoch))
        begin_epoch(hak_heap_get());
}

void hak_fork_register(void) {
    pthread_atfork(prepare, resume_parent, begin_child);
}
