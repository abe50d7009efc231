/* SPDX-License-Identifier: MIT */
/*
 * Owns the heaps' structures and their hand-over between threads. The heap lock protects the list
 * of heaps; a heap itself is its thread's. A heap structure is never unmapped: a late sender may
 * still hold its address.
 */
#include "front/thread.h"

#include "cache/abandoned.h"
#include "cache/bin.h"
#include "cache/cache.h"
#include "cache/overflow.h"
#include "cache/remote.h"
#include "cache/trim.h"
#include "conf/conf.h"
#include "core/heap_place.h"
#include "core/lock.h"
#include "front/fork.h"
#include "front/quarantine.h"
#include "front/start.h"
#include "large/guard_page.h"
#include "large/large_hardened.h"
#include "large/sample.h"
#include "os/os_env.h"
#include "os/os_memory.h"
#include "pages/purge.h"
#include "pages/run.h"
#include "slabs/slab.h"
#include "slabs/zero_size.h"
#include "stats/process.h"

#include <pthread.h>
#include <string.h>

/* Of a heap's structure: what lies in front of the bins' states and some of these, the counters. */
#define HAK_HEAP_TOUCHED_BYTES                                                                     \
    (offsetof(struct hak_heap, bin_state[HAK_CLASS_COUNT / 4]) +                                   \
     offsetof(struct hak_thread_counters, of[HAK_CLASS_COUNT / 2]))

#define HAK_EXIT_ROUNDS                                                                            \
    3 /* other destructors may still free: stay until the last round but one                       \
       */

static struct hak_heap *free_heaps;           /* heap lock */
static _Atomic(struct hak_heap *) first_heap; /* of the thread that started the allocator */

/* What stays the same for every thread that will use the structure. */
static void start_structure(struct hak_heap *heap) {
    heap->hot.region_base = HAK_NOWHERE;
    heap->hot.region_slabs = 1; /* it is no stand-in */
    heap->hot.secret = hak_secret;
    memcpy(heap->hot.magic, hak_size_class_magics, sizeof heap->hot.magic);
    hak_cache_start(heap);
    if (HAK_UNLIKELY(hak_quarantine_ring_bytes()))
        hak_quarantine_start(heap, (char *)heap->slab_bound); /* a hardened heap has none */
    heap->zero_sizes_left = hak_zero_size_allowance();
    hak_sample_start(heap);
}

struct hak_heap *hak_heap_make_uncounted(void) {
    struct hak_heap *heap = hak_heap_place(hak_quarantine_ring_bytes());
    if (!heap)
        return NULL;
    if (hak_conf.prealloc)
        hak_os_populate(heap, offsetof(struct hak_heap, counters) + sizeof heap->counters);
    hak_stats_adopt(&heap->counters);
    hak_list_init(&heap->full);
    return heap;
}

struct hak_heap *hak_thread_make_heap(void) {
    struct hak_heap *heap = hak_heap_make_uncounted();
    if (!heap)
        return NULL;
    hak_lock_take(&hak_heap_lock);
    hak_process_counters.metadata_bytes += hak_round_up(HAK_HEAP_TOUCHED_BYTES, hak_os_page_bytes);
    hak_lock_release(&hak_heap_lock);
    return heap;
}

static struct hak_heap *take_free_heap(void) {
    hak_lock_take(&hak_heap_lock);
    struct hak_heap *heap = free_heaps;
    if (heap)
        free_heaps = heap->next_free;
    hak_lock_release(&hak_heap_lock);
    return heap;
}

/* A fork's child finds the lists whole at any moment: a link is there before what leads to it. */
void hak_thread_list_heap(struct hak_heap *heap) {
    heap->next_heap = hak_first_heap;
    atomic_signal_fence(memory_order_release);
    hak_first_heap = heap;
}

static void show_first(struct hak_heap *heap) {
    size_t slabs = hak_min(hak_conf.prealloc >> HAK_SLAB_SHIFT, hak_regions[0].slabs);
    hak_slab_show_first(heap, hak_max(slabs, 1));
    if (slabs && atomic_load_explicit(&heap->shown_slabs, memory_order_relaxed) >= slabs)
        hak_os_populate(heap->slab_bound, slabs * sizeof(uint32_t));
}

static struct hak_heap *make_listed_heap(void) {
    struct hak_heap *heap = hak_thread_make_heap();
    if (!heap)
        return NULL;
    start_structure(heap);
    /* The main thread's page serves a whole program. relaxed: it is alone */
    if (!atomic_load_explicit(&first_heap, memory_order_relaxed) || hak_conf.prealloc)
        show_first(heap);
    hak_lock_take(&hak_heap_lock);
    hak_thread_list_heap(heap);
    if (!atomic_load_explicit(&first_heap, memory_order_relaxed))
        /* release pairs with the acquire in find_lost_heap */
        atomic_store_explicit(&first_heap, heap, memory_order_release);
    hak_lock_release(&hak_heap_lock);
    return heap;
}

static void count_heaps(int change) {
    hak_lock_take(&hak_heap_lock);
    hak_process_counters.heaps += (uint64_t)change;
    hak_lock_release(&hak_heap_lock);
}

static struct hak_heap *begin_heap(void) {
    struct hak_heap *heap = take_free_heap();
    if (!heap)
        heap = make_listed_heap();
    if (!heap)
        return NULL;
    atomic_store_explicit(&heap->thread_pointer, hak_thread_pointer(), memory_order_relaxed);
    atomic_store_explicit(&heap->thread_id, hak_os_thread_id(), memory_order_relaxed);
    heap->exit_rounds = 0;
    heap->counters.thread_id = atomic_load_explicit(&heap->thread_id, memory_order_relaxed);
    heap->counters.state = HAK_RECORD_LIVE;
    if (heap->was_used)
        hak_cache_restart(heap);
    hak_trim_start(heap);
    hak_sample_follow(heap);
    hak_fork_enter_epoch(heap);
    /* seq_cst pairs with the senders' look at the state */
    atomic_store_explicit(&heap->state, HAK_HEAP_LIVE, memory_order_seq_cst);
    count_heaps(1);
    return heap;
}

/* relaxed: only the thread itself can have stored its own thread pointer */
static bool heap_is_of_caller(const struct hak_heap *heap) {
    return atomic_load_explicit(&heap->thread_pointer, memory_order_relaxed) ==
           hak_thread_pointer();
}

/* ld.so writes the main thread's word anew after it has relocated everything: an IFUNC resolver
 * may have made the heap before. In a fork's child that has not recovered, a new thread could take
 * the heap of an absent one, whose stack it has, for its own. */
static struct hak_heap *find_lost_heap(void) {
    hak_os_fork_look();
    struct hak_heap *heap = atomic_load_explicit(&first_heap, memory_order_acquire);
    bool is_mine = heap && heap_is_of_caller(heap) && !hak_fork_epoch_is_behind(heap) &&
                   hak_fork_epoch_state(heap) == HAK_HEAP_LIVE;
    return is_mine ? heap : NULL;
}

struct hak_heap *hak_thread_start_heap(void) {
    struct hak_heap *heap = hak_heap_get();
    if (heap)
        return heap;
    if (hak_heap_mine == &hak_heap_late || !hak_start_process())
        return NULL;
    heap = find_lost_heap();
    if (!heap)
        heap = begin_heap();
    if (!heap)
        return NULL;
    hak_heap_mine = &heap->hot;
    hak_fork_enter_epoch(heap);  /* again: a signal handler may have forked in between */
    hak_start_thread_exit(heap); /* may allocate: the heap is ready */
    return heap;
}

static void give_up_caps(struct hak_heap *heap) {
    for (unsigned size_class = 1; size_class < HAK_CLASS_COUNT; size_class++)
        hak_bin_stop(heap, size_class);
}

static void end_heap(struct hak_heap *heap) {
    hak_quarantine_release(heap);
    hak_heap_enter(heap);
    hak_remote_flush(heap);
    hak_remote_drain(heap, HAK_DRAIN_ALL);
    hak_cache_flush_all(heap);
    give_up_caps(heap);
    hak_abandoned_take_over(heap);
    hak_heap_leave(heap);
    atomic_store_explicit(&heap->thread_pointer, 0, memory_order_relaxed);
    /* seq_cst: pairs with the senders' look at the state; what they sent before is in the inbox */
    atomic_store_explicit(&heap->state, HAK_HEAP_DEAD, memory_order_seq_cst);
    hak_overflow_uncount(heap, hak_remote_route(hak_overflow_end(heap)));
    hak_remote_rescue(heap);
    count_heaps(-1);
    hak_lock_take(&hak_heap_lock);
    hak_stats_begin_move();
    hak_counters_move(&hak_exited_counters, &heap->counters);
    hak_stats_end_move();
    heap->counters.state = HAK_RECORD_DEAD;
    heap->was_used = true;
    heap->next_free = free_heaps;
    atomic_signal_fence(memory_order_release); /* see hak_thread_list_heap */
    free_heaps = heap;
    hak_lock_release(&hak_heap_lock);
}

bool hak_thread_exit_round(struct hak_heap *heap) {
    if (++heap->exit_rounds < HAK_EXIT_ROUNDS)
        return true;
    hak_heap_mine = &hak_heap_late;
    end_heap(heap);
    return false;
}

static struct hak_heap *newest_heap(void) {
    hak_lock_take(&hak_heap_lock);
    struct hak_heap *heap = hak_first_heap;
    hak_lock_release(&hak_heap_lock);
    return heap;
}

/* Other threads' bins are theirs alone: they empty them at their next slow path. What waits in the
 * inboxes can be sorted without them. */
size_t hak_heap_trim(void) {
    struct hak_heap *mine = hak_heap_get();
    size_t sparse_bytes = 0;
    hak_purge_hold();
    hak_limit_ask_caches();
    if (mine) {
        hak_heap_enter(mine);
        hak_remote_flush(mine);
        hak_remote_drain(mine, HAK_DRAIN_ALL);
        hak_heap_leave(mine);
        sparse_bytes = hak_trim_heap(mine);
    }
    /* next_heap never changes once a heap is listed */
    for (struct hak_heap *heap = newest_heap(); heap; heap = heap->next_heap)
        if (heap != mine)
            hak_overflow_relieve(heap);
    hak_large_hardened_release();
    hak_guard_page_release();
    return hak_purge_all() + sparse_bytes;
}
