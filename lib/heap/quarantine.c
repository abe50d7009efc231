/* SPDX-License-Identifier: MIT */
/*
 * Owns the rings of freed blocks. The heap's thread alone touches its ring. Invariant: entries from
 * `first` up to `next` are blocks that are checked and closed, in about the order of their frees;
 * the stamp of 64 entries is the time when the first of them came.
 */
#include "heap/quarantine.h"

#include "heap/cache.h"
#include "heap/free.h"
#include "heap/hardened.h"
#include "heap/slab.h"
#include "os/os_time.h"

#define HAK_RING_LEAST 128u             /* entries: two stamps */
#define HAK_RING_MOST ((size_t)1 << 20) /* however many bytes may wait */
#define HAK_RING_BLOCK_BYTES 32u        /* the least block that has a trailer */
#define HAK_STAMP_SHIFT 6u              /* entries of one stamp, and frees between two clocks */
#define HAK_STAMP_ENTRIES (1u << HAK_STAMP_SHIFT)
#define HAK_AGED_AT_ONCE (2 * HAK_STAMP_ENTRIES)

static uint32_t ring_entries(void) {
    size_t most = hak_hardened.quarantine_bytes / HAK_RING_BLOCK_BYTES;
    size_t entries = hak_min(hak_max(most, HAK_RING_LEAST), HAK_RING_MOST);
    return (uint32_t)1 << (hak_log2_floor(entries - 1) + 1);
}

size_t hak_quarantine_ring_bytes(void) {
    if (!hak_hardened.quarantine_bytes)
        return 0;
    return (ring_entries() + (ring_entries() >> HAK_STAMP_SHIFT)) * sizeof(uint64_t);
}

void hak_quarantine_start(struct hak_heap *heap, void *start) {
    struct hak_quarantine *quarantine = &heap->quarantine;
    quarantine->ring = start;
    quarantine->mask = ring_entries() - 1;
    quarantine->stamps = quarantine->ring + ring_entries();
}

static HAK_SLOW void release_other(struct hak_heap *heap, struct hak_block *block) {
    hak_free_checked(heap, hak_slab_of_own(block), block);
}

/* Mostly a block of an own slab. */
HAK_INLINE void release_first(struct hak_heap *heap) {
    struct hak_quarantine *quarantine = &heap->quarantine;
    uint64_t entry = quarantine->ring[quarantine->first++ & quarantine->mask];
    size_t class = (size_t)(entry >> HAK_ENTRY_SHIFT);
    struct hak_block *block =
        (struct hak_block *)(uintptr_t)(entry & (((uint64_t)1 << HAK_ENTRY_SHIFT) - 1));
    size_t index = ((uintptr_t)block - heap->hot.range_base) >> HAK_SLAB_SHIFT;
    quarantine->bytes -= hak_class_bytes[class];
    /* Where its links will be: malloc looks at the rest. */
    if (hak_hardened.zeroes && HAK_UNLIKELY((uintptr_t)block->next | block->mark))
        hak_hardened_report_write(block);
    /* relaxed: this thread alone makes a slab its own, or gives it up */
    if (HAK_UNLIKELY(index >= heap->hot.range_slabs) ||
        HAK_UNLIKELY(atomic_load_explicit(&hak_ranges[0].slab[index].owner, memory_order_relaxed) !=
                     heap))
        return release_other(heap, block);
    struct hak_block *next = heap->hot.bin[class];
    block->next = next;
    block->mark = (uintptr_t)next + heap->hot.secret;
    heap->hot.bin[class] = block;
    if (HAK_UNLIKELY(hak_increment_is_zero(&heap->counters.free_countdown[class])))
        hak_cache_trip(heap, class);
}

/* Those whose stamp's successor is old enough: all of them came before that. */
void hak_quarantine_age(struct hak_heap *heap) {
    struct hak_quarantine *quarantine = &heap->quarantine;
    uint64_t now_ms = hak_os_now_ms();
    uint32_t stamps_mask = quarantine->mask >> HAK_STAMP_SHIFT;
    for (unsigned i = 0; i < HAK_AGED_AT_ONCE; i++) {
        uint32_t following = (quarantine->first >> HAK_STAMP_SHIFT) + 1;
        if ((int32_t)((following << HAK_STAMP_SHIFT) - quarantine->next) >= 0)
            return;
        if (quarantine->stamps[following & stamps_mask] + hak_hardened.quarantine_ms > now_ms)
            return;
        release_first(heap);
    }
}

void hak_quarantine_stamp(struct hak_heap *heap, uint32_t place) {
    struct hak_quarantine *quarantine = &heap->quarantine;
    uint32_t stamps_mask = quarantine->mask >> HAK_STAMP_SHIFT;
    quarantine->stamps[place >> HAK_STAMP_SHIFT & stamps_mask] = hak_os_now_ms();
    hak_quarantine_age(heap);
}

/* One stays, however large. The ring keeps room for the next. */
void hak_quarantine_shorten(struct hak_heap *heap) {
    struct hak_quarantine *quarantine = &heap->quarantine;
    if (quarantine->next - quarantine->first == 1)
        return;
    release_first(heap);
    if (HAK_UNLIKELY(quarantine->bytes > hak_hardened.quarantine_bytes ||
                     quarantine->next - quarantine->first > quarantine->mask))
        return hak_quarantine_shorten(heap);
}

void hak_quarantine_release(struct hak_heap *heap) {
    while (heap->quarantine.first != heap->quarantine.next)
        release_first(heap);
}
