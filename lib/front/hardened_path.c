/* SPDX-License-Identifier: MIT */
/*
 * The short way of malloc and free where all hardening of blocks is on, and where to turn to with
 * everything else.
 */
#include "front/hardened_path.h"

#include "front/alloc.h"
#include "front/alloc_general.h"
#include "front/free_general.h"
#include "front/hardened_general.h"
#include "front/quarantine.h"
#include "hardening/hardened_block.h"

#include <string.h>

/* NULL: it isn't plain. */
HAK_INLINE struct hak_block *take_plain(struct hak_heap *heap, size_t bytes, size_t *ret_room) {
    size_t total = bytes + HAK_TRAILER_BYTES;
    size_t size_class = HAK_LIKELY(total <= HAK_DIRECT_MAX_BYTES)
                            ? hak_hardened.class_of[(total + 15) / 16]
                            : hak_size_class_of(total);
    *ret_room = hak_size_class_bytes[size_class];
    return hak_alloc_listed(&heap->hot, size_class);
}

void *hak_hardened_path_malloc(size_t bytes, struct hak_heap *heap) {
    size_t room_bytes;
    struct hak_block *block = take_plain(heap, bytes, &room_bytes);
    if (HAK_UNLIKELY(!block))
        return hak_alloc_general(bytes);
    return hak_hardened_block_open(block, room_bytes, bytes);
}

void *hak_hardened_path_calloc(size_t bytes, struct hak_heap *heap) {
    size_t room_bytes;
    bool is_zero = false;
    void *block = take_plain(heap, bytes, &room_bytes);
    if (HAK_LIKELY(block != NULL)) {
        is_zero = hak_hardened_block_is_wiped(block, room_bytes);
        hak_hardened_block_open(block, room_bytes, bytes);
    } else {
        block = hak_alloc_general(bytes);
    }
    return HAK_LIKELY(is_zero) || !block ? block : memset(block, 0, bytes);
}

/* Without a call on the way. What it finds fault with is left to the others. */
void hak_hardened_path_free(void *block, struct hak_heap *heap) {
    size_t index = ((uintptr_t)block - hak_regions[0].base) >> HAK_SLAB_SHIFT;
    /* acquire pairs with the release in mark_ready (region.c): the records are readable */
    if (HAK_UNLIKELY(
            index >= hak_regions[0].slabs ||
            !atomic_load_explicit(&hak_regions[0].superslab_ready[index / HAK_SUPERSLAB_SLABS],
                                  memory_order_acquire)))
        return hak_free_general(block);
    struct hak_slab *slab = &hak_regions[0].slab[index];
    size_t tag = slab->size_class;
    size_t room_bytes = hak_size_class_bytes[tag];
    int32_t last_start = hak_hardened.last_start[tag];
    /* relaxed: this thread alone makes a slab its own, or gives it up */
    if (HAK_UNLIKELY(atomic_load_explicit(&slab->owner, memory_order_relaxed) != heap)) {
        /* acquire pairs with the release in hak_slab_start: the record is complete */
        if (atomic_load_explicit(&slab->state, memory_order_acquire) != HAK_SLAB_BLOCKS)
            return hak_free_general(block);
        tag |= HAK_QUARANTINE_OTHER;
    }
    if (HAK_UNLIKELY((int32_t)(uint16_t)(uintptr_t)block > last_start))
        return hak_hardened_general_free(heap, slab, block);
    if (HAK_UNLIKELY(!hak_hardened_block_is_front_sound(block, room_bytes)))
        return hak_free_general(block);
    uint64_t mask = hak_trailer_mask(block);
    uint64_t value = hak_trailer_decode(mask, hak_trailer_load(block, room_bytes));
    size_t slack = room_bytes - HAK_TRAILER_BYTES - value; /* huge: it isn't sound */
    if (HAK_UNLIKELY(
            !hak_trailer_slack_is_near_filled(block, room_bytes, slack, hak_trailer_filler(mask))))
        return hak_free_general(block);
    hak_trailer_store(block, room_bytes, hak_trailer_encode(mask, HAK_TRAILER_FREE));
    hak_wipe_block(block, room_bytes);
    hak_quarantine_add_whole(heap, block, tag, room_bytes);
}
