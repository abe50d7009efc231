/* SPDX-License-Identifier: MIT */
/*
 * Owns shuffling. The heap's thread calls; the state of places is protected by the heap lock.
 */
#include "heap/order.h"

#include "heap/block.h"

#define HAK_SHUFFLED_MOST 1024u

uint64_t hak_order_place(void) {
    static uint64_t state;
    return hak_order_step(&state);
}

struct hak_block *hak_order_shuffle(struct hak_heap *heap, struct hak_block *first) {
    struct hak_block *blocks[HAK_SHUFFLED_MOST];
    uint32_t count = 0;
    struct hak_block *rest = first;
    for (; rest != HAK_LIST_END && count < HAK_SHUFFLED_MOST; rest = hak_block_next(rest)) {
        uint32_t place = (uint32_t)((hak_order_next(heap) >> 32) * (count + 1) >> 32);
        blocks[count] = blocks[place];
        blocks[place] = rest;
        count++;
    }
    while (count) {
        hak_block_link(blocks[--count], rest);
        rest = blocks[count];
    }
    return rest;
}
