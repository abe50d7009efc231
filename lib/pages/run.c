/* SPDX-License-Identifier: MIT */
/*
 * Owns the taking and giving of runs, and growth. A run that is on its way is in no set (state
 * MOVING), so system calls happen without the lock.
 */
#include "pages/run.h"

#include "core/hardened.h"
#include "core/shuffle.h"
#include "os/os_memory.h"
#include "pages/free_run.h"
#include "pages/guard_slab.h"
#include "pages/huge.h"
#include "pages/purge.h"
#include "pages/renew.h"
#include "pages/retention.h"
#include "pages/unmapped.h"
#include "stats/process.h"

/* Heap lock, but for the atomics: free runs that are in no set for the time of a system call. */
static struct {
    unsigned on_their_way;
    _Atomic uint32_t arrivals; /* how many came back; waiters sleep on it */
    _Atomic uint32_t waiters;
} travel;

void hak_run_depart(void) {
    travel.on_their_way++;
}

void hak_run_arrive(bool is_changed) {
    travel.on_their_way -= travel.on_their_way > 0; /* a fork's child began anew */
    /* relaxed: under the lock; seq_cst in hak_run_wake orders it before the look at the waiters */
    atomic_fetch_add_explicit(&travel.arrivals, is_changed, memory_order_relaxed);
}

void hak_run_wake(void) {
    atomic_thread_fence(memory_order_seq_cst); /* pairs with the one in hak_run_wait */
    if (HAK_UNLIKELY(atomic_load_explicit(&travel.waiters, memory_order_relaxed)))
        hak_os_wake_all(&travel.arrivals);
}

/* Not below zero: a fork's child, whose signal handler interrupted a wait, began anew. relaxed: see
 * the fences. */
static void uncount_waiter(void) {
    uint32_t waiters = atomic_load_explicit(&travel.waiters, memory_order_relaxed);
    while (waiters &&
           !atomic_compare_exchange_weak_explicit(&travel.waiters, &waiters, waiters - 1,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
}

bool hak_run_wait(uint32_t arrivals) {
    atomic_fetch_add_explicit(&travel.waiters, 1, memory_order_relaxed);
    /* Pairs with the fence in hak_run_wake: either that one sees the waiter, or the wait ends at
     * once because the word has changed. */
    atomic_thread_fence(memory_order_seq_cst);
    hak_lock_take(&hak_heap_lock);
    bool is_new = atomic_load_explicit(&travel.arrivals, memory_order_relaxed) != arrivals;
    bool is_coming = travel.on_their_way > 0;
    hak_lock_release(&hak_heap_lock);
    if (is_coming && !is_new)
        hak_os_wait(&travel.arrivals, arrivals);
    uncount_waiter();
    return is_new || is_coming;
}

void hak_run_forget_travel(void) {
    hak_unmapped_forget();
    travel.on_their_way = 0;
    atomic_store_explicit(&travel.waiters, 0, memory_order_relaxed);
}

void hak_run_start(void) {
    hak_free_run_start();
    hak_huge_start();
}

/* A slab of blocks, with random_order. */
static struct hak_slab *take_random_slab(struct hak_shortage *shortage, bool has_purged) {
    uint64_t random = hak_shuffle_random_place();
    struct hak_slab *slab = hak_free_run_cut_random(HAK_SLAB_DIRTY, random);
    shortage->verdict = HAK_LIMIT_FREE;
    if (slab)
        return slab;
    shortage->verdict = hak_limit_judge(HAK_SLAB_BYTES, has_purged, &shortage->dirty_bytes);
    if (HAK_UNLIKELY(shortage->verdict != HAK_LIMIT_FREE))
        return NULL;
    return hak_free_run_cut_random(HAK_SLAB_CLEAN, random);
}

static struct hak_slab *take_free_run(size_t slabs, size_t alignment_slabs, bool has_purged,
                                      struct hak_shortage *shortage) {
    if (HAK_UNLIKELY(hak_hardened.shuffles) && slabs == 1 && alignment_slabs == 1)
        return take_random_slab(shortage, has_purged);
    struct hak_slab *run = hak_free_run_find_aligned(HAK_SLAB_DIRTY, slabs, alignment_slabs);
    shortage->verdict = HAK_LIMIT_FREE;
    if (run)
        return hak_free_run_cut_aligned(run, slabs, alignment_slabs);
    shortage->verdict =
        hak_limit_judge(slabs << HAK_SLAB_SHIFT, has_purged, &shortage->dirty_bytes);
    if (HAK_UNLIKELY(shortage->verdict != HAK_LIMIT_FREE))
        return NULL;
    run = slabs > 1 && alignment_slabs == 1 ? hak_free_run_take_row(slabs) : NULL;
    if (run)
        return run;
    run = hak_free_run_find_aligned(HAK_SLAB_CLEAN, slabs, alignment_slabs);
    return run ? hak_free_run_cut_aligned(run, slabs, alignment_slabs) : NULL;
}

static void insert_grown(struct hak_slab *run, size_t slabs) {
    hak_lock_take(&hak_heap_lock);
    run->is_moved = false;
    run->is_lazy = false;
    hak_free_run_insert(run, slabs, HAK_SLAB_CLEAN);
    hak_lock_release(&hak_heap_lock);
}

/* mlockall(MCL_CURRENT) has brought all clean runs in, once: they are mapped anew when they are
 * used. */
static void empty_locked(void) {
    static _Atomic bool is_done; /* relaxed: whoever is second has nothing to do */
    if (HAK_UNLIKELY(atomic_load_explicit(&hak_os_is_locked, memory_order_relaxed)) &&
        !atomic_exchange_explicit(&is_done, true, memory_order_relaxed))
        hak_unmapped_add_all();
}

static bool grow_clean_runs(size_t slabs) {
    size_t grown;
    if (hak_unmapped_restore(slabs))
        return true;
    struct hak_slab *run = hak_region_grow(slabs, &grown);
    if (!run)
        return false;
    if (HAK_LIKELY(!hak_hardened.guards) || slabs != 1 || !hak_guard_slab_split(run, grown))
        insert_grown(run, grown);
    empty_locked();
    return true;
}

void hak_run_preallocate(size_t bytes) {
    size_t slabs = hak_round_up(bytes, HAK_SLAB_BYTES) >> HAK_SLAB_SHIFT, grown;
    struct hak_slab *run = hak_region_grow(slabs, &grown);
    if (!run)
        return;
    uintptr_t records = hak_round_down((uintptr_t)run, hak_os_page_bytes);
    uintptr_t end = hak_round_up((uintptr_t)(run + slabs), hak_os_page_bytes);
    hak_os_populate((void *)records, end - records);
    hak_os_populate((void *)hak_region_slab_address(run), slabs << HAK_SLAB_SHIFT);
    insert_grown(run, grown);
}

struct hak_slab *hak_run_take(size_t slabs, size_t alignment_slabs, bool has_purged,
                              struct hak_shortage *ret_shortage) {
    for (;;) {
        hak_lock_take(&hak_heap_lock);
        struct hak_slab *run = take_free_run(slabs, alignment_slabs, has_purged, ret_shortage);
        ret_shortage->arrivals = atomic_load_explicit(&travel.arrivals, memory_order_relaxed);
        hak_lock_release(&hak_heap_lock);
        if (run)
            return run;
        if (ret_shortage->verdict != HAK_LIMIT_FREE ||
            !grow_clean_runs(slabs + alignment_slabs - 1))
            return NULL;
    }
}

void hak_run_search(void) {
    hak_lock_take(&hak_heap_lock);
    hak_unmapped_hold();
    hak_lock_release(&hak_heap_lock);
}

void hak_run_end_search(void) {
    hak_lock_take(&hak_heap_lock);
    hak_unmapped_let_go();
    hak_lock_release(&hak_heap_lock);
}

bool hak_run_release(void) {
    return hak_unmapped_add_all();
}

void hak_run_return(struct hak_slab *run) {
    size_t bytes = hak_slab_record_run_bytes(run);
    if (hak_renew_if_changed(run)) {
        if (HAK_UNLIKELY(atomic_load_explicit(&hak_os_is_locked, memory_order_relaxed)))
            hak_os_drop_locked((void *)hak_region_slab_address(run), bytes);
        hak_run_return_clean(run);
        return;
    }
    hak_lock_take(&hak_heap_lock);
    hak_process_counters.used_bytes -= bytes;
    hak_free_run_insert(run, run->run_slabs, HAK_SLAB_DIRTY);
    hak_purge_after_return(bytes);
}

void hak_run_return_clean(struct hak_slab *run) {
    hak_lock_take(&hak_heap_lock);
    hak_process_counters.used_bytes -= hak_slab_record_run_bytes(run);
    run->is_lazy = false;
    run = hak_free_run_insert(run, run->run_slabs, HAK_SLAB_CLEAN);
    bool is_unmapped = hak_limit_is_tight() && hak_unmapped_wants(run);
    hak_lock_release(&hak_heap_lock);
    if (is_unmapped)
        hak_unmapped_add(run);
}

/* Lock held. The first and the last record of a run know its length. */
static void set_length(struct hak_slab *run, size_t slabs) {
    run[slabs - 1].run_slabs = (uint32_t)slabs;
    run->run_slabs = (uint32_t)slabs;
}

void hak_run_shrink(struct hak_slab *run, size_t slabs) {
    struct hak_slab *rest = run + slabs;
    size_t rest_slabs = run->run_slabs - slabs;
    hak_lock_take(&hak_heap_lock);
    rest->is_moved = run->is_moved;
    rest->run_slabs = (uint32_t)rest_slabs;
    set_length(run, slabs);
    hak_lock_release(&hak_heap_lock);
    hak_run_return(rest);
}

/* Makes a run in use longer by what was taken behind it. The lock is held. */
static void lengthen(struct hak_slab *run, size_t slabs) {
    hak_slab_record_set_state(run + run->run_slabs - 1,
                              run->run_slabs == 1 ? (enum hak_slab_state)hak_slab_record_state(run)
                                                  : HAK_SLAB_UNUSED);
    set_length(run, slabs);
}

bool hak_run_extend(struct hak_slab *run, size_t slabs) {
    size_t old_slabs = run->run_slabs, more = slabs - old_slabs, unmapped_slabs = 0, dirty_bytes;
    hak_lock_take(&hak_heap_lock);
    bool done = hak_free_run_is_behind(run, more) &&
                hak_limit_judge(more << HAK_SLAB_SHIFT, false, &dirty_bytes) == HAK_LIMIT_FREE;
    if (done) {
        unmapped_slabs = hak_free_run_take_behind(run, more);
        lengthen(run, slabs);
    }
    hak_lock_release(&hak_heap_lock);
    if (!unmapped_slabs || hak_unmapped_restore_end(run, unmapped_slabs))
        return done;
    if (slabs - unmapped_slabs > old_slabs)
        hak_run_shrink(run, old_slabs);
    return false;
}

void hak_run_verify(void) {
    hak_lock_take(&hak_heap_lock);
    hak_free_run_verify();
    hak_lock_release(&hak_heap_lock);
}
