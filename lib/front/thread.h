/* SPDX-License-Identifier: MIT */
/*
 * Owns the life of heaps: start of the process's allocator, a heap for each thread, its end. Every
 * function may be called by any thread.
 */
#ifndef HAK_FRONT_THREAD_H
#define HAK_FRONT_THREAD_H

#include "core/heap.h"

/*
 * Gives the calling thread a heap, and starts the allocator at the first call of the process. NULL:
 * the thread has given its heap up already, or there is no memory; hak_abandoned_alloc serves then.
 */
struct hak_heap *hak_thread_start_heap(void);

/* Puts a heap on the list of all. Heap lock held, or in a fork's child that recovers. */
void hak_thread_list_heap(struct hak_heap *heap);

/* Gives the caller's cached blocks and all free pages back; the bytes given back. */
size_t hak_heap_trim(void);

#endif
