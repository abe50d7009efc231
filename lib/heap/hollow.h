/* SPDX-License-Identifier: MIT */
/*
 * Owns the policy for sparse slabs: which are looked through for wholly free OS pages, and when.
 * Called by a heap's own thread, without the heap lock.
 *
 * A thread that takes new memory while much of what it has lies free between live blocks pays back
 * as it grows: for each MiB, up to two of such pages, of slabs with few blocks out. What doesn't
 * grow isn't touched, and a program that takes its freed blocks again finds them as they were.
 * Slabs that were looked through are hollow: malloc comes to them last.
 */
#ifndef HAK_HEAP_HOLLOW_H
#define HAK_HEAP_HOLLOW_H

#include "heap/heap.h"

#define HAK_FRESH_SLABS 16u /* between two looks: 1 MiB */

/* A look, not at more than is worth its while. */
HAK_SLOW void hak_hollow_pay_back(struct hak_heap *heap);

/* A slab of clean memory was taken. */
HAK_INLINE void hak_hollow_note_fresh(struct hak_heap *heap) {
    if (HAK_UNLIKELY(++heap->fresh_slabs % HAK_FRESH_SLABS == 0))
        hak_hollow_pay_back(heap);
}

/* Gives back what can be had. Returns the bytes. */
size_t hak_hollow_trim(struct hak_heap *heap);

/* A hollow slab of the class, or NULL. */
struct hak_slab *hak_hollow_first(struct hak_heap *heap, unsigned class);

#endif
