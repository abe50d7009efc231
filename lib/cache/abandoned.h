/* SPDX-License-Identifier: MIT */
/*
 * Owns the abandoned heap: the slabs of threads that have exited, until somebody reclaims them. It
 * has no thread; every function takes the heap lock, under which anyone acts as its owner.
 */
#ifndef HAK_CACHE_ABANDONED_H
#define HAK_CACHE_ABANDONED_H

#include "core/heap.h"

void hak_abandoned_start(struct hak_heap *heap);

/* In a fork's child: the slabs of before are frozen, with the heap that owns them; another one
 * takes its place. */
void hak_abandoned_renew(void);

/* Moves all slabs of a heap that has no blocks in bins any more; its thread calls, at its exit. */
void hak_abandoned_take_over(struct hak_heap *heap);

/* Moves one slab that can give blocks of `class` to `heap`. False: there is none. */
bool hak_abandoned_reclaim(struct hak_heap *heap, unsigned size_class);

/* Frees a block of an abandoned slab. False: the slab has another owner by now. */
bool hak_abandoned_free(struct hak_slab *slab, struct hak_block *block);

/* Counts a free by a thread that has no heap. */
void hak_abandoned_count_free(const struct hak_slab *slab);

/* Makes a slab of a FORKED heap (front/fork.h) an abandoned one. */
void hak_abandoned_rescue(struct hak_heap *from, struct hak_slab *slab);

/* Takes back what is parked at an abandoned slab (cache/parked.h). The heap lock is held. True:
 * that was all of it; the caller gives the slab back, without the lock. */
bool hak_abandoned_absorb(struct hak_slab *slab);
void hak_abandoned_return_run(struct hak_slab *slab);

/* A block for a thread that has no heap. NULL: no memory. */
void *hak_abandoned_alloc(unsigned size_class);

#endif
