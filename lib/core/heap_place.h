/* SPDX-License-Identifier: MIT */
/*
 * Owns where heaps' structures lie. Each has a place of its own, far from the others: room for the
 * longest slab_bound that it may need, of which only what is used is mapped. So a thread costs the
 * same on every machine: one mapping, and nothing for a table that it doesn't look at. What lies
 * around a structure is mapped by nobody. Any thread, without the heap lock.
 */
#ifndef HAK_CORE_HEAP_PLACE_H
#define HAK_CORE_HEAP_PLACE_H

#include "core/heap.h"

/* A structure that reads as zero, without table; NULL: no memory. `extra_bytes` lie in place of the
 * table, for a heap that will have none. */
struct hak_heap *hak_heap_place(size_t extra_bytes);

/* Makes a heap's table so many slabs long at least, by whole pages. Its thread calls. Returns for
 * how many slabs it is now; fewer than that: no memory. */
size_t hak_heap_place_table(struct hak_heap *heap, size_t slabs);

#endif
