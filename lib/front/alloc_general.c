/* SPDX-License-Identifier: MIT */
/*
 * Where malloc goes when the fast path misses: to a large block, a sampled one, a block of no
 * bytes, a hardened one, or to a bin that is refilled first.
 */
#include "front/alloc_general.h"

#include "cache/abandoned.h"
#include "cache/cache.h"
#include "core/hardened.h"
#include "front/hardened_general.h"
#include "front/sampled_alloc.h"
#include "front/thread.h"
#include "large/large.h"
#include "large/sample.h"
#include "slabs/slab.h"
#include "slabs/zero_size.h"

#include <errno.h>

#define HAK_LENDER_LEAST_BYTES 128u
#define HAK_LENDER_MOST_BYTES 1024u
#define HAK_BORROWED_BLOCKS 8 /* blocks that a class borrows */

/*
 * The first blocks of a small class are blocks of a larger one, its lender, which many classes
 * share: a thread that uses a little of many classes touches some pages a lender, not a page a
 * class. They are the lender's blocks in every respect. After its share a class gets a slab. The
 * smallest class borrows none: who asks for no bytes gets none to write to but those of its own
 * class.
 */
static unsigned lender_of(struct hak_heap *heap, unsigned size_class) {
    size_t bytes = hak_size_class_bytes[size_class];
    if (size_class == 1 || bytes >= HAK_LENDER_MOST_BYTES ||
        heap->borrowed[size_class] == HAK_BORROWED_BLOCKS)
        return size_class;
    size_t lender_bytes = hak_max((size_t)2 << hak_log2_floor(bytes - 1), HAK_LENDER_LEAST_BYTES);
    heap->borrowed[size_class]++;
    return hak_size_class_of(lender_bytes);
}

static void *pop_after_refill(struct hak_heap *heap, unsigned size_class) {
    struct hak_block *block = heap->hot.bin[size_class];
    return hak_cache_pop(heap, size_class, block, hak_block_next(block));
}

/* Does a request of no bytes get a block without any? While a heap has some left, or always. */
static bool is_turn_of_zero_size(struct hak_heap *heap) {
    if (hak_hardened.guards)
        return true;
    if (!heap || heap->zero_sizes_left == 0)
        return false;
    if (--heap->zero_sizes_left == 0)
        hak_sample_publish_sizes(heap);
    return true;
}

/* Inline: its return address is that of malloc, which ends in a jump to the slow twin. */
HAK_INLINE void *alloc_after_miss(size_t bytes) {
    struct hak_heap *heap = hak_heap_get();
    if (HAK_UNLIKELY(!heap))
        heap = hak_thread_start_heap();
    if (bytes > HAK_CLASS_MAX_BYTES)
        return hak_large_alloc(bytes, HAK_SLAB_BYTES, NULL);
    if (HAK_UNLIKELY(bytes == 0) && is_turn_of_zero_size(heap)) {
        void *block = hak_zero_size_alloc();
        if (block)
            return block;
    }
    if (HAK_UNLIKELY(heap && heap->sampler.is_on) && hak_sample_is_turn(heap, bytes)) {
        void *block = hak_sampled_alloc(heap, bytes, __builtin_return_address(0));
        if (block)
            return block;
    }
    if (HAK_UNLIKELY(hak_hardened.is_on))
        return hak_hardened_general_alloc(heap, bytes, 16);
    unsigned size_class = hak_size_class_of(bytes);
    if (HAK_UNLIKELY(!heap))
        return hak_abandoned_alloc(size_class);
    if (heap->hot.bin[size_class] == HAK_LIST_END)
        size_class = lender_of(heap, size_class);
    if (heap->hot.bin[size_class] == HAK_LIST_END && !hak_cache_refill(heap, size_class))
        return NULL;
    return pop_after_refill(heap, size_class);
}

void *hak_alloc_general(size_t bytes) {
    void *block = alloc_after_miss(bytes);
    if (HAK_UNLIKELY(!block))
        errno = ENOMEM;
    return block;
}
