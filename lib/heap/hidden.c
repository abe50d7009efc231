/* SPDX-License-Identifier: MIT */
/*
 * Owns the hiding of free runs from core dumps. The heap lock protects the sets; a run on its way
 * is in none (state MOVING), so the system call happens without the lock. Invariant: what is in use
 * or dirty is in core dumps, unless the system refused to show it (vm.max_map_count).
 */
#include "heap/hidden.h"

#include "heap/dirty.h"
#include "heap/free_run.h"
#include "heap/superslab.h"
#include "os/os_memory.h"
#include "stats/process.h"

/* A run is worth two mappings if it has this share of what is committed. */
#define HAK_HIDE_SHARE 2048u
#define HAK_HIDE_LEAST HAK_KIB(256)
#define HAK_HIDE_STEP 8u /* the more, the more are hidden: once again after so many */
#define HAK_HIDE_MOST 128u
#define HAK_SHOW_SHARE 256u /* of what is committed: shown at once, so that calls are few */
#define HAK_SHOW_LEAST_SLABS (HAK_HIDE_LEAST >> HAK_SLAB_SHIFT)

static size_t next_slabs = HAK_SHOW_LEAST_SLABS; /* to show; more each time, until one is hidden */

static bool is_worth_mappings(const struct hak_slab *run) {
    size_t count = hak_free_run_hidden_count();
    size_t share = hak_process_counters.committed_bytes / HAK_HIDE_SHARE;
    size_t least_bytes = hak_max(share * (1 + count / HAK_HIDE_STEP), HAK_HIDE_LEAST);
    return count < HAK_HIDE_MOST && hak_run_bytes(run) >= least_bytes;
}

bool hak_hidden_wants(struct hak_slab *run) {
    if (run->is_lazy || hak_dirty_is_taken_back())
        return false;
    if (!hak_free_run_is_beside_hidden(run) && !is_worth_mappings(run))
        return false;
    hak_free_run_leave(run);
    hak_free_run_shape(run, run->run_slabs, HAK_SLAB_MOVING);
    hak_run_depart();
    next_slabs = HAK_SHOW_LEAST_SLABS;
    return true;
}

static void put_back(struct hak_slab *run, enum hak_slab_state kind) {
    hak_lock_take(&hak_heap_lock);
    hak_free_run_insert(run, run->run_slabs, kind);
    hak_run_arrive();
    hak_lock_give(&hak_heap_lock);
}

void hak_hidden_add(struct hak_slab *run) {
    bool done = hak_os_hide((void *)hak_slab_address(run), hak_run_bytes(run), true);
    put_back(run, done ? HAK_SLAB_HIDDEN : HAK_SLAB_CLEAN);
}

static size_t slabs_to_show(size_t least) {
    size_t share = hak_process_counters.committed_bytes / HAK_SHOW_SHARE >> HAK_SLAB_SHIFT;
    size_t slabs = hak_max(least, next_slabs);
    next_slabs = hak_min(next_slabs * 2, hak_max(share, HAK_SUPERSLAB_SLABS));
    return slabs;
}

/* The front of a hidden run leaves its set. */
static struct hak_slab *take_front(size_t least) {
    struct hak_slab *run = hak_free_run_find(HAK_SLAB_HIDDEN, least);
    if (!run)
        return NULL;
    size_t total = run->run_slabs;
    size_t slabs = hak_min(slabs_to_show(least), total);
    hak_free_run_leave(run);
    hak_free_run_shape(run, total, HAK_SLAB_UNUSED);
    hak_free_run_shape(run, slabs, HAK_SLAB_MOVING);
    hak_run_depart();
    if (total > slabs)
        hak_free_run_insert_rest(run + slabs, total - slabs, run, HAK_SLAB_HIDDEN);
    return run;
}

bool hak_hidden_show(size_t slabs) {
    hak_lock_take(&hak_heap_lock);
    struct hak_slab *run = take_front(slabs);
    hak_lock_give(&hak_heap_lock);
    if (!run)
        return false;
    hak_os_hide((void *)hak_slab_address(run), hak_run_bytes(run), false);
    put_back(run, HAK_SLAB_CLEAN);
    return true;
}
