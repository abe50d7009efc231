/* SPDX-License-Identifier: MIT */
/*
 * Owns the inaccessible slabs between slabs of small blocks. For run.c, without the heap
 * lock.
 */
#ifndef HAK_PAGES_GUARD_SLAB_H
#define HAK_PAGES_GUARD_SLAB_H

#include "core/heap.h"

/* Makes every second slab of a run that was just committed inaccessible, for good, and the others
 * free runs of one slab. False: there are enough guards, nothing was done. */
bool hak_guard_slab_split(struct hak_slab *run, size_t slabs);

#endif
