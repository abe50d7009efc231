/* SPDX-License-Identifier: MIT */
/*
 * Owns the hiding of free runs. The heap lock protects the sets; a run on its way is in none (state
 * MOVING), so the system call happens without the lock. Invariant: what is in use, clean or dirty
 * is mapped and accessible; what is unmapped is not mapped, or, in a reserved region, inaccessible.
 * Where an unmapped run was, another part of the process may have mapped something of its own
 * meanwhile: then it stays out of use (state MOVING) for good.
 */
#include "pages/unmapped.h"

#include "os/os_memory.h"
#include "pages/free_run.h"
#include "pages/huge.h"
#include "pages/limit.h"
#include "pages/retention.h"
#include "pages/run.h"
#include "stats/process.h"

/* A run is worth a mapping if it has this share of what is committed. */
#define HAK_UNMAP_SHARE 2048u
#define HAK_UNMAP_LEAST HAK_KIB(256)
#define HAK_UNMAP_STEP 8u /* the more, the more are unmapped: once again after so many */
#define HAK_UNMAP_MOST 128u
#define HAK_UNMAP_MOST_NEAR                                                                        \
    1024u                      /* near a limit; of the 65,530 mappings that a process may have     \
                                */
#define HAK_RESTORE_SHARE 256u /* of what is committed: restored at once, so that calls are few */
#define HAK_RESTORE_LEAST_SLABS (HAK_UNMAP_LEAST >> HAK_SLAB_SHIFT)

static size_t next_slabs =
    HAK_RESTORE_LEAST_SLABS; /* to restore; more each time, until one is unmapped */

static unsigned holders;

void hak_unmapped_hold(void) {
    holders++;
}

void hak_unmapped_let_go(void) {
    holders -= holders > 0; /* a fork's child began anew */
}

void hak_unmapped_forget(void) {
    holders = 0;
}

static bool is_worth_mappings(const struct hak_slab *run) {
    size_t count = hak_free_run_unmapped_count();
    size_t share = hak_process_counters.committed_bytes / HAK_UNMAP_SHARE;
    size_t least_bytes = hak_max(share * (1 + count / HAK_UNMAP_STEP), HAK_UNMAP_LEAST);
    if (hak_limit_is_tight())
        return count < HAK_UNMAP_MOST_NEAR;
    return count < HAK_UNMAP_MOST && hak_slab_record_run_bytes(run) >= least_bytes;
}

static void take_out(struct hak_slab *run) {
    hak_free_run_leave(run);
    hak_free_run_shape(run, run->run_slabs, HAK_SLAB_MOVING);
    hak_run_depart();
    next_slabs = HAK_RESTORE_LEAST_SLABS;
}

bool hak_unmapped_wants(struct hak_slab *run) {
    if (run->is_lazy || holders || (hak_retention_is_taken_back() && !hak_limit_is_tight()))
        return false;
    if (!hak_free_run_is_beside_unmapped(run) && !is_worth_mappings(run))
        return false;
    take_out(run);
    return true;
}

static void put_back(struct hak_slab *run, enum hak_slab_state kind, bool is_changed) {
    hak_lock_take(&hak_heap_lock);
    hak_free_run_insert(run, run->run_slabs, kind);
    hak_run_arrive(is_changed);
    hak_lock_release(&hak_heap_lock);
    hak_run_wake();
}

bool hak_unmapped_add(struct hak_slab *run) {
    bool done =
        hak_os_withdraw((void *)hak_region_slab_address(run), hak_slab_record_run_bytes(run),
                        hak_region_of_slab(run)->is_reserved);
    put_back(run, done ? HAK_SLAB_UNMAPPED : HAK_SLAB_CLEAN, true);
    return done;
}

/* The longest go first. */
static struct hak_slab *take_longest_clean(void) {
    hak_lock_take(&hak_heap_lock);
    struct hak_slab *run = hak_free_run_unmapped_count() < HAK_UNMAP_MOST_NEAR
                               ? hak_free_run_longest(HAK_SLAB_CLEAN)
                               : NULL;
    if (run && (run->is_lazy || hak_huge_is_pooled(run)))
        run = NULL;
    if (run)
        take_out(run);
    hak_lock_release(&hak_heap_lock);
    return run;
}

bool hak_unmapped_add_all(void) {
    struct hak_slab *run;
    bool done = false;
    while ((run = take_longest_clean()) != NULL) {
        if (!hak_unmapped_add(run))
            break; /* no mapping can be spared */
        done = true;
    }
    return done;
}

static size_t slabs_to_restore(size_t least) {
    size_t share = hak_process_counters.committed_bytes / HAK_RESTORE_SHARE >> HAK_SLAB_SHIFT;
    size_t slabs = hak_max(least, next_slabs);
    next_slabs = hak_min(next_slabs * 2, hak_max(share, HAK_SUPERSLAB_SLABS));
    return slabs;
}

/* The front of an unmapped run leaves its set. */
static struct hak_slab *take_front(size_t least, bool is_exact) {
    struct hak_slab *run = hak_free_run_find(HAK_SLAB_UNMAPPED, least);
    if (!run)
        return NULL;
    size_t total = run->run_slabs;
    size_t slabs = is_exact ? least : hak_min(slabs_to_restore(least), total);
    hak_free_run_leave(run);
    hak_free_run_shape(run, total, HAK_SLAB_UNUSED);
    hak_free_run_shape(run, slabs, HAK_SLAB_MOVING);
    hak_run_depart();
    if (total > slabs)
        hak_free_run_insert_rest(run + slabs, total - slabs, run, HAK_SLAB_UNMAPPED);
    return run;
}

/* Its advice is that of its neighbours, so that they become one mapping again. */
static enum hak_placing map_again(const struct hak_slab *run, size_t slabs) {
    void *start = (void *)hak_region_slab_address(run);
    size_t bytes = slabs << HAK_SLAB_SHIFT;
    enum hak_placing placing = HAK_PLACED;
    if (!hak_region_of_slab(run)->is_reserved)
        placing = hak_os_place(start, bytes);
    else if (!hak_os_commit(start, bytes))
        placing = HAK_PLACE_FAILED;
    if (placing == HAK_PLACED)
        hak_os_advise_huge(start, bytes, hak_os_renewed_is_huge);
    if (placing == HAK_PLACED && atomic_load_explicit(&hak_os_is_locked, memory_order_relaxed))
        hak_os_drop_locked(start, bytes);
    return placing;
}

static void strand(void) {
    hak_lock_take(&hak_heap_lock);
    hak_run_arrive(false);
    hak_lock_release(&hak_heap_lock);
    hak_run_wake();
}

static enum hak_placing restore_front(struct hak_slab *run) {
    enum hak_placing placing = map_again(run, run->run_slabs);
    if (placing == HAK_PLACE_TAKEN)
        strand();
    else
        put_back(run, placing == HAK_PLACED ? HAK_SLAB_CLEAN : HAK_SLAB_UNMAPPED,
                 placing == HAK_PLACED);
    return placing;
}

bool hak_unmapped_restore(size_t slabs) {
    bool is_exact = false; /* once more than `slabs` was too much */
    for (;;) {
        hak_lock_take(&hak_heap_lock);
        struct hak_slab *run = take_front(slabs, is_exact);
        hak_lock_release(&hak_heap_lock);
        if (!run)
            return false;
        size_t taken_slabs = run->run_slabs;
        enum hak_placing placing = restore_front(run);
        if (placing == HAK_PLACED)
            return true;
        if (placing == HAK_PLACE_FAILED && taken_slabs == slabs)
            return false;
        is_exact = placing == HAK_PLACE_FAILED;
    }
}

bool hak_unmapped_restore_end(struct hak_slab *run, size_t slabs) {
    struct hak_slab *end = run + run->run_slabs - slabs;
    enum hak_placing placing = map_again(end, slabs);
    if (placing == HAK_PLACED)
        return true;
    hak_lock_take(&hak_heap_lock);
    run->run_slabs -= (uint32_t)slabs;
    run[run->run_slabs - 1].run_slabs = run->run_slabs; /* the last record knows it, too */
    hak_process_counters.used_bytes -= slabs << HAK_SLAB_SHIFT;
    end->is_moved = false;
    end->is_lazy = false;
    if (placing == HAK_PLACE_TAKEN)
        hak_free_run_shape(end, slabs, HAK_SLAB_MOVING);
    else
        hak_free_run_insert(end, slabs, HAK_SLAB_UNMAPPED);
    hak_lock_release(&hak_heap_lock);
    return false;
}
