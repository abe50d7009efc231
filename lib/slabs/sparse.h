/* SPDX-License-Identifier: MIT */
/*
 * Owns the policy for sparse slabs: which are looked through for wholly free OS pages, and when.
 * Called by a heap's own thread, without the heap lock.
 *
 * A thread that takes new memory while much of what it has lies free between live blocks pays back
 * as it grows: for each slab, up to two of such pages, of slabs with few blocks out. What doesn't
 * grow isn't touched, and a program that takes its freed blocks again finds them as they were.
 * Slabs that were looked through are sparse: malloc comes to them last.
 */
#ifndef HAK_SLABS_SPARSE_H
#define HAK_SLABS_SPARSE_H

#include "core/heap.h"

/* A look, not at more than is worth its while. */
HAK_SLOW void hak_sparse_pay_back(struct hak_heap *heap);

#define HAK_FIRST_FRESH_SLABS 16u /* 1 MiB before the first look */

/* A slab of clean memory was taken. */
HAK_INLINE void hak_sparse_note_fresh(struct hak_heap *heap) {
    if (HAK_LIKELY(heap->fresh_slabs < HAK_FIRST_FRESH_SLABS))
        heap->fresh_slabs++;
    else
        hak_sparse_pay_back(heap);
}

/* Gives back what can be had. Returns the bytes. */
size_t hak_sparse_trim(struct hak_heap *heap);

/* What one portion may cost; see sparse.c. */
#define HAK_SPARSE_EFFORT 128

/* What is left of one. */
struct hak_portion {
    int64_t effort;
    uint64_t until_ns;
};

/* A portion of it, of one class of a heap that is inside a slow path. Takes off what it cost, or
 * all if its time is over. True: the class has nothing more. */
bool hak_sparse_trim_some(struct hak_heap *heap, unsigned size_class, struct hak_portion *portion);

/* A sparse slab of the class, or NULL. */
struct hak_slab *hak_sparse_first(struct hak_heap *heap, unsigned size_class);

#endif
