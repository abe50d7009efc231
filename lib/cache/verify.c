/* SPDX-License-Identifier: MIT */
/*
 * Owns the walk over one heap: bins, slabs, counters. Only the heap's thread may call. It reads and
 * never writes; a broken invariant traps, so that a debugger stands where it is.
 */
#include "cache/verify.h"

#include "cache/bin.h"
#include "slabs/slab.h"

static void require(bool holds) {
    if (!holds)
        __builtin_trap();
}

static unsigned count_purged(const struct hak_slab *slab) {
    unsigned count = 0;
    if (!hak_purged_page_mask(slab))
        return 0;
    for (unsigned i = 0; i < hak_slab_carved(slab); i++)
        count += hak_purged_page_has(slab, i * (uintptr_t)hak_size_class_bytes[slab->size_class]);
    for (const struct hak_block *block = slab->free; block != HAK_LIST_END; block = block->next)
        require(!hak_purged_page_has(slab, (uintptr_t)block));
    return count;
}

static void verify_slab(const struct hak_heap *heap, const struct hak_slab *slab, bool is_full) {
    require(atomic_load_explicit(&slab->owner, memory_order_relaxed) == heap);
    require(slab->is_full == is_full);
    unsigned carved = hak_slab_carved(slab);
    unsigned listed = slab->free_count + slab->purged_count;
    require(slab->used + listed == carved && carved <= slab->capacity);
    require(is_full == (listed == 0 && carved == slab->capacity));
    require(hak_block_list_length(slab->free) == slab->free_count);
    require(count_purged(slab) == slab->purged_count);
}

/* Adds the blocks that are out of the list's slabs to `used`, by class. */
static void verify_list(const struct hak_heap *heap, const struct hak_link *head, bool is_full,
                        int64_t *used) {
    const struct hak_link *link = hak_list_first(head);
    for (; link != head; link = link->next) {
        const struct hak_slab *slab = hak_container(link, struct hak_slab, link);
        require(link->next->previous == link);
        verify_slab(heap, slab, is_full);
        used[slab->size_class] += slab->used;
    }
}

static void verify_bin(const struct hak_heap *heap, unsigned size_class) {
    int64_t listed = hak_block_list_length(heap->hot.bin[size_class]);
    if (!hak_bin_is_started(heap, size_class)) {
        require(listed == 0);
        return;
    }
    require(hak_block_list_length(heap->bin_state[size_class].old_half) ==
            heap->bin_state[size_class].old_count);
    listed += heap->bin_state[size_class].old_count;
    /* Shared counters may hold what a child did that was forked without handlers. */
    bool is_exact = heap->counters.record == 0;
    require(listed == hak_bin_length(heap, size_class) || !is_exact);
    require(heap->counters.free_countdown[size_class] < 0 || !is_exact);
}

static void require_not_evacuated(const struct hak_block *block) {
    for (; block != HAK_LIST_END; block = block->next)
        require(!hak_region_slab_own(block)->is_evacuated);
}

/* Returns the blocks that are out of the class's evacuated slabs: none is in the bin. */
static int64_t verify_evacuation(const struct hak_heap *heap, unsigned size_class) {
    const struct hak_evacuation *evacuation = &heap->evacuation[size_class];
    int64_t used[HAK_CLASS_COUNT] = {0};
    uint32_t slabs = 0;
    const struct hak_link *link = hak_list_first(&evacuation->slabs);
    for (; link != &evacuation->slabs; link = link->next, slabs++)
        require(hak_container(link, const struct hak_slab, link)->is_evacuated);
    require(slabs == evacuation->slab_count);
    if (slabs == 0)
        return 0;
    require_not_evacuated(heap->hot.bin[size_class]);
    if (heap->bin_state[size_class].old_count)
        require_not_evacuated(heap->bin_state[size_class].old_half);
    verify_list(heap, &evacuation->slabs, false, used);
    require(used[size_class] == evacuation->used);
    return used[size_class];
}

void hak_verify_heap_always(const struct hak_heap *heap) {
    int64_t used[HAK_CLASS_COUNT] = {0};
    verify_list(heap, &heap->full, true, used);
    for (unsigned size_class = 1; size_class < HAK_CLASS_COUNT; size_class++) {
        verify_bin(heap, size_class);
        verify_list(heap, &heap->bin_state[size_class].partial, false, used);
        verify_list(heap, &heap->sparse[size_class], false, used);
        used[size_class] += verify_evacuation(heap, size_class);
        require(used[size_class] == heap->bin_state[size_class].used);
    }
}
