/* SPDX-License-Identifier: MIT */
/*
 * The epochs by which a process tells its own heaps and free runs from those of a process that it
 * was forked from. A heap belongs to the epoch in which its thread began; each child is an epoch of
 * its own. front/fork.c alone writes these words, while a child recovers; any thread reads them.
 */
#ifndef HAK_CORE_FORK_EPOCH_H
#define HAK_CORE_FORK_EPOCH_H

#include "core/heap.h"

/* The epoch of threads that begin now. It is ahead from a recovery by a thread that began in the
 * child until the thread that forked comes by: until then nobody knows which of the earlier heaps
 * is that one's, and all count as alive. */
extern _Atomic uint32_t hak_fork_next_epoch;

/* Heaps of earlier epochs are frozen: some thread may have been taking slabs from them. */
extern _Atomic uint32_t hak_fork_frozen_before;

/* The stamp of this process's free runs; written by a recovery, read under the heap lock. */
extern uint32_t hak_fork_stamp;

/* Whether a heap has a thread, and whether its slabs can be had if it has none. */
HAK_INLINE enum hak_heap_state hak_fork_epoch_state(const struct hak_heap *heap) {
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
HAK_INLINE bool hak_fork_epoch_is_behind(const struct hak_heap *heap) {
    return atomic_load_explicit(&heap->epoch, memory_order_relaxed) !=
           atomic_load_explicit(&hak_fork_next_epoch, memory_order_relaxed);
}

#endif
