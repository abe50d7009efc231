/* SPDX-License-Identifier: MIT */
/*
 * Owns the freed blocks of a heap that wait before they may be used again: addresses in a ring
 * behind the heap's structure, so that nothing is written into a block while it waits. A heap's
 * thread alone calls. With random_order a block changes places with one of the last 16, so all wait
 * about as long and none knows who follows it.
 */
#ifndef HAK_HEAP_QUARANTINE_H
#define HAK_HEAP_QUARANTINE_H

#include "heap/hardened.h"
#include "heap/order.h"

#define HAK_STAMP_SHIFT 6u /* entries of one stamp, and frees between two looks at the clock */
#define HAK_STAMP_ENTRIES (1u << HAK_STAMP_SHIFT)
#define HAK_ENTRY_SHIFT 56u /* the class is above the address */

/* Bytes behind a heap's structure; 0 without a quarantine. */
size_t hak_quarantine_ring_bytes(void);

/* Puts the ring of a new heap at `start`, where it reads as zero. */
void hak_quarantine_start(struct hak_heap *heap, void *start);

/* Frees some of those that have waited longer than the knob quarantine_ms allows. */
void hak_quarantine_age(struct hak_heap *heap);

/* Frees all that waits; before a thread's end. */
void hak_quarantine_release(struct hak_heap *heap);

/* For the following: a look at the clock; the freeing of what waits too much. */
HAK_SLOW void hak_quarantine_stamp(struct hak_heap *heap, uint32_t place);
HAK_SLOW void hak_quarantine_shorten(struct hak_heap *heap);

/* Lets a block of `class` wait; frees those that have waited long enough: mostly one. */
HAK_INLINE void hak_quarantine_add(struct hak_heap *heap, struct hak_block *block, size_t class) {
    struct hak_quarantine *quarantine = &heap->quarantine;
    uint64_t *ring = quarantine->ring;
    uint32_t mask = quarantine->mask;
    uint32_t place = quarantine->next++;
    uint64_t entry = (uintptr_t)block | (uint64_t) class << HAK_ENTRY_SHIFT;
    quarantine->bytes += hak_class_bytes[class];
    uint32_t other = place;
    if (hak_hardened.shuffles)
        other -= hak_order_4_bits(heap);
    if (HAK_LIKELY((int32_t)(other - quarantine->first) >= 0)) {
        ring[place & mask] = ring[other & mask];
        ring[other & mask] = entry;
    } else {
        ring[place & mask] = entry;
    }
    if (HAK_UNLIKELY(place % HAK_STAMP_ENTRIES == 0) && hak_hardened.quarantine_ms)
        hak_quarantine_stamp(heap, place);
    if (quarantine->bytes > hak_hardened.quarantine_bytes || place - quarantine->first >= mask)
        hak_quarantine_shorten(heap);
}

#endif
