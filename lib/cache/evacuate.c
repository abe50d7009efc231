/* SPDX-License-Identifier: MIT */
/*
 * Owns the choice of slabs to evacuate. Called by the heap's thread alone. Invariant: when a slab
 * is chosen, the free blocks of the class's other slabs are enough for its live blocks and for all
 * those of slabs chosen before. So each choice saves a slab in the end, and moving ends when there
 * is no slab to be saved.
 */
#include "cache/evacuate.h"

#include "cache/bin.h"
#include "cache/cache.h"
#include "core/hardened.h"
#include "pages/purge.h"
#include "slabs/slab.h"

/* Blocks of a bin that one hint returns to their slabs: as many as a flush. */
#define HAK_RETURN_BLOCKS 1024

#define HAK_REFILL_BLOCKS 512 /* no refill brings more */

#define HAK_PURGE_SLABS 16 /* emptied between two purges: 1 MiB, half of what one gives back */

/* Is it the one that malloc fills next? Then what has been moved there would be moved again. */
static bool is_next_refill(struct hak_heap *heap, const struct hak_slab *slab) {
    return hak_list_first(&heap->bin_state[slab->size_class].partial) == &slab->link;
}

/* Does the bin have more than one refill brings? Then slabs look fuller than they are. */
static bool is_bin_long(const struct hak_heap *heap, const struct hak_slab *slab) {
    int64_t most = (int64_t)hak_min(slab->capacity, HAK_REFILL_BLOCKS);
    return hak_bin_length(heap, slab->size_class) > most;
}

/* Is the slab no fuller than the others on average, and do they have room for it? */
static bool is_worthwhile(struct hak_heap *heap, const struct hak_slab *slab) {
    const struct hak_evacuation *evacuation = &heap->evacuation[slab->size_class];
    uint64_t slabs = heap->counters.of[slab->size_class].slabs - evacuation->slab_count;
    uint64_t used = (uint64_t)heap->bin_state[slab->size_class].used - evacuation->used;
    uint64_t moving = evacuation->used + slab->used;
    if (slab->is_full || slab->used * slabs > used || is_next_refill(heap, slab))
        return false;
    return moving + used - slab->used <= (slabs - 1) * slab->capacity;
}

bool hak_evacuate_if_sparse(struct hak_heap *heap, struct hak_slab *slab) {
    /* relaxed: only this thread makes it, or unmakes it, its own */
    if (atomic_load_explicit(&slab->owner, memory_order_relaxed) != heap ||
        atomic_load_explicit(&slab->state, memory_order_relaxed) != HAK_SLAB_BLOCKS)
        return false;
    if (slab->is_evacuated)
        return true;
    if (hak_hardened.is_on || !(is_bin_long(heap, slab) || is_worthwhile(heap, slab)))
        return false;
    hak_heap_enter(heap);
    hak_cache_flush_some(heap, slab->size_class, HAK_RETURN_BLOCKS);
    bool is_chosen = !hak_cache_has_blocks(heap, slab->size_class) && is_worthwhile(heap, slab);
    if (is_chosen)
        hak_slab_evacuate(heap, slab);
    hak_heap_leave(heap);
    return is_chosen;
}

void hak_evacuate_receive(struct hak_heap *heap, struct hak_slab *slab, struct hak_block *block) {
    if (!hak_slab_return(heap, slab, block))
        return;
    hak_cache_retire(heap, slab);
    if (++heap->evacuated_slabs < HAK_PURGE_SLABS)
        return;
    heap->evacuated_slabs = 0;
    hak_purge_evacuated();
}

/* For the statistics it goes to the bin and out of it. */
void hak_evacuate_free(struct hak_heap *heap, struct hak_slab *slab, struct hak_block *block) {
    unsigned size_class = slab->size_class;
    hak_heap_enter(heap);
    bool is_trip = ++heap->counters.free_countdown[size_class] == 0;
    heap->counters.of[size_class].cache_level--;
    hak_evacuate_receive(heap, slab, block);
    hak_heap_leave(heap);
    if (is_trip)
        hak_cache_check_length(heap, size_class);
}

struct hak_slab *hak_evacuate_first(struct hak_heap *heap, unsigned size_class) {
    struct hak_link *head = &heap->evacuation[size_class].slabs;
    return hak_list_is_empty(head) ? NULL : hak_container(head->next, struct hak_slab, link);
}
