/* SPDX-License-Identifier: MIT */
/*
 * Owns the thread cache: the fast paths that malloc and free consist of, and their slow twins. A
 * bin belongs to its heap's thread alone.
 *
 * The fast paths' one idea: a block taken from a bin must prove its link (mark - secret == next).
 * The empty bin's end marker, the bins of a thread without a heap, and an overwritten link all fail
 * that one comparison and land in the slow twin.
 */
#ifndef HAK_HEAP_CACHE_H
#define HAK_HEAP_CACHE_H

#include "heap/heap.h"

/* Slow twins: any size, any state of the thread. NULL: no memory; errno is ENOMEM then. */
HAK_SLOW void *hak_alloc_slow(size_t bytes);
HAK_SLOW void *hak_alloc_medium(size_t bytes);
/* The first of them without the plain cases of hardened heaps. */
HAK_SLOW void *hak_alloc_general(size_t bytes);

/*
 * A block of a size class above HAK_DIRECT_MAX_BYTES that reads as zero: made of memory that is
 * zero anyway. NULL: there is a used block to take instead; nothing has changed.
 */
HAK_SLOW void *hak_alloc_untouched(size_t bytes);

/* Slow twins of free: everything but a plain block of the caller's own heap. */
HAK_SLOW void hak_free_slow(void *pointer);
/* The block has been pushed already; the class's countdown came to its end. */
HAK_SLOW void hak_cache_trip(struct hak_heap *heap, size_t class);

HAK_INLINE void *hak_cache_pop(struct hak_heap *heap, size_t class, struct hak_block *block,
                               struct hak_block *next) {
    HAK_FORGET(class);
    heap->hot.bin[class] = next;
    HAK_FORGET(class);
    heap->counters.allocations[class]++;
    block->mark = 0; /* a live block must not look like a free one */
    return block;
}

/* Takes the bin's first block, if its link proves that there is one. */
HAK_INLINE void *hak_alloc_class(const struct hak_heap_hot *hot, size_t class, size_t bytes) {
    struct hak_block *block = hot->bin[class];
    HAK_RETURN_REGISTER(block);
    struct hak_block *next = (struct hak_block *)(block->mark - hot->secret);
    if (HAK_UNLIKELY(next != block->next))
        return hak_alloc_slow(bytes);
    return hak_cache_pop(hak_heap_of_hot(hot), class, block, next);
}

/* The same for a caller that has a slow twin of its own: NULL then. */
HAK_INLINE void *hak_alloc_listed(const struct hak_heap_hot *hot, size_t class) {
    struct hak_block *block = hot->bin[class];
    struct hak_block *next = (struct hak_block *)(block->mark - hot->secret);
    if (HAK_UNLIKELY(next != block->next))
        return NULL;
    return hak_cache_pop(hak_heap_of_hot(hot), class, block, next);
}

HAK_INLINE void *hak_alloc(size_t bytes) {
    const struct hak_heap_hot *hot = hak_heap_mine;
    if (HAK_UNLIKELY(bytes > HAK_DIRECT_MAX_BYTES))
        return hak_alloc_medium(bytes);
    return hak_alloc_class(hot, hot->class_of[bytes], bytes);
}

HAK_INLINE void hak_free(void *pointer) {
    const struct hak_heap_hot *hot = hak_heap_mine;
    struct hak_block *block = pointer;
    size_t index = ((uintptr_t)pointer - hot->range_base) >> HAK_SLAB_SHIFT;
    if (HAK_UNLIKELY(index >= hot->range_slabs))
        return hak_free_slow(pointer);
    struct hak_heap *heap = hak_heap_of_hot(hot);
    size_t class = hak_bound_class(&heap->slab_bound[index]);
    uint32_t rest = (uint16_t)(uintptr_t)pointer * heap->hot.magic[class];
    HAK_FORGET(index);
    /* Another heap's slab has bound 0, which fails, too. */
    if (HAK_UNLIKELY(rest >= heap->slab_bound[index]))
        return hak_free_slow(pointer);
    if (HAK_UNLIKELY(((uint8_t *)pointer)[HAK_MARK_TAG_BYTE] == HAK_MARK_TAG))
        return hak_free_slow(pointer);
    struct hak_block *next = heap->hot.bin[class];
    block->next = next;
    block->mark = (uintptr_t)next + heap->hot.secret;
    HAK_FORGET(class);
    heap->hot.bin[class] = block;
    HAK_FORGET(class);
    if (HAK_UNLIKELY(hak_increment_is_zero(&heap->counters.free_countdown[class])))
        return hak_cache_trip(heap, class);
}

/*
 * The size class of a live block of the caller's own heap, by the tests that free makes;
 * HAK_CLASS_NONE: hak_block_find knows more.
 */
HAK_INLINE size_t hak_own_class(const void *pointer) {
    const struct hak_heap_hot *hot = hak_heap_mine;
    size_t index = ((uintptr_t)pointer - hot->range_base) >> HAK_SLAB_SHIFT;
    if (HAK_UNLIKELY(index >= hot->range_slabs))
        return HAK_CLASS_NONE;
    const uint32_t *bound = &hak_heap_of_hot(hot)->slab_bound[index];
    size_t class = hak_bound_class(bound);
    uint32_t rest = (uint16_t)(uintptr_t)pointer * hot->magic[class];
    if (HAK_UNLIKELY(rest >= *bound))
        return HAK_CLASS_NONE;
    bool is_suspect = ((const uint8_t *)pointer)[HAK_MARK_TAG_BYTE] == HAK_MARK_TAG;
    return HAK_UNLIKELY(is_suspect) ? HAK_CLASS_NONE : class;
}

/* Pushes a block that was checked; for the slow twins. */
void hak_cache_push(struct hak_heap *heap, unsigned class, struct hak_block *block);

/*
 * Pushes an own block that another thread freed. It counts towards the trip, and not as a free of
 * this thread: goal and countdown change by one each (see struct hak_thread_counters).
 */
HAK_INLINE void hak_cache_receive(struct hak_heap *heap, size_t class, struct hak_block *block) {
    struct hak_block *next = heap->hot.bin[class];
    block->next = next;
    block->mark = (uintptr_t)next + heap->hot.secret;
    heap->hot.bin[class] = block;
    heap->counters.of[class].cache_level++;
    heap->counters.of[class].free_goal--;
    if (HAK_UNLIKELY(hak_increment_is_zero(&heap->counters.free_countdown[class])))
        hak_cache_trip(heap, class);
}

/* Fills an empty bin. False: no memory. */
bool hak_cache_refill(struct hak_heap *heap, unsigned class);

/* Gives up to `most` blocks of a class's bin back to their slabs, and what follows in the last one.
 * Returns how many. */
int64_t hak_cache_flush_some(struct hak_heap *heap, unsigned class, int64_t most);

/* Gives all blocks of all bins back to their slabs, and empty slabs to the page layer. */
void hak_cache_flush_all(struct hak_heap *heap);

/* Gives an empty slab to the page layer. */
void hak_cache_retire(struct hak_heap *heap, struct hak_slab *slab);

/* Gives back the slab that a class keeps although no block of it is used. */
void hak_cache_release_spare(struct hak_heap *heap, unsigned class);

/* Makes the bins of a new heap empty. */
void hak_cache_start(struct hak_heap *heap);

/* The heap of a thread that has exited gets another one. What that one needed, this one will:
 * classes that have had their guests get none again. */
void hak_cache_restart(struct hak_heap *heap);

/* True if `block` lies in the bin. */
bool hak_cache_lists(const struct hak_heap *heap, unsigned class, const struct hak_block *block);

#endif
