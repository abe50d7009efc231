/* SPDX-License-Identifier: MIT */
/*
 * The way of a block that was checked: into the bin of the caller's heap, or to the heap that owns
 * its slab; or to the slab, if that is evacuated.
 */
#ifndef HAK_FRONT_RETURN_BLOCK_H
#define HAK_FRONT_RETURN_BLOCK_H

#include "cache/abandoned.h"
#include "cache/cache.h"
#include "cache/evacuate.h"
#include "cache/remote.h"

/* `heap` is the caller's, or NULL: it has none. */
HAK_INLINE void hak_return_block(struct hak_heap *heap, struct hak_slab *slab,
                                 struct hak_block *block) {
    /* acquire pairs with the release in set_owner (slab.c) */
    struct hak_heap *owner = atomic_load_explicit(&slab->owner, memory_order_acquire);
    if (HAK_UNLIKELY(!heap)) {
        hak_abandoned_count_free(slab);
        hak_remote_free_slow(NULL, slab, owner, block);
    } else if (owner == heap && HAK_UNLIKELY(slab->is_evacuated)) {
        hak_evacuate_free(heap, slab, block);
    } else if (owner == heap) {
        hak_slab_publish(heap, slab);
        hak_cache_push(heap, slab->size_class, block);
    } else {
        heap->counters.of[slab->size_class].remote_frees++;
        hak_remote_free(heap, slab, owner, block);
    }
}

#endif
