/* SPDX-License-Identifier: MIT */
/*
 * The fast path of free, and its slow twin. Any thread may call, with any pointer.
 */
#ifndef HAK_FRONT_FREE_H
#define HAK_FRONT_FREE_H

#include "cache/cache.h"

/* Slow twins of free: everything but a plain block of the caller's own heap. */
HAK_SLOW void hak_free_slow(void *pointer);

HAK_INLINE void hak_free(void *pointer) {
    const struct hak_heap_hot *hot = hak_heap_mine;
    struct hak_block *block = pointer;
    size_t index = ((uintptr_t)pointer - hot->region_base) >> HAK_SLAB_SHIFT;
    if (HAK_UNLIKELY(index >= hot->region_slabs))
        return hak_free_slow(pointer);
    struct hak_heap *heap = hak_heap_of_hot(hot);
    size_t size_class = hak_heap_bound_class(&heap->slab_bound[index]);
    uint32_t rest = (uint16_t)(uintptr_t)pointer * heap->hot.magic[size_class];
    HAK_FORGET(index);
    /* Another heap's slab has bound 0, which fails, too. */
    if (HAK_UNLIKELY(rest >= heap->slab_bound[index]))
        return hak_free_slow(pointer);
    if (HAK_UNLIKELY(((uint8_t *)pointer)[HAK_MARK_TAG_BYTE] == HAK_MARK_TAG))
        return hak_free_slow(pointer);
    struct hak_block *next = heap->hot.bin[size_class];
    block->next = next;
    block->mark = (uintptr_t)next + heap->hot.secret;
    HAK_FORGET(size_class);
    heap->hot.bin[size_class] = block;
    HAK_FORGET(size_class);
    if (HAK_UNLIKELY(hak_increment_is_zero(&heap->counters.free_countdown[size_class])))
        return hak_cache_check_length(heap, size_class);
}

#endif
