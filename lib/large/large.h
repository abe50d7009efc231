/* SPDX-License-Identifier: MIT */
/*
 * Owns large blocks: a run of slabs each. No thread owns one; every function may be called by any
 * thread that holds the block.
 */
#ifndef HAK_LARGE_LARGE_H
#define HAK_LARGE_LARGE_H

#include "core/heap.h"

/*
 * A block of `bytes`, aligned to `alignment` (a power of two; at least a slab is given). NULL: no
 * memory, or more than PTRDIFF_MAX. *ret_is_zero (may be NULL) says whether it reads as zero.
 */
void *hak_large_alloc(size_t bytes, size_t alignment, bool *ret_is_zero);

/* A block for a sampled request of a size class; nothing is counted towards the next sample. */
struct hak_slab *hak_large_take(size_t bytes, size_t alignment);

/* Frees the block that starts at `pointer`; a second free of it is a fatal report. */
void hak_large_free(struct hak_slab *slab, void *pointer);

/*
 * Makes the block `bytes` long, more than HAK_CLASS_MAX_BYTES: in place if it can be, else by
 * copying it, or, if it is very long, by moving its pages. NULL: no memory, the block is as it was.
 */
void *hak_large_resize(struct hak_slab *slab, void *pointer, size_t bytes);

#endif
