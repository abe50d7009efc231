/* SPDX-License-Identifier: MIT */
/*
 * Owns the walk over one heap: bins, slabs, counters. Only the heap's thread may call. It reads and
 * never writes; a broken invariant traps, so that a debugger stands where it is.
 */
#include "heap/verify.h"

#include "heap/slab.h"

static void require(bool holds) {
    if (!holds)
        __builtin_trap();
}

static void verify_slab(const struct hak_heap *heap, const struct hak_slab *slab, unsigned class,
                        bool is_full) {
    require(atomic_load_explicit(&slab->owner, memory_order_relaxed) == heap);
    require(slab->class == class && slab->is_full == is_full);
    require(slab->used + slab->free_count == slab->carved && slab->carved <= slab->capacity);
    require(is_full == (slab->free_count == 0 && slab->carved == slab->capacity));
    unsigned listed = 0;
    for (const struct hak_block *block = slab->free; block != HAK_LIST_END;
         block = hak_block_next(block))
        listed++;
    require(listed == slab->free_count);
}

static void verify_list(const struct hak_heap *heap, const struct hak_link *head, unsigned class,
                        bool is_full) {
    const struct hak_link *link = head->next;
    for (; link != head; link = link->next) {
        require(link->next->previous == link);
        verify_slab(heap, hak_container(link, struct hak_slab, link), class, is_full);
    }
}

static void verify_bin(const struct hak_heap *heap, unsigned class) {
    int64_t listed = 0;
    for (const struct hak_block *block = heap->hot.bin[class]; block != HAK_LIST_END;
         block = hak_block_next(block))
        listed++;
    int64_t frees = (int64_t)hak_own_frees(&heap->counters, class);
    int64_t allocations = (int64_t)heap->counters.allocations[class];
    require(listed == heap->level[class] + frees - allocations);
    require(heap->counters.free_countdown[class] < 0);
}

void hak_heap_verify_always(const struct hak_heap *heap) {
    for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++) {
        verify_bin(heap, class);
        verify_list(heap, &heap->partial[class], class, false);
        verify_list(heap, &heap->full[class], class, true);
    }
}
