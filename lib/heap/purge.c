/* SPDX-License-Identifier: MIT */
/*
 * Owns who purges, and how much. The heap lock protects the variables. A run that is being purged
 * is in no set (state MOVING). Invariant: what is dirty above the bound is claimed, but for less
 * than a share.
 *
 * A thread that gives claims what is too much and nobody else's claim, and purges so much,
 * whichever runs are the oldest: nobody's free waits for what others have freed meanwhile. While
 * another one is at it, a small excess is left to the next, or to the last who ends; while one
 * gathers free blocks to purge all, everything. Below the bound, down to the goal, goes a step with
 * each give; what a cycle was allowed, once it has ended, a step with each trip of a bin.
 * While a program moves its blocks, a step of what is above a quarter of the bound goes with each
 * MiB that it empties.
 */
#include "heap/purge.h"

#include "conf/conf.h"
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
#define HAK_SHARE_BYTES HAK_KIB(512) /* less is not claimed while others purge */
#define HAK_CALL_BYTES HAK_KIB(128)  /* of a step: as dear as a system call, where one is dear */
#define HAK_EVACUATED_SHARE 4u       /* of the knobs' bound, while a program moves its blocks */

static size_t claimed_bytes; /* dirty, and about to be purged */
static unsigned holders;     /* about to purge all */
static bool is_ebbing;       /* the bound was passed, and since then the goal not reached */

void hak_purge_forget(void) {
    claimed_bytes = 0;
    holders = 0;
    is_ebbing = false;
}

void hak_purge_hold(void) {
    hak_lock_take(&hak_heap_lock);
    holders++;
    hak_lock_give(&hak_heap_lock);
}

/* Of what is dirty. */
static size_t excess_above(size_t bytes) {
    return hak_excess(hak_process_counters.dirty_bytes, bytes);
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
    size_t excess_bytes = excess_above(bound_bytes);
    struct hak_slab *oldest = hak_free_run_oldest_dirty();
    if (!oldest || excess_bytes == 0)
        return NULL;
    size_t bytes = hak_min(hak_min(excess_bytes, most_bytes), HAK_PURGE_BYTES);
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

/* The lock is held, and given back. Returns how much of it there was to purge. */
static size_t purge_claim(size_t bound_bytes, size_t claim_bytes) {
    bool may_be_lazy = bound_bytes != 0 && hak_conf.lazy_purge;
    size_t left_bytes = hak_round_up(claim_bytes, HAK_SLAB_BYTES), purged_bytes = 0;
    bool done = true;
    claimed_bytes += left_bytes;
    for (;;) {
        struct hak_slab *run =
            done && left_bytes ? take_oldest_dirty(bound_bytes, left_bytes) : NULL;
        size_t bytes = run ? hak_run_bytes(run) : left_bytes;
        left_bytes -= bytes;
        claimed_bytes -= hak_min(bytes, claimed_bytes); /* a fork's child began anew */
        hak_lock_give(&hak_heap_lock);
        if (!run)
            return purged_bytes;
        done = purge_run(run, may_be_lazy);
        purged_bytes += done ? bytes : 0;
        hak_lock_take(&hak_heap_lock);
    }
}

size_t hak_purge_above(size_t bound_bytes) {
    hak_lock_take(&hak_heap_lock);
    is_ebbing = false;
    return purge_claim(bound_bytes, excess_above(bound_bytes));
}

/* In two rounds: after the first one nothing is left to this thread alone. */
size_t hak_purge_all(void) {
    size_t purged_bytes = hak_purge_above(0);
    hak_lock_take(&hak_heap_lock);
    holders -= holders > 0;
    hak_lock_give(&hak_heap_lock);
    return purged_bytes + hak_purge_above(0);
}

/* What others have left meanwhile, if they have ended. */
static void purge_rest(size_t bound_bytes) {
    hak_lock_take(&hak_heap_lock);
    size_t rest_bytes = claimed_bytes ? 0 : excess_above(bound_bytes);
    if (rest_bytes)
        purge_claim(bound_bytes, rest_bytes);
    else
        hak_lock_give(&hak_heap_lock);
}

void hak_purge_idle(void) {
    hak_lock_take(&hak_heap_lock);
    size_t bound_bytes = hak_limit_dirty_bytes(hak_dirty_bound_bytes(0));
    bool may_purge = hak_conf.purge && holders == 0;
    size_t excess_bytes = may_purge ? excess_above(bound_bytes + claimed_bytes) : 0;
    if (excess_bytes > HAK_STEP_BYTES)
        hak_dirty_look_again();
    purge_claim(bound_bytes, hak_min(excess_bytes, HAK_STEP_BYTES));
}

void hak_purge_evacuated(void) {
    hak_lock_take(&hak_heap_lock);
    size_t wish_bytes = hak_max(hak_dirty_knob_bytes() / HAK_EVACUATED_SHARE, hak_conf.prealloc);
    size_t bound_bytes = hak_limit_dirty_bytes(wish_bytes);
    bool may_purge = hak_conf.purge && holders == 0;
    size_t excess_bytes = may_purge ? excess_above(bound_bytes + claimed_bytes) : 0;
    purge_claim(bound_bytes, hak_min(excess_bytes, HAK_STEP_BYTES));
}

static void purge_step(size_t goal_bytes) {
    size_t spent_bytes = 0;
    while (spent_bytes < HAK_STEP_BYTES) {
        hak_lock_take(&hak_heap_lock);
        struct hak_slab *run = take_oldest_dirty(goal_bytes, HAK_STEP_BYTES - spent_bytes);
        hak_lock_give(&hak_heap_lock);
        if (!run)
            return;
        spent_bytes += hak_max(hak_run_bytes(run), HAK_CALL_BYTES);
        if (!purge_run(run, hak_conf.lazy_purge))
            return;
    }
}

void hak_purge_after_give(size_t bytes) {
    size_t wish_bytes = hak_dirty_bound_bytes(bytes);
    size_t bound_bytes = hak_limit_dirty_bytes(wish_bytes);
    size_t goal_bytes = hak_min(bound_bytes, hak_dirty_goal_bytes(wish_bytes));
    size_t excess_bytes = excess_above(bound_bytes + claimed_bytes);
    bool is_alone = claimed_bytes == 0 && holders == 0;
    if (holders || (!is_alone && excess_bytes < HAK_SHARE_BYTES))
        excess_bytes = 0;
    is_ebbing = excess_bytes || (is_ebbing && excess_above(goal_bytes));
    bool is_step = is_ebbing && is_alone && hak_conf.purge;
    if (is_step && excess_above(goal_bytes + excess_bytes) <= HAK_STEP_BYTES)
        is_ebbing = false; /* this step gets there */
    if (excess_bytes && hak_conf.purge) {
        purge_claim(bound_bytes, excess_bytes);
        purge_rest(bound_bytes);
    } else {
        hak_lock_give(&hak_heap_lock);
    }
    if (is_step)
        purge_step(goal_bytes);
}
