/* SPDX-License-Identifier: MIT */
/*
 * Owns who purges, and how much. The heap lock protects the variables. A run that is being purged
 * is in no set (state MOVING). Invariant: while more is dirty than the bound of the last give, some
 * thread is purging down to it, or to less.
 *
 * A thread that finds the bound passed purges down to it; all others meanwhile only as much as they
 * give themselves, so that nobody's free waits for what another one freed. Below the bound, down to
 * the goal, goes a step with each give.
 */
#include "heap/purge.h"

#include "conf/conf.h"
#include "heap/dirty.h"
#include "heap/free_run.h"
#include "heap/hidden.h"
#include "heap/huge.h"
#include "heap/limit.h"
#include "heap/superslab.h"
#include "os/os_memory.h"
#include "stats/process.h"

/* At once: a purge keeps others from mapping anything for as long as it takes, up to 0.3 ms. */
#define HAK_PURGE_BYTES HAK_MIB(2)
#define HAK_STEP_BYTES HAK_PURGE_BYTES
#define HAK_CALL_BYTES HAK_KIB(128) /* as dear as a system call, wherever it is dear */

static unsigned purgers;                   /* threads that go on down to the bound */
static size_t last_bound_bytes = SIZE_MAX; /* as the last give found it */
static bool is_ebbing; /* the bound was passed, and since then the goal not reached */

void hak_purge_forget(void) {
    purgers = 0;
}

/* The end of a dirty run leaves its set; the rest stays as old as it is. */
static struct hak_slab *cut_to_purge(struct hak_slab *run, size_t slabs) {
    size_t rest_slabs = run->run_slabs - slabs;
    struct hak_slab *cut = run + rest_slabs;
    hak_free_run_leave(run);
    hak_free_run_shape(run, run->run_slabs, HAK_SLAB_UNUSED);
    hak_free_run_shape(cut, slabs, HAK_SLAB_MOVING);
    cut->is_moved = run->is_moved;
    if (rest_slabs) {
        hak_free_run_insert_rest(run, rest_slabs, cut, HAK_SLAB_DIRTY);
        hak_free_run_make_oldest(run);
    }
    return cut;
}

/* A run out of its set, ready to be purged: no more than is above the bound, nor than `most`. Lock
 * held. */
static struct hak_slab *take_oldest_dirty(size_t bound_bytes, size_t most_bytes) {
    size_t dirty_bytes = hak_process_counters.dirty_bytes;
    struct hak_slab *oldest = hak_free_run_oldest_dirty();
    if (!oldest || dirty_bytes <= bound_bytes)
        return NULL;
    size_t bytes = hak_min(hak_min(dirty_bytes - bound_bytes, most_bytes), HAK_PURGE_BYTES);
    size_t slabs = hak_round_up(bytes, HAK_SLAB_BYTES) >> HAK_SLAB_SHIFT;
    struct hak_slab *run = cut_to_purge(oldest, hak_min(oldest->run_slabs, slabs));
    hak_run_depart();
    return run;
}

/* A run that mremap filled keeps a mapping of its own until it is mapped anew. */
static bool purge_run(struct hak_slab *run, bool may_be_lazy) {
    size_t bytes = hak_run_bytes(run);
    void *start = (void *)hak_slab_address(run);
    hak_huge_note_purge(run);
    bool is_lazy = may_be_lazy && !run->is_moved && hak_os_purge_lazily(start, bytes);
    bool done =
        is_lazy || (run->is_moved ? hak_os_renew(start, bytes) : hak_os_purge(start, bytes));
    hak_lock_take(&hak_heap_lock);
    if (done) {
        run->is_moved = false;
        run->is_lazy = is_lazy;
        hak_process_counters.purges++;
        hak_process_counters.purged_bytes += bytes;
        hak_dirty_note_purge(bytes);
    }
    run = hak_free_run_insert(run, run->run_slabs, done ? HAK_SLAB_CLEAN : HAK_SLAB_DIRTY);
    hak_run_arrive();
    bool is_hidden = done && hak_hidden_wants(run);
    hak_lock_give(&hak_heap_lock);
    if (is_hidden)
        hak_hidden_add(run);
    return done;
}

size_t hak_purge_above(size_t bound_bytes) {
    bool may_be_lazy = bound_bytes != 0 && hak_conf.lazy_purge;
    size_t purged_bytes = 0;
    bool done = true;
    hak_lock_take(&hak_heap_lock);
    purgers++;
    for (;;) {
        size_t down_to_bytes = hak_min(bound_bytes, last_bound_bytes);
        struct hak_slab *run = done ? take_oldest_dirty(down_to_bytes, SIZE_MAX) : NULL;
        purgers -= !run && purgers;
        hak_lock_give(&hak_heap_lock);
        if (!run)
            return purged_bytes;
        size_t bytes = hak_run_bytes(run);
        done = purge_run(run, may_be_lazy);
        purged_bytes += done ? bytes : 0;
        hak_lock_take(&hak_heap_lock);
    }
}

/* Some runs, at most so much in all. */
static void purge_some(size_t bound_bytes, size_t most_bytes) {
    bool may_be_lazy = bound_bytes != 0 && hak_conf.lazy_purge;
    size_t spent_bytes = 0;
    while (spent_bytes < most_bytes) {
        hak_lock_take(&hak_heap_lock);
        struct hak_slab *run = take_oldest_dirty(bound_bytes, most_bytes - spent_bytes);
        hak_lock_give(&hak_heap_lock);
        if (!run)
            return;
        spent_bytes += hak_max(hak_run_bytes(run), HAK_CALL_BYTES);
        if (!purge_run(run, may_be_lazy))
            return;
    }
}

void hak_purge_after_give(size_t bytes) {
    size_t wish_bytes = hak_dirty_bound_bytes(bytes);
    size_t bound_bytes = hak_limit_dirty_bytes(wish_bytes);
    size_t goal_bytes = hak_min(bound_bytes, hak_dirty_goal_bytes(wish_bytes));
    size_t dirty_bytes = hak_process_counters.dirty_bytes;
    bool is_above = dirty_bytes > bound_bytes, is_helper = purgers != 0;
    last_bound_bytes = bound_bytes;
    is_ebbing = is_above || (is_ebbing && dirty_bytes > goal_bytes);
    bool is_step = is_ebbing && !is_helper;
    if (is_step && hak_min(dirty_bytes, bound_bytes) <= goal_bytes + HAK_STEP_BYTES)
        is_ebbing = false; /* this step gets there */
    hak_lock_give(&hak_heap_lock);
    if (!hak_conf.purge)
        return;
    if (is_above && is_helper)
        purge_some(bound_bytes, bytes);
    else if (is_above)
        hak_purge_above(bound_bytes);
    if (is_step)
        purge_some(goal_bytes, HAK_STEP_BYTES);
}
