/* SPDX-License-Identifier: MIT */
/*
 * Owns the taking and giving of runs, and growth. A run that is on its way is in no set (state
 * MOVING), so system calls happen without the lock.
 */
#include "heap/superslab.h"

#include "conf/conf.h"
#include "heap/dirty.h"
#include "heap/free_run.h"
#include "heap/guard.h"
#include "heap/hardened.h"
#include "heap/hidden.h"
#include "heap/huge.h"
#include "heap/limit.h"
#include "heap/order.h"
#include "heap/purge.h"
#include "heap/renew.h"
#include "heap/thread.h"
#include "os/os_memory.h"
#include "os/os_time.h"
#include "stats/process.h"

#define HAK_PURGE_TRIES 64u /* at a limit, while other threads make memory dirty */
#define HAK_WAITS 1000u     /* of a millisecond each, for runs on their way, and as many arrivals */

/* Heap lock. Free runs that are in no set for the time of a system call, and how many came back. */
static struct {
    unsigned on_their_way;
    unsigned arrivals;
} travel;

void hak_run_depart(void) {
    travel.on_their_way++;
}

void hak_run_arrive(void) {
    travel.on_their_way -= travel.on_their_way > 0; /* a fork's child began anew */
    travel.arrivals++;
}

void hak_run_forget_travel(void) {
    travel.on_their_way = 0;
}

void hak_superslab_start(void) {
    hak_free_run_start();
    hak_huge_start();
}

/* What hak_run_take must do before it looks again. */
struct need {
    enum hak_limit_verdict verdict;
    size_t dirty_bytes; /* HAK_LIMIT_PURGE: what may stay */
};

/* A slab of blocks, with random_order. */
static struct hak_slab *take_random_slab(struct need *need) {
    uint64_t random = hak_order_place();
    struct hak_slab *slab = hak_free_run_cut_random(HAK_SLAB_DIRTY, random);
    need->verdict = HAK_LIMIT_FREE;
    if (slab)
        return slab;
    need->verdict = hak_limit_judge(HAK_SLAB_BYTES, &need->dirty_bytes);
    if (HAK_UNLIKELY(need->verdict != HAK_LIMIT_FREE))
        return NULL;
    return hak_free_run_cut_random(HAK_SLAB_CLEAN, random);
}

static struct hak_slab *take_free_run(size_t slabs, size_t alignment_slabs, struct need *need) {
    if (HAK_UNLIKELY(hak_hardened.shuffles) && slabs == 1 && alignment_slabs == 1)
        return take_random_slab(need);
    struct hak_slab *run = hak_free_run_find_aligned(HAK_SLAB_DIRTY, slabs, alignment_slabs);
    need->verdict = HAK_LIMIT_FREE;
    if (run)
        return hak_free_run_cut_aligned(run, slabs, alignment_slabs);
    need->verdict = hak_limit_judge(slabs << HAK_SLAB_SHIFT, &need->dirty_bytes);
    if (HAK_UNLIKELY(need->verdict != HAK_LIMIT_FREE))
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
    hak_lock_give(&hak_heap_lock);
}

static bool grow_clean_runs(size_t slabs) {
    size_t grown;
    if (hak_hidden_show(slabs))
        return true;
    struct hak_slab *run = hak_range_grow(slabs, &grown);
    if (!run)
        return false;
    if (HAK_UNLIKELY(hak_hardened.guards) && slabs == 1 && hak_guard_run(run, grown))
        return true;
    insert_grown(run, grown);
    return true;
}

void hak_run_preallocate(size_t bytes) {
    size_t slabs = hak_round_up(bytes, HAK_SLAB_BYTES) >> HAK_SLAB_SHIFT, grown;
    struct hak_slab *run = hak_range_grow(slabs, &grown);
    if (!run)
        return;
    uintptr_t records = hak_round_down((uintptr_t)run, hak_os_page_bytes);
    uintptr_t end = hak_round_up((uintptr_t)(run + slabs), hak_os_page_bytes);
    hak_os_populate((void *)records, end - records);
    hak_os_populate((void *)hak_slab_address(run), slabs << HAK_SLAB_SHIFT);
    insert_grown(run, grown);
}

static bool show_hidden(void) {
    bool done = false;
    while (hak_hidden_show(1))
        done = true;
    return done;
}

/* Memory that another thread is giving back to the system just now is worth a wait: what was freed
 * can be had again. False: nothing is, or came back since `arrivals`. */
static bool wait_for_arrivals(unsigned arrivals, unsigned *waits) {
    hak_lock_take(&hak_heap_lock);
    bool is_new = travel.arrivals != arrivals;
    bool is_coming = travel.on_their_way > 0;
    hak_lock_give(&hak_heap_lock);
    if ((!is_new && !is_coming) || (*waits)++ == HAK_WAITS)
        return false;
    if (!is_new)
        hak_os_sleep_ms(1);
    return true;
}

struct hak_slab *hak_run_take(size_t slabs, size_t alignment_slabs) {
    bool has_trimmed = false;
    unsigned purges = 0, waits = 0;
    if (HAK_UNLIKELY(atomic_load_explicit(&hak_range_count, memory_order_acquire) == 0))
        return NULL; /* the allocator could not start */
    for (;;) {
        struct need need;
        hak_lock_take(&hak_heap_lock);
        struct hak_slab *run = take_free_run(slabs, alignment_slabs, &need);
        unsigned arrivals = travel.arrivals;
        hak_lock_give(&hak_heap_lock);
        if (run && run->is_hidden)
            hak_hidden_show_part(run, 0, run->run_slabs);
        if (run)
            return run;
        if (need.verdict == HAK_LIMIT_PURGE && purges++ < HAK_PURGE_TRIES) {
            hak_purge_above(need.dirty_bytes);
            continue;
        }
        bool is_full = need.verdict != HAK_LIMIT_FREE;
        if (!is_full && grow_clean_runs(slabs + alignment_slabs - 1))
            continue;
        /* No more memory: clean and dirty neighbours become one run when all are clean. */
        if (has_trimmed) {
            if ((!is_full && show_hidden()) || wait_for_arrivals(arrivals, &waits))
                continue;
            hak_limit_explain(is_full);
            return NULL;
        }
        hak_heap_trim();
        has_trimmed = true;
    }
}

void hak_run_give(struct hak_slab *run) {
    size_t bytes = hak_run_bytes(run);
    if (hak_renew_if_changed(run)) {
        hak_run_give_clean(run);
        return;
    }
    hak_lock_take(&hak_heap_lock);
    hak_process_counters.used_bytes -= bytes;
    hak_free_run_insert(run, run->run_slabs, HAK_SLAB_DIRTY);
    hak_purge_after_give(bytes);
}

void hak_run_give_clean(struct hak_slab *run) {
    hak_lock_take(&hak_heap_lock);
    hak_process_counters.used_bytes -= hak_run_bytes(run);
    run->is_lazy = false;
    hak_free_run_insert(run, run->run_slabs, HAK_SLAB_CLEAN);
    hak_lock_give(&hak_heap_lock);
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
    hak_lock_give(&hak_heap_lock);
    hak_run_give(rest);
}

bool hak_run_extend(struct hak_slab *run, size_t slabs) {
    size_t more = slabs - run->run_slabs, dirty_bytes;
    bool is_hidden = false;
    hak_lock_take(&hak_heap_lock);
    bool done = hak_free_run_is_behind(run, more) &&
                hak_limit_judge(more << HAK_SLAB_SHIFT, &dirty_bytes) == HAK_LIMIT_FREE;
    if (done) {
        is_hidden = hak_free_run_take_behind(run, more);
        hak_slab_set_state(run + run->run_slabs - 1,
                           run->run_slabs == 1 ? (enum hak_slab_state)hak_slab_state_of(run)
                                               : HAK_SLAB_UNUSED);
        set_length(run, slabs);
    }
    hak_lock_give(&hak_heap_lock);
    if (is_hidden)
        hak_hidden_show_part(run, slabs - more, more);
    return done;
}

void hak_superslab_verify(void) {
    hak_lock_take(&hak_heap_lock);
    hak_free_run_verify();
    hak_lock_give(&hak_heap_lock);
}
