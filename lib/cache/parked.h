/* SPDX-License-Identifier: MIT */
/*
 * Owns parked blocks: what others have freed for an owner that doesn't come (cache/overflow.h),
 * sorted by slab. A block is parked at the record of its slab until the owner takes it; once all
 * blocks of a slab are parked there, nobody can be using it, and the sender purges it. Parked
 * blocks keep their remote marks, so that a double free of one is recognised. The heap lock
 * protects them.
 */
#ifndef HAK_CACHE_PARKED_H
#define HAK_CACHE_PARKED_H

#include "core/heap.h"

/* Values of a record's parked_count above every count. */
#define HAK_PARKED_PURGING 0xFFFDu
#define HAK_PARKED_EMPTY 0xFFFEu /* nobody knows what its memory holds */
#define HAK_PARKED_ZERO 0xFFFFu

#define HAK_RELIEF_SLABS 32u /* purged by one sender: 2 MiB, a dirty run's step */

/* What one sender does at a time. */
struct hak_relief {
    struct hak_block *others; /* their slabs have another owner by now */
    struct hak_slab *purge[HAK_RELIEF_SLABS];
    unsigned purges;
    unsigned left; /* blocks still to be sorted */
    size_t bytes;  /* of those sorted */
};

/* Of blocks parked at slabs that were not purged. Heap lock held. */
extern size_t hak_parked_bytes;

/* Sorts some of what `owner` has unsorted. Heap lock held. */
void hak_parked_sort(struct hak_heap *owner, struct hak_relief *relief);

/* Purges the slabs that this has found, without the lock. */
void hak_parked_purge(struct hak_relief *relief);

/* The next slab off a heap's list: its blocks and their bytes, or, if it is empty, itself. Then
 * what is unsorted, of no bytes that were taken off. NULL: no more. Heap lock held. */
struct hak_block *hak_parked_take(struct hak_heap *heap, struct hak_slab **ret_empty,
                                  size_t *ret_bytes);

/* The slab has just come to the abandoned heap: its parked blocks go back to it. Heap lock held. */
void hak_parked_absorb(struct hak_slab *slab);

/* In a fork's child that found the heap lock lost. */
void hak_parked_forget(void);

/* True if every block of the slab is parked: whoever frees one of them frees it twice. */
HAK_INLINE bool hak_parked_is_all(const struct hak_slab *slab) {
    /* relaxed: a slab with a live block can't become all parked meanwhile */
    return atomic_load_explicit(&slab->parked_count, memory_order_relaxed) >= HAK_PARKED_PURGING;
}

#endif
