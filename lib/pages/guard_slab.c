/* SPDX-License-Identifier: MIT */
/*
 * Owns the count of guards. Invariant: a guard's record stays MOVING, so that it joins no free run;
 * there are never more than HAK_GUARDS_MOST, because each costs two mappings of the process's
 * 65,530.
 */
#include "pages/guard_slab.h"

#include "core/lock.h"
#include "os/os_memory.h"
#include "pages/free_run.h"

#define HAK_GUARDS_MOST 1000

/* relaxed: a bound */
static _Atomic int guards;

static void insert_one(struct hak_slab *slab) {
    slab->is_moved = false;
    slab->is_lazy = false;
    hak_free_run_insert(slab, 1, HAK_SLAB_CLEAN);
}

/* The slab's neighbour behind it becomes a guard. */
static void split_pair(struct hak_slab *slab) {
    struct hak_slab *guard = slab + 1;
    bool is_denied =
        hak_os_make_inaccessible((void *)hak_region_slab_address(guard), HAK_SLAB_BYTES);
    hak_lock_take(&hak_heap_lock);
    if (is_denied)
        hak_free_run_shape(guard, 1, HAK_SLAB_MOVING);
    else
        insert_one(guard);
    insert_one(slab);
    hak_lock_release(&hak_heap_lock);
}

bool hak_guard_slab_split(struct hak_slab *run, size_t slabs) {
    int wanted = (int)(slabs / 2);
    if (atomic_fetch_add_explicit(&guards, wanted, memory_order_relaxed) + wanted >
        HAK_GUARDS_MOST) {
        atomic_fetch_sub_explicit(&guards, wanted, memory_order_relaxed);
        return false;
    }
    for (size_t i = 0; i < slabs; i += 2)
        split_pair(run + i);
    return true;
}
