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
 * each give; what a cycle was allowed, once it has ended, a step with each length check of a bin.
 * While a program moves its blocks, a step of what is above a quarter of the bound goes with each
 * MiB that it empties.
 */
#include "pages/purge.h"

#include "conf/conf.h"
#include "os/os_memory.h"
#include "pages/free_run.h"
#include "pages/huge.h"
#include "pages/limit.h"
#include "pages/run.h"
#include "pages/unmapped.h"
#include "stats/process.h"

/* At once: a purge keeps others from mapping anything for as long as it takes, up to 0.3 ms. */
#define HAK_PURGE_BYTES HAK_MIB(2)
#define HAK_STEP_BYTES HAK_PURGE_BYTES
#define HAK_SHARE_BYTES HAK_KIB(512) /* less is not claimed while others purge */
/* A kernel needs some 30 us and more for 512 pages, and less than one for none. */
#define HAK_PACE_NS 16000u
#define HAK_PACE_CALLS 2u /* the same where a call is dear: under a tracer, in an emulator */
#define HAK_PACE_GROWTH 4u
#define HAK_LIMIT_SHARE 8u /* a page purged and faulted in costs some ten times a page's use */
#define HAK_PACE_PARTS 16u /* of a run: its largest step, in case it is full of pages after all */
#define HAK_RECORDS_BYTES HAK_KIB(16)
#define HAK_CALL_BYTES HAK_KIB(128) /* of a step: as dear as a system call, where one is dear */
#define HAK_EVACUATED_SHARE 4u      /* of the knobs' bound, while a program moves its blocks */

static size_t claimed_bytes; /* dirty, and about to be purged */
static unsigned holders;     /* about to purge all */
static size_t credit_bytes;  /* of what a limit wants purged, see hak_purge_after_return */
static bool is_ebbing;       /* the bound was passed, and since then the goal not reached */

void hak_purge_forget(void) {
    claimed_bytes = 0;
    holders = 0;
    is_ebbing = false;
}

void hak_purge_hold(void) {
    hak_lock_take(&hak_heap_lock);
    holders++;
    hak_lock_release(&hak_heap_lock);
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
    size_t bytes = hak_min(excess_bytes, most_bytes);
    size_t slabs = hak_round_up(bytes, HAK_SLAB_BYTES) >> HAK_SLAB_SHIFT;
    struct hak_slab *run = cut_to_purge(oldest, hak_min(oldest->run_slabs, slabs));
    hak_run_depart();
    return run;
}

/* A run that mremap filled keeps a mapping of its own until it is mapped anew. */
static bool give_back(const struct hak_slab *run, size_t from, size_t bytes) {
    char *start = (char *)hak_region_slab_address(run) + from;
    return run->is_moved ? hak_os_renew(start, bytes) : hak_os_purge(start, bytes);
}

/* Whether it was the call that took so long, and not the pages: as measured with no page. */
static bool took_a_call(void *start, uint64_t spent_ns) {
    uint64_t begun_ns = hak_os_now_ns();
    if (spent_ns <= HAK_PACE_NS)
        return true;
    hak_os_purge(start, 0);
    return spent_ns <= HAK_PACE_CALLS * (hak_os_now_ns() - begun_ns);
}

/*
 * From the end on, so much at a time as takes no longer than a call does: where hardly a page was
 * touched that soon is a lot. Ends with the run, or with a part that had many pages: what is left
 * then is dirty still, and others may use it. Returns the bytes that are purged.
 */
static size_t give_back_pages(const struct hak_slab *run, bool *ret_is_quick) {
    size_t total_bytes = hak_slab_record_run_bytes(run), left_bytes = total_bytes;
    size_t step_bytes = HAK_PURGE_BYTES;
    size_t most_bytes = hak_max(total_bytes / HAK_PACE_PARTS, HAK_PURGE_BYTES);
    do {
        uint64_t begun_ns = hak_os_now_ns();
        size_t bytes = hak_min(hak_round_up(step_bytes, HAK_SLAB_BYTES), left_bytes);
        *ret_is_quick = false;
        if (!give_back(run, left_bytes - bytes, bytes))
            break;
        uint64_t spent_ns = hak_os_now_ns() - begun_ns;
        left_bytes -= bytes;
        *ret_is_quick = took_a_call((char *)hak_region_slab_address(run) + left_bytes, spent_ns);
        step_bytes = hak_min(step_bytes * HAK_PACE_GROWTH, most_bytes);
    } while (left_bytes && *ret_is_quick);
    return total_bytes - left_bytes;
}

/* Nobody reads the records inside a run that is on its way: they say nothing, as pages of zeroes
 * do. */
static void give_back_records(const struct hak_slab *run) {
    uintptr_t first = hak_round_up((uintptr_t)(run + 1), hak_os_page_bytes);
    uintptr_t end = hak_round_down((uintptr_t)(run + run->run_slabs - 1), hak_os_page_bytes);
    if (run->run_slabs * sizeof *run >= HAK_RECORDS_BYTES && first < end)
        hak_os_purge((void *)first, end - first);
}

/* Puts a run back of which the last `purged_bytes` were purged. Returns the clean part; NULL: there
 * is none. The lock is held. */
static struct hak_slab *put_back(struct hak_slab *run, size_t purged_bytes) {
    size_t dirty_slabs = run->run_slabs - (purged_bytes >> HAK_SLAB_SHIFT);
    size_t clean_slabs = run->run_slabs - dirty_slabs;
    struct hak_slab *clean = run + dirty_slabs;
    bool is_moved = run->is_moved, is_lazy = run->is_lazy;
    hak_free_run_shape(run, run->run_slabs, HAK_SLAB_UNUSED);
    if (clean_slabs) {
        clean->is_moved = false;
        clean->is_lazy = is_lazy;
        hak_free_run_shape(clean, clean_slabs, HAK_SLAB_MOVING);
        clean = hak_free_run_insert(clean, clean_slabs, HAK_SLAB_CLEAN);
    }
    if (dirty_slabs) {
        run->is_moved = is_moved;
        hak_free_run_make_oldest(hak_free_run_insert(run, dirty_slabs, HAK_SLAB_DIRTY));
    }
    return clean_slabs ? clean : NULL;
}

/* Returns how many bytes were purged, less than the run's if they had many pages: then
 * *ret_is_quick is false. */
static size_t purge_run(struct hak_slab *run, bool may_be_lazy, bool *ret_is_quick) {
    size_t bytes = hak_slab_record_run_bytes(run);
    hak_huge_note_purge(run);
    run->is_lazy = may_be_lazy && !run->is_moved &&
                   hak_os_purge_lazily((void *)hak_region_slab_address(run), bytes);
    *ret_is_quick = run->is_lazy;
    size_t purged_bytes = run->is_lazy ? bytes : give_back_pages(run, ret_is_quick);
    if (purged_bytes == bytes)
        give_back_records(run);
    hak_lock_take(&hak_heap_lock);
    if (purged_bytes) {
        hak_process_counters.purges++;
        hak_process_counters.purged_bytes += purged_bytes;
        hak_retention_note_purge(purged_bytes);
    }
    run = put_back(run, purged_bytes);
    hak_run_arrive(true);
    bool is_unmapped = run && hak_unmapped_wants(run);
    hak_lock_release(&hak_heap_lock);
    hak_run_wake();
    if (is_unmapped)
        hak_unmapped_add(run);
    return purged_bytes;
}

/* The lock is held, and given back. Returns how much of it there was to purge. A run is taken as a
 * whole once the end of one had hardly a page. What of it is dirty again is claimed again. */
static size_t purge_claim(size_t bound_bytes, size_t claim_bytes) {
    bool may_be_lazy = bound_bytes != 0 && hak_conf.lazy_purge, is_quick = false;
    size_t left_bytes = hak_round_up(claim_bytes, HAK_SLAB_BYTES), purged_bytes = 0, done_bytes = 1;
    claimed_bytes += left_bytes;
    for (;;) {
        size_t most_bytes = is_quick ? left_bytes : hak_min(left_bytes, HAK_PURGE_BYTES);
        struct hak_slab *run =
            done_bytes && left_bytes ? take_oldest_dirty(bound_bytes, most_bytes) : NULL;
        size_t bytes = run ? hak_slab_record_run_bytes(run) : left_bytes;
        left_bytes -= bytes;
        claimed_bytes -= hak_min(bytes, claimed_bytes); /* a fork's child began anew */
        hak_lock_release(&hak_heap_lock);
        if (!run)
            return purged_bytes;
        done_bytes = purge_run(run, may_be_lazy, &is_quick);
        purged_bytes += done_bytes;
        hak_lock_take(&hak_heap_lock);
        left_bytes += bytes - done_bytes;
        claimed_bytes += bytes - done_bytes;
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
    hak_lock_release(&hak_heap_lock);
    return purged_bytes + hak_purge_above(0);
}

/* What others have left meanwhile, if they have ended. */
static void purge_rest(size_t bound_bytes) {
    hak_lock_take(&hak_heap_lock);
    size_t rest_bytes = claimed_bytes ? 0 : excess_above(bound_bytes);
    if (rest_bytes)
        purge_claim(bound_bytes, rest_bytes);
    else
        hak_lock_release(&hak_heap_lock);
}

void hak_purge_idle(void) {
    hak_lock_take(&hak_heap_lock);
    size_t bound_bytes = hak_limit_dirty_bytes(hak_retention_bound_bytes(0));
    bool may_purge = hak_conf.purge && holders == 0;
    size_t excess_bytes = may_purge ? excess_above(bound_bytes + claimed_bytes) : 0;
    if (excess_bytes > HAK_STEP_BYTES)
        hak_retention_check_again();
    purge_claim(bound_bytes, hak_min(excess_bytes, HAK_STEP_BYTES));
}

void hak_purge_evacuated(void) {
    hak_lock_take(&hak_heap_lock);
    size_t wanted_bytes =
        hak_max(hak_retention_knob_bytes() / HAK_EVACUATED_SHARE, hak_conf.prealloc);
    size_t bound_bytes = hak_limit_dirty_bytes(wanted_bytes);
    bool may_purge = hak_conf.purge && holders == 0;
    size_t excess_bytes = may_purge ? excess_above(bound_bytes + claimed_bytes) : 0;
    purge_claim(bound_bytes, hak_min(excess_bytes, HAK_STEP_BYTES));
}

static void purge_step(size_t goal_bytes) {
    size_t spent_bytes = 0;
    while (spent_bytes < HAK_STEP_BYTES) {
        hak_lock_take(&hak_heap_lock);
        struct hak_slab *run = take_oldest_dirty(goal_bytes, HAK_STEP_BYTES - spent_bytes);
        hak_lock_release(&hak_heap_lock);
        if (!run)
            return;
        size_t bytes = hak_slab_record_run_bytes(run);
        spent_bytes += hak_max(bytes, HAK_CALL_BYTES);
        bool is_quick;
        if (purge_run(run, hak_conf.lazy_purge, &is_quick) < bytes)
            return;
    }
}

/*
 * A limit below what the program works with would have all purged that it is about to use again. So
 * while much of what was purged was taken again within a second, the limit's wish is served by a
 * share of what is given: the rest, as far as the limit has room for it, stays dirty, and is what
 * is taken next.
 */
static size_t limit_bound_bytes(size_t wanted_bytes, size_t given_bytes) {
    size_t bound_bytes = hak_limit_dirty_bytes(wanted_bytes);
    credit_bytes = hak_min(credit_bytes + given_bytes / HAK_LIMIT_SHARE, HAK_STEP_BYTES);
    size_t most_bytes =
        hak_min(hak_process_counters.dirty_bytes, hak_min(wanted_bytes, hak_limit_room_bytes()));
    if (bound_bytes >= most_bytes || !hak_retention_is_taken_back())
        return bound_bytes;
    if (credit_bytes < HAK_STEP_BYTES / 2)
        return most_bytes; /* not by single slabs */
    size_t paid_bytes = hak_min(credit_bytes, most_bytes - bound_bytes);
    credit_bytes -= paid_bytes;
    return most_bytes - paid_bytes;
}

void hak_purge_after_return(size_t bytes) {
    size_t wanted_bytes = hak_retention_bound_bytes(bytes);
    size_t bound_bytes = limit_bound_bytes(wanted_bytes, bytes);
    size_t goal_bytes = hak_min(bound_bytes, hak_retention_goal_bytes(wanted_bytes));
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
        hak_lock_release(&hak_heap_lock);
    }
    if (is_step)
        purge_step(goal_bytes);
}
