/* SPDX-License-Identifier: MIT */
/*
 * Owns how long a bin may get: its cap, the batch of its next refill, and when a class is in
 * decline. Called by the heap's thread alone, from the slow paths.
 *
 * A cap begins small and doubles when a refill follows a flush, as far as the memory that all
 * thread caches may hold together allows. Between two length checks a bin may grow past it by a
 * stride, which gets longer while length checks find nothing to do. A class is shrinking when its
 * live blocks have fallen to a quarter of their peak: then its bin is emptied, and the next length
 * check comes when half of what is left may be gone, so that the last free of a burst leaves
 * neither blocks nor slabs behind. Few blocks decline, too, but not in the first thread: when none
 * of them lives. A class that comes back again and again is left alone, if the bound has room for
 * its blocks.
 *
 * A bin has two lists: what was freed last, and, once it was too long, what was set aside then. So
 * the older half is known without a walk over the younger one. An empty bin takes its other list
 * back before it is refilled.
 */
#ifndef HAK_CACHE_BIN_H
#define HAK_CACHE_BIN_H

#include "core/heap.h"

/* Blocks in the bin now. */
HAK_INLINE int64_t hak_bin_length(const struct hak_heap *heap, unsigned size_class) {
    const struct hak_thread_counters *counters = &heap->counters;
    return (int64_t)(counters->of[size_class].cache_level + hak_own_frees(counters, size_class) -
                     counters->allocations[size_class]);
}

/* False: the class never had a slab here, so its bin is empty and its countdown at rest. */
HAK_INLINE bool hak_bin_is_started(const struct hak_heap *heap, unsigned size_class) {
    return heap->bin_state[size_class].cap != 0;
}

/* An empty bin, armed; before its class gets its first slab, and when another thread begins. */
void hak_bin_start(struct hak_heap *heap, unsigned size_class);

/* Gives back what the bin's cap had of the common bound; for a heap whose thread exits. */
void hak_bin_stop(struct hak_heap *heap, unsigned size_class);

/* In a fork's child: the bound is common to no heaps but this one; NULL: to none yet. */
void hak_bin_forget_others(const struct hak_heap *heap);

/* Sets the countdown so that it ends when the bin can be full. */
void hak_bin_arm(struct hak_heap *heap, unsigned size_class);

/* The bin is empty: how many blocks to put in. */
unsigned hak_bin_refill(struct hak_heap *heap, unsigned size_class);

/* What was set aside was needed: the bin wasn't too long after all. */
void hak_bin_note_taken_back(struct hak_heap *heap, unsigned size_class);

enum hak_bin_verdict { HAK_BIN_KEEP, HAK_BIN_SHORTEN, HAK_BIN_EMPTY };

/* The length check: what to do with the bin. */
enum hak_bin_verdict hak_bin_judge(struct hak_heap *heap, unsigned size_class);

/* A class whose length check is yet to come. True: none of its blocks lives; empty the bin. */
bool hak_bin_judge_unasked(struct hak_heap *heap, unsigned size_class);

/* True if the class was found shrinking by the last length check and no block of it lives any more.
 */
HAK_INLINE bool hak_bin_is_over(const struct hak_heap *heap, unsigned size_class) {
    return heap->bin_state[size_class].is_shrinking && heap->bin_state[size_class].live == 0;
}

#endif
