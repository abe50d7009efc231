/* SPDX-License-Identifier: MIT */
/*
 * Owns the structure verifiers that debug builds run after every slow path, and tests call. The
 * heap's thread calls; any broken invariant traps.
 */
#ifndef HAK_HEAP_VERIFY_H
#define HAK_HEAP_VERIFY_H

#include "heap/heap.h"

void hak_heap_verify_always(const struct hak_heap *heap);

HAK_INLINE void hak_heap_verify(const struct hak_heap *heap) {
    if (HAK_DEBUG_BUILD)
        hak_heap_verify_always(heap);
}

#endif
