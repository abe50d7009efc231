/* SPDX-License-Identifier: MIT */
/*
 * Owns the random order of blocks and slabs. A heap's random numbers are its thread's; those of
 * places are the heap lock's.
 */
#ifndef HAK_HEAP_ORDER_H
#define HAK_HEAP_ORDER_H

#include "heap/heap.h"

/* 64 random bits that no heap is asked for. Heap lock held. */
uint64_t hak_order_place(void);

/* 64 random bits. The state begins with the process's secret: nobody foresees an order. */
uint64_t hak_order_next(struct hak_heap *heap);

/* 0 to 15; 15 of them cost one number. A 1 stands above those that are left. */
HAK_INLINE uint32_t hak_order_4_bits(struct hak_heap *heap) {
    struct hak_quarantine *quarantine = &heap->quarantine;
    quarantine->bits >>= 4;
    if (HAK_UNLIKELY(quarantine->bits <= 1))
        quarantine->bits = hak_order_next(heap) >> 4 | (uint64_t)1 << 60;
    return (uint32_t)quarantine->bits & 15;
}

/* The same blocks in another order. */
struct hak_block *hak_order_shuffle(struct hak_heap *heap, struct hak_block *first);

#endif
