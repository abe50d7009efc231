/* SPDX-License-Identifier: MIT */
/*
 * Owns the policy for slabs that the program empties by moving their blocks, one after the other,
 * because hakmem_defrag_hint said so. Called by a heap's own thread, without the heap lock.
 *
 * Invariant: no bin lists a block of an evacuated slab. Its owner's slab_bound is 0, so every free
 * takes the slow path, which returns the block to the slab and not to a bin; and the slab is
 * refilled from last. So what the program moves goes to other slabs, and what it has left behind is
 * not handed out again.
 */
#ifndef HAK_CACHE_EVACUATE_H
#define HAK_CACHE_EVACUATE_H

#include "core/heap.h"

/* Should the program move the blocks of this slab? If so, it is evacuated from now on. True
 * only if the slab is this heap's. Returns up to 1,024 blocks of the bin to their slabs. */
bool hak_evacuate_if_sparse(struct hak_heap *heap, struct hak_slab *slab);

/* The heap's thread frees a block of an evacuated slab; it was checked. */
HAK_SLOW void hak_evacuate_free(struct hak_heap *heap, struct hak_slab *slab,
                                struct hak_block *block);

/* Another thread freed one, and the owner has taken it out of its inbox. Part of a slow path. */
HAK_SLOW void hak_evacuate_receive(struct hak_heap *heap, struct hak_slab *slab,
                                   struct hak_block *block);

/* A slab to refill from when the class has no other; NULL: there is none. */
struct hak_slab *hak_evacuate_first(struct hak_heap *heap, unsigned size_class);

#endif
