/* SPDX-License-Identifier: MIT */
/*
 * Owns the structure verifiers that debug builds run after every slow path, and tests call. The
 * heap's thread calls; any broken invariant traps.
 */
#ifndef HAK_CACHE_VERIFY_H
#define HAK_CACHE_VERIFY_H

#include "core/heap.h"

void hak_verify_heap_always(const struct hak_heap *heap);

#define HAK_VERIFY_SLABS 256 /* a heap with more is walked at every 64th event of its own */

HAK_INLINE void hak_verify_heap(const struct hak_heap *heap) {
    const struct hak_thread_counters *counters = &heap->counters;
    uint64_t events = counters->refills + counters->flushes + counters->slabs_retired;
    bool is_large = counters->slabs_taken - counters->slabs_retired > HAK_VERIFY_SLABS;
    if (HAK_DEBUG_BUILD && (!is_large || events % 64 == 0))
        hak_verify_heap_always(heap);
}

#endif
