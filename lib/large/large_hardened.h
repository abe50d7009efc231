/* SPDX-License-Identifier: MIT */
/*
 * Owns the runs of hardened large blocks: the inaccessible rest behind a block, wiping, and the
 * quarantine, where a whole run is inaccessible. Any thread may call; the heap lock protects the
 * queue, and no system call is made under it. Only large.c and the trim of the process call.
 */
#ifndef HAK_LARGE_LARGE_HARDENED_H
#define HAK_LARGE_LARGE_HARDENED_H

#include "core/heap.h"

/* The run of a block of `bytes`, with trailer and guard; large_bytes is set. NULL: no memory. */
struct hak_slab *hak_large_hardened_take(size_t bytes, size_t alignment_slabs);

/* Checks a block whose state was taken, wipes it and lets it wait. */
void hak_large_hardened_return(struct hak_slab *slab);

/* Makes a block `bytes` long where it lies. False: it has to move. */
bool hak_large_hardened_resize(struct hak_slab *slab, size_t bytes);

/* In a fork's child: what waits is lost. */
void hak_large_hardened_forget(void);

/* Ends the waiting of all. */
void hak_large_hardened_release(void);

#endif
