/* SPDX-License-Identifier: MIT */
/*
 * Takes blocks for a hardened process and opens them; checks, wipes and lets wait what is freed.
 */
#include "front/hardened_general.h"

#include "cache/abandoned.h"
#include "cache/cache.h"
#include "front/quarantine.h"
#include "front/return_block.h"
#include "hardening/hardened_block.h"
#include "large/large.h"

void *hak_hardened_general_alloc(struct hak_heap *heap, size_t bytes, size_t alignment) {
    struct hak_block *block;
    if (bytes > PTRDIFF_MAX - HAK_SLAB_BYTES || alignment > PTRDIFF_MAX / 2)
        return NULL;
    size_t total = hak_size_class_aligned_bytes(bytes + HAK_TRAILER_BYTES, alignment);
    if (total > HAK_CLASS_MAX_BYTES)
        return hak_large_alloc(bytes, hak_max(alignment, HAK_SLAB_BYTES), NULL);
    unsigned size_class = hak_hardened_class_of(total);
    if (HAK_UNLIKELY(!heap)) {
        block = hak_abandoned_alloc(size_class);
        return block ? hak_hardened_block_open(block, hak_size_class_bytes[size_class], bytes)
                     : NULL;
    }
    if (heap->hot.bin[size_class] == HAK_LIST_END) {
        if (hak_hardened.quarantine_ms && hak_hardened.quarantine_bytes)
            hak_quarantine_age(heap);
        if (heap->hot.bin[size_class] == HAK_LIST_END && !hak_cache_refill(heap, size_class))
            return NULL;
    }
    block = heap->hot.bin[size_class];
    hak_cache_pop(heap, size_class, block, hak_block_next(block));
    return hak_hardened_block_open(block, hak_size_class_bytes[size_class], bytes);
}

/* Its trailer is the slab's own, too. */
HAK_INLINE bool is_inside(const void *block, size_t room_bytes) {
    return (uint16_t)(uintptr_t)block + room_bytes <= HAK_SLAB_BYTES;
}

void hak_hardened_general_free(struct hak_heap *heap, struct hak_slab *slab,
                               struct hak_block *block) {
    unsigned size_class = slab->size_class;
    size_t room_bytes = hak_size_class_bytes[size_class];
    uint64_t mask = hak_trailer_mask(block);
    if (!is_inside(block, room_bytes) || !hak_hardened_block_is_sound(block, room_bytes, mask) ||
        (hak_hardened.has_canary && !hak_hardened_block_is_front_sound(block, room_bytes)))
        hak_hardened_block_report_unsound(slab, block);
    hak_trailer_store(block, room_bytes, hak_trailer_encode(mask, HAK_TRAILER_FREE));
    if (hak_hardened.zeroes) {
        *(hak_word *)hak_wipe_words_at(block, room_bytes - 16) = 0;
        hak_wipe(block, room_bytes - 16);
    }
    /* relaxed: its own slabs a thread knows */
    bool is_own = atomic_load_explicit(&slab->owner, memory_order_relaxed) == heap;
    if (heap && hak_hardened.quarantine_bytes)
        hak_quarantine_add(heap, block, is_own ? size_class : size_class | HAK_QUARANTINE_OTHER);
    else
        hak_return_block(heap, slab, block);
}
