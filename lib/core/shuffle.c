/* SPDX-License-Identifier: MIT */
/*
 * Owns shuffling. The heap's thread calls; the state of places is protected by the heap lock.
 */
#include "core/shuffle.h"

#include "core/block.h"

#define HAK_SHUFFLED_MOST                                                                          \
    512u /* a refill brings no more; places of 16 bits keep the stack small                        \
          */

uint64_t hak_shuffle_random_place(void) {
    static uint64_t state;
    return hak_shuffle_step(&state);
}

/* A refill's blocks are of one slab: their places there, in 16 bytes, tell them apart. */
struct hak_block *hak_shuffle_list(struct hak_heap *heap, struct hak_block *first) {
    uint16_t places[HAK_SHUFFLED_MOST];
    uintptr_t base = hak_round_down((uintptr_t)first, HAK_SLAB_BYTES);
    uint32_t count = 0;
    struct hak_block *rest = first;
    for (; rest != HAK_LIST_END && count < HAK_SHUFFLED_MOST; rest = hak_block_next(rest)) {
        uint32_t place = (uint32_t)((hak_shuffle_random(heap) >> 32) * (count + 1) >> 32);
        hak_assert((uintptr_t)rest - base < HAK_SLAB_BYTES);
        places[count] = places[place];
        places[place] = (uint16_t)(((uintptr_t)rest - base) / 16);
        count++;
    }
    while (count) {
        struct hak_block *block = (struct hak_block *)(base + places[--count] * (uintptr_t)16);
        hak_block_link(block, rest);
        rest = block;
    }
    return rest;
}
