/* SPDX-License-Identifier: MIT */
/*
 * Owns the life of heaps: start of the process's allocator, a heap for each thread, its end, and
 * what fork means for all of them. Every function may be called by any thread.
 */
#ifndef HAK_HEAP_THREAD_H
#define HAK_HEAP_THREAD_H

#include "heap/heap.h"

/*
 * Gives the calling thread a heap, and starts the allocator at the first call of the process. NULL:
 * the thread has given its heap up already, or there is no memory; hak_orphan_alloc serves then.
 */
struct hak_heap *hak_heap_start_mine(void);

/* Around fork(): hold everything that the child must find whole. */
void hak_fork_prepare(void);
void hak_fork_parent(void);
void hak_fork_child(void);

/* Serves what hak_stats_is_strange and hak_stats_purge_is_wanted say; between two operations. */
void hak_heap_attend(struct hak_heap *heap);

/* Gives the caller's cached blocks and all free pages back; the bytes given back. */
size_t hak_heap_trim(void);

#endif
