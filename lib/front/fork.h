/* SPDX-License-Identifier: MIT */
/*
 * Owns what fork means for the heap layer. A fork takes no lock; its child recovers before it takes
 * the heap lock for the first time (os/os_fork.h). If another thread held that, what it protects
 * may be half written: it is frozen, and the child begins with empty sets.
 *
 * A heap belongs to the epoch in which its thread began; each child is an epoch of its own. A heap
 * of an earlier one has no thread. It is frozen, too, if that thread was in a slow path; else its
 * slabs are abandoned one by one, when somebody frees into them. lib/THREADS.md tells the whole.
 */
#ifndef HAK_FRONT_FORK_H
#define HAK_FRONT_FORK_H

#include "core/fork_epoch.h"
#include "core/heap.h"
#include "os/os_fork.h"

/* The calling thread takes the heap over; before it is LIVE. */
void hak_fork_enter_epoch(struct hak_heap *heap);

/* At the start of the process. */
void hak_fork_start(void);

/* Registers fork()'s handlers: a child recovers at once, and copies its parent's segment of
 * counters as it was. Once, from the library's constructor. */
void hak_fork_register(void);

/* Serves what the counters' words ask of a thread; between two operations. */
void hak_fork_attend(struct hak_heap *heap);

#endif
