/* SPDX-License-Identifier: MIT */
/*
 * Owns the table of grown blocks: the last one of each place, by a hash of its address. It may name
 * a block that was freed since: then a block that is made longer for the first time gets room that
 * it doesn't need, at most half of itself.
 */
#include "large/growth_hint.h"

#include "base/bits.h"

#define HAK_GROWTH_LEAST_BYTES                                                                     \
    HAK_KIB(8)              /* below it, many a block grows by little and stays so                 \
                             */
#define HAK_GROWTH_SHARE 2u /* headroom; a program that grows by more has its own */

static uint32_t tag_of(const void *block) {
    return (uint32_t)((uintptr_t)block >> 4);
}

static uint32_t *place_of(struct hak_heap *heap, uint32_t tag) {
    return &heap->growth_hints[tag * 0x9E3779B1u >> (32 - HAK_GROWN_SHIFT)];
}

size_t hak_growth_hint_request(const void *pointer, size_t usable_bytes, size_t bytes) {
    struct hak_heap *heap = hak_heap_get();
    size_t roomy_bytes = usable_bytes + usable_bytes / HAK_GROWTH_SHARE;
    if (usable_bytes < HAK_GROWTH_LEAST_BYTES || bytes <= usable_bytes || bytes >= roomy_bytes)
        return bytes;
    if (!heap || *place_of(heap, tag_of(pointer)) != tag_of(pointer))
        return bytes;
    return roomy_bytes;
}

void hak_growth_hint_note(const void *from, const void *to) {
    struct hak_heap *heap = hak_heap_get();
    if (!heap)
        return;
    uint32_t *place = place_of(heap, tag_of(from));
    if (*place == tag_of(from))
        *place = 0;
    *place_of(heap, tag_of(to)) = tag_of(to);
}
