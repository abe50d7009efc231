/* SPDX-License-Identifier: MIT */
/*
 * The fast path of malloc, and its slow twins. Any thread may call.
 *
 * The fast paths' one idea: a block taken from a bin must prove its link (mark - secret == next).
 * The empty bin's end marker, the bins of a thread without a heap, and an overwritten link all fail
 * that one comparison and land in the slow twin.
 */
#ifndef HAK_FRONT_ALLOC_H
#define HAK_FRONT_ALLOC_H

#include "cache/cache.h"

/* Slow twins: any size, any state of the thread. NULL: no memory; errno is ENOMEM then. */
HAK_SLOW void *hak_alloc_slow(size_t bytes);
HAK_SLOW void *hak_alloc_medium(size_t bytes);

/*
 * A block of a size class above HAK_DIRECT_MAX_BYTES that reads as zero: made of memory that is
 * zero anyway. NULL: there is a used block to take instead; nothing has changed.
 */
HAK_SLOW void *hak_alloc_untouched(size_t bytes);

/* Takes the bin's first block, if its link proves that there is one. */
HAK_INLINE void *hak_alloc_class(const struct hak_heap_hot *hot, size_t size_class, size_t bytes) {
    struct hak_block *block = hot->bin[size_class];
    HAK_RETURN_REGISTER(block);
    struct hak_block *next = (struct hak_block *)(block->mark - hot->secret);
    if (HAK_UNLIKELY(next != block->next))
        return hak_alloc_slow(bytes);
    return hak_cache_pop(hak_heap_of_hot(hot), size_class, block, next);
}

/* The same for a caller that has a slow twin of its own: NULL then. */
HAK_INLINE void *hak_alloc_listed(const struct hak_heap_hot *hot, size_t size_class) {
    struct hak_block *block = hot->bin[size_class];
    struct hak_block *next = (struct hak_block *)(block->mark - hot->secret);
    if (HAK_UNLIKELY(next != block->next))
        return NULL;
    return hak_cache_pop(hak_heap_of_hot(hot), size_class, block, next);
}

HAK_INLINE void *hak_alloc(size_t bytes) {
    const struct hak_heap_hot *hot = hak_heap_mine;
    if (HAK_UNLIKELY(bytes > HAK_DIRECT_MAX_BYTES))
        return hak_alloc_medium(bytes);
    return hak_alloc_class(hot, hot->class_of[bytes], bytes);
}

#endif
