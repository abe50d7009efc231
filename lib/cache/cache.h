/* SPDX-License-Identifier: MIT */
/*
 * The thread cache: a bin of free blocks for each size class. A bin belongs to its heap's thread
 * alone.
 */
#ifndef HAK_CACHE_CACHE_H
#define HAK_CACHE_CACHE_H

#include "core/heap.h"

/* The block has been pushed already; the class's countdown came to its end. */
HAK_SLOW void hak_cache_check_length(struct hak_heap *heap, size_t size_class);

HAK_INLINE void *hak_cache_pop(struct hak_heap *heap, size_t size_class, struct hak_block *block,
                               struct hak_block *next) {
    HAK_FORGET(size_class);
    heap->hot.bin[size_class] = next;
    HAK_FORGET(size_class);
    heap->counters.allocations[size_class]++;
    block->mark = 0; /* a live block must not look like a free one */
    return block;
}

/* Pushes a block that was checked; for the slow twins. */
void hak_cache_push(struct hak_heap *heap, unsigned size_class, struct hak_block *block);

/* What a length check does with the class's bin. Part of a slow path: it drains no inbox, so a
 * drain may call it. */
HAK_SLOW void hak_cache_judge(struct hak_heap *heap, unsigned size_class);

/*
 * Pushes an own block that another thread freed. It counts towards the length check, and not as a
 * free of this thread: goal and countdown change by one each (see struct hak_thread_counters).
 */
HAK_INLINE void hak_cache_receive(struct hak_heap *heap, size_t size_class,
                                  struct hak_block *block) {
    struct hak_block *next = heap->hot.bin[size_class];
    block->next = next;
    block->mark = (uintptr_t)next + heap->hot.secret;
    heap->hot.bin[size_class] = block;
    heap->counters.of[size_class].cache_level++;
    heap->counters.of[size_class].free_goal--;
    if (HAK_UNLIKELY(hak_increment_is_zero(&heap->counters.free_countdown[size_class])))
        hak_cache_judge(heap, (unsigned)size_class);
}

/* A block of untouched memory, which reads as zero; NULL: there is a used block to take instead.
 * The bin is empty. */
void *hak_cache_take_untouched(struct hak_heap *heap, unsigned size_class);

/* True if the bin, or its older list, has a block. */
bool hak_cache_has_blocks(const struct hak_heap *heap, unsigned size_class);

/* Fills an empty bin. False: no memory. */
bool hak_cache_refill(struct hak_heap *heap, unsigned size_class);

/* Gives up to `most` blocks of a class's bin back to their slabs, and what follows in the last one.
 * Returns how many. */
int64_t hak_cache_flush_some(struct hak_heap *heap, unsigned size_class, int64_t most);

/* Gives all blocks of all bins back to their slabs, and empty slabs to the page layer. */
void hak_cache_flush_all(struct hak_heap *heap);

/* Gives an empty slab to the page layer. */
void hak_cache_retire(struct hak_heap *heap, struct hak_slab *slab);

/* Gives back the slab that a class keeps although no block of it is used. */
void hak_cache_release_spare(struct hak_heap *heap, unsigned size_class);

/* Makes the bins of a new heap empty. */
void hak_cache_start(struct hak_heap *heap);

/* The heap of a thread that has exited gets another one. What that one needed, this one will:
 * classes that have had their borrowed blocks get none again. */
void hak_cache_restart(struct hak_heap *heap);

/* True if `block` lies in the bin. */
bool hak_cache_lists(const struct hak_heap *heap, unsigned size_class,
                     const struct hak_block *block);

#endif
