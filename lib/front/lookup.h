/* SPDX-License-Identifier: MIT */
/*
 * What is asked about a pointer: whose it is, and how large its block is. Any thread may call.
 */
#ifndef HAK_FRONT_LOOKUP_H
#define HAK_FRONT_LOOKUP_H

#include "core/heap.h"

/*
 * The size class of a live block of the caller's own heap, by the tests that free makes;
 * HAK_CLASS_NONE: hak_lookup_block knows more.
 */
HAK_INLINE size_t hak_lookup_own_class(const void *pointer) {
    const struct hak_heap_hot *hot = hak_heap_mine;
    size_t index = ((uintptr_t)pointer - hot->region_base) >> HAK_SLAB_SHIFT;
    if (HAK_UNLIKELY(index >= hot->region_slabs))
        return HAK_CLASS_NONE;
    const uint32_t *bound = &hak_heap_of_hot(hot)->slab_bound[index];
    size_t size_class = hak_heap_bound_class(bound);
    uint32_t rest = (uint16_t)(uintptr_t)pointer * hot->magic[size_class];
    if (HAK_UNLIKELY(rest >= *bound))
        return HAK_CLASS_NONE;
    bool is_suspect = ((const uint8_t *)pointer)[HAK_MARK_TAG_BYTE] == HAK_MARK_TAG;
    return HAK_UNLIKELY(is_suspect) ? HAK_CLASS_NONE : size_class;
}

/* Who answers for a pointer. */
enum hak_ownership { HAK_OWNED, HAK_OWNED_SAMPLED_GUARD, HAK_OWNED_BY_LIBC, HAK_OWNED_BY_NOBODY };

struct hak_block_info {
    enum hak_ownership ownership;
    struct hak_slab *slab; /* HAK_OWNED */
    size_t bytes;          /* usable bytes of the block, if it is not libc's */
};

/*
 * Looks a live block up for realloc and malloc_usable_size; never NULL. A pointer that is ours but
 * starts no live block, or that is nobody's, is a fatal report.
 */
struct hak_block_info hak_lookup_block(const void *pointer);

#endif
