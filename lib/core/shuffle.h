/* SPDX-License-Identifier: MIT */
/*
 * Owns the random order of blocks and slabs. A heap's random numbers are its thread's; those of
 * places are the heap lock's.
 */
#ifndef HAK_CORE_SHUFFLE_H
#define HAK_CORE_SHUFFLE_H

#include "base/random.h"
#include "core/hardened.h"

/* 64 random bits that no heap is asked for. Heap lock held. */
uint64_t hak_shuffle_random_place(void);

/* 64 random bits. The state begins with the process's secret, mixed with its own address: nobody
 * foresees an order. */
HAK_INLINE uint64_t hak_shuffle_step(uint64_t *state) {
    if (HAK_UNLIKELY(*state == 0))
        *state = hak_hardened.secret ^ (uintptr_t)state;
    return hak_random_next(state);
}

HAK_INLINE uint64_t hak_shuffle_random(struct hak_heap *heap) {
    return hak_shuffle_step(&heap->quarantine.random);
}

/* The blocks of a list, all of one slab, in another order. */
struct hak_block *hak_shuffle_list(struct hak_heap *heap, struct hak_block *first);

#endif
