/* SPDX-License-Identifier: MIT */
/*
 * Owns the rings of freed blocks. The heap's thread alone touches its ring. Invariant: entries from
 * `first` up to `next` are blocks that are checked and closed, in about the order of their frees;
 * the stamp of 64 entries is the time when the first of them came.
 */
#include "front/quarantine.h"

#include "cache/cache.h"
#include "core/shuffle.h"
#include "front/return_block.h"
#include "hardening/hardened_block.h"
#include "os/os_time.h"
#include "slabs/slab.h"

#define HAK_RING_LEAST 128u             /* entries: two stamps */
#define HAK_RING_MOST ((size_t)1 << 20) /* however many bytes may wait */
#define HAK_RING_BLOCK_BYTES 32u        /* the least block that has a trailer */
#define HAK_STAMP_SHIFT 6u /* entries of one stamp, and frees between two looks at the clock */
#define HAK_STAMP_ENTRIES (1u << HAK_STAMP_SHIFT)
#define HAK_AGED_AT_ONCE (2 * HAK_STAMP_ENTRIES)

#define HAK_SWAP_ENTRIES 16u /* among so many a new one takes its place */

#define HAK_ENTRY_SHIFT 8u /* of an entry: the address, above the tag */
_Static_assert(HAK_CLASS_COUNT <= HAK_QUARANTINE_OTHER, "a class has 7 bits");

HAK_INLINE uint64_t entry_of(const struct hak_block *block, size_t tag) {
    return (uint64_t)(uintptr_t)block << HAK_ENTRY_SHIFT | tag;
}

HAK_INLINE struct hak_block *block_of(uint64_t entry) {
    return (struct hak_block *)(uintptr_t)(entry >> HAK_ENTRY_SHIFT);
}

HAK_INLINE size_t class_of(uint64_t entry) {
    return (size_t)(entry & (HAK_QUARANTINE_OTHER - 1));
}

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

static HAK_SLOW void release_other(struct hak_heap *heap, uint64_t entry) {
    struct hak_block *block = block_of(entry);
    hak_return_block(heap, hak_region_slab_own(block), block);
}

/* Mostly a block of an own slab, whose links must still be as they were wiped: malloc looks at the
 * rest. The last thing that a caller does: it may check the bin's length. */
HAK_INLINE void release(struct hak_heap *heap, uint64_t entry, bool is_wiped) {
    size_t size_class = class_of(entry);
    struct hak_block *block = block_of(entry);
    if (is_wiped && HAK_UNLIKELY((uintptr_t)block->next | block->mark))
        hak_hardened_block_report_write(block);
    if (HAK_UNLIKELY(entry & HAK_QUARANTINE_OTHER))
        return release_other(heap, entry);
    struct hak_block *next = heap->hot.bin[size_class];
    block->next = next;
    block->mark = (uintptr_t)next + heap->hot.secret;
    heap->hot.bin[size_class] = block;
    if (HAK_UNLIKELY(hak_increment_is_zero(&heap->counters.free_countdown[size_class])))
        hak_cache_check_length(heap, size_class);
}

HAK_INLINE uint64_t take_first(struct hak_quarantine *quarantine) {
    uint64_t entry = quarantine->ring[quarantine->first++ & quarantine->mask];
    quarantine->bytes -= hak_size_class_bytes[class_of(entry)];
    return entry;
}

static HAK_SLOW void release_first(struct hak_heap *heap) {
    release(heap, take_first(&heap->quarantine), hak_hardened.zeroes);
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

static void stamp(struct hak_heap *heap, uint32_t place) {
    struct hak_quarantine *quarantine = &heap->quarantine;
    uint32_t stamps_mask = quarantine->mask >> HAK_STAMP_SHIFT;
    quarantine->stamps[place >> HAK_STAMP_SHIFT & stamps_mask] = hak_os_now_ms();
    hak_quarantine_age(heap);
}

/* One stays, however large. The ring keeps room for the next. */
static bool is_over(const struct hak_quarantine *quarantine) {
    uint32_t count = quarantine->next - quarantine->first;
    return (quarantine->bytes > hak_hardened.quarantine_bytes && count > 1) ||
           count > quarantine->mask;
}

static HAK_SLOW void shorten(struct hak_heap *heap) {
    while (is_over(&heap->quarantine))
        release_first(heap);
}

/* 0 to 15; a random number serves 16 places. */
HAK_INLINE uint32_t step_back(const struct hak_quarantine *quarantine, uint32_t place) {
    return (uint32_t)(quarantine->bits >> (place * 4 & 63)) % HAK_SWAP_ENTRIES;
}

/* The block changes places with one of the last that wait. */
static HAK_SLOW void add(struct hak_heap *heap, uint64_t entry) {
    struct hak_quarantine *quarantine = &heap->quarantine;
    uint64_t *ring = quarantine->ring;
    uint32_t mask = quarantine->mask;
    uint32_t place = quarantine->next++;
    if (place % HAK_SWAP_ENTRIES == 0)
        quarantine->bits = hak_shuffle_random(heap);
    uint32_t other = hak_hardened.shuffles ? place - step_back(quarantine, place) : place;
    if ((int32_t)(other - quarantine->first) < 0)
        other = place;
    ring[place & mask] = ring[other & mask];
    ring[other & mask] = entry;
    quarantine->bytes += hak_size_class_bytes[class_of(entry)];
    if (hak_hardened.quarantine_ms && place % HAK_STAMP_ENTRIES == 0)
        stamp(heap, place);
    shorten(heap);
}

/*
 * One comes and one goes, and nothing else is to be done: else as above. So that it is mostly so,
 * whatever their sizes, an eighth more than the knob says may wait.
 */
void hak_quarantine_add_whole(struct hak_heap *heap, struct hak_block *block, size_t tag,
                              size_t room_bytes) {
    struct hak_quarantine *quarantine = &heap->quarantine;
    uint32_t place = quarantine->next, first = quarantine->first, mask = quarantine->mask;
    uint64_t entry = entry_of(block, tag);
    if (HAK_UNLIKELY(place - first - HAK_SWAP_ENTRIES >= mask - HAK_SWAP_ENTRIES ||
                     place % HAK_SWAP_ENTRIES == 0))
        return add(heap, entry);
    uint64_t *ring = quarantine->ring;
    uint64_t *swapped = &ring[(place - step_back(quarantine, place)) & mask];
    ring[place & mask] = *swapped;
    *swapped = entry;
    quarantine->next = place + 1;
    size_t bytes = quarantine->bytes + room_bytes;
    quarantine->bytes = bytes;
    if (bytes <= hak_hardened.quarantine_bytes)
        return;
    entry = ring[first & mask];
    bytes -= hak_size_class_bytes[class_of(entry)];
    if (HAK_UNLIKELY(bytes > hak_hardened.quarantine_most_bytes))
        return shorten(heap);
    quarantine->first = first + 1;
    quarantine->bytes = bytes;
    release(heap, entry, true);
}

void hak_quarantine_add(struct hak_heap *heap, struct hak_block *block, size_t tag) {
    add(heap, entry_of(block, tag));
}

void hak_quarantine_release(struct hak_heap *heap) {
    while (heap->quarantine.first != heap->quarantine.next)
        release_first(heap);
}
