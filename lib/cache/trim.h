/* SPDX-License-Identifier: MIT */
/*
 * Owns what a heap gives back when the process is trimmed: free blocks of its bins to their slabs,
 * wholly free pages of those to the system. The thread that asks gives at once what its own heap
 * has; every other one follows in its slow paths, by portions with rest in between, so that no
 * malloc or free of its waits for the whole, nor many of them in a row. Called by a heap's own
 * thread, without the heap lock.
 */
#ifndef HAK_CACHE_TRIM_H
#define HAK_CACHE_TRIM_H

#include "core/heap.h"
#include "pages/limit.h"

/* All that a heap can give. Returns the bytes of pages within slabs. */
size_t hak_trim_heap(struct hak_heap *heap);

/* A heap that has nothing yet need not answer what was asked before. */
void hak_trim_start(struct hak_heap *heap);

/* A portion of it. */
void hak_trim_some(struct hak_heap *heap);

/* A portion, if the heap has rested from the last one. */
HAK_SLOW void hak_trim_in_turn(struct hak_heap *heap);

/* In a slow path: a portion in its turn, while something is left to do. */
HAK_INLINE void hak_trim_follow(struct hak_heap *heap) {
    /* relaxed: a request, nothing is read because of it */
    if (HAK_UNLIKELY(atomic_load_explicit(&hak_limit_asks, memory_order_relaxed) !=
                     heap->trims_done))
        hak_trim_in_turn(heap);
}

#endif
