/* SPDX-License-Identifier: MIT */
/*
 * Owns the check of a run's mapping. Ordinary runs are parts of one large mapping: the kernel joins
 * neighbours whose protection and advice are the same. So a run that is not one mapping together
 * with a page of each neighbour was changed, unless the neighbour is special, which its record
 * shows. If no neighbour is ordinary, the usual protection and advice are given anew.
 */
#include "pages/renew.h"

#include "core/lock.h"
#include "os/os_memory.h"
#include "pages/free_run.h"
#include "pages/huge.h"
#include "stats/process.h"

/* Runs from this size on are checked when they are given back: a system call is nothing beside the
 * faults of so many pages. glibc maps such blocks one by one, at least at first. */
#define HAK_RENEW_MIN_SLABS (HAK_MIB(1) >> HAK_SLAB_SHIFT)

#define HAK_MISMATCHES_MOST 8u /* some come by chance, while a neighbour becomes special */

/*
 * How often a renewed run was still no part of its neighbours' mapping. In some processes ordinary
 * neighbours stay apart: a fork's child, whose new mappings the kernel does not join with those of
 * the parent. Neighbours say nothing there. relaxed: a hint.
 */
static _Atomic uint32_t mismatches;

static _Atomic bool cannot_mend; /* the system knows none of this; relaxed: a hint */

static bool do_neighbours_tell(void) {
    return atomic_load_explicit(&mismatches, memory_order_relaxed) < HAK_MISMATCHES_MOST;
}

/* Lock held. A free run, a slab of blocks or a large block that nothing special was done to, by its
 * first record; NULL is none. */
static bool is_plain(const struct hak_slab *run) {
    if (!run || run->is_moved || run->has_guard_page || run->has_guard || hak_huge_is_pooled(run))
        return false;
    uint8_t state = hak_slab_record_state(run);
    return hak_free_run_is(run) || state == HAK_SLAB_BLOCKS || state == HAK_SLAB_LARGE;
}

/* Lock held. The first record of the run that ends with this one; NULL: it can't be told. */
static const struct hak_slab *first_of(const struct hak_region *region,
                                       const struct hak_slab *last) {
    if (!last || (size_t)(last - region->slab) + 1 < last->run_slabs || last->run_slabs == 0)
        return NULL;
    const struct hak_slab *first = last - (last->run_slabs - 1);
    return first->run_slabs == last->run_slabs ? first : NULL;
}

/* Lock held. What is unmapped, or on its way to be so, is not. */
static bool is_mapped(const struct hak_slab *run) {
    return run && !hak_free_run_is_unmapped(run) && hak_slab_record_state(run) != HAK_SLAB_MOVING;
}

/* The run, and a page of each plain neighbour, where neighbours tell anything. */
struct look {
    uintptr_t start, end;
    bool has_neighbour;
};

static struct look plan_look(const struct hak_slab *run) {
    const struct hak_region *region = hak_region_of_slab(run);
    uintptr_t start = hak_region_slab_address(run), end = start + hak_slab_record_run_bytes(run);
    const struct hak_slab *before = hak_region_slab_at(region, start - 1);
    const struct hak_slab *after = hak_region_slab_at(region, end);
    bool may_tell = !run->is_moved && do_neighbours_tell();
    hak_lock_take(&hak_heap_lock);
    bool is_end = !is_mapped(after);
    bool is_before = may_tell && is_plain(first_of(region, before));
    bool is_after = may_tell && is_plain(after);
    hak_lock_release(&hak_heap_lock);
    start -= is_before ? hak_os_page_bytes : 0;
    end += is_after ? hak_os_page_bytes : 0;
    end -= is_end ? hak_os_page_bytes : 0;
    return (struct look){start, end, is_before || is_after};
}

/* Without neighbours that tell. Where huge pages are welcome in parts, they may be in this one. */
static bool mend(const struct hak_slab *run) {
    void *start = (void *)hak_region_slab_address(run);
    hak_lock_take(&hak_heap_lock);
    bool has_huge = hak_process_counters.huge_bytes != 0;
    hak_lock_release(&hak_heap_lock);
    if (!has_huge)
        hak_os_advise_huge(start, hak_slab_record_run_bytes(run), hak_os_renewed_is_huge);
    return hak_os_mend(start, hak_slab_record_run_bytes(run));
}

static bool is_changed(const struct hak_slab *run) {
    struct look look = plan_look(run);
    if (!hak_os_is_one_mapping((void *)look.start, look.end - look.start))
        return true;
    if (look.has_neighbour || atomic_load_explicit(&cannot_mend, memory_order_relaxed))
        return false;
    return !mend(run);
}

/* What is seen at a new mapping is no sign of a change. */
static void learn(const struct hak_slab *run) {
    struct look look = plan_look(run);
    if (!hak_os_is_one_mapping((void *)look.start, look.end - look.start))
        atomic_fetch_add_explicit(&mismatches, 1, memory_order_relaxed);
    if (!look.has_neighbour && !mend(run))
        atomic_store_explicit(&cannot_mend, true, memory_order_relaxed);
}

bool hak_renew_run(struct hak_slab *run) {
    hak_huge_note_purge(run);
    if (!hak_os_renew((void *)hak_region_slab_address(run), hak_slab_record_run_bytes(run)))
        return false;
    run->is_moved = false;
    learn(run);
    return true;
}

bool hak_renew_if_changed(struct hak_slab *run) {
    bool is_checked = run->run_slabs >= HAK_RENEW_MIN_SLABS && !hak_huge_is_pooled(run);
    return is_checked && is_changed(run) && hak_renew_run(run);
}
