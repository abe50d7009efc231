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

#include "core/heap.h"
#include "os/os_fork.h"

/* The epoch of threads that begin now. It is ahead from a recovery by a thread that began in the
 * child until the thread that forked comes by: until then nobody knows which of the earlier heaps
 * is that one's, and all count as alive. */
extern _Atomic uint32_t hak_fork_next_epoch;

/* Heaps of earlier epochs are frozen: some thread may have been taking slabs from them. */
extern _Atomic uint32_t hak_fork_frozen_before;

/* The stamp of this process's free runs; written by a recovery, read under the heap lock. */
extern uint32_t hak_fork_stamp;

/* Whether a heap has a thread, and whether its slabs can be had if it has none. */
HAK_INLINE enum hak_heap_state hak_fork_state_of(const struct hak_heap *heap) {
    /* seq_cst: see the callers. The epoch was written before the state; relaxed: it changes only
     * while nobody else is here */
    uint32_t state = atomic_load_explicit(&heap->state, memory_order_seq_cst);
    uint32_t epoch = atomic_load_explicit(&heap->epoch, memory_order_relaxed);
    if (HAK_LIKELY(epoch >= atomic_load_explicit(&hak_fork_epoch, memory_order_relaxed)) ||
        state != HAK_HEAP_LIVE)
        return (enum hak_heap_state)state;
    bool is_frozen = epoch < atomic_load_explicit(&hak_fork_frozen_before, memory_order_relaxed) ||
                     atomic_load_explicit(&heap->busy, memory_order_relaxed) != 0;
    return is_frozen ? HAK_HEAP_FROZEN : HAK_HEAP_FORKED;
}

/* True if the heap's thread forked and has not been here since. */
HAK_INLINE bool hak_fork_is_behind(const struct hak_heap *heap) {
    return atomic_load_explicit(&heap->epoch, memory_order_relaxed) !=
           atomic_load_explicit(&hak_fork_next_epoch, memory_order_relaxed);
}

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
