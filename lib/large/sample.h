/* SPDX-License-Identifier: MIT */
/*
 * Owns which allocations the heap profile samples, and which are guarded. While one of the two is
 * on, a heap's table of size classes says "none" for every size, so that each malloc of its thread
 * lands in the slow twin, which counts; free stays as it is. A sampled request of a size class is
 * served with a large block, a guarded one by the pool of hardening/sampled_guard.h: its free, its
 * realloc and every check of it come to the code of those by themselves, whichever thread they are
 * called by. With both off nothing differs from a build without.
 *
 * A heap's sampler is its thread's alone. A thread joins when it is next in a slow path that looks
 * (a refill, a length check, a large block), and leaves there or with its next sample.
 */
#ifndef HAK_LARGE_SAMPLE_H
#define HAK_LARGE_SAMPLE_H

#include "core/heap.h"
#include "stats/profile.h"

/* A new heap takes part in neither, or is to be guarded. */
void hak_sample_start(struct hak_heap *heap);

/* Joins or leaves a profile. */
void hak_sample_begin(struct hak_heap *heap);
void hak_sample_end(struct hak_heap *heap);

HAK_INLINE void hak_sample_follow(struct hak_heap *heap) {
    bool is_wanted = hak_profile_is_wanted();
    if (HAK_LIKELY(is_wanted == heap->sampler.is_profiling))
        return;
    if (is_wanted)
        hak_sample_begin(heap);
    else
        hak_sample_end(heap);
}

/* Counts a request of a thread that takes part in a profile; true: it is to be sampled. */
HAK_INLINE bool hak_sample_is_due(struct hak_heap *heap, size_t bytes) {
    heap->sampler.left_bytes -= (int64_t)(bytes ? bytes : 1);
    return HAK_UNLIKELY(heap->sampler.left_bytes <= 0);
}

/* Counts a request of a size class in a thread whose sampler is on; true: it is to be sampled, or
 * guarded. */
HAK_INLINE bool hak_sample_is_turn(struct hak_heap *heap, size_t bytes) {
    bool has_guard = --heap->sampler.left_blocks <= 0;
    return (heap->sampler.is_profiling && hak_sample_is_due(heap, bytes)) || has_guard;
}

/* Fills the heap's table of size classes anew: what it depends on has changed. */
void hak_sample_publish_sizes(struct hak_heap *heap);

/* Records a block that was just handed out as a sample, and draws the next one. */
void hak_sample_record(struct hak_heap *heap, struct hak_slab *slab, size_t bytes);

/* Draws how many blocks come before the next guarded one. */
void hak_sample_draw_guarded(struct hak_sampler *sampler);

/* Counts a large block that the caller was just handed, and samples it if it is its turn. */
void hak_sample_large(struct hak_slab *slab, size_t bytes);

/* The block of a large run is about to go. */
void hak_sample_drop_slow(struct hak_slab *slab, const void *block);
HAK_INLINE void hak_sample_drop(struct hak_slab *slab, const void *block) {
    if (HAK_UNLIKELY(slab->sample))
        hak_sample_drop_slow(slab, block);
}

/*
 * Bytes to the next sample: exponentially distributed with this mean, rounded up, so that each byte
 * is sampled with the same probability, whatever was before. 0 for a mean of 1: every block.
 */
int64_t hak_sample_gap(uint64_t *random, uint64_t mean_bytes);

#endif
