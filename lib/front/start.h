/* SPDX-License-Identifier: MIT */
/*
 * Owns the start of the allocator in a process, before anything else of the heap layer is used, and
 * the hook at a thread's exit. Called by front/thread.c and by the library's constructor.
 */
#ifndef HAK_FRONT_START_H
#define HAK_FRONT_START_H

#include "core/heap.h"

/* Starts the allocator once; true when it is ready. Any thread, at any time. */
bool hak_start_process(void);

/* Arranges that hak_thread_exit_round() is called when the calling thread exits. */
void hak_start_thread_exit(struct hak_heap *heap);

/* front/thread.c: a structure that is in no list yet; NULL: no memory. The second form doesn't
 * count its memory, and takes no lock. */
struct hak_heap *hak_thread_make_heap(void);
struct hak_heap *hak_heap_make_uncounted(void);

/* front/thread.c: a destructor round of the exiting thread. True: call again in the next round. */
bool hak_thread_exit_round(struct hak_heap *heap);

#endif
