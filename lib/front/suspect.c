/* SPDX-License-Identifier: MIT */
/*
 * Settles the suspicion of a double free: the memory of the block says that it may be free, and the
 * lists say whether it is.
 */
#include "front/suspect.h"

#include "cache/cache.h"
#include "core/region.h"
#include "os/os_fatal.h"
#include "slabs/slab.h"

static uint8_t state_of(const struct hak_slab *slab) {
    /* acquire pairs with the release where the state is set: the record is complete */
    return atomic_load_explicit(&slab->state, memory_order_acquire);
}

/* The first record of the run that a slab is inside of; only on the way to a fatal report. */
static const struct hak_slab *run_around(const struct hak_region *region,
                                         const struct hak_slab *slab) {
    const struct hak_slab *first = slab;
    while (first > region->slab && state_of(first) == HAK_SLAB_UNUSED)
        first--;
    return first;
}

void hak_suspect_report_dead(const struct hak_slab *slab, const void *pointer, bool is_free) {
    enum hak_fatal_code code = is_free ? HAK_FATAL_INVALID_FREE : HAK_FATAL_INVALID_POINTER;
    uint8_t state = state_of(run_around(hak_region_of((uintptr_t)pointer), slab));
    bool is_free_run = state == HAK_SLAB_DIRTY || state == HAK_SLAB_CLEAN ||
                       state == HAK_SLAB_UNMAPPED || state == HAK_SLAB_WAITING;
    if (state == HAK_SLAB_LARGE && is_free)
        code = HAK_FATAL_INTERIOR_FREE;
    else if (is_free_run && (uintptr_t)pointer % 16 == 0)
        code = is_free ? HAK_FATAL_DOUBLE_FREE : HAK_FATAL_FREED_BLOCK;
    hak_fatal(code, pointer, 0, HAK_NO_THREAD);
}

static bool is_owned_by(const struct hak_slab *slab, const struct hak_heap *heap) {
    return atomic_load_explicit(&slab->owner, memory_order_acquire) == heap;
}

/* Another thread's lists can't be walked: is the link at least one that its slab could have? */
static bool link_is_plausible(const struct hak_slab *slab, const struct hak_block *block) {
    uintptr_t next = (uintptr_t)block->next;
    if (block->next == HAK_LIST_END)
        return true;
    struct hak_region *region = hak_region_of(next);
    const struct hak_slab *other = region ? hak_region_slab_at(region, next) : NULL;
    return other && state_of(other) == HAK_SLAB_BLOCKS && other->size_class == slab->size_class &&
           hak_slab_has_start(other, next);
}

/*
 * Settles a suspicion. The remote mark has the block's own address in it, so it can't be there by
 * chance. The local mark could have been copied from other freed memory by a program that moves
 * uninitialised bytes: on own slabs the lists are searched.
 */
bool hak_suspect_is_free(const struct hak_heap *heap, const struct hak_slab *slab,
                         const struct hak_block *block) {
    if (block->mark == hak_block_mark_remote(block, block->next))
        return true;
    if (block->mark != hak_block_mark_local(block->next))
        return false;
    if (heap && is_owned_by(slab, heap))
        return hak_cache_lists(heap, slab->size_class, block) || hak_slab_lists(slab, block);
    return link_is_plausible(slab, block);
}
